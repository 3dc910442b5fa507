/* A user in admin: made, or brought to the wanted password and roles. */
#include <stdio.h>
#include <string.h>

#include "drivers/mongodb/bson_read.h"
#include "drivers/mongodb/link.h"
#include "drivers/mongodb/read.h"
#include "reconciler/base/clock.h"

static bson_t *user_command(const char *verb, const struct ek_mongodb_user *user, int64_t deadline)
{
    bson_t *command = bson_new();
    bson_t roles, role, concern;
    BSON_APPEND_UTF8(command, verb, user->name);
    BSON_APPEND_UTF8(command, "pwd", ek_secret_reveal(user->password));
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
    BSON_APPEND_INT64(&concern, "wtimeout", ek_time_left_ms(deadline) + 1);
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
                             const struct ek_mongodb_user *user, struct ek_mongodb_reply *ret_reply)
{
    bson_t *command = user_command(verb, user, link->deadline);
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
    EK_REPLY reply;
    run_user_command(&link, "createUser", user, &reply);
    if (!reply.ok && reply.code == EK_SERVER_USER_EXISTS) {
        ek_mongodb_reply_done(&reply);
        run_user_command(&link, "updateUser", user, &reply);
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
