/* Commands that members send each other. */
#include "log.h"
#include "options.h"
#include "repl.h"
#include "server.h"
#include "version.h"

#include <string.h>

static int heartbeat(struct call *c)
{
    const char *set = doc_str(c->command, "replSetHeartbeat", "");

    if (!repl_active())
        return fail(c, 76, "not running with --replSet");
    if (strcmp(set, options.repl_set) != 0)
        return fail(c, 93, "Our set name of %s does not match name of %s reported by remote node",
                    options.repl_set, set);
    if (version_at_least(5, 0) && !doc_has(c->command, "configVersion"))
        return fail(c, 4, "Missing expected field \"configVersion\"");
    if (node.rejoining)
        return fail(c, 94, "Received heartbeat while still not initialized");
    if (node.config.doc != NULL && node.self < 0 &&
        doc_int(c->command, "configVersion", -2) <= node.config.version)
        return fail(c, 93, "Our replica set configuration is invalid or does not include us");
    if (doc_bool(c->command, "checkEmpty", false) && node.config.doc == NULL && log_count() > 0)
        return fail(c, 93, "'%s' has data already, cannot initiate set.", options.repl_set);
    heartbeat_answer(c->command, c->reply);
    return 0;
}

static int request_votes(struct call *c)
{
    if (!repl_active())
        return fail(c, 76, "not running with --replSet");
    vote_answer(c->command, c->reply);
    return 0;
}

static int pull(struct call *c)
{
    if (!repl_active())
        return fail(c, 76, "not running with --replSet");
    pull_answer(c->command, c->reply);
    return 0;
}

static int step_up(struct call *c)
{
    char why[200];
    bool skip = doc_bool(c->command, "skipDryRun", false);
    int64_t until = mono_ms() + 10000;
    int64_t term = node.term;

    if (!repl_active())
        return fail(c, 76, "not running with --replSet");
    if (node.state == S_PRIMARY)
        return 0;
    if (!repl_electable(why, sizeof why))
        return fail(c, 125, "Election failed. Not standing for election because %s", why);
    log_line('I', "ELECTION", "Starting an election due to step up request");
    election_start(WHY_STEP_UP, !skip);
    while (node.election_running && node_wait(until))
        ;
    return node.state == S_PRIMARY && node.term > term ? 0 : fail(c, 125, "Election failed.");
}

static int is_self(struct call *c)
{
    bson_append_oid(c->reply, "id", -1, &process_id);
    return 0;
}

const struct command member_commands[] = {
    {"replSetHeartbeat", F_ADMIN, A_INTERNAL, heartbeat},
    {"replSetRequestVotes", F_ADMIN, A_INTERNAL, request_votes},
    {"replSetStepUp", F_ADMIN, A_CLUSTER, step_up},
    {"_standinPull", F_ADMIN, A_INTERNAL, pull},
    {"_standinCommon", F_ADMIN, A_INTERNAL, pull},
    {"_isSelf", F_NO_AUTH | F_ADMIN, A_NONE, is_self},
    {NULL, 0, A_NONE, NULL},
};
