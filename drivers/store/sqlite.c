/* Statements, transactions and failures of the SQLite store. */
#include "drivers/store/sqlite.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    int code; /* SQLite's, primary or extended; the first row that fits counts */
    enum ek_code means;
    const char *id;
    const char *words;
    const char *hint;
} meanings[] = {
    {SQLITE_READONLY_DBMOVED, EK_NOT_FOUND, "EK-1005", "was moved or removed while in use",
     "start again; who moved it should move it back first"},
    {SQLITE_FULL, EK_SYSTEM, "EK-1003", "can't grow: the disk is full",
     "free some space; nothing was written"},
    {SQLITE_CORRUPT, EK_INVALID, "EK-1004", "is damaged",
     "move it aside, or put a backup in its place: fleets are reconciled without it"},
    {SQLITE_NOTADB, EK_INVALID, "EK-1004", "is no store, or is damaged",
     "is --store right? Else move the file aside: fleets are reconciled without it"},
    {SQLITE_BUSY, EK_TIMEOUT, "EK-1006", "is held by another process",
     "is an Evenkeel process or a backup of the file frozen?"},
    {SQLITE_LOCKED, EK_TIMEOUT, "EK-1006", "is held by another process",
     "is an Evenkeel process or a backup of the file frozen?"},
    {SQLITE_CANTOPEN, EK_UNREACHABLE, "EK-1001", "can't be opened",
     "does its directory exist, and may this user write there?"},
    {SQLITE_PERM, EK_DENIED, "EK-1001", "can't be opened", "may this user write it?"},
    {SQLITE_AUTH, EK_DENIED, "EK-1001", "can't be opened", "may this user write it?"},
    {SQLITE_READONLY, EK_DENIED, "EK-1007", "can't be written", "may this user write it?"},
    {SQLITE_IOERR, EK_SYSTEM, "EK-1007", "can't be read or written", "look at the disk"},
    {SQLITE_NOMEM, EK_NO_MEMORY, "EK-0599", "got no memory", ""},
};

static bool disk_is_full(const struct ek_store *store, int code)
{
    int number = sqlite3_system_errno(store->database);
    return (code & 0xff) == SQLITE_IOERR && (number == ENOSPC || number == EDQUOT);
}

int ek_sqlite_fail(const struct ek_store *store, struct ek_error *err)
{
    int code = store->database ? sqlite3_extended_errcode(store->database) : SQLITE_NOMEM;
    if (disk_is_full(store, code))
        code = SQLITE_FULL;
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        if (meanings[i].code != code && meanings[i].code != (code & 0xff))
            continue;
        ek_fail(err, meanings[i].means, meanings[i].id, "the store %s %s", store->path,
                meanings[i].words);
        ek_cause(err, "%s", sqlite3_errmsg(store->database));
        return ek_hint(err, "%s", meanings[i].hint), meanings[i].means;
    }
    ek_fail(err, EK_BUG, "EK-1007", "the store %s can't be used", store->path);
    ek_cause(err, "%d: %s", code, sqlite3_errmsg(store->database));
    return EK_BUG;
}

void ek_sqlite_statement_done(sqlite3_stmt **statement)
{
    sqlite3_finalize(*statement);
}

int ek_sqlite_run(struct ek_store *store, const char *sql, struct ek_error *err)
{
    return sqlite3_exec(store->database, sql, NULL, NULL, NULL) == SQLITE_OK
               ? 0
               : ek_sqlite_fail(store, err);
}

int ek_sqlite_prepare(struct ek_store *store, sqlite3_stmt **ret_statement, struct ek_error *err,
                      const char *sql, const char *types, ...)
{
    sqlite3_stmt *statement = NULL;
    va_list values;
    int code = sqlite3_prepare_v2(store->database, sql, -1, &statement, NULL);
    va_start(values, types);
    for (int i = 0; types[i] && code == SQLITE_OK; i++)
        code = types[i] == 'i' ? sqlite3_bind_int64(statement, i + 1, va_arg(values, int64_t))
                               : sqlite3_bind_text(statement, i + 1, va_arg(values, const char *),
                                                   -1, SQLITE_STATIC);
    va_end(values);
    if (code == SQLITE_OK) {
        *ret_statement = statement;
        return 0;
    }
    int result = ek_sqlite_fail(store, err);
    sqlite3_finalize(statement);
    return result;
}

int ek_sqlite_step(struct ek_store *store, sqlite3_stmt *statement, bool *ret_row,
                   struct ek_error *err)
{
    int code = sqlite3_step(statement);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return ek_sqlite_fail(store, err);
    *ret_row = code == SQLITE_ROW;
    return 0;
}

const char *ek_sqlite_text(sqlite3_stmt *statement, int column)
{
    const unsigned char *text = sqlite3_column_text(statement, column);
    return text ? (const char *)text : "";
}

void ek_sqlite_copy(sqlite3_stmt *statement, int column, char *buffer, size_t size)
{
    snprintf(buffer, size, "%s", ek_sqlite_text(statement, column));
}

/* ---- transactions ---- */

void ek_sqlite_hold(struct ek_store *store)
{
    pthread_mutex_lock(&store->mutex);
}

void ek_sqlite_release(struct ek_store *store)
{
    pthread_mutex_unlock(&store->mutex);
}

/* SQLite goes on with a file that lost its name; another process would then make a new one, and
 * there would be two stores. */
static int still_there(struct ek_store *store, struct ek_error *err)
{
    int moved = 0;
    if (sqlite3_file_control(store->database, "main", SQLITE_FCNTL_HAS_MOVED, &moved) ==
            SQLITE_OK &&
        !moved)
        return 0;
    ek_fail(err, EK_NOT_FOUND, "EK-1005", "the store %s was moved or removed while in use",
            store->path);
    return ek_hint(err, "start again; who moved it should move it back first");
}

int ek_sqlite_begin(struct ek_store *store, struct ek_error *err)
{
    ek_sqlite_hold(store);
    int result = still_there(store, err);
    if (result == 0)
        result = ek_sqlite_run(store, "BEGIN IMMEDIATE", err);
    if (result != 0)
        ek_sqlite_release(store);
    return result;
}

int ek_sqlite_end(struct ek_store *store, int result, struct ek_error *err)
{
    if (result == 0)
        result = still_there(store, err);
    if (result == 0)
        result = ek_sqlite_run(store, "COMMIT", err);
    if (result != 0 && !sqlite3_get_autocommit(store->database))
        (void)sqlite3_exec(store->database, "ROLLBACK", NULL, NULL, NULL);
    ek_sqlite_release(store);
    return result;
}
