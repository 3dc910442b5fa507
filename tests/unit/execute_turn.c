/* Turns: leases of real stores and fences of real files together. */
#include "store_support.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "reconciler/base/clock.h"
#include "reconciler/execute/turn.h"
#include "reconciler/execute/world_internal.h"
#include "tests/unit/patience.h"

enum { MEMBERS = 3 };

static struct ek_error err;
static struct ek_deployment_spec spec = {.member_count = MEMBERS};
static struct ek_world world;
static char directories[MEMBERS][PATH_MAX];

static int set_up(void **state)
{
    if (scratch_make(state) != 0)
        return -1;
    world = (struct ek_world){.spec = &spec, .hosts = ek_host_driver_named("local")};
    for (size_t i = 0; i < MEMBERS; i++) {
        snprintf(directories[i], sizeof directories[i], "%s/%zu", scratch, i);
        world.host[i] = (struct ek_host){.account = "acme",
                                         .deployment = "orders",
                                         .member = "abc",
                                         .directory = directories[i]};
    }
    return 0;
}

static struct ek_store_handle open_it(const char *name)
{
    struct ek_store_location location = {.path = scratch_path(name)};
    struct ek_store_handle handle = {0};
    assert_good(ek_store_open(&location, &handle, &err));
    return handle;
}

#define STORE(variable, name)                                                                      \
    (void)state;                                                                                   \
    EK_CLEANUP(ek_store_close) struct ek_store_handle variable = open_it(name)

static struct ek_lease *take(const struct ek_store_handle *store)
{
    const struct ek_lease_request request = {.account = "acme",
                                             .deployment = "orders",
                                             .operation = "apply",
                                             .ttl_ms = 3000,
                                             .wait_ms = patient_ms(10000)};
    struct ek_lease *lease = NULL;
    assert_good(ek_lease_take(store, &request, &lease, &err));
    return lease;
}

static int64_t soon(void)
{
    return ek_monotonic_ms() + patient_ms(200);
}

static bool is_locked(size_t member)
{
    char path[PATH_MAX + 8];
    snprintf(path, sizeof path, "%s/fence", directories[member]);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    bool locked = flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(fd);
    return locked;
}

static int take_turn(struct ek_turn *turn, struct ek_lease *lease, int member)
{
    *turn = (struct ek_turn){.world = &world, .lease = lease};
    return ek_turn_take(turn, member, soon(), &err);
}

static void test_a_turn_holds_what_it_acts_on(void **state)
{
    STORE(store, "one.db");
    struct ek_lease *lease = take(&store);
    struct ek_turn turn = {0};
    assert_good(ek_turn_claim(&world, lease, soon(), &err));
    for (size_t i = 0; i < MEMBERS; i++)
        assert_false(is_locked(i)); /* raised, and free for whoever comes later */
    assert_good(take_turn(&turn, lease, 1));
    assert_true(!is_locked(0) && is_locked(1) && !is_locked(2));
    ek_turn_end(&turn);
    assert_good(take_turn(&turn, lease, -1));
    assert_true(is_locked(0) && is_locked(1) && is_locked(2));
    ek_turn_end(&turn);
    assert_true(!is_locked(0) && !is_locked(1) && !is_locked(2));
    ek_lease_release(lease);
}

static void test_who_comes_later_waits_for_the_act_and_ends_the_turns(void **state)
{
    STORE(store, "one.db");
    struct ek_lease *first = take(&store);
    struct ek_turn turn = {0};
    struct ek_turn other = {0};
    assert_good(ek_turn_claim(&world, first, soon(), &err));
    assert_good(take_turn(&turn, first, 2));
    /* As if it were frozen until its lease is another's. */
    struct ek_lease_record now;
    assert_good(store.driver->get_lease(store.store, "acme/orders", &now, &err));
    struct ek_lease_record none = {.token = now.token, .beat = now.beat + 1};
    assert_good(store.driver->swap_lease(store.store, "acme/orders", &now, &none, &err));
    struct ek_lease *second = take(&store);
    assert_true(ek_lease_token(second) > ek_lease_token(first));
    assert_fails(ek_turn_claim(&world, second, soon(), &err), EK_TIMEOUT, "EK-1016");
    assert_fails(take_turn(&other, first, 0), EK_STALE, "EK-1015");
    ek_turn_end(&turn); /* the act in hand ends */
    assert_good(ek_turn_claim(&world, second, soon(), &err));
    for (int member = -1; member < MEMBERS; member++) {
        assert_fails(take_turn(&other, first, member), EK_STALE, "EK-1015");
        assert_int_equal(other.count, 0);
    }
    for (size_t i = 0; i < MEMBERS; i++)
        assert_false(is_locked(i)); /* a refused turn leaves nothing locked */
    assert_good(take_turn(&turn, second, -1));
    ek_turn_end(&turn);
    assert_int_equal(ek_turn_claim(&world, first, soon(), &err), EK_STALE); /* no way back */
    ek_lease_release(second);
    ek_lease_release(first);
}

static void test_a_lost_store_is_no_dead_end(void **state)
{
    STORE(old, "one.db");
    STORE(new, "two.db"); /* a store that was lost begins anew, with the token 1 */
    struct ek_lease *before = take(&old);
    struct ek_turn turn = {0};
    assert_good(ek_turn_claim(&world, before, soon(), &err));
    int64_t highest = ek_lease_token(before);
    assert_true(highest > 1);
    struct ek_lease *after = take(&new);
    assert_int_equal(ek_lease_token(after), 1);
    assert_good(ek_turn_claim(&world, after, soon(), &err));
    assert_true(ek_lease_token(after) > highest);
    assert_good(take_turn(&turn, after, -1));
    ek_turn_end(&turn);
    /* Two stores: the one that did not have the last word is told so, and does nothing. */
    assert_fails(take_turn(&turn, before, 0), EK_STALE, "EK-1015");
    assert_non_null(strstr(err.hint, "--store"));
    ek_lease_release(after);
    ek_lease_release(before);
}

static void test_a_lease_that_ran_out_gives_no_turn(void **state)
{
    STORE(store, "three.db");
    struct ek_lease *lease = take(&store);
    struct ek_turn turn = {0};
    assert_good(ek_turn_claim(&world, lease, soon(), &err));
    unlink(scratch_path("three.db")); /* from now on no renewal succeeds */
    int64_t deadline = ek_monotonic_ms() + patient_ms(10000);
    int result = 0;
    while (result == 0 && ek_time_left_ms(deadline) > 0) {
        result = take_turn(&turn, lease, 0);
        ek_turn_end(&turn);
        ek_sleep_ms(50);
    }
    assert_int_equal(result, EK_STALE);
    assert_string_equal(err.id, "EK-1014");
    assert_false(is_locked(0));
    ek_lease_release(lease);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_turn_holds_what_it_acts_on),
        cmocka_unit_test(test_who_comes_later_waits_for_the_act_and_ends_the_turns),
        cmocka_unit_test(test_a_lost_store_is_no_dead_end),
        cmocka_unit_test(test_a_lease_that_ran_out_gives_no_turn),
    };
    return cmocka_run_group_tests_name("execute_turn", tests, set_up, scratch_remove);
}
