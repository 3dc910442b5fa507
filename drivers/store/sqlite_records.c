/* Plans, approvals, pauses, watches and notes in the SQLite store. */
#include <stdlib.h>
#include <string.h>

#include "drivers/store/sqlite.h"
#include "reconciler/base/memory.h"

/* One statement that changes something, in a transaction of its own. */
static int change(struct ek_store *store, sqlite3_stmt *statement, struct ek_error *err)
{
    bool row;
    return ek_sqlite_step(store, statement, &row, err);
}

static int do_put_plan(struct ek_store *store, const struct ek_plan_record *plan,
                       struct ek_error *err)
{
    EK_STATEMENT *statement = NULL;
    int result = ek_sqlite_prepare(store, &statement, err,
                                   "INSERT INTO plans (name, account, deployment, document, at_ms)"
                                   " VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO NOTHING",
                                   "tttti", plan->name, plan->account, plan->deployment,
                                   plan->document, plan->at_ms);
    return result == 0 ? change(store, statement, err) : result;
}

int ek_sqlite_put_plan(struct ek_store *store, const struct ek_plan_record *plan,
                       struct ek_error *err)
{
    int result = ek_sqlite_begin(store, err);
    return result != 0 ? result : ek_sqlite_end(store, do_put_plan(store, plan, err), err);
}

static int find_plan(struct ek_store *store, const char *name, char **ret_document,
                     struct ek_error *err)
{
    EK_STATEMENT *statement = NULL;
    bool row = false;
    int result = ek_sqlite_prepare(store, &statement, err,
                                   "SELECT document FROM plans WHERE name = ?", "t", name);
    if (result == 0)
        result = ek_sqlite_step(store, statement, &row, err);
    if (result != 0)
        return result;
    if (!row)
        return ek_fail(err, EK_NOT_FOUND, "EK-1011", "the store has no plan %s", name);
    char *copy = strdup(ek_sqlite_text(statement, 0));
    if (!copy)
        return ek_no_memory(err);
    *ret_document = copy;
    return 0;
}

int ek_sqlite_get_plan(struct ek_store *store, const char *name, char **ret_document,
                       struct ek_error *err)
{
    ek_sqlite_hold(store);
    int result = find_plan(store, name, ret_document, err);
    ek_sqlite_release(store);
    return result;
}

static int do_put_approval(struct ek_store *store, const struct ek_approval *approval,
                           struct ek_error *err)
{
    EK_STATEMENT *statement = NULL;
    int result =
        ek_sqlite_prepare(store, &statement, err,
                          "INSERT INTO approvals (account, deployment, plan, who, how, at_ms)"
                          " VALUES (?, ?, ?, ?, ?, ?)",
                          "ttttti", approval->account, approval->deployment, approval->plan,
                          approval->who, approval->how, approval->at_ms);
    return result == 0 ? change(store, statement, err) : result;
}

int ek_sqlite_put_approval(struct ek_store *store, const struct ek_approval *approval,
                           struct ek_error *err)
{
    int result = ek_sqlite_begin(store, err);
    return result != 0 ? result : ek_sqlite_end(store, do_put_approval(store, approval, err), err);
}

static int find_approvals(struct ek_store *store, const char *account, const char *deployment,
                          struct ek_approvals *ret_approvals, struct ek_error *err)
{
    EK_STATEMENT *statement = NULL;
    size_t count = 0;
    bool row = true;
    int result =
        ek_sqlite_prepare(store, &statement, err,
                          "SELECT account, deployment, plan, who, how, at_ms FROM approvals"
                          " WHERE account = ? AND deployment = ? ORDER BY number DESC",
                          "tt", account, deployment);
    while (result == 0 && count < ret_approvals->max) {
        result = ek_sqlite_step(store, statement, &row, err);
        if (result != 0 || !row)
            break;
        struct ek_approval *one = &ret_approvals->at[count++];
        ek_sqlite_copy(statement, 0, one->account, sizeof one->account);
        ek_sqlite_copy(statement, 1, one->deployment, sizeof one->deployment);
        ek_sqlite_copy(statement, 2, one->plan, sizeof one->plan);
        ek_sqlite_copy(statement, 3, one->who, sizeof one->who);
        ek_sqlite_copy(statement, 4, one->how, sizeof one->how);
        one->at_ms = sqlite3_column_int64(statement, 5);
    }
    if (result == 0)
        ret_approvals->count = count;
    return result;
}

int ek_sqlite_get_approvals(struct ek_store *store, const char *account, const char *deployment,
                            struct ek_approvals *ret_approvals, struct ek_error *err)
{
    ek_sqlite_hold(store);
    int result = find_approvals(store, account, deployment, ret_approvals, err);
    ek_sqlite_release(store);
    return result;
}

static int do_put_pause(struct ek_store *store, const char *account, const char *deployment,
                        const struct ek_pause *pause, struct ek_error *err)
{
    EK_STATEMENT *statement = NULL;
    int result = pause->until_ms == 0
                     ? ek_sqlite_prepare(store, &statement, err,
                                         "DELETE FROM pauses WHERE account = ? AND deployment = ?",
                                         "tt", account, deployment)
                     : ek_sqlite_prepare(store, &statement, err,
                                         "INSERT OR REPLACE INTO pauses (account, deployment, who,"
                                         " why, since_ms, until_ms) VALUES (?, ?, ?, ?, ?, ?)",
                                         "ttttii", account, deployment, pause->who, pause->why,
                                         pause->since_ms, pause->until_ms);
    return result == 0 ? change(store, statement, err) : result;
}

int ek_sqlite_put_pause(struct ek_store *store, const char *account, const char *deployment,
                        const struct ek_pause *pause, struct ek_error *err)
{
    int result = ek_sqlite_begin(store, err);
    return result != 0
               ? result
               : ek_sqlite_end(store, do_put_pause(store, account, deployment, pause, err), err);
}

static int find_pause(struct ek_store *store, const char *account, const char *deployment,
                      struct ek_pause *ret_pause, struct ek_error *err)
{
    EK_STATEMENT *statement = NULL;
    bool row = false;
    int result = ek_sqlite_prepare(store, &statement, err,
                                   "SELECT who, why, since_ms, until_ms FROM pauses"
                                   " WHERE account = ? AND deployment = ?",
                                   "tt", account, deployment);
    if (result == 0)
        result = ek_sqlite_step(store, statement, &row, err);
    if (result != 0)
        return result;
    if (!row)
        return ek_fail(err, EK_NOT_FOUND, "EK-1011", "%s is not paused", deployment);
    ek_sqlite_copy(statement, 0, ret_pause->who, sizeof ret_pause->who);
    ek_sqlite_copy(statement, 1, ret_pause->why, sizeof ret_pause->why);
    ret_pause->since_ms = sqlite3_column_int64(statement, 2);
    ret_pause->until_ms = sqlite3_column_int64(statement, 3);
    return 0;
}

int ek_sqlite_get_pause(struct ek_store *store, const char *account, const char *deployment,
                        struct ek_pause *ret_pause, struct ek_error *err)
{
    ek_sqlite_hold(store);
    int result = find_pause(store, account, deployment, ret_pause, err);
    ek_sqlite_release(store);
    return result;
}

static int do_put_watch(struct ek_store *store, const struct ek_watch_key *key,
                        const struct ek_client_watch *watch, struct ek_error *err)
{
    EK_STATEMENT *statement = NULL;
    int result = ek_sqlite_prepare(store, &statement, err,
                                   "INSERT OR REPLACE INTO watches (account, deployment, member,"
                                   " since_s, until_s) VALUES (?, ?, ?, ?, ?)",
                                   "tttii", key->account, key->deployment, key->member,
                                   watch->since_s, watch->until_s);
    return result == 0 ? change(store, statement, err) : result;
}

int ek_sqlite_put_watch(struct ek_store *store, const struct ek_watch_key *key,
                        const struct ek_client_watch *watch, struct ek_error *err)
{
    int result = ek_sqlite_begin(store, err);
    return result != 0 ? result : ek_sqlite_end(store, do_put_watch(store, key, watch, err), err);
}

static int find_watch(struct ek_store *store, const struct ek_watch_key *key,
                      struct ek_client_watch *ret_watch, struct ek_error *err)
{
    EK_STATEMENT *statement = NULL;
    struct ek_client_watch watch = {0};
    bool row = false;
    int result = ek_sqlite_prepare(store, &statement, err,
                                   "SELECT since_s, until_s FROM watches"
                                   " WHERE account = ? AND deployment = ? AND member = ?",
                                   "ttt", key->account, key->deployment, key->member);
    if (result == 0)
        result = ek_sqlite_step(store, statement, &row, err);
    if (result != 0)
        return result;
    if (row) {
        watch.since_s = sqlite3_column_int64(statement, 0);
        watch.until_s = sqlite3_column_int64(statement, 1);
    }
    *ret_watch = watch;
    return 0;
}

int ek_sqlite_get_watch(struct ek_store *store, const struct ek_watch_key *key,
                        struct ek_client_watch *ret_watch, struct ek_error *err)
{
    ek_sqlite_hold(store);
    int result = find_watch(store, key, ret_watch, err);
    ek_sqlite_release(store);
    return result;
}

static int do_note(struct ek_store *store, const char *key, int64_t at_ms, bool *ret_first,
                   struct ek_error *err)
{
    EK_STATEMENT *statement = NULL;
    int result = ek_sqlite_prepare(store, &statement, err,
                                   "INSERT INTO notes (key, at_ms) VALUES (?, ?)"
                                   " ON CONFLICT (key) DO NOTHING",
                                   "ti", key, at_ms);
    if (result == 0)
        result = change(store, statement, err);
    if (result == 0)
        *ret_first = sqlite3_changes(store->database) == 1;
    return result;
}

int ek_sqlite_note_once(struct ek_store *store, const char *key, int64_t at_ms, bool *ret_first,
                        struct ek_error *err)
{
    bool first = false;
    int result = ek_sqlite_begin(store, err);
    if (result == 0)
        result = ek_sqlite_end(store, do_note(store, key, at_ms, &first, err), err);
    if (result == 0)
        *ret_first = first;
    return result;
}
