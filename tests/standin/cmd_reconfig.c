/* replSetReconfig: checking the new configuration, taking it over, and waiting for the others. */
#include "log.h"
#include "options.h"
#include "repl.h"
#include "server.h"
#include "version.h"

#include <string.h>

int replset_reconfig(struct call *c);

/* How the server calls a configuration. */
static void name_of(const struct config *c, char *to, size_t size)
{
    if (version_at_least(4, 4))
        put(to, size, "{version: %lld, term: %lld}", (long long)c->version, (long long)c->term);
    else
        put(to, size, "%lld", (long long)c->version);
}

static bool has_own_defaults(const bson_t *doc)
{
    bson_t settings, defaults;

    return doc_sub(doc, "settings", &settings) &&
           doc_sub(&settings, "getLastErrorDefaults", &defaults) &&
           (doc_int(&defaults, "w", 1) != 1 || doc_int(&defaults, "wtimeout", 0) != 0 ||
            doc_str(&defaults, "w", NULL) != NULL);
}

/* What is to be changed: `new` and `self`, the own place in it, come from `doc`. */
struct change {
    const bson_t *doc;
    bool force;
    struct config old, new;
    int self;
};

static int check_reconfig(struct call *c, struct change *ch)
{
    struct config *new = &ch->new;
    char why[1500], name[64];
    int code;

    if (config_parse(ch->doc, false, new, why, sizeof why) != 0)
        return fail(c, 93, "%s", why);
    if (strcmp(new->name, options.repl_set) != 0)
        return fail(c, 93,
                    version_at_least(4, 4)
                        ? "Rejecting reconfig where new config set name differs from command line "
                          "set name, new config set name: %s, command line set name: %s"
                        : "Attempting to reconfigure a replica set with name %s, but command line "
                          "reports %s; rejecting",
                    new->name, options.repl_set);
    if (config_validate(new, why, sizeof why) != 0)
        return fail(c, 103, "%s", why);
    if (version_at_least(5, 0) && has_own_defaults(ch->doc))
        return fail(c, 5624102,
                    "Failed to reconfig: Replica set config contains customized "
                    "getLastErrorDefaults, which has been deprecated and is now ignored. Use "
                    "setDefaultRWConcern instead to set a cluster-wide default writeConcern.");
    if (config_compare(&ch->old, new, ch->force, why, sizeof why) != 0)
        return fail(c, 103, "%s", why);
    ch->self = config_find_self(new);
    name_of(new, name, sizeof name);
    if (ch->self < 0)
        return fail(c, version_at_least(4, 4) ? 74 : 103,
                    "No host described in new configuration %s%s for replica set %s maps to this "
                    "node",
                    version_at_least(4, 4) ? "with " : "", name, new->name);
    if (ch->force)
        return 0;
    if (new->m[ch->self].arbiter || new->m[ch->self].priority <= 0)
        return fail(
            c, version_at_least(4, 4) ? 104 : 103,
            "This node, %s, with _id MemberId(%d) is not electable under the new configuration "
            "%s %s for replica set %s",
            new->m[ch->self].host, new->m[ch->self].id, version_at_least(4, 4) ? "with" : "version",
            name, new->name);
    code = quorum_check(new, ch->self, false, why, sizeof why);
    return code == 0 ? 0 : fail(c, code, "%s", why);
}

/* The replicaSetId stays, whether the new document repeats it or not; a forced version jumps ahead.
 */
static void complete(const bson_t *doc, const struct config *old, bool force, bson_t *ret_doc)
{
    bson_t settings, old_settings, sub;
    bson_iter_t it;

    bson_init(ret_doc);
    bson_copy_to_excluding_noinit(doc, ret_doc, "settings", "term", force ? "version" : "settings",
                                  NULL);
    if (version_at_least(4, 4) && !(force && version_at_least(5, 0)))
        add_long(ret_doc, "term", force ? -1 : node.term);
    if (force) {
        int64_t given = doc_int(doc, "version", 0);

        given = given > old->version ? given : old->version;
        add_int(ret_doc, "version", (int32_t)(given + 10000 + random_below(100000)));
    }
    bson_append_document_begin(ret_doc, "settings", -1, &sub);
    if (doc_sub(doc, "settings", &settings))
        bson_copy_to_excluding_noinit(&settings, &sub, "replicaSetId", NULL);
    if (doc_sub(old->doc, "settings", &old_settings) &&
        doc_find(&old_settings, "replicaSetId", &it))
        bson_append_iter(&sub, NULL, 0, &it);
    bson_append_document_end(ret_doc, &sub);
    if (version_at_least(5, 0)) {
        config_hide_newly_added(ret_doc);
        if (!force)
            config_mark_newly_added(old, ret_doc);
    }
}

/* Whether a member is new is the server's to say. */
static int check_newly_added(struct call *c, const bson_t *doc)
{
    bson_t members, one;
    bson_iter_t it;

    if (!version_at_least(5, 0) || !doc_sub(doc, "members", &members) ||
        !bson_iter_init(&it, &members))
        return 0;
    while (bson_iter_next(&it))
        if (iter_sub(&it, &one) && doc_has(&one, "newlyAdded"))
            return fail(c, 93, "Cannot provide newlyAdded field to member config during reconfig.");
    return 0;
}

static int not_primary(struct call *c)
{
    return fail(
        c, 10107,
        version_at_least(4, 4)
            ? "New config is rejected :: caused by :: replSetReconfig should only be run on a "
              "writable PRIMARY. Current state %s;"
            : "replSetReconfig should only be run on PRIMARY, but my state is %s; use the "
              "\"force\" argument to override",
        state_name(node.state));
}

static int may_begin(struct call *c, bool force, bool busy)
{
    if (node.config.doc == NULL)
        return fail(c, 94, "Node not yet initialized; use the replSetInitiate command");
    if (!force && node.state != S_PRIMARY)
        return not_primary(c);
    if (busy)
        return fail(
            c, 109,
            "Cannot run replSetReconfig because the node is currently updating its configuration");
    return 0;
}

/* 4.4 and later build on a configuration only when a majority uses it. */
static int wait_for_current(struct call *c, int64_t until)
{
    char why[300];
    int code;

    if (!version_at_least(4, 4))
        return 0;
    if (version_at_least(5, 0))
        log_line('I', "REPL", "Waiting for the current config to propagate to a majority");
    code = config_await(node.config.term >= 0, until, why, sizeof why);
    if (code == 0)
        return 0;
    return fail(c, code == 50 ? 308 : code, "New config is rejected :: caused by :: %s", why);
}

static int wait_for_new(struct call *c, int64_t until)
{
    char why[300];
    int code;

    if (!version_at_least(4, 4))
        return 0;
    if (version_at_least(5, 0))
        log_line('I', "REPL", "Waiting for the current config to propagate to a majority");
    code = config_await(false, until, why, sizeof why);
    return code == 0 ? 0
                     : fail(c, code == 50 ? 50 : 189,
                            "Reconfig finished but failed to propagate to a majority :: caused by "
                            ":: %s",
                            why);
}

static void note_in_log(void)
{
    bson_t *entry = repl_entry("n", ""), o;

    bson_append_document_begin(entry, "o", -1, &o);
    add_str(&o, "msg", "Reconfig set");
    add_int(&o, "version", (int32_t)node.config.version);
    bson_append_document_end(entry, &o);
    repl_append(entry);
}

static int members_of(const bson_t *doc)
{
    bson_t members;

    return doc_sub(doc, "members", &members) ? (int)bson_count_keys(&members) : 0;
}

int replset_reconfig(struct call *c)
{
    static bool busy;
    bool force = doc_bool(c->command, "force", false);
    int64_t limit = doc_int(c->command, "maxTimeMS", 0),
            until = mono_ms() + (limit > 0 ? limit : 1000000000);
    struct change ch = {.force = force, .self = -1};
    bson_iter_t given;
    bson_t doc, full;
    int rc;

    if (!repl_active())
        return fail(c, 76, "not running with --replSet");
    if (!doc_find(c->command, "replSetReconfig", &given) || !BSON_ITER_HOLDS_DOCUMENT(&given) ||
        !iter_sub(&given, &doc))
        return fail(c, 0, "no configuration specified");
    node_lock();
    rc = may_begin(c, force, busy);
    if (rc == 0 && !force)
        rc = wait_for_current(c, until);
    if (rc == 0)
        rc = may_begin(c, force, busy);
    if (rc == 0) {
        busy = true;
        ch.old = node.config;
        ch.old.doc = bson_copy(node.config.doc);
    }
    node_unlock();
    if (rc != 0)
        return rc;
    log_attach(&doc);
    log_line('I', "REPL", "replSetReconfig admin command received from client%s", "");
    complete(&doc, &ch.old, force, &full);
    ch.doc = &full;
    rc = config_check_form(c, &doc, false);
    if (rc == 0 && version_at_least(5, 0))
        log_line('I', "REPL", "replSetReconfig config object parses ok: %d members",
                 members_of(&doc));
    if (rc == 0)
        rc = check_newly_added(c, &doc);
    if (rc == 0)
        rc = check_reconfig(c, &ch);
    node_lock();
    busy = false;
    if (rc == 0 && !force && node.state != S_PRIMARY)
        rc = not_primary(c);
    if (rc == 0) {
        repl_install(&ch.new, ch.self);
        if (node.state == S_PRIMARY && node.writable && !force)
            note_in_log();
        if (!force)
            rc = wait_for_new(c, until);
    } else {
        config_done(&ch.new);
    }
    node_unlock();
    config_done(&ch.old);
    bson_destroy(&full);
    return rc;
}
