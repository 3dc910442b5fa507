/* libmongoc's client: does the jobs of a file and prints what came of them, as JSON lines. See
 * client.py, whose sibling it is. */
#include <mongoc/mongoc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DOCUMENTS 500

struct step {
    const char *name, *into, *stop;
    const bson_t *given;
};

static mongoc_collection_t *majority(mongoc_client_t *client, const char *database,
                                     const char *name)
{
    mongoc_collection_t *c = mongoc_client_get_collection(client, database, name);
    mongoc_write_concern_t *wc = mongoc_write_concern_new();

    mongoc_write_concern_set_w(wc, MONGOC_WRITE_CONCERN_W_MAJORITY);
    mongoc_collection_set_write_concern(c, wc);
    mongoc_write_concern_destroy(wc);
    return c;
}

static void add_error(bson_t *to, const bson_error_t *error)
{
    BSON_APPEND_INT32(to, "code", (int32_t)error->code);
    BSON_APPEND_INT32(to, "domain", (int32_t)error->domain);
    BSON_APPEND_UTF8(to, "text", error->message);
}

static void put_error(bson_t *out, const bson_error_t *error, const bson_t *reply)
{
    bson_t sub;
    bson_iter_t it;

    BSON_APPEND_DOCUMENT_BEGIN(out, "error", &sub);
    add_error(&sub, error);
    if (reply != NULL && bson_iter_init_find(&it, reply, "codeName"))
        BSON_APPEND_VALUE(&sub, "name", bson_iter_value(&it));
    bson_append_document_end(out, &sub);
}

static const char *text_of(const bson_t *doc, const char *key)
{
    bson_iter_t it;

    return bson_iter_init_find(&it, doc, key) && BSON_ITER_HOLDS_UTF8(&it)
               ? bson_iter_utf8(&it, NULL)
               : "";
}

static void print(const bson_t *doc)
{
    char *text = bson_as_relaxed_extended_json(doc, NULL);

    printf("%s\n", text);
    fflush(stdout);
    bson_free(text);
}

/* The reply's field `path` under another name. */
static void take(bson_t *out, const char *as, const bson_t *reply, const char *path)
{
    bson_iter_t it, found;

    if (bson_iter_init(&it, reply) && bson_iter_find_descendant(&it, path, &found))
        BSON_APPEND_VALUE(out, as, bson_iter_value(&found));
}

static bool status(mongoc_client_t *client, const struct step *step, bson_t *out, bson_t *reply,
                   bson_error_t *error)
{
    bson_t *command = BCON_NEW("connectionStatus", BCON_INT32(1)), list;
    bool ok = mongoc_client_command_simple(client, "admin", command, NULL, reply, error);
    bson_iter_t it, users, field;
    char name[200];
    uint32_t n = 0;

    (void)step;
    bson_destroy(command);
    if (!ok)
        return false;
    BSON_APPEND_ARRAY_BEGIN(out, "users", &list);
    if (bson_iter_init(&it, reply) &&
        bson_iter_find_descendant(&it, "authInfo.authenticatedUsers", &users) &&
        bson_iter_recurse(&users, &it))
        while (bson_iter_next(&it)) {
            char key[16];
            const char *k, *user = "", *db = "";

            bson_iter_recurse(&it, &field);
            while (bson_iter_next(&field)) {
                if (strcmp(bson_iter_key(&field), "user") == 0)
                    user = bson_iter_utf8(&field, NULL);
                else if (strcmp(bson_iter_key(&field), "db") == 0)
                    db = bson_iter_utf8(&field, NULL);
            }
            bson_snprintf(name, sizeof name, "%s@%s", user, db);
            bson_uint32_to_string(n++, &k, key, sizeof key);
            BSON_APPEND_UTF8(&list, k, name);
        }
    bson_append_array_end(out, &list);
    return true;
}

static bool role(mongoc_client_t *client, const struct step *step, bson_t *out, bson_t *reply,
                 bson_error_t *error)
{
    bson_t *command = BCON_NEW("isMaster", BCON_INT32(1));
    bool ok = mongoc_client_command_simple(client, "admin", command, NULL, reply, error);

    (void)step;
    bson_destroy(command);
    if (ok) {
        take(out, "primary", reply, "ismaster");
        take(out, "hosts", reply, "hosts");
        take(out, "set", reply, "setName");
        take(out, "wire", reply, "maxWireVersion");
    }
    return ok;
}

static bool insert(mongoc_client_t *client, const struct step *step, bson_t *out, bson_t *reply,
                   bson_error_t *error)
{
    mongoc_collection_t *c = majority(client, "shop", step->into);
    bson_t doc = BSON_INITIALIZER;
    bool ok;

    (void)out;
    take(&doc, "_id", step->given, "id");
    ok = mongoc_collection_insert_one(c, &doc, NULL, reply, error);
    bson_destroy(&doc);
    mongoc_collection_destroy(c);
    return ok;
}

static bool forbidden(mongoc_client_t *client, const struct step *step, bson_t *out, bson_t *reply,
                      bson_error_t *error)
{
    mongoc_collection_t *c = mongoc_client_get_collection(client, "elsewhere", "things");
    bson_t *doc = BCON_NEW("_id", BCON_INT32(1));
    bool ok = mongoc_collection_insert_one(c, doc, NULL, reply, error);

    (void)step;
    (void)out;
    bson_destroy(doc);
    mongoc_collection_destroy(c);
    return ok;
}

static bool insert_many(mongoc_collection_t *c, bson_t *out, bson_error_t *error)
{
    bson_t *docs[DOCUMENTS], reply;
    bool ok;
    char text[51];

    memset(text, 'x', 50);
    text[50] = '\0';
    for (int i = 0; i < DOCUMENTS; i++)
        docs[i] = BCON_NEW("_id", BCON_INT32(i), "group", BCON_INT32(i % 3), "text", text);
    ok = mongoc_collection_insert_many(c, (const bson_t **)docs, DOCUMENTS, NULL, &reply, error);
    take(out, "inserted", &reply, "insertedCount");
    for (int i = 0; i < DOCUMENTS; i++)
        bson_destroy(docs[i]);
    bson_destroy(&reply);
    return ok;
}

struct found {
    int number;
    int64_t first; /* its _id */
};

/* How many documents a query yields, and the first one. */
static bool read_all(mongoc_collection_t *c, bson_t *filter, bson_t *options, struct found *found,
                     bson_error_t *error)
{
    mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(c, filter, options, NULL);
    const bson_t *doc;
    bson_iter_t it;
    bool ok;

    found->number = 0;
    while (mongoc_cursor_next(cursor, &doc))
        if (found->number++ == 0 && bson_iter_init_find(&it, doc, "_id"))
            found->first = bson_iter_as_int64(&it);
    ok = !mongoc_cursor_error(cursor, error);
    mongoc_cursor_destroy(cursor);
    bson_destroy(filter);
    bson_destroy(options);
    return ok;
}

static bool find_and_count(mongoc_collection_t *c, bson_t *out, bson_error_t *error)
{
    struct found found = {.first = -1};

    if (!read_all(c, BCON_NEW("group", "{", "$in", "[", BCON_INT32(0), BCON_INT32(1), "]", "}"),
                  BCON_NEW("sort", "{", "_id", BCON_INT32(-1), "}", "batchSize", BCON_INT32(100)),
                  &found, error))
        return false;
    BSON_APPEND_INT32(out, "read", found.number);
    if (!read_all(c, bson_new(),
                  BCON_NEW("sort", "{", "_id", BCON_INT32(-1), "}", "limit", BCON_INT64(1)), &found,
                  error))
        return false;
    BSON_APPEND_INT64(out, "first", found.first);
    return true;
}

static bool change(mongoc_collection_t *c, bson_t *out, bson_error_t *error)
{
    bson_t *some = BCON_NEW("group", BCON_INT32(2)), *one = BCON_NEW("_id", "new"),
           *low = BCON_NEW("_id", "{", "$lt", BCON_INT32(100), "}"),
           *mark = BCON_NEW("$set", "{", "seen", BCON_BOOL(true), "}"),
           *five = BCON_NEW("$inc", "{", "n", BCON_INT32(5), "}"),
           *more = BCON_NEW("$inc", "{", "n", BCON_INT32(1), "}"),
           *upsert = BCON_NEW("upsert", BCON_BOOL(true));
    bson_t marked, upserted, found, deleted, pair;
    mongoc_find_and_modify_opts_t *after = mongoc_find_and_modify_opts_new();
    bool ok;

    mongoc_find_and_modify_opts_set_update(after, more);
    mongoc_find_and_modify_opts_set_flags(after, MONGOC_FIND_AND_MODIFY_RETURN_NEW);
    ok = mongoc_collection_update_many(c, some, mark, NULL, &marked, error);
    ok = mongoc_collection_update_one(c, one, five, upsert, &upserted, ok ? error : NULL) && ok;
    ok =
        mongoc_collection_find_and_modify_with_opts(c, one, after, &found, ok ? error : NULL) && ok;
    ok = mongoc_collection_delete_many(c, low, NULL, &deleted, ok ? error : NULL) && ok;
    BSON_APPEND_ARRAY_BEGIN(out, "changed", &pair);
    take(&pair, "0", &marked, "matchedCount");
    take(&pair, "1", &marked, "modifiedCount");
    bson_append_array_end(out, &pair);
    take(out, "upserted", &upserted, "upsertedId");
    take(out, "found", &found, "value.n");
    take(out, "deleted", &deleted, "deletedCount");
    mongoc_find_and_modify_opts_destroy(after);
    bson_destroy(&marked);
    bson_destroy(&upserted);
    bson_destroy(&found);
    bson_destroy(&deleted);
    for (bson_t **p = (bson_t *[]){some, one, low, mark, five, more, upsert, NULL}; *p != NULL; p++)
        bson_destroy(*p);
    return ok;
}

static bool count(mongoc_collection_t *c, bson_t *out, bson_error_t *error)
{
    bson_t all = BSON_INITIALIZER, pair;
    int64_t exact = mongoc_collection_count_documents(c, &all, NULL, NULL, NULL, error), estimated;

    if (exact < 0 ||
        (estimated = mongoc_collection_estimated_document_count(c, NULL, NULL, NULL, error)) < 0)
        return false;
    BSON_APPEND_ARRAY_BEGIN(out, "counted", &pair);
    BSON_APPEND_INT64(&pair, "0", exact);
    BSON_APPEND_INT64(&pair, "1", estimated);
    bson_append_array_end(out, &pair);
    return true;
}

static bool indexes(mongoc_client_t *client, mongoc_collection_t *c, const char *name, bson_t *out,
                    bson_error_t *error)
{
    bson_t *command =
        BCON_NEW("createIndexes", name, "indexes", "[", "{", "key", "{", "group", BCON_INT32(1),
                 "text", BCON_INT32(-1), "}", "name", "by_group", "}", "]");
    bson_t list;
    bool ok = mongoc_client_write_command_with_opts(client, "shop", command, NULL, NULL, error);
    mongoc_cursor_t *cursor;
    const bson_t *doc;
    char key[16];
    const char *k, *names[8];
    uint32_t n = 0;
    char kept[8][32];

    bson_destroy(command);
    if (!ok)
        return false;
    cursor = mongoc_collection_find_indexes_with_opts(c, NULL);
    while (n < 8 && mongoc_cursor_next(cursor, &doc)) {
        bson_snprintf(kept[n], sizeof kept[n], "%s", text_of(doc, "name"));
        names[n] = kept[n];
        n++;
    }
    ok = !mongoc_cursor_error(cursor, error);
    mongoc_cursor_destroy(cursor);
    BSON_APPEND_ARRAY_BEGIN(out, "indexes", &list);
    for (uint32_t i = 0; i < n; i++) { /* the server tells _id_ first: the other way is sorted */
        bson_uint32_to_string(i, &k, key, sizeof key);
        BSON_APPEND_UTF8(&list, k, names[i]);
    }
    bson_append_array_end(out, &list);
    return ok;
}

static bool has_collection(mongoc_client_t *client, const char *name, bson_error_t *error)
{
    mongoc_database_t *db = mongoc_client_get_database(client, "shop");
    bool has = mongoc_database_has_collection(db, name, error);

    mongoc_database_destroy(db);
    return has;
}

static bool documents(mongoc_client_t *client, const struct step *step, bson_t *out, bson_t *reply,
                      bson_error_t *error)
{
    mongoc_collection_t *c = majority(client, "shop", step->into);
    bool ok;

    bson_init(reply);
    (void)mongoc_collection_drop(c, NULL);
    ok = insert_many(c, out, error) && find_and_count(c, out, error) && change(c, out, error) &&
         count(c, out, error) && indexes(client, c, step->into, out, error);
    if (ok) {
        BSON_APPEND_BOOL(out, "collections", has_collection(client, step->into, error));
        ok = mongoc_collection_drop(c, error);
        BSON_APPEND_BOOL(out, "dropped", !has_collection(client, step->into, error));
    }
    mongoc_collection_destroy(c);
    return ok;
}

/* Writes until the stop file is there; nothing here tries again, only the driver may. */
static bool write_on(mongoc_client_t *client, const struct step *step, bson_t *out, bson_t *reply,
                     bson_error_t *error)
{
    char *sum_name = bson_strdup_printf("%s.sum", step->into);
    mongoc_collection_t *rows = majority(client, "shop", step->into),
                        *sums = majority(client, "shop", sum_name);
    bson_t *which = BCON_NEW("_id", "sum"), *more = BCON_NEW("$inc", "{", "n", BCON_INT32(1), "}"),
           *upsert = BCON_NEW("upsert", BCON_BOOL(true)), errors;
    int32_t n = 0, acknowledged = 0;
    uint32_t failures = 0;

    bson_init(reply);
    BSON_APPEND_ARRAY_BEGIN(out, "errors", &errors);
    while (access(step->stop, F_OK) != 0) {
        bson_t *row = BCON_NEW("_id", BCON_INT32(++n)), one;
        char key[16];
        const char *k;

        if (mongoc_collection_insert_one(rows, row, NULL, NULL, error) &&
            mongoc_collection_update_one(sums, which, more, upsert, NULL, error)) {
            if (acknowledged++ == 0) {
                puts("{\"step\": \"writing\"}");
                fflush(stdout);
            }
        } else {
            bson_uint32_to_string(failures++, &k, key, sizeof key);
            BSON_APPEND_DOCUMENT_BEGIN(&errors, k, &one);
            add_error(&one, error);
            bson_append_document_end(&errors, &one);
        }
        bson_destroy(row);
    }
    bson_append_array_end(out, &errors);
    BSON_APPEND_INT32(out, "acknowledged", acknowledged);
    BSON_APPEND_INT32(out, "tried", n);
    bson_destroy(which);
    bson_destroy(more);
    bson_destroy(upsert);
    mongoc_collection_destroy(rows);
    mongoc_collection_destroy(sums);
    bson_free(sum_name);
    return true;
}

static const struct {
    const char *name;
    bool (*run)(mongoc_client_t *client, const struct step *step, bson_t *out, bson_t *reply,
                bson_error_t *error);
} steps[] = {{"status", status},       {"role", role},           {"insert", insert},
             {"forbidden", forbidden}, {"documents", documents}, {"write", write_on}};

static void do_step(mongoc_client_t *client, const char *job, const bson_t *doc)
{
    struct step step = {text_of(doc, "do"), text_of(doc, "into"), text_of(doc, "stop"), doc};
    bson_t out = BSON_INITIALIZER, reply;
    bson_error_t error = {0};

    BSON_APPEND_UTF8(&out, "job", job);
    BSON_APPEND_UTF8(&out, "step", step.name);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (strcmp(steps[i].name, step.name) != 0)
            continue;
        if (!steps[i].run(client, &step, &out, &reply, &error))
            put_error(&out, &error, &reply);
        bson_destroy(&reply);
    }
    print(&out);
    bson_destroy(&out);
}

/* A pool has a monitor for each server, as applications have; a single client has none. */
static void do_job(const bson_t *job)
{
    bson_error_t error = {0};
    mongoc_uri_t *uri = mongoc_uri_new_with_error(text_of(job, "uri"), &error);
    mongoc_client_pool_t *pool;
    mongoc_client_t *client;
    bson_iter_t it, list;

    if (uri == NULL || (pool = mongoc_client_pool_new(uri)) == NULL) {
        fprintf(stderr, "%s: %s\n", text_of(job, "uri"), error.message);
        exit(1);
    }
    mongoc_client_pool_set_error_api(pool, MONGOC_ERROR_API_VERSION_2);
    client = mongoc_client_pool_pop(pool);
    if (bson_iter_init_find(&it, job, "steps") && bson_iter_recurse(&it, &list))
        while (bson_iter_next(&list)) {
            const uint8_t *data;
            uint32_t len;
            bson_t step;

            bson_iter_document(&list, &len, &data);
            if (bson_init_static(&step, data, len))
                do_step(client, text_of(job, "name"), &step);
        }
    mongoc_client_pool_push(pool, client);
    mongoc_client_pool_destroy(pool);
    mongoc_uri_destroy(uri);
}

int main(int argc, char **argv)
{
    bson_error_t error;
    bson_json_reader_t *reader = argc == 2 ? bson_json_reader_new_from_file(argv[1], &error) : NULL;
    bson_t job = BSON_INITIALIZER;

    if (reader == NULL) {
        fprintf(stderr, "usage: %s JOBS\n", argv[0]);
        return 64;
    }
    mongoc_init();
    while (bson_json_reader_read(reader, &job, &error) == 1) {
        do_job(&job);
        bson_reinit(&job);
    }
    bson_json_reader_destroy(reader);
    bson_destroy(&job);
    mongoc_cleanup();
    return 0;
}
