/* find, count, aggregate, cursors. */
#include "cmd.h"
#include "data.h"
#include "repl.h"
#include "server.h"
#include "version.h"

#include <stdlib.h>
#include <string.h>

#define BATCH_BYTES (12 * 1024 * 1024)

struct cursor {
    int64_t id;
    char *ns;
    struct results left;
    size_t next;
    bool batch_last; /* after id and ns: how a collection that doesn't exist is answered */
    struct cursor *link;
};
static struct cursor *cursors;

void results_add(struct results *r, bson_t *doc)
{
    if (r->n == r->room) {
        r->room = r->room == 0 ? 64 : r->room * 2;
        r->at = xrealloc(r->at, r->room * sizeof(bson_t *));
    }
    r->at[r->n++] = doc;
}

static void results_done(struct results *r)
{
    for (size_t i = 0; i < r->n; i++)
        bson_destroy(r->at[i]);
    free(r->at);
    memset(r, 0, sizeof *r);
}

/* local.oplog.rs and local.system.replset are views of what isn't kept as collections. */
static void collect_local(const char *ns, const bson_t *query, struct results *r)
{
    if (strcmp(ns, "local.oplog.rs") == 0) {
        for (size_t i = 0; i < log_count(); i++)
            if (query_matches(query, log_at(i)->doc))
                results_add(r, bson_copy(log_at(i)->doc));
    } else if (strcmp(ns, "local.system.replset") == 0 && node.config.doc != NULL) {
        results_add(r, bson_copy(node.config.doc));
    }
}

static void collect(const char *ns, const bson_t *query, struct results *r)
{
    const struct collection *c = data_find(ns);
    bson_iter_t id;
    bson_t sub;

    if (strncmp(ns, "local.", 6) == 0)
        collect_local(ns, query, r);
    if (c == NULL)
        return;
    if (doc_find(query, "_id", &id) && !iter_sub(&id, &sub)) {
        const struct document *d = data_by_id(c, &id);

        if (d != NULL && query_matches(query, d->doc))
            results_add(r, bson_copy(d->doc));
        return;
    }
    for (size_t i = 0; i < c->n; i++)
        if (c->at[i] != NULL && query_matches(query, c->at[i]->doc))
            results_add(r, bson_copy(c->at[i]->doc));
}

static void cut(struct results *r, int64_t skip, int64_t limit)
{
    size_t from = skip < 0 ? 0 : (size_t)skip, keep;

    if (from > r->n)
        from = r->n;
    keep = r->n - from;
    if (limit < 0)
        limit = -limit;
    if (limit > 0 && (size_t)limit < keep)
        keep = (size_t)limit;
    for (size_t i = 0; i < r->n; i++)
        if (i < from || i >= from + keep)
            bson_destroy(r->at[i]);
    if (keep > 0)
        memmove(r->at, r->at + from, keep * sizeof(bson_t *));
    r->n = keep;
}

static void project(struct results *r, const bson_t *projection)
{
    for (size_t i = 0; i < r->n; i++) {
        bson_t out;

        query_project(projection, r->at[i], &out);
        bson_destroy(r->at[i]);
        r->at[i] = bson_copy(&out);
        bson_destroy(&out);
    }
}

/* The next batch into `cursor.<name>`; what remains stays with the cursor. */
static void add_batch(bson_t *reply, const char *name, struct cursor *cur, int64_t size)
{
    bool last = strcmp(name, "nextBatch") != 0 && cur->batch_last;
    bson_t sub, arr;
    uint32_t n = 0;
    size_t bytes = 0;
    bool more;

    bson_append_document_begin(reply, "cursor", -1, &sub);
    if (last) {
        add_long(&sub, "id", 0);
        add_str(&sub, "ns", cur->ns);
    }
    bson_append_array_begin(&sub, name, -1, &arr);
    while (cur->next < cur->left.n && (size < 0 || (int64_t)n < size) && bytes < BATCH_BYTES) {
        bytes += cur->left.at[cur->next]->len;
        push_doc(&arr, &n, cur->left.at[cur->next++]);
    }
    bson_append_array_end(&sub, &arr);
    more = cur->next < cur->left.n;
    if (!last) {
        add_long(&sub, "id", more ? cur->id : 0);
        add_str(&sub, "ns", cur->ns);
    }
    bson_append_document_end(reply, &sub);
}

static void cursor_free(struct cursor *cur)
{
    results_done(&cur->left);
    free(cur->ns);
    free(cur);
}

void first_batch(struct call *c, const char *ns, struct results *r, struct batching how)
{
    int64_t size = how.size;
    struct cursor *cur = xalloc(sizeof *cur);
    int64_t id;

    random_bytes(&id, sizeof id);
    cur->id = (id & INT64_MAX) | 1;
    cur->ns = xstrdup(ns);
    cur->batch_last = how.batch_last && r->n == 0;
    cur->left = *r;
    if (how.single && size >= 0 && cur->left.n > (size_t)size)
        cut(&cur->left, 0, size);
    add_batch(c->reply, "firstBatch", cur, size);
    if (cur->next < cur->left.n && !how.single) {
        cur->link = cursors;
        cursors = cur;
    } else {
        cursor_free(cur);
    }
}

/* Committed reads wait until what is there now is committed. */
static int wait_for_level(struct call *c)
{
    bson_t concern;
    const char *level;
    int64_t until = mono_ms() + doc_int(c->command, "maxTimeMS", 30000);
    struct optime last = log_last();

    if (!doc_sub(c->command, "readConcern", &concern))
        return 0;
    level = doc_str(&concern, "level", "local");
    if (strcmp(level, "majority") != 0 && strcmp(level, "linearizable") != 0)
        return 0;
    repl_advance_commit();
    while (optime_cmp(node.commit, last) < 0) {
        if (!node_wait(until))
            return fail(c, 50, "operation exceeded time limit");
        repl_advance_commit();
    }
    return 0;
}

/* How many are skipped and shown can't be less than none. */
static int check_numbers(struct call *c)
{
    static const struct {
        const char *field, *called;
    } rows[] = {{"skip", "Skip"},
                {"limit", "Limit"},
                {"batchSize", "BatchSize"},
                {"ntoreturn", "NToReturn"}};
    bool limited = doc_int(c->command, "limit", 0) != 0 || doc_has(c->command, "batchSize");

    if (limited && doc_int(c->command, "ntoreturn", 0) != 0)
        return fail(c, 2, "'limit' or 'batchSize' fields can not be set with 'ntoreturn' field.");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int64_t n = doc_int(c->command, rows[i].field, 0);

        if (n >= 0)
            continue;
        if (version_at_least(5, 0))
            return fail(c, 51024, "BSON field '%s' value must be >= 0, actual value '%lld'",
                        rows[i].field, (long long)n);
        return fail(c, 2, "%s value must be non-negative, but received: %lld", rows[i].called,
                    (long long)n);
    }
    return 0;
}

static int find(struct call *c)
{
    bson_t query = BSON_INITIALIZER, sort, projection;
    struct results r = {0};
    char *ns = call_ns(c);
    int64_t limit = doc_int(c->command, "limit", 0), batch = doc_int(c->command, "batchSize", 101);
    bool single = doc_bool(c->command, "singleBatch", false);

    if (check_numbers(c) != 0 || wait_for_level(c) != 0) {
        free(ns);
        return -1;
    }
    if (doc_has(c->command, "ntoreturn"))
        limit = doc_int(c->command, "ntoreturn", 0);
    (void)doc_sub(c->command, "filter", &query);
    collect(ns, &query, &r);
    if (doc_sub(c->command, "sort", &sort) && !bson_empty(&sort))
        query_sort(&sort, r.at, r.n);
    cut(&r, doc_int(c->command, "skip", 0), limit);
    if (doc_sub(c->command, "projection", &projection) && !bson_empty(&projection))
        project(&r, &projection);
    first_batch(c, ns, &r, (struct batching){batch, single, data_find(ns) == NULL});
    free(ns);
    return 0;
}

static int get_more(struct call *c)
{
    int64_t id = doc_int(c->command, "getMore", 0), size = doc_int(c->command, "batchSize", 1);

    if (id == 0)
        return fail(c, 2, "Cursor id for getMore must be non-zero");
    if (size < 0 || (size == 0 && !version_at_least(5, 0)))
        return version_at_least(5, 0)
                   ? fail(c, 51024,
                          "BSON field 'batchSize' value must be >= 0, actual value '%lld'",
                          (long long)size)
                   : fail(c, 2, "Batch size for getMore must be positive, but received: %lld",
                          (long long)size);
    for (struct cursor **link = &cursors; *link != NULL; link = &(*link)->link) {
        struct cursor *cur = *link;

        if (cur->id != id)
            continue;
        add_batch(c->reply, "nextBatch", cur, doc_int(c->command, "batchSize", -1));
        if (cur->next == cur->left.n) {
            *link = cur->link;
            cursor_free(cur);
        }
        return 0;
    }
    return fail(c, 43, "cursor id %lld not found", (long long)id);
}

/* Until 5.0 the command looks at its list itself. */
static int check_cursors(struct call *c)
{
    char *text = bson_text(c->command), *one = NULL;
    bson_iter_t it;
    bson_t ids;
    int rc = 0;

    if (!version_at_least(5, 0) && doc_sub(c->command, "cursors", &ids)) {
        if (bson_empty(&ids))
            rc = fail(c, 2, "Must specify at least one cursor id in: %s", text);
        bson_iter_init(&it, &ids);
        while (rc == 0 && bson_iter_next(&it))
            if (!BSON_ITER_HOLDS_INT64(&it))
                rc = fail(c, 9,
                          "Field 'cursors' contains an element that is not of type long: %s: %s",
                          bson_iter_key(&it), one = iter_text(&it));
    }
    free(text);
    free(one);
    return rc;
}

static int kill_cursors(struct call *c)
{
    bson_t ids, killed = BSON_INITIALIZER, unknown = BSON_INITIALIZER;
    bson_iter_t it;

    if (check_cursors(c) != 0)
        return -1;
    if (doc_sub(c->command, "cursors", &ids) && bson_iter_init(&it, &ids)) {
        while (bson_iter_next(&it)) {
            bson_t *to = &unknown;

            for (struct cursor **link = &cursors; *link != NULL; link = &(*link)->link) {
                struct cursor *cur = *link;

                if (cur->id != bson_iter_as_int64(&it))
                    continue;
                *link = cur->link;
                cursor_free(cur);
                to = &killed;
                break;
            }
            bson_append_iter(to, NULL, 0, &it);
        }
    }
    add_arr(c->reply, "cursorsKilled", &killed);
    add_arr(c->reply, "cursorsNotFound", &unknown);
    bson_destroy(&killed);
    bson_destroy(&unknown);
    bson_t empty = BSON_INITIALIZER;
    add_arr(c->reply, "cursorsAlive", &empty);
    add_arr(c->reply, "cursorsUnknown", &empty);
    bson_destroy(&empty);
    return 0;
}

static int count(struct call *c)
{
    bson_t query = BSON_INITIALIZER;
    struct results r = {0};
    char *ns = call_ns(c);

    (void)doc_sub(c->command, "query", &query);
    collect(ns, &query, &r);
    cut(&r, doc_int(c->command, "skip", 0), doc_int(c->command, "limit", 0));
    add_int(c->reply, "n", (int32_t)r.n);
    results_done(&r);
    free(ns);
    return 0;
}

/* {_id: constant or null, <field>: {$sum: number}} */
static int stage_group(struct call *c, const bson_t *spec, struct results *r)
{
    bson_t *out = bson_new(), sub;
    bson_iter_t it, inner, id;

    if (doc_find(spec, "_id", &id) && BSON_ITER_HOLDS_UTF8(&id) &&
        bson_iter_utf8(&id, NULL)[0] == '$') {
        bson_destroy(out);
        return fail(c, 2, "the stand-in groups by a constant only");
    }
    bson_iter_init(&it, spec);
    while (bson_iter_next(&it)) {
        if (strcmp(bson_iter_key(&it), "_id") == 0) {
            bson_append_iter(out, NULL, 0, &it);
        } else if (iter_sub(&it, &sub) && bson_iter_init(&inner, &sub) && bson_iter_next(&inner) &&
                   strcmp(bson_iter_key(&inner), "$sum") == 0 && iter_is_number(&inner)) {
            add_int(out, bson_iter_key(&it), (int32_t)((int64_t)r->n * bson_iter_as_int64(&inner)));
        } else {
            bson_destroy(out);
            return fail(c, 15952, "unknown group operator");
        }
    }
    if (r->n == 0) {
        bson_destroy(out);
        return 0;
    }
    results_done(r);
    results_add(r, out);
    return 0;
}

static void stage_match(const bson_t *query, struct results *r)
{
    size_t to = 0;

    for (size_t i = 0; i < r->n; i++) {
        if (query_matches(query, r->at[i]))
            r->at[to++] = r->at[i];
        else
            bson_destroy(r->at[i]);
    }
    r->n = to;
}

static int stage(struct call *c, const bson_t *doc, struct results *r)
{
    const char *name = doc_first_key(doc);
    bson_t spec;
    bool sub = doc_sub(doc, name, &spec);

    if (strcmp(name, "$match") == 0 && sub) {
        stage_match(&spec, r);
    } else if (strcmp(name, "$group") == 0 && sub) {
        return stage_group(c, &spec, r);
    } else if (strcmp(name, "$sort") == 0 && sub) {
        query_sort(&spec, r->at, r->n);
    } else if (strcmp(name, "$project") == 0 && sub) {
        project(r, &spec);
    } else if (strcmp(name, "$limit") == 0) {
        cut(r, 0, doc_int(doc, name, 1));
    } else if (strcmp(name, "$skip") == 0) {
        cut(r, doc_int(doc, name, 0), 0);
    } else if (strcmp(name, "$count") == 0) {
        bson_t *out = bson_new();

        add_int(out, doc_str(doc, name, "count"), (int32_t)r->n);
        results_done(r);
        results_add(r, out);
    } else if (strcmp(name, "$currentOp") == 0 && sub) {
        bson_t holder = BSON_INITIALIZER, arr, one;
        bson_iter_t it;

        add_current_ops(&holder, "ops", doc_bool(&spec, "idleConnections", false));
        if (doc_sub(&holder, "ops", &arr) && bson_iter_init(&it, &arr))
            while (bson_iter_next(&it))
                if (iter_sub(&it, &one))
                    results_add(r, bson_copy(&one));
        bson_destroy(&holder);
    } else {
        return fail(c, 40324, "Unrecognized pipeline stage name: '%s'", name);
    }
    return 0;
}

static int check_pipeline(struct call *c)
{
    bson_iter_t it;
    bson_t list;

    if (!doc_find(c->command, "pipeline", &it) || !BSON_ITER_HOLDS_ARRAY(&it) ||
        !iter_sub(&it, &list))
        return fail(c, 14, "'pipeline' option must be specified as an array");
    bson_iter_init(&it, &list);
    while (bson_iter_next(&it))
        if (!BSON_ITER_HOLDS_DOCUMENT(&it))
            return fail(c, 14, "Each element of the 'pipeline' array must be an object");
    if (!doc_has(c->command, "cursor") && !doc_has(c->command, "explain"))
        return fail(c, 9,
                    "The 'cursor' option is required, except for aggregate with the explain "
                    "argument");
    if (doc_find(c->command, "cursor", &it) && !BSON_ITER_HOLDS_DOCUMENT(&it))
        return fail(c, 14, "cursor field must be missing or an object");
    return 0;
}

static int aggregate(struct call *c)
{
    bson_t pipeline, one, query = BSON_INITIALIZER, cursor;
    struct results r = {0};
    bson_iter_t it;
    bool named = doc_str(c->command, "aggregate", NULL) != NULL;
    char *ns = named ? call_ns(c) : xprintf("%s.$cmd.aggregate", c->db);
    int rc = check_pipeline(c);

    if (rc == 0)
        rc = wait_for_level(c);
    if (rc == 0)
        (void)doc_sub(c->command, "pipeline", &pipeline);
    if (rc == 0 && named)
        collect(ns, &query, &r);
    if (rc == 0) {
        bson_iter_init(&it, &pipeline);
        while (rc == 0 && bson_iter_next(&it))
            if (iter_sub(&it, &one))
                rc = stage(c, &one, &r);
    }
    if (rc == 0)
        first_batch(c, ns, &r,
                    (struct batching){.size = doc_sub(c->command, "cursor", &cursor)
                                                  ? doc_int(&cursor, "batchSize", 101)
                                                  : 101});
    else
        results_done(&r);
    free(ns);
    return rc;
}

const struct command read_commands[] = {
    {"find", F_READ, A_READ, find},           {"getMore", 0, A_NONE, get_more},
    {"killCursors", 0, A_NONE, kill_cursors}, {"count", F_READ, A_READ, count},
    {"aggregate", F_READ, A_READ, aggregate}, {NULL, 0, A_NONE, NULL},
};
