/* Making, opening and closing the file of a SQLite store. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/store/sqlite.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/file.h"
#include "reconciler/base/memory.h"

enum { BUSY_MS = 5000, POLL_MS = 20 };

static int cannot_open(const char *path, struct ek_error *err)
{
    int number = errno;
    enum ek_code code = number == EACCES || number == EPERM || number == EROFS ? EK_DENIED
                        : number == ENOENT                                     ? EK_NOT_FOUND
                                                                               : EK_SYSTEM;
    if (number == ENOSPC || number == EDQUOT)
        return ek_fail(err, EK_SYSTEM, "EK-1003", "the store %s can't be made: the disk is full",
                       path);
    ek_fail(err, code, "EK-1001", "the store %s can't be opened: %s", path, strerror(number));
    return ek_hint(err, "does its directory exist, and may this user write there?");
}

/* Made under another name, closed, and only then linked: closing a descriptor of a database that
 * another thread has open would drop that one's locks. */
static int make(const char *path, struct ek_error *err)
{
    char temporary[PATH_MAX];
    int used = snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    if (used < 0 || (size_t)used >= sizeof temporary)
        return ek_fail(err, EK_INVALID, "EK-1001", "the store's path is too long: %s", path);
    int fd = mkostemp(temporary, O_CLOEXEC); /* 0600 */
    if (fd < 0)
        return cannot_open(path, err);
    close(fd);
    int result = link(temporary, path) == 0 || errno == EEXIST ? 0 : cannot_open(path, err);
    unlink(temporary);
    if (result == 0 && ek_directory_sync_of(path) != 0)
        result = cannot_open(path, err);
    return result;
}

static int find_or_make(const struct ek_store_location *location, struct ek_error *err)
{
    struct stat status;
    if (stat(location->path, &status) != 0) {
        if (errno != ENOENT)
            return cannot_open(location->path, err);
        if (!location->must_exist)
            return make(location->path, err);
        ek_fail(err, EK_NOT_FOUND, "EK-1001", "there is no store %s", location->path);
        return ek_hint(err, "nothing was kept there yet; are --store and --state-dir right?");
    }
    if (S_ISREG(status.st_mode))
        return 0;
    return ek_fail(err, EK_INVALID, "EK-1001", "the store %s is no file", location->path);
}

/* Turning a new file into one with a write-ahead log needs it alone; SQLite does not wait there. */
static int use_log(struct ek_store *store, struct ek_error *err)
{
    int64_t deadline = ek_monotonic_ms() + BUSY_MS;
    for (;;) {
        int code = sqlite3_exec(store->database, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
        if (code == SQLITE_OK)
            return 0;
        if ((code & 0xff) != SQLITE_BUSY || ek_time_left_ms(deadline) == 0)
            return ek_sqlite_fail(store, err);
        ek_sleep_ms(POLL_MS);
    }
}

static int prepare(struct ek_store *store, struct ek_error *err)
{
    sqlite3_extended_result_codes(store->database, 1);
    sqlite3_busy_timeout(store->database, BUSY_MS);
    sqlite3_db_config(store->database, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(store->database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    int result = use_log(store, err);
    if (result == 0)
        result = ek_sqlite_run(store, "PRAGMA synchronous = FULL", err);
    return result == 0 ? ek_sqlite_migrate(store, EK_SQLITE_VERSION, err) : result;
}

static void close_store(struct ek_store *store)
{
    sqlite3_close(store->database);
    pthread_mutex_destroy(&store->mutex);
    free(store->path);
    free(store);
}

static int open_store(const struct ek_store_location *location, struct ek_store **ret_store,
                      struct ek_error *err)
{
    int result = find_or_make(location, err);
    if (result != 0)
        return result;
    struct ek_store *store = calloc(1, sizeof *store);
    if (!store)
        return ek_no_memory(err);
    pthread_mutex_init(&store->mutex, NULL);
    store->path = strdup(location->path);
    if (!store->path) {
        close_store(store);
        return ek_no_memory(err);
    }
    int code = sqlite3_open_v2(location->path, &store->database,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    result = code == SQLITE_OK ? prepare(store, err) : ek_sqlite_fail(store, err);
    if (result == 0)
        *ret_store = store;
    else
        close_store(store);
    return result;
}

const struct ek_store_driver ek_store_sqlite = {
    .name = "sqlite",
    .open = open_store,
    .close = close_store,
    .append = ek_sqlite_append,
    .events = ek_sqlite_events,
    .head = ek_sqlite_head,
    .put_plan = ek_sqlite_put_plan,
    .get_plan = ek_sqlite_get_plan,
    .put_approval = ek_sqlite_put_approval,
    .get_approvals = ek_sqlite_get_approvals,
    .put_pause = ek_sqlite_put_pause,
    .get_pause = ek_sqlite_get_pause,
    .put_watch = ek_sqlite_put_watch,
    .get_watch = ek_sqlite_get_watch,
    .note_once = ek_sqlite_note_once,
    .get_lease = ek_sqlite_get_lease,
    .swap_lease = ek_sqlite_swap_lease,
};
