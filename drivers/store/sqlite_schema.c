/* The tables of the SQLite store, version by version. */
#include <stdio.h>

#include "drivers/store/sqlite.h"

enum { APPLICATION = 1164668524 }; /* PRAGMA application_id of our files */

static const char *const migrations[EK_SQLITE_VERSION] = {
    "CREATE TABLE events (number INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL,"
    " account TEXT NOT NULL, deployment TEXT NOT NULL, kind TEXT NOT NULL, who TEXT NOT NULL,"
    " revision TEXT NOT NULL, plan TEXT NOT NULL, text TEXT NOT NULL, detail TEXT NOT NULL,"
    " hash TEXT NOT NULL) STRICT;"
    "CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), number INTEGER NOT NULL,"
    " hash TEXT NOT NULL) STRICT;"
    "INSERT INTO head VALUES (1, 0, '');"
    "CREATE TABLE plans (name TEXT PRIMARY KEY, account TEXT NOT NULL, deployment TEXT NOT NULL,"
    " document TEXT NOT NULL, at_ms INTEGER NOT NULL) STRICT;"
    "CREATE TABLE approvals (number INTEGER PRIMARY KEY, account TEXT NOT NULL,"
    " deployment TEXT NOT NULL, plan TEXT NOT NULL, who TEXT NOT NULL, how TEXT NOT NULL,"
    " at_ms INTEGER NOT NULL) STRICT;"
    "CREATE TABLE pauses (account TEXT NOT NULL, deployment TEXT NOT NULL, who TEXT NOT NULL,"
    " why TEXT NOT NULL, since_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL,"
    " PRIMARY KEY (account, deployment)) STRICT;"
    "CREATE TABLE notes (key TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) STRICT;"
    "CREATE TABLE leases (name TEXT PRIMARY KEY, token INTEGER NOT NULL, beat INTEGER NOT NULL,"
    " holder TEXT NOT NULL) STRICT;",
    /* What history and approvals are looked up by. */
    "CREATE INDEX events_by_deployment ON events (deployment, account, number);"
    "CREATE INDEX events_by_time ON events (at_ms);"
    "CREATE INDEX approvals_by_deployment ON approvals (account, deployment, number);",
    "CREATE TABLE watches (account TEXT NOT NULL, deployment TEXT NOT NULL, member TEXT NOT NULL,"
    " since_s INTEGER NOT NULL, until_s INTEGER NOT NULL,"
    " PRIMARY KEY (account, deployment, member)) STRICT;",
};

static int number_of(struct ek_store *store, const char *sql, int64_t *ret_number,
                     struct ek_error *err)
{
    EK_STATEMENT *statement = NULL;
    bool row = false;
    int result = ek_sqlite_prepare(store, &statement, err, sql, "");
    if (result == 0)
        result = ek_sqlite_step(store, statement, &row, err);
    if (result == 0)
        *ret_number = row ? sqlite3_column_int64(statement, 0) : 0;
    return result;
}

static int check(struct ek_store *store, int64_t *ret_version, struct ek_error *err)
{
    int64_t version = 0;
    int64_t tables = 0;
    int64_t application = 0;
    int result = number_of(store, "PRAGMA user_version", &version, err);
    if (result == 0)
        result = number_of(store, "PRAGMA application_id", &application, err);
    if (result == 0)
        result = number_of(store, "SELECT count(*) FROM sqlite_schema", &tables, err);
    if (result != 0)
        return result;
    *ret_version = version;
    bool untouched = application == 0 && tables == 0 && version == 0;
    if (version < 0 || (!untouched && application != APPLICATION)) {
        ek_fail(err, EK_INVALID, "EK-1004", "%s is a database of another program", store->path);
        return ek_hint(err, "is --store right?");
    }
    if (version <= EK_SQLITE_VERSION)
        return 0;
    ek_fail(err, EK_UNSUPPORTED, "EK-1002",
            "the store %s was written by a newer Evenkeel (its version is %lld, this one knows %d)",
            store->path, (long long)version, EK_SQLITE_VERSION);
    return ek_hint(err, "use that Evenkeel; an older one can't go back");
}

static int bring_to(struct ek_store *store, int version, struct ek_error *err)
{
    char words[96];
    int64_t now = 0; /* another process may have been faster */
    int result = check(store, &now, err);
    for (int64_t i = now < 0 ? 0 : now; i < version && i < EK_SQLITE_VERSION && result == 0; i++)
        result = ek_sqlite_run(store, migrations[i], err);
    if (result != 0 || now >= version)
        return result;
    snprintf(words, sizeof words, "PRAGMA user_version = %d; PRAGMA application_id = %d", version,
             APPLICATION);
    return ek_sqlite_run(store, words, err);
}

int ek_sqlite_migrate(struct ek_store *store, int version, struct ek_error *err)
{
    int64_t now = 0;
    ek_sqlite_hold(store);
    int result = check(store, &now, err);
    ek_sqlite_release(store);
    if (result != 0 || now >= version)
        return result;
    result = ek_sqlite_begin(store, err);
    return result != 0 ? result : ek_sqlite_end(store, bring_to(store, version, err), err);
}
