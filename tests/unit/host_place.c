/* Files as administrators keep them, and servers that were broken into. */
#include "tests/unit/host_support.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "drivers/host/files.h"
#include "drivers/host/roots.h"

static const struct ek_host_driver *local;
static const struct ek_host_driver *system_driver;

static const char bad_content[] = "not for us";

static int write_as(const struct ek_host_driver *driver, const struct place *place,
                    const char *path, const char *text)
{
    struct ek_host host = place->host;
    host.server_user = "daemon";
    memset(&err, 0, sizeof err);
    return driver->write_file(
        &host, &(struct ek_file_content){path, text, strlen(text), 0640, true}, SOON, &err);
}

static void is_text(const char *path, const char *text)
{
    char *found = text_of(path);
    assert_string_equal(found, text);
    free(found);
}

/* ---- files as they are kept ---- */

static void a_link_stays_and_what_it_names_is_changed(void **state)
{
    const struct place *place = *state;
    char link[128], managed[128], target[160], middle[128];
    snprintf(link, sizeof link, "%s/link.conf", place->directory);
    snprintf(middle, sizeof middle, "%s/middle.conf", place->directory);
    snprintf(managed, sizeof managed, "%s/managed", place->directory);
    snprintf(target, sizeof target, "%s/mongod.conf", managed);
    assert_int_equal(mkdir(managed, 0755), 0);
    must_write(target, "old", 0644);
    assert_int_equal(symlink("managed/../managed/./mongod.conf", middle), 0);
    assert_int_equal(symlink(middle, link), 0);
    WORKS(write_as(local, place, link, "new"));
    struct stat status;
    assert_int_equal(lstat(link, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    is_text(target, "new");
    assert_int_equal(mode_of(target), 0644);
    EK_FILE file = {0};
    WORKS(local->read_file(&place->host, &(struct ek_file_question){link, 9}, SOON, &file, &err));
    assert_string_equal(ek_buffer_text(&file.content), "new");
    assert_int_equal(unlink(middle), 0);
    assert_int_equal(symlink("link.conf", middle), 0); /* round and round */
    memset(&err, 0, sizeof err);
    assert_int_not_equal(write_as(local, place, link, "new"), 0);
    assert_string_equal(err.id, "EK-0415");
}

static void mode_owner_and_label_stay(void **state)
{
    const struct place *place = *state;
    char path[128];
    static const mode_t modes[] = {0600, 0644, 0664};
    snprintf(path, sizeof path, "%s/kept.conf", place->directory);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        must_write(path, "old", 0600);
        assert_int_equal(chmod(path, modes[i]), 0);
        WORKS(write_as(local, place, path, "new"));
        assert_int_equal(mode_of(path), modes[i]);
    }
    static const char label[] = "system_u:object_r:mongod_etc_t:s0";
    char found[sizeof label] = "";
    bool labelled = setxattr(path, "security.selinux", label, sizeof label, 0) == 0;
    bool given = chown(path, 2, 3) == 0;
    WORKS(write_as(given ? system_driver : local, place, path, "newer"));
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_uid, given ? 2 : geteuid());
    assert_int_equal(status.st_gid, given ? 3 : getegid());
    assert_int_equal(getxattr(path, "security.selinux", found, sizeof found),
                     labelled ? (int)sizeof label : -1);
    assert_string_equal(found, labelled ? label : "");
    is_text(path, "newer");
}

/* In a mount namespace of its own: 0 as it should be, 1 not, 2 that can't be tried here. */
static int write_over_mount(const struct place *place, const char *path)
{
    char other[128];
    snprintf(other, sizeof other, "%s/other.conf", place->directory);
    must_write(other, "mounted, and longer", 0644);
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount(other, path, NULL, MS_BIND, NULL) != 0)
        return 2;
    if (write_as(local, place, path, "new") != 0)
        return 1;
    char *text = text_of(other);
    return strcmp(text, "new") == 0 ? 0 : 1;
}

static void a_mounted_file_is_written_over(void **state)
{
    const struct place *place = *state;
    char path[128];
    int status = -1;
    snprintf(path, sizeof path, "%s/mounted.conf", place->directory);
    must_write(path, "below", 0644);
    if (fork() == 0)
        _exit(write_over_mount(place, path));
    assert_true(wait(&status) > 0);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 2)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
    is_text(path, "below");
}

/* ---- a server that was broken into ---- */

struct breach {
    char theirs[96];  /* a directory of the server's user */
    char tls[128];    /* in there, where we write to */
    char victim[128]; /* a directory of ours that they can't write to */
    char file[160];
};

/* False: this needs root. */
static bool break_in(const struct place *place, struct breach *breach)
{
    snprintf(breach->theirs, sizeof breach->theirs, "%s/theirs", place->directory);
    snprintf(breach->tls, sizeof breach->tls, "%s/tls", breach->theirs);
    snprintf(breach->victim, sizeof breach->victim, "%s/victim", place->directory);
    snprintf(breach->file, sizeof breach->file, "%s/server.pem", breach->tls);
    assert_int_equal(chmod(place->directory, 0755), 0);
    assert_int_equal(mkdir(breach->theirs, 0750), 0);
    assert_int_equal(mkdir(breach->victim, 0700), 0);
    return chown(breach->theirs, 1, 1) == 0;
}

static void victim_is_untouched(const struct breach *breach)
{
    assert_false(ek_directory_has_content(breach->victim));
}

static void a_link_that_the_server_placed_is_not_followed(void **state)
{
    const struct place *place = *state;
    struct breach breach;
    if (!break_in(place, &breach))
        skip();
    assert_int_equal(symlink(breach.victim, breach.tls), 0); /* even when it is called ours */
    for (int i = 0; i < 2; i++) {
        FAILS(write_as(system_driver, place, breach.file, "key"), EK_DENIED, "EK-0427");
        assert_non_null(strstr(err.sentence, breach.file));
        FAILS(system_driver->remove_file(&place->host, breach.file, SOON, &err), EK_DENIED,
              "EK-0427");
        victim_is_untouched(&breach);
        assert_int_equal(lchown(breach.tls, 1, 1), 0);
    }
    char secret[160], bait[128];
    snprintf(secret, sizeof secret, "%s/secret", breach.victim);
    snprintf(bait, sizeof bait, "%s/mongod.conf", breach.theirs);
    must_write(secret, bad_content, 0600);
    assert_int_equal(symlink(secret, bait), 0);
    EK_FILE file = {0};
    FAILS(system_driver->read_file(&place->host, &(struct ek_file_question){bait, 99}, SOON, &file,
                                   &err),
          EK_DENIED, "EK-0427");
    FAILS(write_as(system_driver, place, bait, "x"), EK_DENIED, "EK-0427");
    is_text(secret, bad_content);
}

enum { WRITES_LEAST = 400, WRITES_MOST = 20000 };

/* Swaps the directory for a link to the victim, and back, for ever. */
static _Noreturn void keep_swapping(const struct breach *breach)
{
    char link[160];
    snprintf(link, sizeof link, "%s/link", breach->theirs);
    (void)!symlink(breach->victim, link);
    for (;;)
        renameat2(AT_FDCWD, breach->tls, AT_FDCWD, link, RENAME_EXCHANGE);
}

static void a_directory_swapped_for_a_link_leads_nowhere(void **state)
{
    const struct place *place = *state;
    struct breach breach;
    int written = 0;
    int refused = 0;
    if (!break_in(place, &breach))
        skip();
    assert_int_equal(mkdir(breach.tls, 0700), 0);
    assert_int_equal(chown(breach.tls, 1, 1), 0);
    pid_t server = fork();
    if (server == 0) {
        if (setgid(1) != 0 || setuid(1) != 0)
            _exit(1);
        keep_swapping(&breach);
    }
    for (int i = 0; i < WRITES_MOST && (i < WRITES_LEAST || !written || !refused); i++) {
        int result = write_as(system_driver, place, breach.file, "key");
        written += result == 0;
        refused += result == EK_DENIED;
        victim_is_untouched(&breach);
    }
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    assert_true(written > 0 && refused > 0); /* it was met in both its states */
}

/* What we make for a server it can read, and not rearrange. */
static void directories_that_we_make_stay_ours(void **state)
{
    const struct place *place = *state;
    char path[160];
    struct stat status;
    snprintf(path, sizeof path, "%s/ours/orders/a/ca.pem", place->directory);
    if (geteuid() != 0 || chown(place->server, 1, 1) != 0)
        skip();
    WORKS(write_as(system_driver, place, path, "x"));
    for (int i = 0; i < 3; i++) {
        *strrchr(path, '/') = 0;
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_uid, geteuid());
        assert_int_equal(status.st_gid, 1);
        assert_int_equal(status.st_mode & 07777, 0750);
    }
}

static void directories_that_were_given_away_are_taken_back(void **state)
{
    const struct place *place = *state;
    struct breach breach;
    struct stat status;
    if (!break_in(place, &breach))
        skip();
    struct ek_host_roots roots = ek_host_roots();
    roots.certificates = breach.theirs;
    assert_int_equal(mkdir(breach.tls, 0700), 0);
    assert_int_equal(chown(breach.tls, 1, 1), 0);
    ek_host_roots_override(&roots);
    int result = write_as(system_driver, place, breach.file, "key");
    ek_host_roots_override(NULL);
    WORKS(result);
    const char *const directories[] = {breach.theirs, breach.tls};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(stat(directories[i], &status), 0);
        assert_int_equal(status.st_uid, geteuid());
        assert_int_equal(status.st_gid, 1);
        assert_int_equal(status.st_mode & 07777, 0750);
    }
    is_text(breach.file, "key");
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, place_setup, place_teardown)

int main(void)
{
    local = ek_host_driver_named("local");
    system_driver = ek_host_driver_named("system");
    const struct CMUnitTest tests[] = {
        WITH_PLACE(a_link_stays_and_what_it_names_is_changed),
        WITH_PLACE(mode_owner_and_label_stay),
        WITH_PLACE(a_mounted_file_is_written_over),
        WITH_PLACE(a_link_that_the_server_placed_is_not_followed),
        WITH_PLACE(a_directory_swapped_for_a_link_leads_nowhere),
        WITH_PLACE(directories_that_we_make_stay_ours),
        WITH_PLACE(directories_that_were_given_away_are_taken_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
