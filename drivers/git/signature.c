/* Who signed a commit, by OpenSSH's own word: ssh-keygen -Y verify, as git itself does it. */
#include <git2/commit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/git/git.h"
#include "drivers/git/library.h"
#include "drivers/git/read.h"
#include "drivers/git/revision.h"
#include "drivers/host/command.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/file.h"

enum { VERIFY_MS = 10000, NAME_MAX_LENGTH = 31 };

/* What ssh-keygen reads from files: the keys and the signature. */
struct key_files {
    char directory[64];
    char keys[96];
    char signature[96];
};

static void key_files_remove(struct key_files *files)
{
    if (!files->directory[0])
        return;
    unlink(files->keys);
    unlink(files->signature);
    rmdir(files->directory);
}

static int key_files_make(struct key_files *files, struct ek_error *err)
{
    char directory[] = "/tmp/evenkeel-signers-XXXXXX";
    if (!mkdtemp(directory))
        return ek_fail_errno(err, "EK-1132", directory);
    snprintf(files->directory, sizeof files->directory, "%s", directory);
    snprintf(files->keys, sizeof files->keys, "%s/keys", directory);
    snprintf(files->signature, sizeof files->signature, "%s/signature", directory);
    return 0;
}

/* Each key under a name of our own, for commits only. The comment is not passed on. */
static int write_keys(const struct key_files *files, char *const *keys, size_t count,
                      struct ek_error *err)
{
    EK_BUFFER text = {0};
    for (size_t i = 0; i < count; i++) {
        size_t type = strcspn(keys[i], " ");
        size_t length = type + 1 + strcspn(keys[i] + type + 1, " ");
        ek_buffer_printf(&text, "key%zu namespaces=\"git\" %.*s\n", i, (int)length, keys[i]);
    }
    int result = ek_buffer_check(&text, err);
    return result != 0 ? result
                       : ek_file_write(files->keys, ek_buffer_text(&text), text.length, 0600, err);
}

static int run(const struct ek_command *command, struct ek_command_result *ret_result,
               struct ek_error *err)
{
    return ek_command_run(command, NULL, ek_monotonic_ms() + VERIFY_MS, ret_result, err);
}

static int not_by_these(struct ek_error *err)
{
    ek_fail(err, EK_DENIED, "EK-1131", "the commit is not signed by a key that counts");
    return ek_hint(err, "evenkeel explain EK-1131");
}

static int ask_keygen(const struct key_files *files, const git_buf *signed_data, size_t count,
                      size_t *ret_key, struct ek_error *err)
{
    char name[NAME_MAX_LENGTH + 1];
    EK_COMMAND_RESULT found = {0};
    EK_COMMAND_RESULT verified = {0};
    const char *find[] = {"ssh-keygen", "-Y", "find-principals", "-f",
                          files->keys,  "-s", files->signature,  NULL};
    int result = run(&(struct ek_command){.argv = find}, &found, err);
    if (result != 0 || found.status != 0)
        return result != 0 ? result : not_by_these(err);
    snprintf(name, sizeof name, "%.*s", (int)strcspn(ek_buffer_text(&found.output), "\r\n"),
             ek_buffer_text(&found.output));
    const char *verify[] = {"ssh-keygen", "-Y", "verify", "-f", files->keys,      "-I",
                            name,         "-n", "git",    "-s", files->signature, NULL};
    result = run(&(struct ek_command){verify, signed_data->ptr, signed_data->size}, &verified, err);
    char *end = NULL;
    unsigned long key = strncmp(name, "key", 3) == 0 ? strtoul(name + 3, &end, 10) : count;
    if (result == 0 && (verified.status != 0 || !end || *end || key >= count))
        return not_by_these(err);
    *ret_key = key;
    return result;
}

/* The keys that count. Borrowed. */
struct signers {
    char *const *keys;
    size_t count;
};

static int verify(const git_buf *signature, const git_buf *signed_data,
                  const struct signers *signers, size_t *ret_key, struct ek_error *err)
{
    struct key_files files = {0};
    int result = key_files_make(&files, err);
    if (result == 0)
        result = write_keys(&files, signers->keys, signers->count, err);
    if (result == 0)
        result = ek_file_write(files.signature, signature->ptr, signature->size, 0600, err);
    if (result == 0)
        result = ask_keygen(&files, signed_data, signers->count, ret_key, err);
    key_files_remove(&files);
    return result;
}

/* The comment of a key, else the end of the key itself. */
static void name_key(const char *key, char ret_who[128])
{
    const char *first = strchr(key, ' ');
    const char *comment = first ? strchr(first + 1, ' ') : NULL;
    size_t length = strlen(key);
    if (comment && comment[1])
        snprintf(ret_who, 128, "%.120s", comment + 1);
    else
        snprintf(ret_who, 128, "SSH key ...%s", length > 12 ? key + length - 12 : key);
}

int ek_git_commit_signer(const struct ek_git_request *request, char *const *keys, size_t count,
                         char ret_who[128], struct ek_error *err)
{
    EK_GIT_OPENED opened = {0};
    EK_GIT_COMMIT *commit = NULL;
    git_buf signature = {0};
    git_buf signed_data = {0};
    size_t key = 0;
    int result = ek_git_open(request, &opened, err);
    if (result == 0)
        result = ek_git_revision(opened.repository, request->revision, &commit, err);
    if (result != 0)
        return result;
    git_oid id = *git_commit_id(commit);
    if (git_commit_extract_signature(&signature, &signed_data, opened.repository, &id, NULL) != 0 ||
        strncmp(signature.ptr, "-----BEGIN SSH SIGNATURE-----", 29) != 0)
        result = ek_fail(err, EK_NOT_FOUND, "EK-1130", "commit %.10s has no SSH signature",
                         git_oid_tostr_s(&id));
    if (result == 0)
        result = verify(&signature, &signed_data, &(struct signers){keys, count}, &key, err);
    if (result == 0)
        name_key(keys[key], ret_who);
    git_buf_dispose(&signature);
    git_buf_dispose(&signed_data);
    return result;
}
