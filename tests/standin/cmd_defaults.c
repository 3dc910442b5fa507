/* Default concerns of the whole set: getDefaultRWConcern and setDefaultRWConcern (4.4 and later).
 */
#include "data.h"
#include "repl.h"
#include "server.h"
#include "version.h"

#include <string.h>

#define SETTINGS "config.settings"
#define ID "ReadWriteConcernDefaults"

const bson_t *default_concerns(void)
{
    const struct collection *c = data_find(SETTINGS);

    for (size_t i = 0; c != NULL && i < c->n; i++)
        if (c->at[i] != NULL && strcmp(doc_str(c->at[i]->doc, "_id", ""), ID) == 0)
            return c->at[i]->doc;
    return NULL;
}

static void add_implied_write(bson_t *to)
{
    bson_t sub;

    bson_append_document_begin(to, "defaultWriteConcern", -1, &sub);
    if (!repl_active() || config_implies_majority(&node.config))
        add_str(&sub, "w", "majority");
    else
        add_int(&sub, "w", 1);
    add_int(&sub, "wtimeout", 0);
    bson_append_document_end(to, &sub);
}

static void add_concerns(bson_t *to, const bson_t *set)
{
    bson_t sub, read;

    if (set != NULL && doc_sub(set, "defaultReadConcern", &sub)) {
        add_doc(to, "defaultReadConcern", &sub);
    } else if (version_at_least(5, 0)) {
        bson_append_document_begin(to, "defaultReadConcern", -1, &read);
        add_str(&read, "level", "local");
        bson_append_document_end(to, &read);
    }
    if (set != NULL && doc_sub(set, "defaultWriteConcern", &sub))
        add_doc(to, "defaultWriteConcern", &sub);
    else if (version_at_least(5, 0))
        add_implied_write(to);
}

/* Where each of them comes from; 5.0 and later. */
static void add_sources(bson_t *to, const bson_t *set)
{
    add_str(to, "defaultWriteConcernSource",
            set != NULL && doc_has(set, "defaultWriteConcern") ? "global" : "implicit");
    add_str(to, "defaultReadConcernSource",
            set != NULL && doc_has(set, "defaultReadConcern") ? "global" : "implicit");
}

static void add_times(bson_t *to, const bson_t *set, bool in_memory)
{
    bson_iter_t it;

    if (set != NULL && doc_find(set, "updateOpTime", &it))
        bson_append_iter(to, NULL, 0, &it);
    if (set != NULL && doc_find(set, "updateWallClockTime", &it))
        bson_append_iter(to, NULL, 0, &it);
    if (version_at_least(5, 0))
        add_sources(to, set);
    if (in_memory)
        add_bool(to, "inMemory", true);
    add_date(to, "localUpdateWallClockTime", wall_ms());
}

static int get_default(struct call *c)
{
    const bson_t *set = default_concerns();

    add_concerns(c->reply, set);
    add_times(c->reply, set, doc_bool(c->command, "inMemory", false));
    return 0;
}

/* The new defaults: what is said, and what was there and isn't spoken of. */
static void compose(const bson_t *command, const bson_t *old, bson_t *out)
{
    struct optime at = repl_next_time();
    bson_t read, write, sub;
    bson_iter_t it;

    add_str(out, "_id", ID);
    if (doc_sub(command, "defaultReadConcern", &read)) {
        if (!bson_empty(&read))
            add_doc(out, "defaultReadConcern", &read);
    } else if (old != NULL && doc_sub(old, "defaultReadConcern", &read)) {
        add_doc(out, "defaultReadConcern", &read);
    }
    if (doc_sub(command, "defaultWriteConcern", &write) && doc_find(&write, "w", &it)) {
        bson_append_document_begin(out, "defaultWriteConcern", -1, &sub);
        bson_append_iter(&sub, NULL, 0, &it);
        add_int(&sub, "wtimeout", (int32_t)doc_int(&write, "wtimeout", 0));
        bson_append_document_end(out, &sub);
    } else if (old != NULL && doc_sub(old, "defaultWriteConcern", &write)) {
        add_doc(out, "defaultWriteConcern", &write);
    }
    bson_append_timestamp(out, "updateOpTime", -1, at.secs, at.inc);
    add_date(out, "updateWallClockTime", wall_ms());
}

static int set_default(struct call *c)
{
    const bson_t *old = default_concerns();
    bson_t read, write = BSON_INITIALIZER, doc = BSON_INITIALIZER, *entry, sub;
    bool reads = doc_sub(c->command, "defaultReadConcern", &read),
         writes = doc_sub(c->command, "defaultWriteConcern", &write);
    const char *level;

    if (!reads && !writes)
        return fail(c, 2,
                    "At least one of the \"defaultReadConcern\" or \"defaultWriteConcern\" fields "
                    "must be present");
    if (writes && doc_has(&write, "w") && doc_int(&write, "w", 1) == 0)
        return fail(c, 2,
                    "Unacknowledged write concern is not suitable for the default write concern");
    level = reads ? doc_str(&read, "level", "local") : "local";
    if (strcmp(level, "snapshot") == 0 || strcmp(level, "linearizable") == 0)
        return fail(c, 2, "level: '%s' is not suitable for the default read concern", level);
    if (writes && version_at_least(5, 0) && bson_empty(&write) && old != NULL &&
        doc_has(old, "defaultWriteConcern"))
        return fail(c, 20, "The global default write concern cannot be unset once it is set.");
    compose(c->command, old, &doc);
    entry = repl_entry(old == NULL ? "i" : "u", SETTINGS);
    add_doc(entry, "o", &doc);
    if (old != NULL) {
        bson_append_document_begin(entry, "o2", -1, &sub);
        add_str(&sub, "_id", ID);
        bson_append_document_end(entry, &sub);
    }
    add_concerns(c->reply, &doc);
    add_times(c->reply, &doc, false);
    bson_destroy(&doc);
    return repl_await(repl_append(entry), (struct write_concern){.majority = true}, c->reply)
               ? 0
               : fail(c, 11602, "operation was interrupted");
}

const struct command default_commands[] = {
    {"getDefaultRWConcern", F_ADMIN, A_MONITOR, get_default},
    {"setDefaultRWConcern", F_ADMIN | F_WRITE, A_CLUSTER, set_default},
    {NULL, 0, A_NONE, NULL},
};
