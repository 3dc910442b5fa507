/* Databases, collections and indexes: listing, making, dropping. */
#include "arguments.h"
#include "cmd.h"
#include "data.h"
#include "repl.h"
#include "server.h"
#include "version.h"

#include <stdlib.h>
#include <string.h>

static bool may_see(struct call *c, const char *db)
{
    return auth_allows(&c->conn->login, false, A_READ, "find", db) ||
           auth_allows(&c->conn->login, false, A_MONITOR, "listDatabases", "admin");
}

static bool database_seen(const bson_t *arr, const char *db)
{
    bson_iter_t it;
    bson_t one;

    bson_iter_init(&it, arr);
    while (bson_iter_next(&it))
        if (iter_sub(&it, &one) && strcmp(doc_str(&one, "name", ""), db) == 0)
            return true;
    return false;
}

static void add_database(struct call *c, bson_t *arr, uint32_t *n, const char *db, double *total)
{
    bson_t one = BSON_INITIALIZER, filter = BSON_INITIALIZER;
    double size = 8192;

    if (database_seen(arr, db) || (auth_enabled() && !may_see(c, db)))
        return;
    (void)doc_sub(c->command, "filter", &filter);
    for (size_t i = 0; i < data_collections(); i++) {
        const struct collection *k = data_collection(i);
        int64_t pages = (int64_t)k->live * 128 / 4096 + 1;

        if (strncmp(k->ns, db, strlen(db)) == 0 && k->ns[strlen(db)] == '.')
            size += (double)(pages * 4096);
    }
    add_str(&one, "name", db);
    if (!doc_bool(c->command, "nameOnly", false)) {
        add_num(&one, "sizeOnDisk", size);
        add_bool(&one, "empty", false);
    }
    if (query_matches(&filter, &one)) {
        push_doc(arr, n, &one);
        *total += size;
    }
    bson_destroy(&one);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_databases(struct call *c)
{
    bson_t arr = BSON_INITIALIZER;
    size_t m = 0, count_of = data_collections() + 2;
    char **names = xalloc(count_of * sizeof(char *));
    uint32_t n = 0;
    double total = 0;

    if (log_count() > 0 && repl_active()) {
        names[m++] = xstrdup("local");
        if (node.keys_loaded)
            names[m++] = xstrdup("config");
    }
    for (size_t i = 0; i < data_collections(); i++) {
        const char *ns = data_collection(i)->ns;

        names[m++] = strndup(ns, strcspn(ns, "."));
    }
    qsort(names, m, sizeof *names, by_name);
    for (size_t i = 0; i < m; i++) {
        add_database(c, &arr, &n, names[i], &total);
        free(names[i]);
    }
    free(names);
    add_arr(c->reply, "databases", &arr);
    if (!doc_bool(c->command, "nameOnly", false))
        add_num(c->reply, "totalSize", total);
    bson_destroy(&arr);
    return 0;
}

static void add_id_index(bson_t *to, const char *ns)
{
    bson_t key;

    add_int(to, "v", 2);
    bson_append_document_begin(to, "key", -1, &key);
    add_int(&key, "_id", 1);
    bson_append_document_end(to, &key);
    add_str(to, "name", "_id_");
    if (!version_at_least(4, 4))
        add_str(to, "ns", ns);
}

static bson_t *describe(const struct collection *k, const char *name, bool name_only)
{
    bson_t *one = bson_new(), sub;

    add_str(one, "name", name);
    add_str(one, "type", "collection");
    if (name_only)
        return one;
    add_doc(one, "options", k->options);
    bson_append_document_begin(one, "info", -1, &sub);
    add_bool(&sub, "readOnly", false);
    add_bin(&sub, "uuid", BSON_SUBTYPE_UUID, k->uuid, sizeof k->uuid);
    bson_append_document_end(one, &sub);
    bson_append_document_begin(one, "idIndex", -1, &sub);
    add_id_index(&sub, k->ns);
    bson_append_document_end(one, &sub);
    return one;
}

static int list_collections(struct call *c)
{
    struct results r = {0};
    bson_t filter = BSON_INITIALIZER;
    char *ns = xprintf("%s.$cmd.listCollections", c->db);
    bool name_only = doc_bool(c->command, "nameOnly", false);
    size_t len = strlen(c->db);

    (void)doc_sub(c->command, "filter", &filter);
    for (size_t i = 0; i < data_collections(); i++) {
        const struct collection *k = data_collection(i);
        bson_t *one;

        if (strncmp(k->ns, c->db, len) != 0 || k->ns[len] != '.')
            continue;
        one = describe(k, k->ns + len + 1, name_only);
        if (query_matches(&filter, one))
            results_add(&r, one);
        else
            bson_destroy(one);
    }
    first_batch(c, ns, &r, (struct batching){.size = -1});
    free(ns);
    return 0;
}

/* The collection that the command names, or NULL after failing. */
static const struct collection *existing(struct call *c, const char *words)
{
    char *ns = call_ns(c);
    const struct collection *k = data_find(ns);

    if (k == NULL)
        fail(c, 26, "%s%s", words, strstr(words, ":") != NULL ? ns : "");
    free(ns);
    return k;
}

static int list_indexes(struct call *c)
{
    struct results r = {0};
    const struct collection *k = existing(c, "ns does not exist: ");
    bson_t *one;

    if (k == NULL)
        return -1;
    one = bson_new();
    add_id_index(one, k->ns);
    results_add(&r, one);
    for (size_t i = 0; i < k->n_indexes; i++) {
        one = bson_copy(k->index[i]);
        if (!version_at_least(4, 4) && !doc_has(one, "ns"))
            add_str(one, "ns", k->ns);
        results_add(&r, one);
    }
    first_batch(c, k->ns, &r, (struct batching){.size = -1});
    return 0;
}

/* --- changes: each is an entry of the log with a command in it --- */

static int log_command(struct call *c, const bson_t *o)
{
    char *ns = xprintf("%s.$cmd", c->db);
    bson_t *entry = repl_entry("c", ns);
    struct optime at;

    add_doc(entry, "o", o);
    free(ns);
    at = repl_append(entry);
    return repl_await(at, write_concern_of(c->command), c->reply)
               ? 0
               : fail(c, 11602, "operation was interrupted");
}

/* Logs `{what: name}` with the fields of `more`, which may be NULL. */
static int log_named(struct call *c, const char *what, const char *name, const bson_t *more)
{
    bson_t o = BSON_INITIALIZER;
    int rc;

    add_str(&o, what, name);
    if (more != NULL)
        bson_concat(&o, more);
    rc = log_command(c, &o);
    bson_destroy(&o);
    return rc;
}

/* Options that need each other, and those that are nobody's. */
static int check_options(struct call *c)
{
    bool capped = doc_bool(c->command, "capped", false), size = doc_has(c->command, "size"),
         max = doc_has(c->command, "max");

    if (capped && !size)
        return fail(c, 72, "the 'size' field is required when 'capped' is true");
    if ((size || max) && !capped)
        return fail(c, 72,
                    "the 'capped' field needs to be true when either the 'size' or 'max' fields "
                    "are present");
    if (doc_has(c->command, "temp"))
        return fail(c, 72, "the 'temp' field is an invalid option");
    return 0;
}

static int create(struct call *c)
{
    bson_t options = BSON_INITIALIZER;
    char *ns;
    int rc = check_options(c);

    if (rc != 0)
        return rc;
    ns = call_ns(c);
    if (data_find(ns) != NULL)
        rc = fail(c, 48, "a collection '%s' already exists", ns);
    free(ns);
    if (rc == 0) {
        bson_copy_to_excluding_noinit(c->command, &options, "create", "idIndex", "$db", "lsid",
                                      "txnNumber", "$clusterTime", "$readPreference",
                                      "writeConcern", "maxTimeMS", "comment", NULL);
        rc = log_named(c, "create", doc_str(c->command, "create", ""), &options);
    }
    bson_destroy(&options);
    return rc;
}

static int drop(struct call *c)
{
    char *ns = call_ns(c);
    const struct collection *k = data_find(ns);
    int rc = 0;

    if (k == NULL) {
        free(ns);
        return version_at_least(7, 0) ? 0 : fail(c, 26, "ns not found");
    }
    add_int(c->reply, "nIndexesWas", 1 + (int32_t)k->n_indexes);
    add_str(c->reply, "ns", ns);
    rc = log_named(c, "drop", doc_str(c->command, "drop", ""), NULL);
    free(ns);
    return rc;
}

static int drop_database(struct call *c)
{
    bson_t o = BSON_INITIALIZER;
    int rc;

    if (repl_active() && strcmp(c->db, "local") == 0)
        return fail(c, 20, "Cannot drop 'local' database while replication is active");
    if (doc_num(c->command, "dropDatabase", 0) != 1)
        return version_at_least(5, 0) ? fail(c, 5255100, "Have to pass 1 as 'drop' parameter")
                                      : fail(c, 20, "have to pass 1 as db parameter");

    add_str(c->reply, "dropped", c->db);
    add_int(&o, "dropDatabase", 1);
    rc = log_command(c, &o);
    bson_destroy(&o);
    return rc;
}

/* What is wrong with one of the indexes to be made. */
static int check_index(struct call *c, const bson_t *spec)
{
    const char *missing = !doc_has(spec, "key")    ? "key"
                          : !doc_has(spec, "name") ? "name"
                                                   : NULL,
               *name = doc_str(spec, "name", NULL);
    char *text = bson_text(spec);
    bson_t key;
    int rc = 0;

    if (missing != NULL)
        rc = fail(c, 9,
                  "Error in specification %s :: caused by :: The '%s' field is a required "
                  "property of an index specification",
                  text, missing);
    else if (!doc_sub(spec, "key", &key))
        rc = fail(c, 14,
                  "Error in specification %s :: caused by :: The field 'key' must be an object",
                  text);
    else if (name == NULL)
        rc = fail(c, 14,
                  "Error in specification %s :: caused by :: The field 'name' must be a string",
                  text);
    else if (strcmp(name, "*") == 0)
        rc = fail(c, 2, "The index name '*' is not valid.");
    free(text);
    return rc;
}

/* Whether that index is there; -1 after failing when another one has its name. */
static int index_known(struct call *c, const char *ns, const bson_t *spec)
{
    const struct collection *k = data_find(ns);
    bson_t key, old_key;

    if (check_index(c, spec) != 0 || !doc_sub(spec, "key", &key))
        return -1;
    for (size_t i = 0; k != NULL && i < k->n_indexes; i++) {
        if (strcmp(doc_str(k->index[i], "name", ""), doc_str(spec, "name", "")) != 0)
            continue;
        if (doc_sub(k->index[i], "key", &old_key) && bson_equal(&key, &old_key))
            return 1;
        return fail(c, 86,
                    "Index must have unique name. An existing index has the same name as the "
                    "requested index: %s",
                    doc_str(spec, "name", ""));
    }
    return strcmp(doc_str(spec, "name", ""), "_id_") == 0;
}

static int log_new_index(struct call *c, const bson_t *spec)
{
    bson_t more = BSON_INITIALIZER;
    bson_iter_t key;
    int rc;

    add_int(&more, "v", (int32_t)doc_int(spec, "v", 2));
    if (doc_find(spec, "key", &key))
        bson_append_iter(&more, "key", -1, &key);
    add_str(&more, "name", doc_str(spec, "name", ""));
    bson_copy_to_excluding_noinit(spec, &more, "v", "key", "name", "ns", NULL);
    rc = log_named(c, "createIndexes", doc_str(c->command, "createIndexes", ""), &more);
    bson_destroy(&more);
    return rc;
}

/* Indexes are kept and shown, and have no effect: nothing here is large enough to need one. */
static int create_indexes(struct call *c)
{
    char *ns = call_ns(c);
    const struct collection *k = data_find(ns);
    int32_t before = k == NULL ? 1 : 1 + (int32_t)k->n_indexes, after = before;
    bson_t list, spec;
    bson_iter_t it;
    int known, rc = 0;

    if (!doc_sub(c->command, "indexes", &list) || bson_empty(&list))
        rc = fail(c, 2, "Must specify at least one index to create");
    else if (k == NULL)
        rc = log_named(c, "create", doc_str(c->command, "createIndexes", ""), NULL);
    for (bool more = rc == 0 && bson_iter_init(&it, &list); more && bson_iter_next(&it);) {
        if (!iter_sub(&it, &spec)) {
            rc = fail(c, 14, "The elements of the 'indexes' array must be objects, but got %s",
                      type_name(&it));
            break;
        }
        known = index_known(c, ns, &spec);
        rc = known != 0 ? known : log_new_index(c, &spec);
        after += known == 0;
        more = rc >= 0;
    }
    free(ns);
    if (rc < 0)
        return rc;
    add_bool(c->reply, "createdCollectionAutomatically", k == NULL);
    add_int(c->reply, "numIndexesBefore", before);
    add_int(c->reply, "numIndexesAfter", after);
    if (before == after)
        add_str(c->reply, "note", "all indexes already exist");
    else if (version_at_least(4, 4) && repl_active())
        add_str(c->reply, "commitQuorum", "votingMembers");
    return 0;
}

/* Which of them is said by name, by key, or by `*`. */
static int check_which(struct call *c)
{
    bson_iter_t it;
    char *text;
    int rc;

    if (!doc_find(c->command, "index", &it))
        return fail(c, 27, "invalid index name spec: EOO");
    if (BSON_ITER_HOLDS_UTF8(&it))
        return strcmp(bson_iter_utf8(&it, NULL), "_id_") == 0 ? fail(c, 72, "cannot drop _id index")
                                                              : 0;
    text = iter_text(&it);
    rc = fail(c, 27,
              BSON_ITER_HOLDS_DOCUMENT(&it) ? "can't find index with key: %s"
                                            : "invalid index name spec: %s",
              text);
    free(text);
    return rc;
}

static int drop_indexes(struct call *c)
{
    const struct collection *k = existing(c, "ns not found");
    const char *which = doc_str(c->command, "index", NULL);
    bool all = which != NULL && strcmp(which, "*") == 0;
    int rc = 0;
    size_t n;

    if (k == NULL || (strcmp(c->name, "dropIndexes") == 0 && check_which(c) != 0))
        return -1;
    n = k->n_indexes;
    add_int(c->reply, "nIndexesWas", 1 + (int32_t)n);
    if (all)
        add_str(c->reply, "msg", "non-_id indexes dropped for collection");
    for (size_t i = n; rc == 0 && i-- > 0;) {
        bson_t what = BSON_INITIALIZER;
        char *name = xstrdup(doc_str(k->index[i], "name", ""));

        if (all || (which != NULL && strcmp(which, name) == 0)) {
            add_str(&what, "index", name);
            rc = log_named(c, "dropIndexes", doc_str(c->command, c->name, ""), &what);
        }
        bson_destroy(&what);
        free(name);
    }
    if (rc == 0 && !all && k->n_indexes == n)
        rc = fail(c, 27, "index not found with name [%s]", which == NULL ? "" : which);
    return rc;
}

const struct command catalog_commands[] = {
    {"listDatabases", F_ADMIN | F_READ, A_NONE, list_databases},
    {"listCollections", F_READ, A_READ, list_collections},
    {"listIndexes", F_READ, A_READ, list_indexes},
    {"create", F_WRITE, A_ADMIN_DB, create},
    {"drop", F_WRITE, A_ADMIN_DB, drop},
    {"dropDatabase", F_WRITE, A_ADMIN_DB, drop_database},
    {"createIndexes", F_WRITE, A_ADMIN_DB, create_indexes},
    {"dropIndexes", F_WRITE, A_ADMIN_DB, drop_indexes},
    {"deleteIndexes", F_WRITE, A_ADMIN_DB, drop_indexes},
    {NULL, 0, A_NONE, NULL},
};
