/* Leases over a real store: taking, renewing, losing, and following the dead and the frozen. */
#include "store_support.h"

#include <signal.h>
#include <sys/wait.h>

#include "drivers/store/drivers.h"
#include "reconciler/base/clock.h"
#include "reconciler/lease/decide.h"
#include "reconciler/lease/holder.h"
#include "reconciler/lease/lease.h"
#include "tests/unit/patience.h"

static struct ek_error err;

static struct ek_store_handle open_it(void)
{
    struct ek_store_location location = {.path = scratch_path("lease.db")};
    struct ek_store_handle handle = {0};
    assert_good(ek_store_open(&location, &handle, &err));
    return handle;
}

#define HANDLE(name)                                                                               \
    (void)state;                                                                                   \
    EK_CLEANUP(ek_store_close) struct ek_store_handle name = open_it()

static struct ek_lease_request request(const char *deployment, int64_t ttl_ms, int64_t wait_ms)
{
    return (struct ek_lease_request){.account = "acme",
                                     .deployment = deployment,
                                     .operation = "apply",
                                     .ttl_ms = ttl_ms,
                                     .wait_ms = wait_ms};
}

static int take(const struct ek_store_handle *handle, const char *deployment, int64_t ttl_ms,
                int64_t wait_ms, struct ek_lease **ret_lease)
{
    struct ek_lease_request wanted = request(deployment, ttl_ms, wait_ms);
    err = (struct ek_error){0};
    return ek_lease_take(handle, &wanted, ret_lease, &err);
}

static void test_one_at_a_time(void **state)
{
    HANDLE(handle);
    struct ek_lease *first = NULL;
    struct ek_lease *second = NULL;
    assert_good(take(&handle, "one", 0, 0, &first));
    assert_int_equal(ek_lease_token(first), 1);
    assert_good(ek_lease_check(first, 5000, &err));
    assert_int_equal(take(&handle, "one", 0, 0, &second), EK_LOCKED);
    assert_string_equal(err.id, "EK-0806");
    char host[65] = "";
    char pid[32];
    gethostname(host, sizeof host - 1);
    snprintf(pid, sizeof pid, "process %d", (int)getpid());
    assert_non_null(strstr(err.sentence, host));
    assert_non_null(strstr(err.sentence, pid));
    assert_non_null(strstr(err.sentence, ek_lease_id(first)));
    assert_non_null(strstr(err.sentence, "acme/one is locked: apply by "));
    assert_good(take(&handle, "another", 0, 0, &second));
    ek_lease_release(second);
    ek_lease_release(first);
    assert_good(take(&handle, "one", 0, 0, &first));
    assert_int_equal(ek_lease_token(first), 2);
    ek_lease_release(first);
    ek_lease_release(NULL);
}

static void test_renewed_while_held(void **state)
{
    HANDLE(handle);
    struct ek_lease *lease = NULL;
    struct ek_lease *other = NULL;
    struct ek_lease_record before;
    struct ek_lease_record after;
    assert_good(take(&handle, "renewed", 2500, 0, &lease));
    assert_good(handle.driver->get_lease(handle.store, "acme/renewed", &before, &err));
    assert_int_equal(take(&handle, "renewed", 2500, 4000, &other), EK_LOCKED);
    assert_good(ek_lease_check(lease, 0, &err));
    assert_good(handle.driver->get_lease(handle.store, "acme/renewed", &after, &err));
    assert_true(after.beat > before.beat + 2);
    assert_int_equal(after.token, before.token);
    ek_lease_release(lease);
}

/* ---- other processes ---- */

struct child {
    pid_t pid;
    int out; /* a byte when it holds the lease, then what ek_lease_check says on demand */
    int in;
};

static void child_main(const char *deployment, int64_t ttl_ms, int in, int out)
{
    struct ek_store_location location = {.path = scratch_path("lease.db")};
    struct ek_store_handle handle = {0};
    struct ek_lease_request wanted = request(deployment, ttl_ms, 0);
    struct ek_lease *lease = NULL;
    char word = 0;
    if (ek_store_open(&location, &handle, &err) != 0 ||
        ek_lease_take(&handle, &wanted, &lease, &err) != 0)
        _exit(1);
    if (write(out, "+", 1) != 1 || read(in, &word, 1) != 1)
        _exit(1);
    word = (char)-ek_lease_check(lease, 0, &err);
    ssize_t wrote = write(out, &word, 1);
    ek_lease_release(lease); /* must not give back what is another's */
    _exit(wrote == 1 ? 0 : 1);
}

static struct child start(const char *deployment, int64_t ttl_ms)
{
    int to[2];
    int from[2];
    char word = 0;
    assert_int_equal(pipe(to), 0);
    assert_int_equal(pipe(from), 0);
    pid_t pid = fork();
    if (pid == 0)
        child_main(deployment, ttl_ms, to[0], from[1]);
    close(to[0]);
    close(from[1]);
    struct child child = {.pid = pid, .in = to[1], .out = from[0]};
    assert_int_equal(read(child.out, &word, 1), 1);
    return child;
}

/* Not in the middle of its writing: that would freeze the store as well. */
static void freeze(const struct child *child, const struct ek_store_handle *handle)
{
    bool first;
    kill(child->pid, SIGSTOP);
    while (handle->driver->note_once(handle->store, "frozen", 1, &first, &err) != 0) {
        assert_string_equal(err.id, "EK-1006");
        kill(child->pid, SIGCONT);
        ek_sleep_ms(30);
        kill(child->pid, SIGSTOP);
    }
}

static void end(const struct child *child)
{
    int status;
    close(child->in);
    close(child->out);
    waitpid(child->pid, &status, 0);
}

static void test_the_dead_are_followed_at_once(void **state)
{
    struct child child = start("dead", 60000);
    HANDLE(handle);
    struct ek_lease *lease = NULL;
    assert_int_equal(take(&handle, "dead", 60000, 0, &lease), EK_LOCKED);
    kill(child.pid, SIGKILL);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)child.pid, &info, WEXITED | WNOWAIT), 0); /* a zombie */
    assert_good(take(&handle, "dead", 60000, 0, &lease));
    assert_int_equal(ek_lease_token(lease), 2);
    ek_lease_release(lease);
    end(&child);
}

static void test_the_frozen_are_followed_after_a_whole_time_to_live(void **state)
{
    enum { TTL = 700 };
    struct child child = start("frozen", TTL);
    HANDLE(handle);
    struct ek_lease *lease = NULL;
    freeze(&child, &handle);
    int64_t began = ek_boottime_ms();
    assert_int_equal(take(&handle, "frozen", TTL, TTL / 2, &lease), EK_LOCKED);
    /* Its time to live counts, not ours. */
    assert_good(take(&handle, "frozen", 10, patient_ms(10000), &lease));
    assert_true(ek_boottime_ms() - began >= TTL);
    assert_int_equal(ek_lease_token(lease), 2);
    char word = '?';
    kill(child.pid, SIGCONT);
    assert_int_equal(write(child.in, "?", 1), 1);
    assert_int_equal(read(child.out, &word, 1), 1);
    assert_int_equal(-word, EK_STALE);
    end(&child);
    struct ek_lease_record record;
    assert_good(handle.driver->get_lease(handle.store, "acme/frozen", &record, &err));
    assert_int_equal(record.token, 2);
    assert_non_null(strstr(record.holder, ek_lease_id(lease)));
    ek_lease_release(lease);
}

/* Who only looks now and then comes to the same end. */
static void test_single_looks_add_up(void **state)
{
    enum { TTL = 2000 };
    struct child child = start("looks", TTL);
    HANDLE(handle);
    struct ek_lease *lease = NULL;
    struct ek_lease_watch watch = {0};
    struct ek_lease_request wanted = request("looks", TTL, 0);
    wanted.watch = &watch;
    assert_int_equal(ek_lease_take(&handle, &wanted, &lease, &err), EK_LOCKED);
    ek_sleep_ms(TTL + 100); /* it lives, and renews meanwhile */
    assert_int_equal(ek_lease_take(&handle, &wanted, &lease, &err), EK_LOCKED);
    freeze(&child, &handle);
    assert_int_equal(ek_lease_take(&handle, &wanted, &lease, &err), EK_LOCKED);
    ek_sleep_ms(TTL / 2);
    assert_int_equal(ek_lease_take(&handle, &wanted, &lease, &err), EK_LOCKED);
    ek_sleep_ms(TTL);
    assert_good(ek_lease_take(&handle, &wanted, &lease, &err));
    assert_int_equal(ek_lease_token(lease), 2);
    ek_lease_release(lease);
    kill(child.pid, SIGKILL);
    end(&child);
}

static void test_who_is_surely_gone(void **state)
{
    (void)state;
    struct ek_lease_holder self;
    assert_good(ek_lease_holder_self("apply", 1000, &self, &err));
    assert_false(ek_lease_holder_gone(&self));
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
    struct ek_lease_holder dead = self;
    dead.pid = pid;
    assert_true(ek_lease_holder_gone(&dead));
    struct ek_lease_holder recycled = self;
    recycled.started--;
    assert_true(ek_lease_holder_gone(&recycled));
    struct ek_lease_holder elsewhere[] = {dead, dead, dead};
    elsewhere[0].boot[0] ^= 1;
    elsewhere[1].space[5] ^= 1;
    elsewhere[2].started = 0;
    for (size_t i = 0; i < 3; i++)
        assert_false(ek_lease_holder_gone(&elsewhere[i]));
    struct ek_lease_holder unknown;
    ek_lease_holder_read("not JSON", &unknown);
    assert_false(ek_lease_holder_gone(&unknown));
    char text[512];
    struct ek_lease_holder back;
    assert_int_equal(ek_lease_holder_write(&self, text, NULL), 0);
    ek_lease_holder_read(text, &back);
    assert_memory_equal(&back, &self, sizeof back);
    memset(self.who, '"', sizeof self.who - 1);
    memset(self.host, '\\', sizeof self.host - 1);
    memset(self.operation, '"', sizeof self.operation - 1);
    assert_int_equal(ek_lease_holder_write(&self, text, NULL), 0);
    ek_lease_holder_read(text, &back);
    assert_string_equal(back.id, self.id); /* never empty: that would mean released */
    assert_int_equal(back.pid, self.pid);
}

/* ---- a store that fails ---- */

static _Atomic bool cut_off;     /* nothing gets through */
static _Atomic bool lose_answer; /* the next swap is done, but its answer is lost */
static _Atomic bool lost_one;

static int failing_swap(struct ek_store *store, const char *name,
                        const struct ek_lease_record *expected,
                        const struct ek_lease_record *wanted, struct ek_error *error)
{
    if (cut_off)
        return ek_fail(error, EK_UNREACHABLE, "EK-1001", "cut off");
    int result = ek_store_sqlite.swap_lease(store, name, expected, wanted, error);
    if (result != 0 || !lose_answer)
        return result;
    lose_answer = false;
    lost_one = true;
    return ek_fail(error, EK_TIMEOUT, "EK-1008", "no answer");
}

static int failing_get(struct ek_store *store, const char *name, struct ek_lease_record *ret_record,
                       struct ek_error *error)
{
    if (cut_off)
        return ek_fail(error, EK_UNREACHABLE, "EK-1001", "cut off");
    return ek_store_sqlite.get_lease(store, name, ret_record, error);
}

static void test_cut_off_from_the_store(void **state)
{
    HANDLE(handle);
    struct ek_store_driver failing = ek_store_sqlite;
    struct ek_store_handle through = {.driver = &failing, .store = handle.store};
    struct ek_lease *lease = NULL;
    failing.swap_lease = failing_swap;
    failing.get_lease = failing_get;
    assert_good(take(&through, "cut", 1200, 0, &lease));
    cut_off = true;
    int64_t deadline = ek_boottime_ms() + patient_ms(5000);
    int result = 0;
    while (result == 0 && ek_boottime_ms() < deadline)
        result = ek_lease_check(lease, 100, &err);
    assert_int_equal(result, EK_STALE);
    assert_string_equal(err.id, "EK-1014");
    assert_non_null(strstr(err.cause, "cut off"));
    assert_good(ek_lease_not_lost(lease, &err)); /* as far as anybody knows */
    cut_off = false;                             /* nobody took it meanwhile: it is ours again */
    assert_good(ek_lease_check(lease, 100, &err));
    ek_lease_release(lease);
    struct ek_lease *other = NULL;
    cut_off = true;
    assert_int_equal(take(&through, "cut", 1200, 0, &other), EK_UNREACHABLE);
    cut_off = false;
}

static void test_lost_answers(void **state)
{
    HANDLE(handle);
    struct ek_store_driver failing = ek_store_sqlite;
    struct ek_store_handle through = {.driver = &failing, .store = handle.store};
    struct ek_lease *lease = NULL;
    failing.swap_lease = failing_swap;
    lose_answer = true;
    assert_good(take(&through, "answers", 1200, 0, &lease));
    assert_true(lost_one);
    lost_one = false;
    lose_answer = true;
    int64_t deadline = ek_boottime_ms() + patient_ms(5000);
    while (!lost_one && ek_boottime_ms() < deadline)
        ek_sleep_ms(20);
    assert_true(lost_one);
    ek_sleep_ms(900);
    assert_good(ek_lease_check(lease, 0, &err));
    assert_int_equal(ek_lease_token(lease), 1);
    ek_lease_release(lease);
}

static void test_raising(void **state)
{
    HANDLE(handle);
    struct ek_lease *lease = NULL;
    struct ek_lease_record record;
    assert_good(take(&handle, "raised", 1200, 0, &lease));
    assert_good(ek_lease_raise(lease, 41, &err));
    assert_int_equal(ek_lease_token(lease), 42);
    ek_sleep_ms(700);
    assert_good(ek_lease_check(lease, 0, &err)); /* and renewed as that */
    assert_good(handle.driver->get_lease(handle.store, "acme/raised", &record, &err));
    assert_int_equal(record.token, 42);
    struct ek_lease_record taken;
    ek_lease_taken(&record, "{\"id\":\"somebody\"}", &taken);
    int result;
    do { /* a renewal may come in between */
        assert_good(handle.driver->get_lease(handle.store, "acme/raised", &record, &err));
        result = handle.driver->swap_lease(handle.store, "acme/raised", &record, &taken, &err);
    } while (result == EK_CONFLICT);
    assert_int_equal(result, 0);
    assert_fails(ek_lease_raise(lease, 50, &err), EK_STALE, "EK-1013");
    int64_t deadline = ek_boottime_ms() + patient_ms(5000);
    while (ek_lease_not_lost(lease, &err) == 0 && ek_boottime_ms() < deadline)
        ek_sleep_ms(20);
    assert_fails(ek_lease_not_lost(lease, &err), EK_STALE, "EK-1013");
    ek_lease_release(lease);
    assert_good(handle.driver->get_lease(handle.store, "acme/raised", &record, &err));
    assert_string_equal(record.holder, taken.holder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_at_a_time),
        cmocka_unit_test(test_renewed_while_held),
        cmocka_unit_test(test_the_dead_are_followed_at_once),
        cmocka_unit_test(test_the_frozen_are_followed_after_a_whole_time_to_live),
        cmocka_unit_test(test_single_looks_add_up),
        cmocka_unit_test(test_who_is_surely_gone),
        cmocka_unit_test(test_cut_off_from_the_store),
        cmocka_unit_test(test_lost_answers),
        cmocka_unit_test(test_raising),
    };
    return cmocka_run_group_tests_name("lease_take", tests, scratch_make, scratch_remove);
}
