/* Fences: one act at a time on a member's host, and none of a lease that is over. */
#include "host_support.h"

#include <sys/wait.h>

#include "drivers/host/files.h"
#include "drivers/host/roots.h"

struct fenced {
    struct place *place;
    const struct ek_host_driver *driver;
    char path[128];
};

static int setup(void **state, const char *driver, const char *below)
{
    static struct ek_host_roots roots;
    void *place = NULL;
    if (place_setup(&place) != 0)
        return -1;
    struct fenced *fenced = calloc(1, sizeof *fenced);
    if (!fenced)
        abort();
    fenced->place = place;
    fenced->driver = ek_host_driver_named(driver);
    snprintf(fenced->path, sizeof fenced->path, "%s/%s", fenced->place->directory, below);
    roots = ek_host_roots();
    roots.members = fenced->place->directory;
    ek_host_roots_override(&roots);
    *state = fenced;
    return 0;
}

static int local_setup(void **state)
{
    return setup(state, "local", "fence");
}

static int system_setup(void **state)
{
    return setup(state, "system", "acme.orders.a/fence");
}

static int teardown(void **state)
{
    struct fenced *fenced = *state;
    void *place = fenced->place;
    ek_host_roots_override(NULL);
    free(fenced);
    return place_teardown(&place);
}

static int take_until(const struct fenced *fenced, struct ek_fence fence, int64_t deadline,
                      int *ret_lock, int64_t *ret_highest)
{
    struct ek_fence_hold hold = {.lock = *ret_lock};
    int result = fenced->driver->fence(&fenced->place->host, &fence, deadline, &hold, &err);
    *ret_lock = hold.lock;
    *ret_highest = hold.highest;
    return result;
}

static int lock = -1;
static int64_t highest;

static int take(const struct fenced *fenced, int64_t token, const char *id)
{
    return take_until(fenced, (struct ek_fence){.token = token, .id = id}, SOON, &lock, &highest);
}

static void test_tokens_only_grow(void **state)
{
    const struct fenced *fenced = *state;
    WORKS(take(fenced, 5, "five"));
    close(lock);
    assert_int_equal(mode_of(fenced->path), 0600);
    WORKS(take(fenced, 5, "five"));
    close(lock);
    WORKS(take(fenced, 7, "seven"));
    close(lock);
    FAILS(take(fenced, 6, "six"), EK_STALE, "EK-1015");
    assert_int_equal(highest, 7);
    char pid[32];
    snprintf(pid, sizeof pid, "process %d on ", (int)getpid());
    assert_non_null(strstr(err.sentence, pid));
    assert_non_null(strstr(err.sentence, "orders/a"));
    FAILS(take(fenced, 7, "of another store"), EK_STALE, "EK-1015");
    assert_int_equal(highest, 7);
    WORKS(take(fenced, INT64_C(123456789012345), "large"));
    close(lock);
    FAILS(take(fenced, 8, "eight"), EK_STALE, "EK-1015");
    assert_int_equal(highest, INT64_C(123456789012345));
}

/* ---- acts in progress ---- */

static pid_t holder(const struct fenced *fenced)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (take(fenced, 1, "one") != 0 || write(ready[1], "+", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return pid;
}

static void test_waits_for_an_act_in_progress(void **state)
{
    const struct fenced *fenced = *state;
    pid_t pid = holder(fenced);
    kill(pid, SIGSTOP); /* frozen: it keeps its turn */
    int64_t began = ek_monotonic_ms();
    FAILS(take_until(fenced, (struct ek_fence){.token = 2, .id = "two"}, began + 200, &lock,
                     &highest),
          EK_TIMEOUT, "EK-1016");
    assert_true(ek_monotonic_ms() - began >= 200);
    assert_int_equal(highest, 0);
    char words[32];
    snprintf(words, sizeof words, "process %d on ", (int)pid);
    assert_non_null(strstr(err.sentence, words));
    kill(pid, SIGKILL);
    WORKS(take(fenced, 2, "two"));
    close(lock);
    waitpid(pid, NULL, 0);
    FAILS(take(fenced, 1, "one"), EK_STALE, "EK-1015");
}

static void test_a_child_does_not_keep_the_turn(void **state)
{
    const struct fenced *fenced = *state;
    const char *const argv[] = {"sleep", "30", NULL};
    WORKS(take(fenced, 1, "one"));
    pid_t pid = fork();
    if (pid == 0)
        _exit(execvp(argv[0], (char *const *)(uintptr_t)argv));
    close(lock);
    WORKS(take(fenced, 2, "two"));
    close(lock);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void test_a_file_that_was_removed_is_nobodys(void **state)
{
    const struct fenced *fenced = *state;
    WORKS(take(fenced, 3, "three"));
    int old = lock;
    unlink(fenced->path);
    WORKS(take(fenced, 4, "four")); /* another file: the old lock says nothing about it */
    close(lock);
    close(old);
    FAILS(take(fenced, 3, "three"), EK_STALE, "EK-1015");
}

static void test_what_is_no_fence(void **state)
{
    const struct fenced *fenced = *state;
    WORKS(take(fenced, 3, "three"));
    close(lock);
    must_write(fenced->path, "evenkeel fence soon", 0600);
    FAILS(take(fenced, 9, "nine"), EK_INVALID, "EK-1017");
    unlink(fenced->path);
    assert_int_equal(mkdir(fenced->path, 0700), 0);
    assert_int_not_equal(take(fenced, 9, "nine"), 0);
    assert_string_equal(err.id, "EK-1017");
    rmdir(fenced->path);
    assert_int_equal(symlink("/etc/passwd", fenced->path), 0);
    assert_int_not_equal(take(fenced, 9, "nine"), 0);
    assert_string_equal(err.id, "EK-1017");
}

#define BOTH(test)                                                                                 \
    {"local_" #test, test, local_setup, teardown, NULL},                                           \
    {                                                                                              \
        "system_" #test, test, system_setup, teardown, NULL                                        \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_tokens_only_grow),
        BOTH(test_waits_for_an_act_in_progress),
        BOTH(test_a_child_does_not_keep_the_turn),
        BOTH(test_a_file_that_was_removed_is_nobodys),
        BOTH(test_what_is_no_fence),
    };
    return cmocka_run_group_tests_name("host_fence", tests, NULL, NULL);
}
