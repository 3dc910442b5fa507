#include "drivers/git/credentials.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "reconciler/base/file.h"

#define TOKEN_MAX 8192

void ek_credentials_done(struct ek_credentials *credentials)
{
    *credentials = (struct ek_credentials){0};
}

static int offer_token(struct ek_credentials *credentials, git_credential **ret_credential,
                       const char *user)
{
    const char *path = credentials->request->token_file;
    EK_SECRET_BUFFER token = {0};
    if (!path) {
        ek_fail(&credentials->problem, EK_DENIED, "EK-0604", "the git host asks for a password");
        ek_hint(&credentials->problem, "name a file that holds a token");
        return GIT_EUSER;
    }
    struct ek_error problem = {0};
    if (ek_file_read(path, TOKEN_MAX, &token, NULL, &problem) != 0) {
        ek_fail(&credentials->problem, problem.code, "EK-0614", "the token file can't be read: %s",
                problem.sentence);
        return GIT_EUSER;
    }
    while (token.length > 0 && strchr(" \t\r\n", token.bytes[token.length - 1]))
        token.bytes[--token.length] = 0;
    if (token.length == 0 || strlen(token.bytes) != token.length) {
        ek_fail(&credentials->problem, EK_INVALID, "EK-0614", "the token file %s holds no token",
                path);
        return GIT_EUSER;
    }
    /* GitHub, GitLab and Gitea all take any user name with a token, but not an empty one. */
    return git_credential_userpass_plaintext_new(
        ret_credential, user && *user ? user : "x-access-token", ek_buffer_text(&token));
}

static int offer_key(struct ek_credentials *credentials, git_credential **ret_credential,
                     const char *user)
{
    const char *path = credentials->request->ssh_key_file;
    const char *name = user && *user ? user : "git";
    if (!path)
        return git_credential_ssh_key_from_agent(ret_credential, name);
    if (access(path, R_OK) != 0) {
        ek_fail_errno(&credentials->problem, "EK-0614", path);
        return GIT_EUSER;
    }
    return git_credential_ssh_key_new(ret_credential, name, NULL, path, NULL);
}

int ek_credentials_acquire(git_credential **ret_credential, const char *url, const char *user,
                           unsigned int allowed, void *payload)
{
    struct ek_credentials *credentials = payload;
    unsigned int open = allowed & ~credentials->offered;
    if (open & GIT_CREDENTIAL_USERNAME) {
        credentials->offered |= GIT_CREDENTIAL_USERNAME;
        return git_credential_username_new(ret_credential, user && *user ? user : "git");
    }
    if (open & GIT_CREDENTIAL_SSH_KEY) {
        credentials->offered |= GIT_CREDENTIAL_SSH_KEY;
        return offer_key(credentials, ret_credential, user);
    }
    /* A password is never sent over ssh: the key decides there. */
    bool https = strncmp(url, "https://", 8) == 0;
    if (https && open & GIT_CREDENTIAL_USERPASS_PLAINTEXT) {
        credentials->offered |= GIT_CREDENTIAL_USERPASS_PLAINTEXT;
        return offer_token(credentials, ret_credential, user);
    }
    ek_fail(&credentials->problem, EK_DENIED, "EK-0604",
            "the git host refuses the %s that was offered", https ? "token" : "key");
    return GIT_EAUTH;
}
