/* A server's own words about itself. */
#include "drivers/mongodb/link.h"
#include "reconciler/base/memory.h"

static const struct {
    const char *command;
    const char *what; /* for messages */
} questions[] = {
    [EK_MONGODB_ASK_CONFIGURATION] = {"replSetGetConfig", "read the replica-set configuration"},
    [EK_MONGODB_ASK_OPTIONS] = {"getCmdLineOpts", "read the options"},
    [EK_MONGODB_ASK_USERS] = {"usersInfo", "read the users"},
};

int ek_mongodb_ask(const struct ek_mongodb_target *target, enum ek_mongodb_question question,
                   int64_t deadline, struct ek_buffer *ret_json, struct ek_error *err)
{
    EK_LINK link = {0};
    EK_REPLY reply = {0};
    int failed = ek_mongodb_link_for_act(target, deadline, &link, err);
    if (failed)
        return failed;
    bson_t command = BSON_INITIALIZER;
    if (question == EK_MONGODB_ASK_USERS)
        BCON_APPEND(&command, "usersInfo", "{", "forAllDBs", BCON_BOOL(true), "}");
    else
        BSON_APPEND_INT32(&command, questions[question].command, 1);
    ek_mongodb_command(&link, &command, &reply);
    bson_destroy(&command);
    if (!reply.ok)
        return ek_mongodb_reply_fail(&reply, target->member, questions[question].what, err);
    char *json = bson_as_relaxed_extended_json(&reply.document, NULL);
    if (!json)
        return ek_no_memory(err);
    ek_buffer_text_add(ret_json, json);
    bson_free(json);
    return ek_buffer_check(ret_json, err);
}
