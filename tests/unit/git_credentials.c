/* What a git host gets to see of who we are, and how often. */
#include "tests/unit/git_helper.h"

#include <git2/sys/credential.h>

#include "drivers/git/credentials.h"

#define HTTPS "https://git.example.net/specs.git"
#define SSH "ssh://git.example.net/specs.git"

static void assert_token(git_credential *credential, const char *user, const char *token)
{
    assert_non_null(credential);
    assert_int_equal(credential->credtype, GIT_CREDENTIAL_USERPASS_PLAINTEXT);
    const git_credential_userpass_plaintext *given =
        (const git_credential_userpass_plaintext *)credential;
    assert_string_equal(given->username, user);
    assert_string_equal(given->password, token);
    git_credential_free(credential);
}

static void a_token_is_offered_once(void **state)
{
    struct scratch *scratch = *state;
    write_file(scratch, "token", "tok-1\r\n");
    struct ek_git_request request = {.url = HTTPS, .token_file = scratch_path(scratch, "token")};
    EK_CREDENTIALS credentials = {.request = &request};
    git_credential *credential = NULL;
    unsigned int allowed = GIT_CREDENTIAL_USERPASS_PLAINTEXT | GIT_CREDENTIAL_DEFAULT;
    assert_int_equal(ek_credentials_acquire(&credential, HTTPS, NULL, allowed, &credentials), 0);
    assert_token(credential, "x-access-token", "tok-1");
    assert_int_equal(credentials.problem.code, EK_OK);
    /* Asked again: it was refused. */
    credential = NULL;
    assert_int_equal(ek_credentials_acquire(&credential, HTTPS, NULL, allowed, &credentials),
                     GIT_EAUTH);
    assert_null(credential);
    assert_int_equal(credentials.problem.code, EK_DENIED);
    assert_string_equal(credentials.problem.id, "EK-0604");
    assert_null(strstr(credentials.problem.sentence, "tok-1"));
}

static void the_user_of_the_url_counts(void **state)
{
    struct scratch *scratch = *state;
    write_file(scratch, "token", "tok-1");
    struct ek_git_request request = {.url = HTTPS, .token_file = scratch_path(scratch, "token")};
    EK_CREDENTIALS credentials = {.request = &request};
    git_credential *credential = NULL;
    assert_int_equal(ek_credentials_acquire(&credential, HTTPS, "me",
                                            GIT_CREDENTIAL_USERPASS_PLAINTEXT, &credentials),
                     0);
    assert_token(credential, "me", "tok-1");
}

static void files_that_do_not_do(void **state)
{
    struct scratch *scratch = *state;
    write_file(scratch, "empty", "\n");
    static const struct {
        const char *file;
        const char *id;
    } files[] = {{"empty", "EK-0614"}, {"missing", "EK-0614"}, {NULL, "EK-0604"}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct ek_git_request request = {.url = HTTPS};
        if (files[i].file)
            request.token_file = scratch_path(scratch, files[i].file);
        EK_CREDENTIALS credentials = {.request = &request};
        git_credential *credential = NULL;
        assert_int_equal(ek_credentials_acquire(&credential, HTTPS, NULL,
                                                GIT_CREDENTIAL_USERPASS_PLAINTEXT, &credentials),
                         GIT_EUSER);
        assert_null(credential);
        assert_string_equal(credentials.problem.id, files[i].id);
    }
}

static void a_key_is_offered_over_ssh(void **state)
{
    struct scratch *scratch = *state;
    write_file(scratch, "key", "a private key");
    write_file(scratch, "token", "tok-1");
    struct ek_git_request request = {.url = SSH};
    char key[512];
    char token[512];
    snprintf(key, sizeof key, "%s", scratch_path(scratch, "key"));
    snprintf(token, sizeof token, "%s", scratch_path(scratch, "token"));
    request.ssh_key_file = key;
    request.token_file = token;
    EK_CREDENTIALS credentials = {.request = &request};
    git_credential *credential = NULL;
    unsigned int allowed = GIT_CREDENTIAL_SSH_KEY | GIT_CREDENTIAL_USERPASS_PLAINTEXT;
    assert_int_equal(
        ek_credentials_acquire(&credential, SSH, NULL, GIT_CREDENTIAL_USERNAME, &credentials), 0);
    assert_int_equal(credential->credtype, GIT_CREDENTIAL_USERNAME);
    assert_string_equal(((const git_credential_username *)credential)->username, "git");
    git_credential_free(credential);
    assert_int_equal(ek_credentials_acquire(&credential, SSH, "git", allowed, &credentials), 0);
    assert_int_equal(credential->credtype, GIT_CREDENTIAL_SSH_KEY);
    const git_credential_ssh_key *given = (const git_credential_ssh_key *)credential;
    assert_string_equal(given->privatekey, key);
    assert_null(given->passphrase);
    git_credential_free(credential);
    /* The token is not for this host to see, even when it asks for a password next. */
    credential = NULL;
    assert_int_equal(ek_credentials_acquire(&credential, SSH, "git", allowed, &credentials),
                     GIT_EAUTH);
    assert_null(credential);
    assert_string_equal(credentials.problem.id, "EK-0604");
}

static void a_key_that_is_not_there(void **state)
{
    struct scratch *scratch = *state;
    struct ek_git_request request = {.url = SSH, .ssh_key_file = scratch_path(scratch, "missing")};
    EK_CREDENTIALS credentials = {.request = &request};
    git_credential *credential = NULL;
    assert_int_equal(
        ek_credentials_acquire(&credential, SSH, "git", GIT_CREDENTIAL_SSH_KEY, &credentials),
        GIT_EUSER);
    assert_string_equal(credentials.problem.id, "EK-0614");
    assert_int_equal(credentials.problem.code, EK_NOT_FOUND);
}

#define GIT_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_new, scratch_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GIT_TEST(a_token_is_offered_once), GIT_TEST(the_user_of_the_url_counts),
        GIT_TEST(files_that_do_not_do),    GIT_TEST(a_key_is_offered_over_ssh),
        GIT_TEST(a_key_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
