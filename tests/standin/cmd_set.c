/* Commands that administer the replica set. */
#include "cmd.h"
#include "log.h"
#include "options.h"
#include "repl.h"
#include "server.h"
#include "version.h"

#include <stdlib.h>
#include <string.h>

int replset_get_status(struct call *c);
int replset_reconfig(struct call *c);

static int get_config(struct call *c)
{
    bson_t shown;

    if (!repl_active())
        return fail(c, 76, "not running with --replSet");
    if (node.config.doc == NULL)
        return fail(c, 94, "no replset config has been received");
    bson_copy_to(node.config.doc, &shown);
    config_hide_newly_added(&shown);
    add_doc(c->reply, "config", &shown);
    bson_destroy(&shown);
    if (version_at_least(4, 4) && doc_bool(c->command, "commitmentStatus", false)) {
        if (node.state != S_PRIMARY)
            return fail(c, 10107, "commitmentStatus is only supported on primary.");
        add_bool(c->reply, "commitmentStatus", config_is_committed());
    }
    return 0;
}

/* The configuration that is made up when none is given. */
static void default_config(bson_t *ret_doc)
{
    bson_t arr, one;
    char host[300], name[200] = "localhost";

    gethostname(name, sizeof name - 1);
    put(host, sizeof host, "%s:%d", name, options.port);
    bson_init(ret_doc);
    add_str(ret_doc, "_id", options.repl_set);
    add_int(ret_doc, "version", 1);
    bson_append_array_begin(ret_doc, "members", -1, &arr);
    bson_append_document_begin(&arr, "0", -1, &one);
    add_int(&one, "_id", 0);
    add_str(&one, "host", host);
    bson_append_document_end(&arr, &one);
    bson_append_array_end(ret_doc, &arr);
}

static void tell_default(struct call *c, const bson_t *doc)
{
    bson_t members, one;
    bson_iter_t it;

    add_str(c->reply, "info2",
            "no configuration specified. Using a default configuration for the set");
    if (doc_sub(doc, "members", &members) && bson_iter_init(&it, &members) && bson_iter_next(&it) &&
        iter_sub(&it, &one))
        add_str(c->reply, "me", doc_str(&one, "host", ""));
}

static int check_initiate(struct call *c, const bson_t *doc, struct config *config, int *ret_self)
{
    char why[900];
    bson_t settings;
    int code = config_check_form(c, doc, true);

    if (code != 0)
        return code;
    if (config_parse(doc, true, config, why, sizeof why) != 0)
        return fail(c, 93, "%s", why);
    if (strcmp(config->name, options.repl_set) != 0)
        return fail(c, 93,
                    version_at_least(4, 4)
                        ? "Rejecting initiate with a set name that differs from command line set "
                          "name, initiate set name: %s, command line set name: %s"
                        : "Attempting to initiate a replica set with name %s, but command line "
                          "reports %s; rejecting",
                    config->name, options.repl_set);
    for (int i = 0; i < config->n; i++)
        if (config->m[i].newly_added)
            return fail(c, 93,
                        "Member %s, with _id %d, has a newlyAdded field, which is not valid for "
                        "initial configuration of a replica set.",
                        config->m[i].host, config->m[i].id);
    if (doc_sub(doc, "settings", &settings) && doc_has(&settings, "replicaSetId"))
        return fail(
            c, 93,
            "replica set configuration cannot contain 'replicaSetId' field when called from "
            "replSetInitiate");
    if (config_validate(config, why, sizeof why) != 0)
        return fail(c, 93, "%s", why);
    if (config->version != 1)
        return fail(
            c, 93,
            "Configuration used to initiate a replica set must  have version 1, but found %lld",
            (long long)config->version);
    if (config->term > 0)
        return fail(c, 93,
                    "Configuration used to initiate a replica set must have term 0, but found %lld",
                    (long long)config->term);
    *ret_self = config_find_self(config);
    if (*ret_self < 0)
        return fail(c, 93,
                    "No host described in new configuration %s for replica set %s maps to this "
                    "node",
                    version_at_least(4, 4) ? "with {version: 1, term: 0}" : "1", config->name);
    if (config->m[*ret_self].arbiter || config->m[*ret_self].priority <= 0)
        return fail(c, 93,
                    "This node, %s, with _id %d is not electable under the new configuration %s "
                    "for replica set %s",
                    config->m[*ret_self].host, config->m[*ret_self].id,
                    version_at_least(4, 4) ? "with {version: 1, term: 0}" : "version 1",
                    config->name);
    code = quorum_check(config, *ret_self, true, why, sizeof why);
    return code == 0 ? 0 : fail(c, code, "%s", why);
}

static int initiate(struct call *c)
{
    struct config config = {0};
    bson_t doc, o;
    bson_t *entry;
    int self = -1, rc;
    bool made = false;

    if (!repl_active())
        return fail(c, 76, "This node was not started with the replSet option");
    node_lock();
    rc = node.config.doc != NULL ? fail(c, 23, "already initialized") : 0;
    node_unlock();
    if (rc != 0)
        return rc;
    if (!doc_sub(c->command, "replSetInitiate", &doc) || bson_empty(&doc)) {
        default_config(&doc);
        made = true;
    }
    log_line('I', "REPL", "replSetInitiate admin command received from client");
    if (made)
        tell_default(c, &doc);
    rc = check_initiate(c, &doc, &config, &self);
    if (made)
        bson_destroy(&doc);
    if (rc != 0) {
        config_done(&config);
        return rc;
    }
    node_lock();
    if (node.config.doc != NULL) {
        config_done(&config);
        rc = fail(c, 23, "already initialized");
    } else {
        node.fresh_until = mono_ms() + 5000;
        node.term = 0;
        entry = repl_entry("n", "");
        bson_t fixed = BSON_INITIALIZER;
        bson_copy_to_excluding_noinit(entry, &fixed, "t", "v", "op", "ns", "wall", NULL);
        add_long(&fixed, "t", -1);
        add_int(&fixed, "v", 2);
        add_str(&fixed, "op", "n");
        add_str(&fixed, "ns", "");
        add_date(&fixed, "wall", wall_ms());
        bson_append_document_begin(&fixed, "o", -1, &o);
        add_str(&o, "msg", "initiating set");
        bson_append_document_end(&fixed, &o);
        bson_destroy(entry);
        repl_append(bson_copy(&fixed));
        bson_destroy(&fixed);
        repl_install(&config, self);
        log_line('I', "REPL", "New replica set initiated");
    }
    node_unlock();
    return rc;
}

static int step_down_command(struct call *c)
{
    int64_t seconds = doc_int(c->command, "replSetStepDown", 60), catch_up;
    bool force = doc_bool(c->command, "force", false);
    char why[400];
    int code;

    if (!repl_active())
        return fail(c, 76, "not running with --replSet");
    if (seconds == 0)
        seconds = 60;
    if (seconds < 0)
        return fail(c, 2, "stepdown period must be a positive integer");
    catch_up = doc_int(c->command, "secondaryCatchUpPeriodSecs", force ? 0 : 10);
    if (catch_up < 0)
        return fail(c, 2, "secondaryCatchUpPeriodSecs period must be a positive or absent");
    if (seconds < catch_up)
        return fail(c, 2, "stepdown period must be longer than secondaryCatchUpPeriodSecs");
    log_line('I', "COMMAND", "Attempting to step down in response to replSetStepDown command");
    code = step_down(seconds, catch_up * 1000, force, why, sizeof why);
    return code == 0 ? 0 : fail(c, code, "%s", why);
}

static int freeze(struct call *c)
{
    int64_t seconds = doc_int(c->command, "replSetFreeze", 0);

    if (!repl_active())
        return fail(c, 76, "not running with --replSet");
    if (node.state != S_SECONDARY && node.state != S_RECOVERING && node.state != S_STARTUP2)
        return fail(c, 95, "cannot freeze node when primary or running for election. state: %s",
                    node.state == S_PRIMARY ? "Primary" : state_name(node.state));
    if (seconds == 0) {
        add_str(c->reply, "info", "unfreezing");
        node.unelectable_until = 0;
        return 0;
    }
    if (seconds == 1)
        add_str(c->reply, "warning", "you really want to freeze for only 1 second?");
    node.unelectable_until = mono_ms() + seconds * 1000;
    return 0;
}

static int shutdown_command(struct call *c)
{
    bool force = doc_bool(c->command, "force", false), ok;
    char why[400] = "";
    int code = 0;

    if (!auth_enabled() && !c->conn->localhost)
        return fail(c, 13, "shutdown must run from localhost when running db without auth");
    log_line('I', "COMMAND", "terminating, shutdown command received");
    ok = server_shut_down(
        force, doc_int(c->command, "timeoutSecs", version_at_least(5, 0) ? 15 : 10) * 1000, why,
        sizeof why, &code);
    if (!ok)
        return fail(c, code, "%s", why);
    if (!version_at_least(4, 4))
        log_line('I', "CONTROL", "dbexit:  rc: 0");
    _exit(0);
}

static int get_rbid(struct call *c)
{
    add_int(c->reply, "rbid", node.rbid);
    return 0;
}

const struct command set_commands[] = {
    {"replSetInitiate", F_ADMIN | F_UNLOCKED, A_CLUSTER, initiate},
    {"replSetReconfig", F_ADMIN | F_UNLOCKED, A_CLUSTER, replset_reconfig},
    {"replSetGetStatus", F_ADMIN, A_STATUS, replset_get_status},
    {"replSetGetConfig", F_ADMIN, A_CONFIG, get_config},
    {"replSetStepDown", F_ADMIN | F_UNLOCKED, A_CLUSTER, step_down_command},
    {"replSetFreeze", F_ADMIN, A_CLUSTER, freeze},
    {"replSetGetRBID", F_ADMIN, A_INTERNAL, get_rbid},
    {"shutdown", F_ADMIN | F_UNLOCKED, A_HOST, shutdown_command},
    {NULL, 0, A_NONE, NULL},
};
