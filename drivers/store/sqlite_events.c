/* Events and leases in the SQLite store. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/store/sqlite.h"
#include "reconciler/base/hash.h"
#include "reconciler/base/memory.h"

enum { PAGE = 500 };

/* ---- appending ---- */

static int read_head(struct ek_store *store, int64_t *ret_number,
                     char ret_hash[static EK_SHA256_HEX_SIZE], struct ek_error *err)
{
    EK_STATEMENT *statement = NULL;
    bool row = false;
    int result = ek_sqlite_prepare(store, &statement, err, "SELECT number, hash FROM head", "");
    if (result == 0)
        result = ek_sqlite_step(store, statement, &row, err);
    if (result == 0 && !row)
        return ek_fail(err, EK_CONFLICT, "EK-1010", "the audit trail of %s lost its head",
                       store->path);
    if (result != 0)
        return result;
    *ret_number = sqlite3_column_int64(statement, 0);
    ek_sqlite_copy(statement, 1, ret_hash, 65);
    return 0;
}

static int write_head(struct ek_store *store, int64_t number, const char *hash,
                      struct ek_error *err)
{
    EK_STATEMENT *statement = NULL;
    bool row;
    int result = ek_sqlite_prepare(store, &statement, err, "UPDATE head SET number = ?, hash = ?",
                                   "it", number, hash);
    return result == 0 ? ek_sqlite_step(store, statement, &row, err) : result;
}

static int add(struct ek_store *store, const struct ek_store_event *event, int64_t *ret_number,
               struct ek_error *err)
{
    EK_STATEMENT *statement = NULL;
    struct ek_store_event full = *event;
    char before[EK_SHA256_HEX_SIZE];
    bool row;
    int result = read_head(store, &full.number, before, err);
    if (result != 0)
        return result;
    full.number++;
    result = ek_store_chain(before, &full, full.hash, err);
    if (result != 0)
        return result;
    result = ek_sqlite_prepare(
        store, &statement, err,
        "INSERT INTO events (number, at_ms, account, deployment, kind, who, revision, plan, text,"
        " detail, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        "iittttttttt", full.number, full.at_ms, full.account, full.deployment, full.kind, full.who,
        full.commit, full.plan, full.text, full.detail, full.hash);
    if (result == 0)
        result = ek_sqlite_step(store, statement, &row, err);
    if (result == 0)
        result = write_head(store, full.number, full.hash, err);
    if (result == 0)
        *ret_number = full.number;
    return result;
}

int ek_sqlite_append(struct ek_store *store, const struct ek_store_event *event,
                     int64_t *ret_number, struct ek_error *err)
{
    int64_t number = 0;
    int result = ek_sqlite_begin(store, err);
    if (result == 0)
        result = ek_sqlite_end(store, add(store, event, &number, err), err);
    if (result == 0)
        *ret_number = number;
    return result;
}

int ek_sqlite_head(struct ek_store *store, int64_t *ret_number,
                   char ret_hash[static EK_SHA256_HEX_SIZE], struct ek_error *err)
{
    ek_sqlite_hold(store);
    int result = read_head(store, ret_number, ret_hash, err);
    ek_sqlite_release(store);
    return result;
}

/* ---- reading ---- */

enum { TEXTS = 8 };

/* Copies, so that nothing is held while the caller looks at them. */
struct page {
    struct ek_store_event *events;
    size_t count, room;
};

static void page_done(struct page *page)
{
    for (size_t i = 0; i < page->count; i++)
        free((void *)(uintptr_t)page->events[i].account); /* the others lie behind it */
    free(page->events);
}

static int take_row(sqlite3_stmt *statement, struct page *page, struct ek_error *err)
{
    EK_BUFFER texts = {0};
    size_t at[TEXTS];
    if (page->count == page->room) {
        size_t room = page->room ? 2 * page->room : 64;
        struct ek_store_event *more = realloc(page->events, room * sizeof *more);
        if (!more)
            return ek_no_memory(err);
        page->events = more;
        page->room = room;
    }
    for (int i = 0; i < TEXTS; i++) {
        const char *text = ek_sqlite_text(statement, 2 + i);
        at[i] = texts.length;
        ek_buffer_add(&texts, text, strlen(text) + 1);
    }
    if (ek_buffer_check(&texts, err) != 0)
        return EK_NO_MEMORY;
    struct ek_store_event *event = &page->events[page->count++];
    *event = (struct ek_store_event){.number = sqlite3_column_int64(statement, 0),
                                     .at_ms = sqlite3_column_int64(statement, 1)};
    ek_sqlite_copy(statement, 2 + TEXTS, event->hash, sizeof event->hash);
    const char **const slots[TEXTS] = {&event->account, &event->deployment, &event->kind,
                                       &event->who,     &event->commit,     &event->plan,
                                       &event->text,    &event->detail};
    const char *base = ek_buffer_take(&texts);
    for (size_t i = 0; i < TEXTS; i++)
        *slots[i] = base + at[i];
    return 0;
}

/* Only what is asked for stands in the query: so that an index serves it. */
static void make_sql(const struct ek_store_query *query, struct ek_buffer *sql)
{
    const struct {
        bool asked;
        const char *words;
    } conditions[] = {
        {query->since_ms != 0, " AND at_ms >= ?2"},
        {query->account, " AND account = ?3"},
        {query->deployment, " AND deployment = ?4"},
        {query->kind, " AND kind = ?5"},
    };
    if (query->most)
        ek_buffer_text_add(sql, "SELECT * FROM (");
    ek_buffer_text_add(sql, "SELECT number, at_ms, account, deployment, kind, who, revision, plan,"
                            " text, detail, hash FROM events WHERE number > ?1");
    for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++)
        if (conditions[i].asked)
            ek_buffer_text_add(sql, conditions[i].words);
    ek_buffer_text_add(sql, query->most ? " ORDER BY number DESC LIMIT ?6) ORDER BY number"
                                        : " ORDER BY number LIMIT ?6");
}

static int read_page(struct ek_store *store, const struct ek_store_query *query, int64_t after,
                     struct page *page, struct ek_error *err)
{
    EK_STATEMENT *statement = NULL;
    EK_BUFFER sql = {0};
    bool row = true;
    int64_t most = query->most ? (int64_t)query->most : PAGE;
    make_sql(query, &sql);
    int result = ek_buffer_check(&sql, err);
    if (result == 0)
        result = ek_sqlite_prepare(store, &statement, err, ek_buffer_text(&sql), "iittti", after,
                                   query->since_ms, query->account, query->deployment, query->kind,
                                   most);
    while (result == 0) {
        result = ek_sqlite_step(store, statement, &row, err);
        if (result != 0 || !row)
            break;
        result = take_row(statement, page, err);
    }
    return result;
}

int ek_sqlite_events(struct ek_store *store, const struct ek_store_query *query,
                     bool (*take)(void *context, const struct ek_store_event *event), void *context,
                     struct ek_error *err)
{
    int64_t after = query->after;
    bool more = true;
    while (more) {
        EK_CLEANUP(page_done) struct page page = {0};
        ek_sqlite_hold(store);
        int result = read_page(store, query, after, &page, err);
        ek_sqlite_release(store);
        if (result != 0)
            return result;
        more = page.count > 0 && query->most == 0;
        for (size_t i = 0; i < page.count; i++) {
            if (!take(context, &page.events[i]))
                return 0;
            after = page.events[i].number;
        }
    }
    return 0;
}

/* ---- leases ---- */

static int find_lease(struct ek_store *store, const char *name, struct ek_lease_record *ret_record,
                      struct ek_error *err)
{
    EK_STATEMENT *statement = NULL;
    bool row = false;
    struct ek_lease_record record = {0};
    int result = ek_sqlite_prepare(
        store, &statement, err, "SELECT token, beat, holder FROM leases WHERE name = ?", "t", name);
    if (result == 0)
        result = ek_sqlite_step(store, statement, &row, err);
    if (result != 0)
        return result;
    if (row) {
        record.token = sqlite3_column_int64(statement, 0);
        record.beat = sqlite3_column_int64(statement, 1);
        ek_sqlite_copy(statement, 2, record.holder, sizeof record.holder);
    }
    *ret_record = record;
    return 0;
}

int ek_sqlite_get_lease(struct ek_store *store, const char *name,
                        struct ek_lease_record *ret_record, struct ek_error *err)
{
    ek_sqlite_hold(store);
    int result = find_lease(store, name, ret_record, err);
    ek_sqlite_release(store);
    return result;
}

static int swap(struct ek_store *store, const char *name, const struct ek_lease_record *expected,
                const struct ek_lease_record *wanted, struct ek_error *err)
{
    EK_STATEMENT *statement = NULL;
    struct ek_lease_record now;
    bool row;
    int result = find_lease(store, name, &now, err);
    if (result != 0)
        return result;
    if (now.token != expected->token || now.beat != expected->beat ||
        strcmp(now.holder, expected->holder) != 0)
        return ek_fail(err, EK_CONFLICT, "EK-1012", "the lease %s is another one by now", name);
    result = ek_sqlite_prepare(store, &statement, err,
                               "INSERT OR REPLACE INTO leases (name, token, beat, holder)"
                               " VALUES (?, ?, ?, ?)",
                               "tiit", name, wanted->token, wanted->beat, wanted->holder);
    return result == 0 ? ek_sqlite_step(store, statement, &row, err) : result;
}

int ek_sqlite_swap_lease(struct ek_store *store, const char *name,
                         const struct ek_lease_record *expected,
                         const struct ek_lease_record *wanted, struct ek_error *err)
{
    int result = ek_sqlite_begin(store, err);
    return result != 0 ? result
                       : ek_sqlite_end(store, swap(store, name, expected, wanted, err), err);
}
