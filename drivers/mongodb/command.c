/* One command and its reply; the one place where libmongoc's errors and the server's
 * codes become ours. */
#include <stdio.h>
#include <string.h>

#include "drivers/mongodb/bson_read.h"
#include "drivers/mongodb/link.h"
#include "drivers/mongodb/read.h"
#include "reconciler/base/clock.h"

void ek_mongodb_reply_done(struct ek_mongodb_reply *reply)
{
    bson_destroy(&reply->document);
}

/* libmongoc reports any failure while logging in as one code; only the server's own
 * words tell a refusal from a connection that broke meanwhile. */
bool ek_mongodb_login_was_refused(const bson_error_t *error)
{
    if (error->domain == MONGOC_ERROR_SERVER && error->code == EK_SERVER_AUTHENTICATION_FAILED)
        return true;
    if (error->domain != MONGOC_ERROR_CLIENT || error->code != MONGOC_ERROR_CLIENT_AUTHENTICATE)
        return false;
    static const char *const words[] = {"uthentication failed", "auth failed",
                                        "AuthenticationFailed", "nsupported mechanism"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr(error->message, words[i]))
            return true;
    return false;
}

/* (A bson_t points into itself: the reply is filled where it stands, never copied.) */
void ek_mongodb_command(struct ek_mongodb_link *link, const bson_t *command,
                        struct ek_mongodb_reply *ret_reply)
{
    bson_error_t error = {0};
    memset(ret_reply, 0, sizeof *ret_reply);
    if (ek_time_left_ms(link->deadline) <= 0) {
        ret_reply->lost = true;
        bson_init(&ret_reply->document);
        bson_strncpy(ret_reply->words, "out of time", sizeof ret_reply->words);
        return;
    }
    ret_reply->ok = mongoc_client_command_simple(link->client, "admin", command, NULL,
                                                 &ret_reply->document, &error);
    if (ret_reply->ok)
        return;
    ret_reply->refused = ek_mongodb_login_was_refused(&error);
    ret_reply->code = (int)ek_bson_int(&ret_reply->document, "code", 0);
    /* An answer from the server has `ok`; without one nothing came back. */
    ret_reply->lost =
        !ret_reply->refused && ek_bson_answer(&ret_reply->document, "ok") == EK_ANSWER_UNKNOWN;
    bson_strncpy(ret_reply->words, error.message, sizeof ret_reply->words);
}

static const struct {
    int code;
    enum ek_code means;
    const char *id;
} meanings[] = {
    {EK_SERVER_BAD_VALUE, EK_INVALID, "EK-0435"},
    {EK_SERVER_UNAUTHORIZED, EK_DENIED, "EK-0433"},
    {EK_SERVER_AUTHENTICATION_FAILED, EK_DENIED, "EK-0432"},
    {EK_SERVER_ALREADY_INITIALIZED, EK_EXISTS, "EK-0440"},
    {24 /* LockTimeout */, EK_TIMEOUT, "EK-0436"},
    {31 /* RoleNotFound */, EK_INVALID, "EK-0449"},
    {50 /* MaxTimeMSExpired */, EK_TIMEOUT, "EK-0436"},
    {59 /* CommandNotFound */, EK_UNSUPPORTED, "EK-0451"},
    {64 /* WriteConcernFailed */, EK_TIMEOUT, "EK-0455"},
    {EK_SERVER_NODE_NOT_FOUND, EK_CONFLICT, "EK-0441"},
    {EK_SERVER_NO_REPLICATION, EK_CONFLICT, "EK-0442"},
    {91 /* ShutdownInProgress */, EK_CONFLICT, "EK-0448"},
    {EK_SERVER_INVALID_CONFIG, EK_CONFLICT, "EK-0438"},
    {EK_SERVER_NOT_YET_INITIALIZED, EK_CONFLICT, "EK-0442"},
    {95 /* NotSecondary */, EK_CONFLICT, "EK-0454"},
    {EK_SERVER_INCOMPATIBLE_CONFIG, EK_CONFLICT, "EK-0438"},
    {104 /* NodeNotElectable */, EK_CONFLICT, "EK-0438"},
    {109 /* ConfigurationInProgress */, EK_CONFLICT, "EK-0437"},
    {117 /* ConflictingOperationInProgress */, EK_CONFLICT, "EK-0437"},
    {189 /* PrimarySteppedDown */, EK_CONFLICT, "EK-0448"},
    {262 /* ExceededTimeLimit */, EK_TIMEOUT, "EK-0436"},
    {308 /* CurrentConfigNotCommittedYet */, EK_TIMEOUT, "EK-0437"},
    {10107 /* NotWritablePrimary */, EK_CONFLICT, "EK-0434"},
    {11600 /* InterruptedAtShutdown */, EK_CONFLICT, "EK-0448"},
    {11602 /* InterruptedDueToReplStateChange */, EK_CONFLICT, "EK-0448"},
};

int ek_mongodb_reply_fail(const struct ek_mongodb_reply *reply, const char *member,
                          const char *what, struct ek_error *err)
{
    if (reply->refused)
        return ek_fail(err, EK_DENIED, "EK-0432", "%s: login refused: %s", member, reply->words);
    if (reply->lost)
        return ek_fail(err, EK_UNREACHABLE, "EK-0431",
                       "%s: no answer to \"%s\", so it may or may not have happened: %s", member,
                       what, reply->words);
    enum ek_code means = EK_SYSTEM;
    const char *id = "EK-0450";
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (meanings[i].code == reply->code) {
            means = meanings[i].means;
            id = meanings[i].id;
        }
    return ek_fail(err, means, id, "%s: %s: the server answered %d: %s", member, what, reply->code,
                   reply->words);
}
