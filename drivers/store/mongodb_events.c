/* Events in the MongoDB store: an event's number is its _id, so that of two that are appended at
 * once one is refused and follows the other. */
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "drivers/mongodb/bson_read.h"
#include "drivers/store/mongodb.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/hash.h"
#include "reconciler/base/hex.h"

enum { PAGE = 500, APPEND_MS = 15000, POLL_MS = 20, PAUSE_MS = 250 };

/* ---- reading ---- */

struct reading {
    bool (*take)(void *context, const struct ek_store_event *event);
    void *context;
    int64_t after;
    size_t count;
    bool stopped;
};

static const char *text_of(const bson_t *document, const char *key)
{
    const char *text = ek_bson_text(document, key);
    return text ? text : "";
}

static bool give(void *context, const bson_t *document)
{
    struct reading *reading = context;
    struct ek_store_event event = {.number = ek_bson_int(document, "_id", 0),
                                   .at_ms = ek_bson_int(document, "at_ms", 0),
                                   .account = text_of(document, "account"),
                                   .deployment = text_of(document, "deployment"),
                                   .kind = text_of(document, "kind"),
                                   .who = text_of(document, "who"),
                                   .commit = text_of(document, "revision"),
                                   .plan = text_of(document, "plan"),
                                   .text = text_of(document, "text"),
                                   .detail = text_of(document, "detail")};
    ek_bson_copy_text(document, "hash", event.hash, sizeof event.hash);
    reading->after = event.number;
    reading->count++;
    reading->stopped = !reading->take(reading->context, &event);
    return !reading->stopped;
}

static void make_filter(const struct ek_store_query *query, int64_t after, bson_t *filter)
{
    bson_t range;
    BSON_APPEND_DOCUMENT_BEGIN(filter, "_id", &range);
    BSON_APPEND_INT64(&range, "$gt", after);
    bson_append_document_end(filter, &range);
    if (query->since_ms) {
        BSON_APPEND_DOCUMENT_BEGIN(filter, "at_ms", &range);
        BSON_APPEND_INT64(&range, "$gte", query->since_ms);
        bson_append_document_end(filter, &range);
    }
    if (query->account)
        BSON_APPEND_UTF8(filter, "account", query->account);
    if (query->deployment)
        BSON_APPEND_UTF8(filter, "deployment", query->deployment);
    if (query->kind)
        BSON_APPEND_UTF8(filter, "kind", query->kind);
}

/* A search through the events by number: 1 from the first on, -1 from the last. */
static int read_sorted(struct ek_store *store, struct ek_mongodb_search search, int direction,
                       struct ek_error *err)
{
    bson_t sort = BSON_INITIALIZER;
    BSON_APPEND_INT32(&sort, "_id", direction);
    search.collection = "events";
    search.sort = &sort;
    int result = ek_mongodb_store_find(store, &search, err);
    bson_destroy(&sort);
    return result;
}

static bool note_number(void *context, const bson_t *document)
{
    *(int64_t *)context = ek_bson_int(document, "_id", 0);
    return true;
}

/* The latest so many, oldest first: where do they begin? */
static int first_of_latest(struct ek_store *store, const struct ek_store_query *query,
                           int64_t *ret_after, struct ek_error *err)
{
    bson_t filter = BSON_INITIALIZER;
    int64_t first = 0;
    make_filter(query, query->after, &filter);
    int result = read_sorted(store,
                             (struct ek_mongodb_search){.filter = &filter,
                                                        .limit = (int64_t)query->most,
                                                        .take = note_number,
                                                        .context = &first},
                             -1, err);
    bson_destroy(&filter);
    if (result == 0)
        *ret_after = first > 0 ? first - 1 : query->after;
    return result;
}

int ek_mongodb_store_events(struct ek_store *store, const struct ek_store_query *query,
                            bool (*take)(void *context, const struct ek_store_event *event),
                            void *context, struct ek_error *err)
{
    struct reading reading = {.take = take, .context = context, .after = query->after};
    int result = query->most ? first_of_latest(store, query, &reading.after, err) : 0;
    size_t left = query->most ? query->most : SIZE_MAX;
    while (result == 0 && left > 0 && !reading.stopped) {
        bson_t filter = BSON_INITIALIZER;
        size_t page = left < PAGE ? left : PAGE;
        reading.count = 0;
        make_filter(query, reading.after, &filter);
        result = read_sorted(
            store,
            (struct ek_mongodb_search){
                .filter = &filter, .limit = (int64_t)page, .take = give, .context = &reading},
            1, err);
        bson_destroy(&filter);
        if (reading.count < page)
            break;
        left -= reading.count;
    }
    return result;
}

/* ---- appending ---- */

struct last {
    int64_t number;
    char hash[EK_SHA256_HEX_SIZE];
    char mark[33]; /* who wrote it: to recognise an own event whose answer was lost */
};

static bool note_last(void *context, const bson_t *document)
{
    struct last *last = context;
    last->number = ek_bson_int(document, "_id", 0);
    ek_bson_copy_text(document, "hash", last->hash, sizeof last->hash);
    ek_bson_copy_text(document, "mark", last->mark, sizeof last->mark);
    return false;
}

static int find_last(struct ek_store *store, struct last *ret_last, struct ek_error *err)
{
    bson_t all = BSON_INITIALIZER;
    struct last last = {0};
    int result = read_sorted(
        store,
        (struct ek_mongodb_search){.filter = &all, .limit = 1, .take = note_last, .context = &last},
        -1, err);
    bson_destroy(&all);
    if (result == 0)
        *ret_last = last;
    return result;
}

static int find_number(struct ek_store *store, int64_t number, struct last *ret_last,
                       struct ek_error *err)
{
    bson_t filter = BSON_INITIALIZER;
    struct last found = {0};
    BSON_APPEND_INT64(&filter, "_id", number);
    int result =
        read_sorted(store,
                    (struct ek_mongodb_search){
                        .filter = &filter, .limit = 1, .take = note_last, .context = &found},
                    1, err);
    bson_destroy(&filter);
    if (result == 0)
        *ret_last = found;
    return result;
}

static int insert(struct ek_store *store, const struct ek_store_event *event, const char *mark,
                  struct ek_written *ret_written, struct ek_error *err)
{
    bson_t document = BSON_INITIALIZER;
    BSON_APPEND_INT64(&document, "_id", event->number);
    BSON_APPEND_INT64(&document, "at_ms", event->at_ms);
    BSON_APPEND_UTF8(&document, "account", event->account);
    BSON_APPEND_UTF8(&document, "deployment", event->deployment);
    BSON_APPEND_UTF8(&document, "kind", event->kind);
    BSON_APPEND_UTF8(&document, "who", event->who);
    BSON_APPEND_UTF8(&document, "revision", event->commit);
    BSON_APPEND_UTF8(&document, "plan", event->plan);
    BSON_APPEND_UTF8(&document, "text", event->text);
    BSON_APPEND_UTF8(&document, "detail", event->detail);
    BSON_APPEND_UTF8(&document, "hash", event->hash);
    BSON_APPEND_UTF8(&document, "mark", mark);
    int result = ek_mongodb_store_insert(store, "events", &document, ret_written, err);
    bson_destroy(&document);
    return result;
}

/* Noted apart from the events, so that one cut off at the end is missed. It may lag behind. */
static void move_head(struct ek_store *store, const struct ek_store_event *event)
{
    bson_t query = BSON_INITIALIZER;
    bson_t update = BSON_INITIALIZER;
    bson_t part;
    struct ek_written written;
    BSON_APPEND_UTF8(&query, "_id", "head");
    BSON_APPEND_DOCUMENT_BEGIN(&query, "number", &part);
    BSON_APPEND_INT64(&part, "$lt", event->number);
    bson_append_document_end(&query, &part);
    BSON_APPEND_DOCUMENT_BEGIN(&update, "$set", &part);
    BSON_APPEND_INT64(&part, "number", event->number);
    BSON_APPEND_UTF8(&part, "hash", event->hash);
    bson_append_document_end(&update, &part);
    const struct ek_mongodb_change change = {"meta", &query, &update, true};
    (void)ek_mongodb_store_update(store, &change, &written, NULL);
    bson_destroy(&query);
    bson_destroy(&update);
}

/* The number and the hash that come next. */
static int number_next(struct ek_store *store, struct ek_store_event *event, struct ek_error *err)
{
    struct last last;
    int result = find_last(store, &last, err);
    if (result != 0)
        return result;
    event->number = last.number + 1;
    return ek_store_chain(last.hash, event, event->hash, err);
}

enum outcome { DONE, TAKEN, MISSING, NOT_SEEN };

/* Who has the number of an insert whose answer was lost, or that found its number taken? */
static enum outcome settle(struct ek_store *store, const struct ek_store_event *event,
                           const char *mark, struct ek_error *err)
{
    struct last found;
    if (find_number(store, event->number, &found, err) != 0)
        return NOT_SEEN;
    if (found.number == 0)
        return MISSING;
    return strcmp(found.mark, mark) == 0 ? DONE : TAKEN;
}

static void make_mark(char ret_mark[33])
{
    unsigned char bytes[16] = {0};
    RAND_bytes(bytes, sizeof bytes);
    ek_hex(bytes, sizeof bytes, ret_mark);
}

/* Sent again under the same number, an event is there once: its number is its _id. Another number
 * is tried only when another event surely has this one. */
static int append(struct ek_store *store, struct ek_store_event *event, const char *mark,
                  bool *open, struct ek_error *err)
{
    struct ek_written written = {0};
    enum outcome outcome = *open ? settle(store, event, mark, err) : MISSING;
    if (outcome == DONE)
        return 0;
    if (outcome == NOT_SEEN)
        return EK_UNREACHABLE;
    if (outcome == TAKEN)
        *open = false;
    int result = *open ? 0 : number_next(store, event, err);
    if (result != 0)
        return result;
    result = insert(store, event, mark, &written, err);
    *open = *open || result == EK_TIMEOUT || written.duplicate;
    return result == 0 && written.duplicate ? EK_CONFLICT : result;
}

int ek_mongodb_store_append(struct ek_store *store, const struct ek_store_event *event,
                            int64_t *ret_number, struct ek_error *err)
{
    struct ek_store_event full = *event;
    int64_t deadline = ek_monotonic_ms() + APPEND_MS;
    char mark[33];
    bool open = false; /* an insert was sent whose end is not known */
    make_mark(mark);
    for (;;) {
        int result = append(store, &full, mark, &open, err);
        if (result == 0) {
            move_head(store, &full);
            *ret_number = full.number;
            return 0;
        }
        bool again = result == EK_CONFLICT || result == EK_UNREACHABLE || result == EK_TIMEOUT;
        if (again && ek_time_left_ms(deadline) > 0)
            ek_sleep_ms(result == EK_CONFLICT ? POLL_MS : PAUSE_MS);
        else if (open)
            return ek_fail(err, EK_TIMEOUT, "EK-1008",
                           "whether the store %s has the event is not known", store->name);
        else
            return result;
    }
}

int ek_mongodb_store_head(struct ek_store *store, int64_t *ret_number,
                          char ret_hash[static EK_SHA256_HEX_SIZE], struct ek_error *err)
{
    bson_t document = BSON_INITIALIZER;
    struct ek_error trouble = {0};
    int result = ek_mongodb_store_find_one(store, "meta", "head", &document, &trouble);
    if (result == 0 || result == EK_NOT_FOUND) {
        *ret_number = ek_bson_int(&document, "number", 0);
        ek_bson_copy_text(&document, "hash", ret_hash, 65);
        result = 0;
    } else if (err) {
        *err = trouble;
    }
    bson_destroy(&document);
    return result;
}
