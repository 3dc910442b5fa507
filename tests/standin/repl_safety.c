/* Changing the set's configuration safely, as 4.4 and later do: one voter at a time, only when a
 * majority uses the one before, and (5.0) with new members voting only once they have caught up. */
#include "log.h"
#include "repl.h"
#include "version.h"

#include <string.h>

#define INCOMPATIBLE 103
#define TIME_LIMIT_EXPIRED 50
#define NOT_PRIMARY 10107

static const struct member *by_id(const struct config *c, int32_t id)
{
    for (int i = 0; i < c->n; i++)
        if (c->m[i].id == id)
            return &c->m[i];
    return NULL;
}

int config_newer_only(const struct config *old, const struct config *new, char *why, size_t size)
{
    if (config_newer(new, old))
        return 0;
    put(why, size,
        "New replica set configuration version and term must be greater than old, but "
        "{version: %lld, term: %lld} is not greater than {version: %lld, term: %lld} for "
        "replica set %s",
        (long long)new->version, (long long)new->term, (long long)old->version,
        (long long)old->term, new->name);
    return INCOMPATIBLE;
}

/* How many members vote in the one and not in the other. */
static int voters_only_in(const struct config *a, const struct config *b)
{
    int n = 0;

    for (int i = 0; i < a->n; i++) {
        const struct member *there = by_id(b, a->m[i].id);

        n += a->m[i].votes_written > 0 && (there == NULL || there->votes_written == 0);
    }
    return n;
}

struct census {
    int voters, arbiters, electable;
};

static struct census count(const struct config *c)
{
    struct census n = {0};

    for (int i = 0; i < c->n; i++) {
        n.voters += c->m[i].votes_written > 0;
        n.arbiters += c->m[i].arbiter;
        n.electable += c->m[i].priority_written > 0;
    }
    return n;
}

bool config_implies_majority(const struct config *c)
{
    struct census n = count(c);

    return n.arbiters == 0 || n.voters - n.arbiters > n.voters / 2 + 1;
}

static bool has_default_concern(void)
{
    const bson_t *set = default_concerns();

    return set != NULL && doc_has(set, "defaultWriteConcern");
}

/* One data-bearing member that can be written to, an arbiter, and a second one that might be
 * elected without what the first has committed. */
static bool endangers_writes(const struct config *old, const struct config *new)
{
    struct census before = count(old), after = count(new);

    return before.voters / 2 + 1 > before.voters - before.arbiters && new->n == 3 &&
           after.voters == 3 && after.arbiters == 1 && after.electable > 1;
}

int config_keeps_default(const struct config *old, const struct config *new, char *why, size_t size)
{
    if (!version_at_least(5, 0))
        return 0;
    if (config_implies_majority(old) != config_implies_majority(new) && !has_default_concern()) {
        put(why, size,
            "Reconfig attempted to install a config that would change the implicit default write "
            "concern. Use the setDefaultRWConcern command to set a cluster-wide write concern and "
            "try the reconfig again.");
        return INCOMPATIBLE;
    }
    return 0;
}

int config_safe_change(const struct config *old, const struct config *new, bool force, char *why,
                       size_t size)
{
    if (!force && voters_only_in(old, new) + voters_only_in(new, old) > 1) {
        put(why, size,
            "Non force replica set reconfig can only add or remove at most 1 voting member.");
        return INCOMPATIBLE;
    }
    if (!version_at_least(5, 0))
        return 0;
    if (endangers_writes(old, new)) {
        put(why, size,
            "Rejecting reconfig where the new config has a PSA topology and the secondary is "
            "electable, but the old config contains only one writable node. Refer to "
            "https://docs.mongodb.com/manual/reference/method/rs.reconfigForPSASet/ for next "
            "steps on reconfiguring a PSA set.");
        return INCOMPATIBLE;
    }
    return 0;
}

bool config_is_committed(void)
{
    const struct config *c = &node.config;
    int have = 0;

    for (int i = 0; i < c->n; i++) {
        const struct view *v = &node.view[i];

        have += c->m[i].votes > 0 &&
                (i == node.self || (v->config_version == c->version && v->config_term == c->term));
    }
    return have >= config_majority(c);
}

static bool log_is_committed_in_it(void)
{
    const struct config *c = &node.config;
    int have = 0;

    for (int i = 0; i < c->n; i++)
        have += c->m[i].votes > 0 && !c->m[i].arbiter &&
                optime_cmp(i == node.self ? log_durable() : node.view[i].pulled, node.floor) >= 0;
    return have >= config_write_majority(c);
}

int config_await(bool log_too, int64_t until, char *why, size_t size)
{
    uint32_t leadership = node.leadership;

    for (;;) {
        bool installed = config_is_committed();

        if (node.state != S_PRIMARY || node.leadership != leadership) {
            put(why, size, "Primary stepped down while waiting for the config to be committed");
            return NOT_PRIMARY;
        }
        if (installed && (!log_too || log_is_committed_in_it()))
            return 0;
        if (!node_wait(until)) {
            if (installed)
                put(why, size,
                    "Last committed optime in previous config isn't committed in current config");
            else
                put(why, size,
                    "Current config with {version: %lld, term: %lld} has not yet propagated to a "
                    "majority of nodes",
                    (long long)node.config.version, (long long)node.config.term);
            return TIME_LIMIT_EXPIRED;
        }
    }
}

/* The document with each member as `change` leaves it. */
static void rewrite(const bson_t *doc, bson_t *ret_doc,
                    void (*change)(const bson_t *member, bson_t *out, const void *arg),
                    const void *arg)
{
    bson_t members, one, arr, out = BSON_INITIALIZER;
    bson_iter_t it, inner;
    uint32_t n = 0;

    bson_iter_init(&it, doc);
    while (bson_iter_next(&it)) {
        if (strcmp(bson_iter_key(&it), "members") != 0 || !iter_sub(&it, &members)) {
            bson_append_iter(ret_doc, NULL, 0, &it);
            continue;
        }
        bson_append_array_begin(ret_doc, "members", -1, &arr);
        bson_iter_init(&inner, &members);
        while (bson_iter_next(&inner) && iter_sub(&inner, &one)) {
            bson_reinit(&out);
            change(&one, &out, arg);
            push_doc(&arr, &n, &out);
        }
        bson_append_array_end(ret_doc, &arr);
    }
    bson_destroy(&out);
}

static void mark(const bson_t *member, bson_t *out, const void *arg)
{
    const struct member *old = by_id(arg, (int32_t)doc_int(member, "_id", -1));
    bool votes = doc_int(member, "votes", 1) > 0 && !doc_bool(member, "arbiterOnly", false);

    bson_concat(out, member);
    if ((old == NULL && votes) || (old != NULL && old->newly_added))
        add_bool(out, "newlyAdded", true);
}

void config_mark_newly_added(const struct config *old, bson_t *doc)
{
    bson_t marked = BSON_INITIALIZER;

    rewrite(doc, &marked, mark, old);
    bson_destroy(doc);
    bson_steal(doc, &marked);
}

static void hide(const bson_t *member, bson_t *out, const void *arg)
{
    (void)arg;
    bson_copy_to_excluding_noinit(member, out, "newlyAdded", NULL);
}

void config_hide_newly_added(bson_t *doc)
{
    bson_t bare = BSON_INITIALIZER;

    rewrite(doc, &bare, hide, NULL);
    bson_destroy(doc);
    bson_steal(doc, &bare);
}

static void unmark(const bson_t *member, bson_t *out, const void *arg)
{
    bson_copy_to_excluding_noinit(
        member, out, doc_int(member, "_id", -1) == *(const int32_t *)arg ? "newlyAdded" : "", NULL);
}

/* One at a time, each in a configuration of its own that nobody asked for. */
void config_admit_newly_added(void)
{
    struct config c = {0};
    bson_t bare = BSON_INITIALIZER, doc = BSON_INITIALIZER;
    char why[300];

    if (!config_is_committed())
        return;
    for (int i = 0; i < node.config.n; i++) {
        const struct member *m = &node.config.m[i];

        if (!m->newly_added || !node.view[i].up || node.view[i].state != S_SECONDARY)
            continue;
        log_line('I', "REPL", "Beginning automatic reconfig to remove 'newlyAdded' field: %s",
                 m->host);
        bson_copy_to_excluding_noinit(node.config.doc, &bare, "version", "term", NULL);
        add_int(&bare, "version", (int32_t)node.config.version + 1);
        add_long(&bare, "term", node.term);
        rewrite(&bare, &doc, unmark, &m->id);
        if (config_parse(&doc, false, &c, why, sizeof why) == 0) {
            log_line('I', "REPL", "replSetReconfig config object parses ok: %d members", c.n);
            log_line('I', "REPL", "Removed 'newlyAdded' config field: %d", m->id);
            repl_install(&c, node.self);
        }
        break;
    }
    bson_destroy(&bare);
    bson_destroy(&doc);
}
