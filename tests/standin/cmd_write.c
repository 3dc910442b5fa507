/* insert, update, delete, findAndModify, fsync. */
#include "cmd.h"
#include "data.h"
#include "repl.h"
#include "server.h"
#include "version.h"

#include <stdlib.h>
#include <string.h>

/* One write command under way. */
struct job {
    struct call *c;
    char *ns;
    int32_t n, modified, statement;
    bson_t errors, upserted;
    uint32_t n_errors, n_upserted;
    struct optime last;
    bool wrote, stop;
};

static void add_session(const struct job *j, bson_t *entry)
{
    bson_iter_t it;

    if (doc_find(j->c->command, "txnNumber", &it) && doc_find(j->c->command, "lsid", &it)) {
        bson_append_iter(entry, "lsid", -1, &it);
        add_long(entry, "txnNumber", doc_int(j->c->command, "txnNumber", 0));
        add_int(entry, "stmtId", j->statement);
    }
}

static bson_t *entry_for(const struct job *j, const char *op)
{
    bson_t *entry = repl_entry(op, j->ns);

    add_session(j, entry);
    return entry;
}

static void commit(struct job *j, bson_t *entry)
{
    j->last = repl_append(entry);
    j->wrote = true;
}

static void write_error(struct job *j, int32_t index, int code, const char *text,
                        const bson_iter_t *id)
{
    bson_t e = BSON_INITIALIZER, sub;

    add_int(&e, "index", index);
    add_int(&e, "code", code);
    if (id != NULL) {
        bson_append_document_begin(&e, "keyPattern", -1, &sub);
        add_int(&sub, "_id", 1);
        bson_append_document_end(&e, &sub);
        bson_append_document_begin(&e, "keyValue", -1, &sub);
        bson_append_iter(&sub, "_id", -1, id);
        bson_append_document_end(&e, &sub);
    }
    add_str(&e, "errmsg", text);
    push_doc(&j->errors, &j->n_errors, &e);
    bson_destroy(&e);
    if (doc_bool(j->c->command, "ordered", true))
        j->stop = true;
}

static bool insert_one(struct job *j, const bson_t *doc)
{
    const struct collection *c = data_find(j->ns);
    bson_t full = BSON_INITIALIZER, *entry;
    bson_oid_t oid;
    bson_iter_t id;
    char *text, *message;

    if (doc_find(doc, "_id", &id)) {
        bson_append_iter(&full, "_id", -1, &id);
    } else {
        bson_oid_init(&oid, NULL);
        bson_append_oid(&full, "_id", -1, &oid);
    }
    bson_copy_to_excluding_noinit(doc, &full, "_id", NULL);
    doc_find(&full, "_id", &id);
    if (c != NULL && data_by_id(c, &id) != NULL) {
        text = iter_text(&id);
        message =
            xprintf("E11000 duplicate key error collection: %s index: _id_ dup key: { _id: %s }",
                    j->ns, text);
        write_error(j, j->statement, 11000, message, &id);
        free(message);
        free(text);
        bson_destroy(&full);
        return false;
    }
    entry = entry_for(j, "i");
    add_doc(entry, "o", &full);
    commit(j, entry);
    bson_destroy(&full);
    return true;
}

static void replace_one(struct job *j, const bson_t *old, const bson_t *new, const bson_t *pre)
{
    bson_t *entry = entry_for(j, "u"), sub;
    bson_iter_t id;

    add_doc(entry, "o", new);
    bson_append_document_begin(entry, "o2", -1, &sub);
    if (doc_find(old, "_id", &id))
        bson_append_iter(&sub, "_id", -1, &id);
    bson_append_document_end(entry, &sub);
    if (pre != NULL)
        add_doc(entry, "preImage", pre);
    commit(j, entry);
}

static void delete_one(struct job *j, const bson_t *old, bool keep)
{
    bson_t *entry = entry_for(j, "d"), sub;
    bson_iter_t id;

    bson_append_document_begin(entry, "o", -1, &sub);
    if (doc_find(old, "_id", &id))
        bson_append_iter(&sub, "_id", -1, &id);
    bson_append_document_end(entry, &sub);
    if (keep)
        add_doc(entry, "preImage", old);
    commit(j, entry);
}

/* Copies of what matches, so that writing may go on while walking; one or all. */
static bson_t **matching(const char *ns, const bson_t *query, const bson_t *sort, bool one,
                         size_t *ret_n)
{
    const struct collection *c = data_find(ns);
    bson_t **list = NULL, sub;
    size_t n = 0;
    bson_iter_t id;
    const struct document *d;

    *ret_n = 0;
    if (c == NULL)
        return NULL;
    if (doc_find(query, "_id", &id) && !iter_sub(&id, &sub)) {
        d = data_by_id(c, &id);
        if (d == NULL || !query_matches(query, d->doc))
            return NULL;
        list = xalloc(sizeof *list);
        list[0] = bson_copy(d->doc);
        *ret_n = 1;
        return list;
    }
    for (size_t i = 0; i < c->n && !(one && sort == NULL && n == 1); i++) {
        if (c->at[i] == NULL || !query_matches(query, c->at[i]->doc))
            continue;
        list = xrealloc(list, (n + 1) * sizeof *list);
        list[n++] = bson_copy(c->at[i]->doc);
    }
    if (sort != NULL && n > 0)
        query_sort(sort, list, n);
    while (one && n > 1)
        bson_destroy(list[--n]);
    *ret_n = n;
    return list;
}

static void list_done(bson_t **list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bson_destroy(list[i]);
    free(list);
}

/* What an upsert inserts; NULL with an error noted. */
static bson_t *upsert_doc(struct job *j, const bson_t *query, const bson_t *update)
{
    bson_t *seed = upsert_seed(query), *doc;
    char why[300];

    doc = update_apply(seed, update, true, why, sizeof why);
    bson_destroy(seed);
    if (doc == NULL) {
        write_error(j, j->statement, 9, why, NULL);
    } else if (!doc_has(doc, "_id")) {
        bson_t *with = bson_new();
        bson_oid_t oid;

        bson_oid_init(&oid, NULL);
        bson_append_oid(with, "_id", -1, &oid);
        bson_concat(with, doc);
        bson_destroy(doc);
        doc = with;
    }
    return doc;
}

static void note_upserted(struct job *j, const bson_t *doc)
{
    bson_t one = BSON_INITIALIZER;
    bson_iter_t id;

    add_int(&one, "index", j->statement);
    if (doc_find(doc, "_id", &id))
        bson_append_iter(&one, "_id", -1, &id);
    push_doc(&j->upserted, &j->n_upserted, &one);
    bson_destroy(&one);
    j->n++;
}

static void do_insert(struct job *j, const bson_t *doc)
{
    if (insert_one(j, doc))
        j->n++;
}

static void do_update(struct job *j, const bson_t *spec)
{
    bson_t q = BSON_INITIALIZER, u, **list;
    size_t n;
    char why[300];

    (void)doc_sub(spec, "q", &q);
    if (!doc_sub(spec, "u", &u)) {
        write_error(j, j->statement, 9, "the stand-in knows no pipeline updates", NULL);
        return;
    }
    list = matching(j->ns, &q, NULL, !doc_bool(spec, "multi", false), &n);
    for (size_t i = 0; i < n && !j->stop; i++) {
        bson_t *new = update_apply(list[i], &u, false, why, sizeof why);

        if (new == NULL) {
            write_error(j, j->statement, 9, why, NULL);
            break;
        }
        j->n++;
        if (!bson_equal(new, list[i])) {
            replace_one(j, list[i], new, NULL);
            j->modified++;
        }
        bson_destroy(new);
    }
    if (n == 0 && doc_bool(spec, "upsert", false)) {
        bson_t *new = upsert_doc(j, &q, &u);

        if (new != NULL && insert_one(j, new))
            note_upserted(j, new);
        if (new != NULL)
            bson_destroy(new);
    }
    list_done(list, n);
}

static void do_delete(struct job *j, const bson_t *spec)
{
    bson_t q = BSON_INITIALIZER, **list;
    size_t n;

    (void)doc_sub(spec, "q", &q);
    list = matching(j->ns, &q, NULL, doc_int(spec, "limit", 0) == 1, &n);
    for (size_t i = 0; i < n; i++) {
        delete_one(j, list[i], false);
        j->n++;
    }
    list_done(list, n);
}

/* What the first execution of a retried statement did, told again. */
static void again(struct job *j, size_t position)
{
    const bson_t *entry = log_at(position)->doc;
    const char *op = doc_str(entry, "op", "");
    bson_t o;

    j->last = log_at(position)->at;
    if (*op == 'i' && strcmp(j->c->name, "update") == 0) {
        if (doc_sub(entry, "o", &o))
            note_upserted(j, &o);
        return;
    }
    j->n++;
    j->modified += *op == 'u';
}

static int check_session(struct call *c)
{
    size_t position;
    bool newer;

    if (!doc_has(c->command, "txnNumber"))
        return 0;
    if (!repl_active())
        return fail(c, 20,
                    "Transaction numbers are only allowed on a replica set member or mongos");
    (void)session_executed(c->command, 0, &position, &newer);
    if (newer)
        return fail(c, 225,
                    "Cannot start transaction %lld on session because a newer transaction has "
                    "already started.",
                    (long long)doc_int(c->command, "txnNumber", 0));
    return 0;
}

/* From 5.0 on in the order of the reply's grammar. */
static void finish_newer_reply(struct job *j)
{
    bson_t *r = j->c->reply;

    add_int(r, "n", j->n);
    if (repl_active()) {
        add_election_id(r, "electionId");
        add_optime(r, "opTime", j->last);
    }
    if (j->n_errors > 0)
        add_arr(r, "writeErrors", &j->errors);
    if (strcmp(j->c->name, "update") == 0) {
        if (j->n_upserted > 0)
            add_arr(r, "upserted", &j->upserted);
        add_int(r, "nModified", j->modified);
    }
}

static void finish_reply(struct job *j)
{
    bson_t *r = j->c->reply;

    if (version_at_least(5, 0)) {
        finish_newer_reply(j);
        return;
    }
    add_int(r, "n", j->n);
    if (strcmp(j->c->name, "update") == 0) {
        add_int(r, "nModified", j->modified);
        if (j->n_upserted > 0)
            add_arr(r, "upserted", &j->upserted);
    }
    if (j->n_errors > 0)
        add_arr(r, "writeErrors", &j->errors);
    if (repl_active()) {
        add_optime(r, "opTime", j->last);
        add_election_id(r, "electionId");
    }
}

/* The batch as a whole: how many statements, and how much each of them may delete. */
static int check_batch(struct call *c, const bson_t *list)
{
    uint32_t n = bson_count_keys(list);
    bson_iter_t it;
    bson_t one;

    if (n < 1 || n > 100000)
        return fail(c, 16, "Write batch sizes must be between 1 and 100000. Got %u operations.", n);
    bson_iter_init(&it, list);
    while (strcmp(c->name, "delete") == 0 && bson_iter_next(&it)) {
        double limit = iter_sub(&it, &one) ? doc_num(&one, "limit", 0) : 0;

        if (limit < 0 || limit > 1 || (limit > 0 && limit < 1))
            return fail(c, 9, "The limit field in delete objects must be 0 or 1. Got %g", limit);
    }
    return 0;
}

static int write_many(struct call *c, const char *list_name,
                      void (*one)(struct job *, const bson_t *))
{
    struct job j = {.c = c, .last = log_last()};
    bson_t list, doc;
    bson_iter_t it;
    int rc = check_session(c);

    if (rc != 0)
        return rc;
    if (!doc_sub(c->command, list_name, &list) || check_batch(c, &list) != 0)
        return -1;
    bson_init(&j.errors);
    bson_init(&j.upserted);
    j.ns = call_ns(c);
    bson_iter_init(&it, &list);
    while (!j.stop && bson_iter_next(&it)) {
        size_t position;
        bool newer;

        if (!iter_sub(&it, &doc))
            continue;
        if (session_executed(c->command, j.statement, &position, &newer))
            again(&j, position);
        else
            one(&j, &doc);
        j.statement++;
    }
    finish_reply(&j);
    /* also when nothing was written: what the client saw must be as safe as it asked for */
    if (!repl_await(j.last, write_concern_of(c->command), c->reply))
        rc = fail(c, 11602, "operation was interrupted");
    bson_destroy(&j.errors);
    bson_destroy(&j.upserted);
    free(j.ns);
    return rc;
}

static int insert(struct call *c)
{
    return write_many(c, "documents", do_insert);
}

static int update(struct call *c)
{
    return write_many(c, "updates", do_update);
}

static int delete (struct call *c)
{
    return write_many(c, "deletes", do_delete);
}

static void found_reply(struct call *c, const bson_t *value, bool existing, bool remove,
                        const bson_t *upserted)
{
    bson_t sub;
    bson_iter_t id;

    bson_append_document_begin(c->reply, "lastErrorObject", -1, &sub);
    add_int(&sub, "n", existing || upserted != NULL);
    if (!remove)
        add_bool(&sub, "updatedExisting", existing);
    if (upserted != NULL && doc_find(upserted, "_id", &id))
        bson_append_iter(&sub, "upserted", -1, &id);
    bson_append_document_end(c->reply, &sub);
    if (value != NULL)
        add_doc(c->reply, "value", value);
    else
        bson_append_null(c->reply, "value", -1);
}

static void retold(struct call *c, const bson_t *entry)
{
    const char *op = doc_str(entry, "op", "");
    bool new = doc_bool(c->command, "new", false);
    bson_t o, pre;
    bool has_pre = doc_sub(entry, "preImage", &pre);

    if (*op == 'i' && doc_sub(entry, "o", &o))
        found_reply(c, new ? &o : NULL, false, false, &o);
    else if (*op == 'd')
        found_reply(c, has_pre ? &pre : NULL, true, true, NULL);
    else
        found_reply(c,
                    new &&doc_sub(entry, "o", &o) ? &o
                    : has_pre                     ? &pre
                                                  : NULL,
                    true, false, NULL);
}

static int modify_found(struct job *j, const bson_t *old, const bson_t *q, const bson_t *u)
{
    struct call *c = j->c;
    bool new_wanted = doc_bool(c->command, "new", false),
         upsert = doc_bool(c->command, "upsert", false);
    char why[300];
    bson_t *new;

    if (old == NULL && !upsert) {
        found_reply(c, NULL, false, false, NULL);
        return 0;
    }
    new = old != NULL ? update_apply(old, u, false, why, sizeof why) : upsert_doc(j, q, u);
    if (new == NULL)
        return fail(c, 9, "%s", old != NULL ? why : "Unknown modifier");
    if (old != NULL)
        replace_one(j, old, new, old);
    else if (!insert_one(j, new)) {
        bson_destroy(new);
        return fail(c, 11000, "E11000 duplicate key error collection: %s index: _id_ dup key",
                    j->ns);
    }
    found_reply(c, new_wanted ? new : old, old != NULL, false, old == NULL ? new : NULL);
    bson_destroy(new);
    return 0;
}

/* What can't be asked for at once. */
static int check_modification(struct call *c, bool remove)
{
    bool change = doc_has(c->command, "update");

    if (!remove && !change)
        return fail(c, 9, "Either an update or remove=true must be specified");
    if (remove && change)
        return fail(c, 9, "Cannot specify both an update and remove=true");
    if (remove && doc_bool(c->command, "upsert", false))
        return fail(c, 9, "Cannot specify both upsert=true and remove=true");
    if (remove && doc_bool(c->command, "new", false))
        return fail(c, 9,
                    "Cannot specify both new=true and remove=true; 'remove' always returns the "
                    "deleted document");
    if (remove && doc_has(c->command, "arrayFilters"))
        return fail(c, 9, "Cannot specify arrayFilters and remove=true");
    return 0;
}

static int find_and_modify(struct call *c)
{
    struct job j = {.c = c, .last = log_last()};
    bson_t q = BSON_INITIALIZER, u = BSON_INITIALIZER, sort, **list = NULL;
    size_t n = 0, position;
    bool newer, remove = doc_bool(c->command, "remove", false);
    int rc = check_modification(c, remove);

    if (rc == 0)
        rc = check_session(c);
    if (rc != 0)
        return rc;
    bson_init(&j.errors);
    bson_init(&j.upserted);
    j.ns = call_ns(c);
    (void)doc_sub(c->command, "query", &q);
    (void)doc_sub(c->command, "update", &u);
    if (session_executed(c->command, 0, &position, &newer)) {
        j.last = log_at(position)->at;
        retold(c, log_at(position)->doc);
    } else {
        list = matching(j.ns, &q, doc_sub(c->command, "sort", &sort) ? &sort : NULL, true, &n);
        if (remove) {
            found_reply(c, n > 0 ? list[0] : NULL, n > 0, true, NULL);
            if (n > 0)
                delete_one(&j, list[0], true);
        } else {
            rc = modify_found(&j, n > 0 ? list[0] : NULL, &q, &u);
        }
        list_done(list, n);
    }
    if (rc == 0 && !repl_await(j.last, write_concern_of(c->command), c->reply))
        rc = fail(c, 11602, "operation was interrupted");
    bson_destroy(&j.errors);
    bson_destroy(&j.upserted);
    free(j.ns);
    return rc;
}

static int fsync_command(struct call *c)
{
    int64_t until = mono_ms() + 30000;
    struct optime last = log_last();

    if (doc_bool(c->command, "lock", false) && doc_bool(c->command, "async", false))
        return fail(c, 0, "fsync: sync option must be true when using lock");
    while (optime_cmp(log_durable(), last) < 0 && node_wait(until))
        ;
    if (!doc_bool(c->command, "lock", false)) {
        add_int(c->reply, "numFiles", 1);
        return 0;
    }
    add_str(c->reply, "info", "now locked against writes, use db.fsyncUnlock() to unlock");
    add_long(c->reply, "lockCount", ++node.lock_count);
    add_str(c->reply, "seeAlso", "http://dochub.mongodb.org/core/fsynccommand");
    return 0;
}

static int fsync_unlock(struct call *c)
{
    if (node.lock_count == 0)
        return fail(c, 20, "fsyncUnlock called when not locked");
    add_str(c->reply, "info", "fsyncUnlock completed");
    add_long(c->reply, "lockCount", --node.lock_count);
    node_changed();
    return 0;
}

const struct command write_commands[] = {
    {"insert", F_WRITE, A_WRITE, insert},
    {"update", F_WRITE, A_WRITE, update},
    {"delete", F_WRITE, A_WRITE, delete},
    {"findAndModify", F_WRITE, A_WRITE, find_and_modify},
    {"findandmodify", F_WRITE, A_WRITE, find_and_modify},
    {"fsync", F_ADMIN, A_HOST, fsync_command},
    {"fsyncUnlock", F_ADMIN, A_HOST, fsync_unlock},
    {NULL, 0, A_NONE, NULL},
};
