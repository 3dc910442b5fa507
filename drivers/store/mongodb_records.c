/* Plans, approvals, pauses, watches, notes and leases in the MongoDB store. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/mongodb/bson_read.h"
#include "drivers/store/mongodb.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/memory.h"

enum { TRIES_MS = 15000, PAUSE_MS = 250 };

/* Writes that may be sent again as often as one likes are, while there is no primary. */
static int until_done(struct ek_store *store, const bson_t *command, struct ek_written *ret_written,
                      struct ek_error *err)
{
    int64_t deadline = ek_monotonic_ms() + TRIES_MS;
    for (;;) {
        int result = ek_mongodb_store_write(store, command, ret_written, err);
        bool again = result == EK_CONFLICT || result == EK_UNREACHABLE || result == EK_TIMEOUT;
        if (!again || ek_time_left_ms(deadline) == 0)
            return result;
        ek_sleep_ms(PAUSE_MS);
    }
}

static void insert_command(const char *collection, const bson_t *document, bson_t *command)
{
    bson_t documents;
    BSON_APPEND_UTF8(command, "insert", collection);
    BSON_APPEND_ARRAY_BEGIN(command, "documents", &documents);
    BSON_APPEND_DOCUMENT(&documents, "0", document);
    bson_append_array_end(command, &documents);
}

static int insert(struct ek_store *store, const char *collection, const bson_t *document,
                  bool *ret_first, struct ek_error *err)
{
    bson_t command = BSON_INITIALIZER;
    struct ek_written written = {0};
    insert_command(collection, document, &command);
    int result = until_done(store, &command, &written, err);
    bson_destroy(&command);
    if (result == 0 && ret_first)
        *ret_first = !written.duplicate;
    return result;
}

/* ---- plans and approvals ---- */

int ek_mongodb_store_put_plan(struct ek_store *store, const struct ek_plan_record *plan,
                              struct ek_error *err)
{
    bson_t entry = BSON_INITIALIZER;
    BSON_APPEND_UTF8(&entry, "_id", plan->name);
    BSON_APPEND_UTF8(&entry, "account", plan->account);
    BSON_APPEND_UTF8(&entry, "deployment", plan->deployment);
    BSON_APPEND_UTF8(&entry, "document", plan->document);
    BSON_APPEND_INT64(&entry, "at_ms", plan->at_ms);
    int result = insert(store, "plans", &entry, NULL, err);
    bson_destroy(&entry);
    return result;
}

int ek_mongodb_store_get_plan(struct ek_store *store, const char *name, char **ret_document,
                              struct ek_error *err)
{
    bson_t entry = BSON_INITIALIZER;
    int result = ek_mongodb_store_find_one(store, "plans", name, &entry, err);
    if (result == 0) {
        const char *text = ek_bson_text(&entry, "document");
        char *copy = strdup(text ? text : "");
        if (copy)
            *ret_document = copy;
        else
            result = ek_no_memory(err);
    }
    bson_destroy(&entry);
    return result;
}

/* Its _id is made here: sent twice, it is there once. */
int ek_mongodb_store_put_approval(struct ek_store *store, const struct ek_approval *approval,
                                  struct ek_error *err)
{
    bson_t entry = BSON_INITIALIZER;
    bson_oid_t id;
    bson_oid_init(&id, NULL);
    BSON_APPEND_OID(&entry, "_id", &id);
    BSON_APPEND_UTF8(&entry, "account", approval->account);
    BSON_APPEND_UTF8(&entry, "deployment", approval->deployment);
    BSON_APPEND_UTF8(&entry, "plan", approval->plan);
    BSON_APPEND_UTF8(&entry, "who", approval->who);
    BSON_APPEND_UTF8(&entry, "how", approval->how);
    BSON_APPEND_INT64(&entry, "at_ms", approval->at_ms);
    int result = insert(store, "approvals", &entry, NULL, err);
    bson_destroy(&entry);
    return result;
}

static bool take_approval(void *context, const bson_t *document)
{
    struct ek_approvals *approvals = context;
    struct ek_approval *one = &approvals->at[approvals->count++];
    ek_bson_copy_text(document, "account", one->account, sizeof one->account);
    ek_bson_copy_text(document, "deployment", one->deployment, sizeof one->deployment);
    ek_bson_copy_text(document, "plan", one->plan, sizeof one->plan);
    ek_bson_copy_text(document, "who", one->who, sizeof one->who);
    ek_bson_copy_text(document, "how", one->how, sizeof one->how);
    one->at_ms = ek_bson_int(document, "at_ms", 0);
    return approvals->count < approvals->max;
}

int ek_mongodb_store_get_approvals(struct ek_store *store, const char *account,
                                   const char *deployment, struct ek_approvals *ret_approvals,
                                   struct ek_error *err)
{
    bson_t filter = BSON_INITIALIZER;
    bson_t sort = BSON_INITIALIZER;
    struct ek_approvals approvals = {.at = ret_approvals->at, .max = ret_approvals->max};
    BSON_APPEND_UTF8(&filter, "account", account);
    BSON_APPEND_UTF8(&filter, "deployment", deployment);
    BSON_APPEND_INT32(&sort, "at_ms", -1);
    BSON_APPEND_INT32(&sort, "_id", -1);
    const struct ek_mongodb_search search = {.collection = "approvals",
                                             .filter = &filter,
                                             .sort = &sort,
                                             .limit = (int64_t)approvals.max,
                                             .take = take_approval,
                                             .context = &approvals};
    int result = approvals.max > 0 ? ek_mongodb_store_find(store, &search, err) : 0;
    bson_destroy(&filter);
    bson_destroy(&sort);
    if (result == 0)
        ret_approvals->count = approvals.count;
    return result;
}

/* ---- pauses and notes ---- */

static void pause_key(const char *account, const char *deployment, char key[static 160])
{
    snprintf(key, 160, "%s/%s", account, deployment);
}

static void pause_command(const char *key, const struct ek_pause *pause, bson_t *command)
{
    bool ends = pause->until_ms == 0;
    bson_t list;
    bson_t one;
    bson_t part;
    BSON_APPEND_UTF8(command, ends ? "delete" : "update", "pauses");
    bson_append_array_begin(command, ends ? "deletes" : "updates", -1, &list);
    BSON_APPEND_DOCUMENT_BEGIN(&list, "0", &one);
    BSON_APPEND_DOCUMENT_BEGIN(&one, "q", &part);
    BSON_APPEND_UTF8(&part, "_id", key);
    bson_append_document_end(&one, &part);
    if (ends) {
        BSON_APPEND_INT32(&one, "limit", 1);
    } else {
        BSON_APPEND_DOCUMENT_BEGIN(&one, "u", &part);
        BSON_APPEND_UTF8(&part, "_id", key);
        BSON_APPEND_UTF8(&part, "who", pause->who);
        BSON_APPEND_UTF8(&part, "why", pause->why);
        BSON_APPEND_INT64(&part, "since_ms", pause->since_ms);
        BSON_APPEND_INT64(&part, "until_ms", pause->until_ms);
        bson_append_document_end(&one, &part);
        BSON_APPEND_BOOL(&one, "upsert", true);
    }
    bson_append_document_end(&list, &one);
    bson_append_array_end(command, &list);
}

int ek_mongodb_store_put_pause(struct ek_store *store, const char *account, const char *deployment,
                               const struct ek_pause *pause, struct ek_error *err)
{
    bson_t command = BSON_INITIALIZER;
    struct ek_written written;
    char key[160];
    pause_key(account, deployment, key);
    pause_command(key, pause, &command);
    int result = until_done(store, &command, &written, err);
    bson_destroy(&command);
    return result;
}

int ek_mongodb_store_get_pause(struct ek_store *store, const char *account, const char *deployment,
                               struct ek_pause *ret_pause, struct ek_error *err)
{
    bson_t entry = BSON_INITIALIZER;
    char key[160];
    pause_key(account, deployment, key);
    int result = ek_mongodb_store_find_one(store, "pauses", key, &entry, err);
    if (result == 0) {
        ek_bson_copy_text(&entry, "who", ret_pause->who, sizeof ret_pause->who);
        ek_bson_copy_text(&entry, "why", ret_pause->why, sizeof ret_pause->why);
        ret_pause->since_ms = ek_bson_int(&entry, "since_ms", 0);
        ret_pause->until_ms = ek_bson_int(&entry, "until_ms", 0);
    }
    bson_destroy(&entry);
    return result;
}

static void watch_key(const struct ek_watch_key *key, char text[static 232])
{
    snprintf(text, 232, "%s/%s/%s", key->account, key->deployment, key->member);
}

int ek_mongodb_store_put_watch(struct ek_store *store, const struct ek_watch_key *key,
                               const struct ek_client_watch *watch, struct ek_error *err)
{
    struct ek_written written;
    char id[232];
    watch_key(key, id);
    bson_t *command = BCON_NEW("update", BCON_UTF8("watches"), "updates", "[", "{", "q", "{", "_id",
                               BCON_UTF8(id), "}", "u", "{", "_id", BCON_UTF8(id), "since_s",
                               BCON_INT64(watch->since_s), "until_s", BCON_INT64(watch->until_s),
                               "}", "upsert", BCON_BOOL(true), "}", "]");
    int result = until_done(store, command, &written, err);
    bson_destroy(command);
    return result;
}

int ek_mongodb_store_get_watch(struct ek_store *store, const struct ek_watch_key *key,
                               struct ek_client_watch *ret_watch, struct ek_error *err)
{
    bson_t entry = BSON_INITIALIZER;
    struct ek_error trouble = {0};
    char id[232];
    watch_key(key, id);
    int result = ek_mongodb_store_find_one(store, "watches", id, &entry, &trouble);
    if (result == 0 || result == EK_NOT_FOUND)
        *ret_watch = (struct ek_client_watch){.since_s = ek_bson_int(&entry, "since_s", 0),
                                              .until_s = ek_bson_int(&entry, "until_s", 0)};
    else if (err)
        *err = trouble;
    bson_destroy(&entry);
    return result == EK_NOT_FOUND ? 0 : result;
}

/* When the answer to the first attempt gets lost, the second finds the key there: whose is it? */
int ek_mongodb_store_note_once(struct ek_store *store, const char *key, int64_t at_ms,
                               bool *ret_first, struct ek_error *err)
{
    bson_t entry = BSON_INITIALIZER;
    bson_t found = BSON_INITIALIZER;
    bson_iter_t mark;
    bson_oid_t own;
    bool first = false;
    bson_oid_init(&own, NULL);
    BSON_APPEND_UTF8(&entry, "_id", key);
    BSON_APPEND_INT64(&entry, "at_ms", at_ms);
    BSON_APPEND_OID(&entry, "mark", &own);
    int result = insert(store, "notes", &entry, &first, err);
    if (result == 0 && !first) {
        result = ek_mongodb_store_find_one(store, "notes", key, &found, err);
        first = result == 0 && bson_iter_init_find(&mark, &found, "mark") &&
                BSON_ITER_HOLDS_OID(&mark) && bson_oid_equal(bson_iter_oid(&mark), &own);
    }
    if (result == 0)
        *ret_first = first;
    bson_destroy(&entry);
    bson_destroy(&found);
    return result;
}

/* ---- leases ---- */

int ek_mongodb_store_get_lease(struct ek_store *store, const char *name,
                               struct ek_lease_record *ret_record, struct ek_error *err)
{
    bson_t entry = BSON_INITIALIZER;
    struct ek_error trouble = {0};
    struct ek_lease_record record = {0};
    int result = ek_mongodb_store_find_one(store, "leases", name, &entry, &trouble);
    if (result == 0) {
        record.token = ek_bson_int(&entry, "token", 0);
        record.beat = ek_bson_int(&entry, "beat", 0);
        ek_bson_copy_text(&entry, "holder", record.holder, sizeof record.holder);
    }
    bson_destroy(&entry);
    if (result == 0 || result == EK_NOT_FOUND) {
        *ret_record = record;
        return 0;
    }
    if (err)
        *err = trouble;
    return result;
}

static void add_record(bson_t *document, const struct ek_lease_record *record)
{
    BSON_APPEND_INT64(document, "token", record->token);
    BSON_APPEND_INT64(document, "beat", record->beat);
    BSON_APPEND_UTF8(document, "holder", record->holder);
}

/* One record in the place of another. */
struct swap {
    const char *name;
    const struct ek_lease_record *expected, *wanted;
};

static int replace(struct ek_store *store, const struct swap *swap, struct ek_written *ret_written,
                   struct ek_error *err)
{
    bson_t query = BSON_INITIALIZER;
    bson_t update = BSON_INITIALIZER;
    bson_t part;
    BSON_APPEND_UTF8(&query, "_id", swap->name);
    add_record(&query, swap->expected);
    BSON_APPEND_DOCUMENT_BEGIN(&update, "$set", &part);
    add_record(&part, swap->wanted);
    bson_append_document_end(&update, &part);
    const struct ek_mongodb_change change = {"leases", &query, &update, false};
    int result = ek_mongodb_store_update(store, &change, ret_written, err);
    bson_destroy(&query);
    bson_destroy(&update);
    return result;
}

static int make(struct ek_store *store, const char *name, const struct ek_lease_record *wanted,
                struct ek_written *ret_written, struct ek_error *err)
{
    bson_t entry = BSON_INITIALIZER;
    BSON_APPEND_UTF8(&entry, "_id", name);
    add_record(&entry, wanted);
    int result = ek_mongodb_store_insert(store, "leases", &entry, ret_written, err);
    bson_destroy(&entry);
    return result;
}

int ek_mongodb_store_swap_lease(struct ek_store *store, const char *name,
                                const struct ek_lease_record *expected,
                                const struct ek_lease_record *wanted, struct ek_error *err)
{
    struct ek_written written = {0};
    const struct swap swap = {name, expected, wanted};
    bool is_new = expected->token == 0 && expected->beat == 0;
    int result =
        is_new ? make(store, name, wanted, &written, err) : replace(store, &swap, &written, err);
    if (result == EK_CONFLICT) /* no primary just now: nobody else has it because of that */
        return ek_fail(err, EK_UNREACHABLE, "EK-1001", "the store %s has no primary just now",
                       store->name);
    if (result == 0 && (written.duplicate || written.matched == 0))
        return ek_fail(err, EK_CONFLICT, "EK-1012", "the lease %s is another one by now", name);
    return result;
}
