/* Reads and writes of the MongoDB store, and what their failures mean. */
#include "drivers/store/mongodb.h"

#include <string.h>

#include "drivers/mongodb/bson_read.h"
#include "drivers/mongodb/link.h"

enum { WRITE_TIMEOUT_MS = 5000 };

/* The server's codes that say: not done, since this server is (no longer) the primary. */
static bool says_not_primary(int64_t code)
{
    static const int64_t codes[] = {10107, 13435, 13436, 10058};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i] == code)
            return true;
    return false;
}

static int refused(const struct ek_store *store, const char *words, struct ek_error *err)
{
    ek_fail(err, EK_DENIED, "EK-1018", "the store %s refuses us", store->name);
    return ek_cause(err, "%s", words), EK_DENIED;
}

static int not_known(const struct ek_store *store, const char *words, struct ek_error *err)
{
    ek_fail(err, EK_TIMEOUT, "EK-1008", "whether the store %s has it is not known", store->name);
    return ek_cause(err, "%s", words), EK_TIMEOUT;
}

static int unreachable(const struct ek_store *store, const char *words, struct ek_error *err)
{
    ek_fail(err, EK_UNREACHABLE, "EK-1001", "the store %s does not answer", store->name);
    return ek_cause(err, "%s", words), EK_UNREACHABLE;
}

/* The one place where libmongoc's errors and the server's codes become the store's. */
static int failed(const struct ek_store *store, bool writing, const bson_t *reply,
                  const bson_error_t *error, struct ek_error *err)
{
    bool answered = ek_bson_answer(reply, "ok") != EK_ANSWER_UNKNOWN;
    int64_t code = ek_bson_int(reply, "code", 0);
    if (error->domain == MONGOC_ERROR_SERVER_SELECTION)
        return unreachable(store, error->message, err);
    if (code == 13 || ek_mongodb_login_was_refused(error))
        return refused(store, error->message, err);
    if (answered && says_not_primary(code)) {
        ek_fail(err, EK_CONFLICT, "EK-1012", "the store %s has no primary just now", store->name);
        return ek_cause(err, "%s", error->message), EK_CONFLICT;
    }
    /* No answer, or one while the primary was ending: on its way it may have been done. */
    static const int64_t interrupted[] = {91, 189, 11600, 11602, 50, 262, 64};
    bool unclear = !answered;
    for (size_t i = 0; i < sizeof interrupted / sizeof *interrupted; i++)
        unclear |= interrupted[i] == code;
    if (unclear)
        return writing ? not_known(store, error->message, err)
                       : unreachable(store, error->message, err);
    ek_fail(err, EK_SYSTEM, "EK-1007", "the store %s can't be used", store->name);
    return ek_cause(err, "%d: %s", (int)code, error->message), EK_SYSTEM;
}

/* ---- writing ---- */

static int judge(const struct ek_store *store, const bson_t *reply, struct ek_written *ret_written,
                 struct ek_error *err)
{
    struct ek_written written = {.matched = ek_bson_int(reply, "n", 0)};
    int64_t code = ek_bson_int(reply, "writeErrors.0.code", 0);
    const char *words = ek_bson_text(reply, "writeErrors.0.errmsg");
    written.duplicate = code == EK_DUPLICATE_KEY;
    bson_t concern;
    /* A duplicate that a majority does not have yet may go away again. */
    if (ek_bson_document(reply, "writeConcernError", &concern))
        return not_known(store, ek_bson_text(&concern, "errmsg"), err);
    if (code != 0 && !written.duplicate) {
        ek_fail(err, EK_SYSTEM, "EK-1007", "the store %s can't be written", store->name);
        return ek_cause(err, "%d: %s", (int)code, words ? words : ""), EK_SYSTEM;
    }
    *ret_written = written;
    return 0;
}

int ek_mongodb_store_write(struct ek_store *store, const bson_t *command,
                           struct ek_written *ret_written, struct ek_error *err)
{
    bson_t whole;
    bson_t reply;
    bson_t concern;
    bson_error_t error = {0};
    bson_copy_to(command, &whole);
    BSON_APPEND_DOCUMENT_BEGIN(&whole, "writeConcern", &concern);
    BSON_APPEND_UTF8(&concern, "w", "majority");
    BSON_APPEND_BOOL(&concern, "j", true);
    BSON_APPEND_INT32(&concern, "wtimeout", WRITE_TIMEOUT_MS);
    bson_append_document_end(&whole, &concern);
    mongoc_client_t *client = mongoc_client_pool_pop(store->pool);
    bool good = mongoc_client_command_simple(client, store->database, &whole, NULL, &reply, &error);
    /* A reply with errors in it is an answer all the same. */
    bool answered = good || ek_bson_true(&reply, "ok");
    int result = answered ? judge(store, &reply, ret_written, err)
                          : failed(store, true, &reply, &error, err);
    mongoc_client_pool_push(store->pool, client);
    bson_destroy(&reply);
    bson_destroy(&whole);
    return result;
}

int ek_mongodb_store_insert(struct ek_store *store, const char *collection, const bson_t *document,
                            struct ek_written *ret_written, struct ek_error *err)
{
    bson_t command = BSON_INITIALIZER;
    bson_t documents;
    BSON_APPEND_UTF8(&command, "insert", collection);
    BSON_APPEND_ARRAY_BEGIN(&command, "documents", &documents);
    BSON_APPEND_DOCUMENT(&documents, "0", document);
    bson_append_array_end(&command, &documents);
    int result = ek_mongodb_store_write(store, &command, ret_written, err);
    bson_destroy(&command);
    return result;
}

int ek_mongodb_store_update(struct ek_store *store, const struct ek_mongodb_change *change,
                            struct ek_written *ret_written, struct ek_error *err)
{
    bson_t command = BSON_INITIALIZER;
    bson_t updates;
    bson_t one;
    BSON_APPEND_UTF8(&command, "update", change->collection);
    BSON_APPEND_ARRAY_BEGIN(&command, "updates", &updates);
    BSON_APPEND_DOCUMENT_BEGIN(&updates, "0", &one);
    BSON_APPEND_DOCUMENT(&one, "q", change->query);
    BSON_APPEND_DOCUMENT(&one, "u", change->update);
    BSON_APPEND_BOOL(&one, "upsert", change->upsert);
    bson_append_document_end(&updates, &one);
    bson_append_array_end(&command, &updates);
    int result = ek_mongodb_store_write(store, &command, ret_written, err);
    bson_destroy(&command);
    return result;
}

/* ---- reading ---- */

static int walk(const struct ek_store *store, mongoc_cursor_t *cursor,
                const struct ek_mongodb_search *search, struct ek_error *err)
{
    const bson_t *document;
    const bson_t *reply;
    bson_error_t error = {0};
    while (mongoc_cursor_next(cursor, &document))
        if (!search->take(search->context, document))
            return 0;
    return mongoc_cursor_error_document(cursor, &error, &reply)
               ? failed(store, false, reply, &error, err)
               : 0;
}

int ek_mongodb_store_find(struct ek_store *store, const struct ek_mongodb_search *search,
                          struct ek_error *err)
{
    bson_t options = BSON_INITIALIZER;
    bson_t concern;
    if (search->sort)
        BSON_APPEND_DOCUMENT(&options, "sort", search->sort);
    if (search->limit)
        BSON_APPEND_INT64(&options, "limit", search->limit);
    BSON_APPEND_DOCUMENT_BEGIN(&options, "readConcern", &concern);
    BSON_APPEND_UTF8(&concern, "level", "majority");
    bson_append_document_end(&options, &concern);
    mongoc_client_t *client = mongoc_client_pool_pop(store->pool);
    mongoc_collection_t *collection =
        mongoc_client_get_collection(client, store->database, search->collection);
    mongoc_cursor_t *cursor =
        mongoc_collection_find_with_opts(collection, search->filter, &options, NULL);
    int result = walk(store, cursor, search, err);
    mongoc_cursor_destroy(cursor);
    mongoc_collection_destroy(collection);
    mongoc_client_pool_push(store->pool, client);
    bson_destroy(&options);
    return result;
}

static bool keep(void *context, const bson_t *document)
{
    bson_t *into = context;
    bson_reinit(into);
    bson_concat(into, document);
    return false;
}

int ek_mongodb_store_find_one(struct ek_store *store, const char *collection, const char *id,
                              bson_t *ret_document, struct ek_error *err)
{
    bson_t filter = BSON_INITIALIZER;
    BSON_APPEND_UTF8(&filter, "_id", id);
    const struct ek_mongodb_search search = {.collection = collection,
                                             .filter = &filter,
                                             .limit = 1,
                                             .take = keep,
                                             .context = ret_document};
    int result = ek_mongodb_store_find(store, &search, err);
    bson_destroy(&filter);
    if (result == 0 && bson_empty(ret_document))
        return ek_fail(err, EK_NOT_FOUND, "EK-1011", "the store has no such entry: %s", id);
    return result;
}
