/* The SQLite store: one connection, used by one thread at a time; a whole call at once. */
#ifndef EK_DRIVERS_STORE_SQLITE_H
#define EK_DRIVERS_STORE_SQLITE_H

#include <pthread.h>
#include <sqlite3.h>

#include "drivers/store/store.h"
#include "reconciler/base/buffer.h"
#include "reconciler/base/hash.h"

struct ek_store {
    sqlite3 *database;
    char *path;
    pthread_mutex_t mutex;
};

void ek_sqlite_statement_done(sqlite3_stmt **statement);
#define EK_STATEMENT EK_CLEANUP(ek_sqlite_statement_done) sqlite3_stmt

/* What the connection's last call failed with, as ours: the one place that knows SQLite's codes. */
int ek_sqlite_fail(const struct ek_store *store, struct ek_error *err);

/* Statements without results, run at once. */
int ek_sqlite_run(struct ek_store *store, const char *sql, struct ek_error *err);

/* Prepare a statement and bind its parameters in order; `types` has a letter for each: t a text,
 * borrowed until the statement is done (NULL is null), i an int64_t. */
int ek_sqlite_prepare(struct ek_store *store, sqlite3_stmt **ret_statement, struct ek_error *err,
                      const char *sql, const char *types, ...);

/* One step: *ret_row tells whether there is a row (else the statement is at its end). */
int ek_sqlite_step(struct ek_store *store, sqlite3_stmt *statement, bool *ret_row,
                   struct ek_error *err);

/* A column's text, borrowed; "" for null. */
const char *ek_sqlite_text(sqlite3_stmt *statement, int column);
void ek_sqlite_copy(sqlite3_stmt *statement, int column, char *buffer, size_t size);

/* Hold the connection; with begin also a write transaction. end commits when `result` is 0, else
 * rolls back, and gives the connection back; it returns `result` or why committing failed. */
void ek_sqlite_hold(struct ek_store *store);
void ek_sqlite_release(struct ek_store *store);
int ek_sqlite_begin(struct ek_store *store, struct ek_error *err);
int ek_sqlite_end(struct ek_store *store, int result, struct ek_error *err);

enum { EK_SQLITE_VERSION = 3 };

/* Bring the tables to `version` (EK_SQLITE_VERSION but in tests). EK_UNSUPPORTED (EK-1002) for a
 * newer file, EK_INVALID (EK-1004) for one of another program. */
int ek_sqlite_migrate(struct ek_store *store, int version, struct ek_error *err);

/* The driver's slots; see store.h. */
int ek_sqlite_append(struct ek_store *store, const struct ek_store_event *event,
                     int64_t *ret_number, struct ek_error *err);
int ek_sqlite_events(struct ek_store *store, const struct ek_store_query *query,
                     bool (*take)(void *context, const struct ek_store_event *event), void *context,
                     struct ek_error *err);
int ek_sqlite_head(struct ek_store *store, int64_t *ret_number,
                   char ret_hash[static EK_SHA256_HEX_SIZE], struct ek_error *err);
int ek_sqlite_put_plan(struct ek_store *store, const struct ek_plan_record *plan,
                       struct ek_error *err);
int ek_sqlite_get_plan(struct ek_store *store, const char *name, char **ret_document,
                       struct ek_error *err);
int ek_sqlite_put_approval(struct ek_store *store, const struct ek_approval *approval,
                           struct ek_error *err);
int ek_sqlite_get_approvals(struct ek_store *store, const char *account, const char *deployment,
                            struct ek_approvals *ret_approvals, struct ek_error *err);
int ek_sqlite_put_pause(struct ek_store *store, const char *account, const char *deployment,
                        const struct ek_pause *pause, struct ek_error *err);
int ek_sqlite_get_pause(struct ek_store *store, const char *account, const char *deployment,
                        struct ek_pause *ret_pause, struct ek_error *err);
int ek_sqlite_put_watch(struct ek_store *store, const struct ek_watch_key *key,
                        const struct ek_client_watch *watch, struct ek_error *err);
int ek_sqlite_get_watch(struct ek_store *store, const struct ek_watch_key *key,
                        struct ek_client_watch *ret_watch, struct ek_error *err);
int ek_sqlite_note_once(struct ek_store *store, const char *key, int64_t at_ms, bool *ret_first,
                        struct ek_error *err);
int ek_sqlite_get_lease(struct ek_store *store, const char *name,
                        struct ek_lease_record *ret_record, struct ek_error *err);
int ek_sqlite_swap_lease(struct ek_store *store, const char *name,
                         const struct ek_lease_record *expected,
                         const struct ek_lease_record *wanted, struct ek_error *err);

#endif
