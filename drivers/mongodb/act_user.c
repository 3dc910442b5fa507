/* A user in admin: made, or brought to the wanted password and roles. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "drivers/mongodb/bson_read.h"
#include "drivers/mongodb/link.h"
#include "drivers/mongodb/read.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/hex.h"
#include "reconciler/base/memory.h"

/* What SCRAM-SHA-1 takes for the password: the server need not know the password itself. */
struct digest {
    char hex[2 * EVP_MAX_MD_SIZE + 1];
};

static void digest_wipe(struct digest *digest)
{
    OPENSSL_cleanse(digest, sizeof *digest);
}

static int digest_make(const struct ek_mongodb_user *user, struct digest *ret_digest,
                       struct ek_error *err)
{
    unsigned char bytes[EVP_MAX_MD_SIZE] = {0};
    unsigned int length = 0;
    EK_SECRET_BUFFER text = {0};
    ek_buffer_printf(&text, "%s:mongo:%s", user->name, ek_secret_reveal(user->password));
    if (text.failed || EVP_Digest(text.bytes, text.length, bytes, &length, EVP_md5(), NULL) != 1)
        return ek_no_memory(err);
    ek_hex(bytes, length, ret_digest->hex);
    OPENSSL_cleanse(bytes, sizeof bytes);
    return 0;
}

static void add_password(bson_t *command, const struct ek_mongodb_link *link,
                         const struct ek_mongodb_user *user, const struct digest *digest)
{
    bson_t mechanisms;
    if (link->proven) {
        BSON_APPEND_UTF8(command, "pwd", ek_secret_reveal(user->password));
        return;
    }
    BSON_APPEND_UTF8(command, "pwd", digest->hex);
    BSON_APPEND_BOOL(command, "digestPassword", false);
    if (ek_bson_int(&link->hello, "maxWireVersion", 0) < EK_WIRE_VERSION_4_0)
        return; /* it knows no other mechanism */
    bson_append_array_begin(command, "mechanisms", -1, &mechanisms);
    BSON_APPEND_UTF8(&mechanisms, "0", "SCRAM-SHA-1");
    bson_append_array_end(command, &mechanisms);
}

static bson_t *user_command(const char *verb, const struct ek_mongodb_link *link,
                            const struct ek_mongodb_user *user, const struct digest *digest)
{
    bson_t *command = bson_new();
    bson_t roles, role, concern;
    BSON_APPEND_UTF8(command, verb, user->name);
    add_password(command, link, user, digest);
    bson_append_array_begin(command, "roles", -1, &roles);
    for (uint32_t i = 0; user->roles[i]; i++) {
        char key[24];
        snprintf(key, sizeof key, "%u", i);
        bson_append_document_begin(&roles, key, -1, &role);
        BSON_APPEND_UTF8(&role, "role", user->roles[i]);
        BSON_APPEND_UTF8(&role, "db", "admin");
        bson_append_document_end(&roles, &role);
    }
    bson_append_array_end(command, &roles);
    bson_append_document_begin(command, "writeConcern", -1, &concern);
    BSON_APPEND_UTF8(&concern, "w", "majority");
    BSON_APPEND_INT64(&concern, "wtimeout", ek_time_left_ms(link->deadline) + 1);
    bson_append_document_end(command, &concern);
    return command;
}

/* The password was in there. */
static void wipe(bson_t *command)
{
    explicit_bzero((void *)(uintptr_t)bson_get_data(command), command->len);
    bson_destroy(command);
}

static void run_user_command(struct ek_mongodb_link *link, const char *verb,
                             const struct ek_mongodb_user *user, const struct digest *digest,
                             struct ek_mongodb_reply *ret_reply)
{
    bson_t *command = user_command(verb, link, user, digest);
    ek_mongodb_command(link, command, ret_reply);
    wipe(command);
    /* Servers blot the password out when they quote a command; don't rely on it. */
    if (strstr(ret_reply->words, ek_secret_reveal(user->password)))
        bson_strncpy(ret_reply->words, "(the server's words quote the password; withheld)",
                     sizeof ret_reply->words);
}

int ek_mongodb_ensure_user(const struct ek_mongodb_target *target,
                           const struct ek_mongodb_user *user, int64_t deadline,
                           struct ek_error *err)
{
    EK_LINK link = {0};
    int failed = ek_mongodb_link_for_act(target, deadline, &link, err);
    if (failed)
        return failed;
    if (link.by_tls && !link.proven) {
        ek_fail(err, EK_DENIED, "EK-0456",
                "%s: no password is sent to a server whose certificate does not hold",
                target->member);
        return ek_hint(err, "evenkeel plan tells which certificate it presents");
    }
    EK_CLEANUP(digest_wipe) struct digest digest = {""};
    failed = digest_make(user, &digest, err);
    if (failed)
        return failed;
    EK_REPLY reply;
    run_user_command(&link, "createUser", user, &digest, &reply);
    if (!reply.ok && reply.code == EK_SERVER_USER_EXISTS) {
        ek_mongodb_reply_done(&reply);
        run_user_command(&link, "updateUser", user, &digest, &reply);
    }
    if (!reply.ok)
        return ek_mongodb_reply_fail(&reply, target->member, "set up the user", err);
    int64_t late = ek_bson_int(&reply.document, "writeConcernError.code", 0);
    if (late)
        return ek_fail(err, EK_TIMEOUT, "EK-0455",
                       "%s: the user was written, but no majority has it yet (%lld)",
                       target->member, (long long)late);
    return 0;
}
