/* The file of a SQLite store: made, migrated, refused; full, damaged, gone, tampered with. */
#include "store_support.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "drivers/store/drivers.h"
#include "drivers/store/sqlite.h"

static struct ek_error err;

static struct ek_store_location at(const char *path)
{
    return (struct ek_store_location){.path = path};
}

static struct ek_store_handle open_it(const char *path)
{
    struct ek_store_location location = at(path);
    struct ek_store_handle handle = {0};
    assert_good(ek_store_open(&location, &handle, &err));
    return handle;
}

static int try_open(const char *path)
{
    struct ek_store_location location = at(path);
    struct ek_store_handle handle = {0};
    err = (struct ek_error){0};
    int result = ek_store_open(&location, &handle, &err);
    ek_store_close(&handle);
    return result;
}

static int append(const struct ek_store_handle *handle, const char *text)
{
    const struct ek_store_event event = {.at_ms = 5,
                                         .account = "acme",
                                         .deployment = "orders",
                                         .kind = "step-done",
                                         .who = "alice@ops1",
                                         .commit = "",
                                         .plan = "",
                                         .text = text,
                                         .detail = "{}"};
    int64_t number;
    err = (struct ek_error){0};
    return handle->driver->append(handle->store, &event, &number, &err);
}

/* Change the file behind the store's back. */
static void run_sql(const char *path, const char *sql)
{
    sqlite3 *database = NULL;
    char *message = NULL;
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    if (sqlite3_exec(database, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
    sqlite3_close(database);
}

static void write_file(const char *path, const void *bytes, size_t length, off_t offset)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, length, offset), length);
    close(fd);
}

static void test_the_file_is_ours_alone(void **state)
{
    (void)state;
    const char *path = scratch_path("mode.db");
    mode_t before = umask(0);
    struct ek_store_handle handle = open_it(path);
    struct stat status;
    assert_good(append(&handle, "something, so that there is a log"));
    umask(before);
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        char name[PATH_MAX];
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        assert_int_equal(stat(name, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
    }
    ek_store_close(&handle);
}

static void test_where_there_is_none(void **state)
{
    (void)state;
    struct ek_store_location location = at(scratch_path("absent.db"));
    struct ek_store_handle handle = {0};
    location.must_exist = true;
    assert_fails(ek_store_open(&location, &handle, &err), EK_NOT_FOUND, "EK-1001");
    assert_int_not_equal(access(location.path, F_OK), 0);
    assert_fails(try_open(scratch_path("no/such/place.db")), EK_NOT_FOUND, "EK-1001");
    assert_fails(try_open(scratch), EK_INVALID, "EK-1001");
    location = (struct ek_store_location){.uri = "ftp://x/y"};
    assert_fails(ek_store_open(&location, &handle, &err), EK_UNSUPPORTED, "EK-1009");
    location.uri = "mongodb://u:secret@x/y";
    assert_fails(ek_store_open(&location, &handle, &err), EK_INVALID, "EK-1009");
    assert_null(strstr(err.sentence, "secret"));
    location.uri = "mongodb://u:sec ret@x:y:z/y";
    assert_fails(ek_store_open(&location, &handle, &err), EK_INVALID, "EK-1009");
    assert_null(strstr(err.sentence, "sec ret"));
}

/* ---- versions ---- */

/* As version 1 left it: an event, no index. */
static void make_version_1(const char *path)
{
    struct ek_store old = {.path = (char *)(uintptr_t)path};
    int64_t number;
    const struct ek_store_event event = {.account = "acme",
                                         .deployment = "orders",
                                         .kind = "approved",
                                         .who = "bob",
                                         .commit = "",
                                         .plan = "",
                                         .text = "of old",
                                         .detail = "{}"};
    pthread_mutex_init(&old.mutex, NULL);
    assert_int_equal(sqlite3_open(path, &old.database), SQLITE_OK);
    assert_good(ek_sqlite_migrate(&old, 1, &err));
    assert_good(ek_sqlite_append(&old, &event, &number, &err));
    sqlite3_close(old.database);
    pthread_mutex_destroy(&old.mutex);
}

static int64_t number_in(const char *path, const char *sql)
{
    sqlite3 *database = NULL;
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(database, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(database);
    return number;
}

#define INDEXES "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"

static void test_an_older_file_is_migrated(void **state)
{
    (void)state;
    const char *path = scratch_path("old.db");
    int64_t events = 0;
    make_version_1(path);
    assert_int_equal(number_in(path, "PRAGMA user_version"), 1);
    assert_int_equal(number_in(path, INDEXES), 0);
    struct ek_store_handle handle = open_it(path);
    assert_good(append(&handle, "of now"));
    assert_good(ek_store_verify(&handle, &events, &err));
    assert_int_equal(events, 2);
    ek_store_close(&handle);
    assert_int_equal(number_in(path, "PRAGMA user_version"), EK_SQLITE_VERSION);
    assert_int_equal(number_in(path, INDEXES), 3);
}

static void test_a_newer_file_is_left_alone(void **state)
{
    (void)state;
    const char *path = scratch_path("newer.db");
    struct ek_store_handle handle = open_it(path);
    ek_store_close(&handle);
    run_sql(path, "PRAGMA user_version = 99");
    assert_fails(try_open(path), EK_UNSUPPORTED, "EK-1002");
    assert_non_null(strstr(err.sentence, "99"));
    assert_int_equal(number_in(path, "PRAGMA user_version"), 99);
}

static void test_a_file_of_another_program_is_left_alone(void **state)
{
    (void)state;
    const char *path = scratch_path("foreign.db");
    run_sql(path, "CREATE TABLE recipes (name TEXT)");
    assert_fails(try_open(path), EK_INVALID, "EK-1004");
    assert_int_equal(number_in(path, "SELECT count(*) FROM sqlite_schema"), 1);
    path = scratch_path("text.db");
    write_file(path, "This is no database, but a letter to my aunt.", 45, 0);
    assert_fails(try_open(path), EK_INVALID, "EK-1004");
}

/* ---- bad days ---- */

static void test_a_damaged_file(void **state)
{
    (void)state;
    const char *path = scratch_path("damaged.db");
    struct ek_store_handle handle = open_it(path);
    char zeros[4096];
    char text[200];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    for (int i = 0; i < 60; i++)
        assert_good(append(&handle, text));
    ek_store_close(&handle);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    memset(zeros, 0x5a, sizeof zeros);
    for (off_t offset = 4096; offset < status.st_size; offset += 4096)
        write_file(path, zeros, sizeof zeros, offset);
    int result = try_open(path);
    if (result == 0) { /* its first page is whole: then it is seen when it is used */
        handle = open_it(path);
        result = append(&handle, "more");
        ek_store_close(&handle);
    }
    assert_int_equal(result, EK_INVALID);
    assert_string_equal(err.id, "EK-1004");
}

static void test_a_file_that_loses_its_name(void **state)
{
    (void)state;
    const char *path = scratch_path("gone.db");
    struct ek_store_handle handle = open_it(path);
    struct ek_lease_record none = {0};
    struct ek_lease_record mine = {.token = 1, .beat = 1, .holder = "{}"};
    assert_good(append(&handle, "before"));
    unlink(path);
    assert_fails(append(&handle, "into nowhere"), EK_NOT_FOUND, "EK-1005");
    assert_fails(handle.driver->swap_lease(handle.store, "x", &none, &mine, &err), EK_NOT_FOUND,
                 "EK-1005");
    struct ek_store_handle other = open_it(path); /* another one of the same name is no better */
    assert_fails(append(&handle, "into nowhere"), EK_NOT_FOUND, "EK-1005");
    ek_store_close(&other);
    ek_store_close(&handle);
}

static void test_a_file_that_another_holds(void **state)
{
    (void)state;
    const char *path = scratch_path("held.db");
    struct ek_store_handle handle = open_it(path);
    sqlite3 *other = NULL;
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_fails(append(&handle, "waits five seconds"), EK_TIMEOUT, "EK-1006");
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    assert_good(append(&handle, "now"));
    ek_store_close(&handle);
}

static bool write_proc(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        close(fd);
    return good;
}

static bool become_root_here(void)
{
    char users[64];
    char groups[64];
    snprintf(users, sizeof users, "0 %u 1", (unsigned)geteuid());
    snprintf(groups, sizeof groups, "0 %u 1", (unsigned)getegid());
    return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 &&
           write_proc("/proc/self/setgroups", "deny") && write_proc("/proc/self/uid_map", users) &&
           write_proc("/proc/self/gid_map", groups);
}

/* On a small disk of its own, until it is full; in another process, which may mount one. Its exit
 * status: 0 as it should be, 77 when this machine lets nobody mount. */
static void fill_a_disk(const char *place)
{
    char path[PATH_MAX];
    int64_t before = 0;
    int64_t after = 0;
    struct ek_store_location location = {.path = path};
    struct ek_store_handle handle = {0};
    char text[4000];
    int result = 0;
    if (mkdir(place, 0700) != 0 || !become_root_here() ||
        mount("none", place, "tmpfs", 0, "size=400k") != 0)
        _exit(77);
    snprintf(path, sizeof path, "%s/store.db", place);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    if (ek_store_open(&location, &handle, &err) != 0)
        _exit(1);
    while (result == 0 && before < 10000) {
        result = append(&handle, text);
        before += result == 0;
    }
    if (result != EK_SYSTEM || strcmp(err.id, "EK-1003") != 0 || before == 0)
        _exit(2);
    if (append(&handle, text) != EK_SYSTEM || strcmp(err.id, "EK-1003") != 0)
        _exit(3);
    /* What is there is whole, and it goes on when there is room again. */
    if (ek_store_verify(&handle, &after, &err) != 0 || after != before)
        _exit(4);
    if (mount("none", place, "tmpfs", MS_REMOUNT, "size=4m") != 0 || append(&handle, text) != 0)
        _exit(5);
    if (ek_store_verify(&handle, &after, &err) != 0 || after != before + 1)
        _exit(6);
    ek_store_close(&handle);
    _exit(0);
}

static void test_a_full_disk(void **state)
{
    (void)state;
    int status;
    pid_t pid = fork();
    if (pid == 0)
        fill_a_disk(scratch_path("small"));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- tampering ---- */

static void test_tampering_is_noticed(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        const char *number;
    } ways[] = {
        {"UPDATE events SET text = 'nothing happened' WHERE number = 3", "event 3 was changed"},
        {"UPDATE events SET who = 'bob' WHERE number = 5", "event 5 was changed"},
        {"UPDATE events SET at_ms = 6 WHERE number = 1", "event 1 was changed"},
        {"DELETE FROM events WHERE number = 4", "event 4 is missing"},
        {"DELETE FROM events WHERE number = 5", "event 5 is missing"},
        {"DELETE FROM events", "event 1 is missing"},
        {"DELETE FROM events WHERE number = 3;"
         "UPDATE events SET number = number - 1 WHERE number > 3",
         "event 3 was changed, or one before it was removed"},
        {"UPDATE events SET hash = (SELECT hash FROM events WHERE number = 1) WHERE number = 2",
         "event 2 was changed"},
        {"INSERT INTO events SELECT 6, at_ms, account, deployment, kind, who, revision, plan, text,"
         " detail, hash FROM events WHERE number = 5",
         "event 6 was changed"},
    };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        const char *path = scratch_path("tampered.db");
        struct ek_store_handle handle = open_it(path);
        int64_t events = 0;
        for (int n = 0; n < 5; n++)
            assert_good(append(&handle, "something happened"));
        assert_good(ek_store_verify(&handle, &events, &err));
        assert_int_equal(events, 5);
        run_sql(path, ways[i].sql);
        assert_fails(ek_store_verify(&handle, &events, &err), EK_CONFLICT, "EK-1010");
        if (!strstr(err.sentence, ways[i].number))
            fail_msg("%s: %s", ways[i].sql, err.sentence);
        ek_store_close(&handle);
        unlink(path);
    }
}

/* Texts can't be shifted from one field into the next without it being noticed. */
static void test_the_chain_keeps_fields_apart(void **state)
{
    (void)state;
    struct ek_store_event event = {.number = 1,
                                   .account = "ab",
                                   .deployment = "c",
                                   .kind = "",
                                   .who = "",
                                   .commit = "",
                                   .plan = "",
                                   .text = "",
                                   .detail = "{}"};
    char one[65];
    char other[65];
    assert_int_equal(ek_store_chain("", &event, one, NULL), 0);
    assert_int_equal(ek_store_chain("", &event, other, NULL), 0);
    assert_string_equal(one, other);
    event.account = "a";
    event.deployment = "bc";
    assert_int_equal(ek_store_chain("", &event, other, NULL), 0);
    assert_string_not_equal(one, other);
    assert_int_equal(ek_store_chain(one, &event, one, NULL), 0);
    assert_string_not_equal(one, other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_file_is_ours_alone),
        cmocka_unit_test(test_where_there_is_none),
        cmocka_unit_test(test_an_older_file_is_migrated),
        cmocka_unit_test(test_a_newer_file_is_left_alone),
        cmocka_unit_test(test_a_file_of_another_program_is_left_alone),
        cmocka_unit_test(test_a_damaged_file),
        cmocka_unit_test(test_a_file_that_loses_its_name),
        cmocka_unit_test(test_a_file_that_another_holds),
        cmocka_unit_test(test_a_full_disk),
        cmocka_unit_test(test_tampering_is_noticed),
        cmocka_unit_test(test_the_chain_keeps_fields_apart),
    };
    return cmocka_run_group_tests_name("store_sqlite", tests, scratch_make, scratch_remove);
}
