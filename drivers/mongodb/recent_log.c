/* What a server remembers of its own log. */
#include "drivers/mongodb/bson_read.h"
#include "drivers/mongodb/link.h"

int ek_mongodb_recent_log(const struct ek_mongodb_target *target, int64_t deadline,
                          struct ek_buffer *ret_lines, struct ek_error *err)
{
    EK_LINK link = {0};
    EK_REPLY reply = {0};
    bson_iter_t lines;
    bson_iter_t line;
    int failed = ek_mongodb_link_for_act(target, deadline, &link, err);
    if (failed)
        return failed;
    bson_t *command = BCON_NEW("getLog", BCON_UTF8("global"));
    ek_mongodb_command(&link, command, &reply);
    bson_destroy(command);
    if (!reply.ok)
        return ek_mongodb_reply_fail(&reply, target->member, "read the log", err);
    if (bson_iter_init_find(&lines, &reply.document, "log") && BSON_ITER_HOLDS_ARRAY(&lines) &&
        bson_iter_recurse(&lines, &line))
        while (bson_iter_next(&line))
            if (BSON_ITER_HOLDS_UTF8(&line))
                ek_buffer_printf(ret_lines, "%s\n", bson_iter_utf8(&line, NULL));
    return 0;
}
