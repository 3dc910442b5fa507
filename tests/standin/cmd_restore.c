/* What restoring a dump needs: doing entries of another log, and taking users over. */
#include "cmd.h"
#include "data.h"
#include "repl.h"
#include "server.h"

#include <stdlib.h>
#include <string.h>

#define USERS "admin.system.users"

/* What an update entry makes of a document: a replacement, or operators beside a "$v". */
static bson_t *updated(struct call *c, const char *ns, const bson_iter_t *id, const bson_t *o)
{
    const struct collection *k = data_find(ns);
    const struct document *d = k == NULL ? NULL : data_by_id(k, id);
    bson_t update = BSON_INITIALIZER, *out = NULL;
    char why[300];

    bson_copy_to_excluding_noinit(o, &update, "$v", NULL);
    if (d == NULL)
        fail(c, 125, "Failed to apply update: no document with that _id in %s", ns);
    else if ((out = update_apply(d->doc, &update, false, why, sizeof why)) == NULL)
        fail(c, 9, "%s", why);
    bson_destroy(&update);
    return out;
}

/* Logs the entry anew, with this set's times; 0 or what fail() returned. */
static int do_entry(struct call *c, const bson_t *given)
{
    const char *op = doc_str(given, "op", ""), *ns = doc_str(given, "ns", "");
    char *db = strndup(ns, strcspn(ns, "."));
    enum action needs = *op == 'c' ? A_ADMIN_DB : A_WRITE;
    bool allowed = auth_allows(&c->conn->login, false, needs, "applyOps", db);
    bson_t o, o2, *entry, *after = NULL;
    bson_iter_t id;

    free(db);
    if (strlen(op) != 1 || strchr("iudcn", *op) == NULL || !doc_sub(given, "o", &o))
        return fail(c, 9, "cannot apply an entry without op, ns and o");
    if (*op == 'n')
        return 0;
    if (auth_enabled() && !allowed)
        return fail(c, 13, "not authorized on %s to execute command applyOps", c->db);
    if (*op != 'c' && !(doc_sub(given, "o2", &o2) && doc_find(&o2, "_id", &id)) &&
        !doc_find(&o, "_id", &id))
        return fail(c, 80, "Failed to apply %s due to missing _id", op);
    if (*op == 'u' && (after = updated(c, ns, &id, &o)) == NULL)
        return -1;
    if (*op == 'i' && data_find(ns) != NULL && data_by_id(data_find(ns), &id) != NULL)
        op = "u"; /* inserting what is there already replaces it */
    entry = repl_entry(op, ns);
    add_doc(entry, "o", after != NULL ? after : &o);
    if (*op == 'u') {
        bson_append_document_begin(entry, "o2", -1, &o2);
        bson_append_iter(&o2, "_id", -1, &id);
        bson_append_document_end(entry, &o2);
    }
    repl_append(entry);
    if (after != NULL)
        bson_destroy(after);
    return 0;
}

static int await_all(struct call *c)
{
    struct write_concern wc = write_concern_of(c->command);

    return repl_await(log_last(), wc, c->reply) ? 0 : fail(c, 11602, "operation was interrupted");
}

static int apply_ops(struct call *c)
{
    bson_t list, one, results = BSON_INITIALIZER;
    bson_iter_t it;
    int32_t n = 0;
    int rc = 0;

    if (!doc_sub(c->command, "applyOps", &list))
        return fail(c, 9, "ops has to be an array");
    bson_iter_init(&it, &list);
    while (rc == 0 && bson_iter_next(&it)) {
        if (!iter_sub(&it, &one))
            rc = fail(c, 9, "op not an object");
        else
            rc = do_entry(c, &one);
        if (rc == 0)
            bson_append_bool(&results, bson_iter_key(&it), -1, true);
        n += rc == 0;
    }
    if (rc == 0) {
        add_int(c->reply, "applied", n);
        add_arr(c->reply, "results", &results);
        rc = await_all(c);
    }
    bson_destroy(&results);
    return rc;
}

static void log_user(const char *op, const bson_t *doc, const bson_iter_t *id)
{
    bson_t *entry = repl_entry(op, USERS), sub;

    if (*op != 'd')
        add_doc(entry, "o", doc);
    if (*op != 'i') {
        bson_append_document_begin(entry, *op == 'd' ? "o" : "o2", -1, &sub);
        bson_append_iter(&sub, "_id", -1, id);
        bson_append_document_end(entry, &sub);
    }
    repl_append(entry);
}

/* Those of the temporary collection; with `drop`, the others of the same databases go. */
static int merge_authorization(struct call *c)
{
    const struct collection *from = data_find(doc_str(c->command, "tempUsersCollection", "")), *to;
    const char *db = doc_str(c->command, "db", "");
    bson_iter_t id;

    for (size_t i = 0; from != NULL && i < from->n; i++) {
        const bson_t *doc = from->at[i] == NULL ? NULL : from->at[i]->doc;

        if (doc == NULL || !doc_find(doc, "_id", &id) ||
            (*db != '\0' && strcmp(doc_str(doc, "db", ""), db) != 0))
            continue;
        to = data_find(USERS);
        log_user(to != NULL && data_by_id(to, &id) != NULL ? "u" : "i", doc, &id);
    }
    to = data_find(USERS);
    if (from == NULL || to == NULL || !doc_bool(c->command, "drop", false))
        return await_all(c);
    for (size_t i = to->n; i-- > 0;) { /* backwards: dropping may move those behind */
        const bson_t *doc = to->at[i] == NULL ? NULL : to->at[i]->doc;

        if (doc != NULL && doc_find(doc, "_id", &id) && data_by_id(from, &id) == NULL &&
            (*db == '\0' || strcmp(doc_str(doc, "db", ""), db) == 0))
            log_user("d", NULL, &id);
    }
    return await_all(c);
}

const struct command restore_commands[] = {
    {"applyOps", F_WRITE, A_APPLY, apply_ops},
    {"_mergeAuthzCollections", F_ADMIN | F_WRITE, A_USER, merge_authorization},
    {NULL, 0, A_NONE, NULL},
};
