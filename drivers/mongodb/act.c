/* Acts on one member: run-time mode, stepdown, freeze. */
#include <stdio.h>
#include <string.h>

#include "drivers/mongodb/bson_read.h"
#include "drivers/mongodb/link.h"
#include "drivers/mongodb/read.h"

/* The running mode, and by which name this server calls it ("tlsMode" since 4.2). */
static int read_mode(struct ek_mongodb_link *link, const char *member, const char **ret_parameter,
                     enum ek_ssl_mode *ret_mode, struct ek_error *err)
{
    static const char *const names[] = {"tlsMode", "sslMode"};
    struct ek_mongodb_reply reply = {0};
    for (size_t i = 0; i < 2; i++) {
        bson_t *command = BCON_NEW("getParameter", BCON_INT32(1), names[i], BCON_INT32(1));
        ek_mongodb_command(link, command, &reply);
        bson_destroy(command);
        const char *word = reply.ok ? ek_bson_text(&reply.document, names[i]) : NULL;
        if (word) {
            *ret_parameter = names[i];
            *ret_mode = ek_ssl_mode_parse(word);
            ek_mongodb_reply_done(&reply);
            return 0;
        }
        if (reply.lost || reply.code || i == 1)
            break;
        ek_mongodb_reply_done(&reply);
    }
    int failed = ek_mongodb_reply_fail(&reply, member, "get sslMode", err);
    ek_mongodb_reply_done(&reply);
    return failed;
}

int ek_mongodb_set_ssl_mode(const struct ek_mongodb_target *target, enum ek_ssl_mode mode,
                            int64_t deadline, struct ek_error *err)
{
    EK_LINK link = {0};
    const char *parameter = "tlsMode";
    enum ek_ssl_mode running = EK_SSL_UNKNOWN;
    int failed = ek_mongodb_link_for_act(target, deadline, &link, err);
    if (!failed)
        failed = read_mode(&link, target->member, &parameter, &running, err);
    if (failed || running == mode)
        return failed;
    const char *word =
        strcmp(parameter, "tlsMode") == 0 ? ek_tls_mode_name(mode) : ek_ssl_mode_name(mode);
    bson_t *command = BCON_NEW("setParameter", BCON_INT32(1), parameter, BCON_UTF8(word));
    EK_REPLY reply;
    ek_mongodb_command(&link, command, &reply);
    bson_destroy(command);
    if (reply.ok)
        return 0;
    /* Somebody else may have taken the same step between the question and the act. */
    if (reply.code == EK_SERVER_BAD_VALUE &&
        read_mode(&link, target->member, &parameter, &running, NULL) == 0 && running == mode)
        return 0;
    return ek_mongodb_reply_fail(&reply, target->member, "set sslMode", err);
}

static int run_act(const struct ek_mongodb_target *target, const bson_t *command, const char *what,
                   int64_t deadline, struct ek_error *err)
{
    EK_LINK link = {0};
    int failed = ek_mongodb_link_for_act(target, deadline, &link, err);
    if (failed)
        return failed;
    EK_REPLY reply;
    ek_mongodb_command(&link, command, &reply);
    return reply.ok ? 0 : ek_mongodb_reply_fail(&reply, target->member, what, err);
}

int ek_mongodb_step_down(const struct ek_mongodb_target *target, int seconds, int catch_up_seconds,
                         int64_t deadline, struct ek_error *err)
{
    bson_t *command = BCON_NEW("replSetStepDown", BCON_INT32(seconds), "secondaryCatchUpPeriodSecs",
                               BCON_INT32(catch_up_seconds), "force", BCON_BOOL(false));
    int failed = run_act(target, command, "step down", deadline, err);
    bson_destroy(command);
    return failed;
}

int ek_mongodb_freeze(const struct ek_mongodb_target *target, int seconds, int64_t deadline,
                      struct ek_error *err)
{
    bson_t *command = BCON_NEW("replSetFreeze", BCON_INT32(seconds));
    int failed = run_act(target, command, "freeze", deadline, err);
    bson_destroy(command);
    return failed;
}

int ek_mongodb_step_up(const struct ek_mongodb_target *target, int64_t deadline,
                       struct ek_error *err)
{
    bson_t *command = BCON_NEW("replSetStepUp", BCON_INT32(1));
    int failed = run_act(target, command, "stand for election", deadline, err);
    bson_destroy(command);
    return failed;
}
