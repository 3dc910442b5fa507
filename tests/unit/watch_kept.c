/* What the store is told of the watch over clients: what changed, and no more; and what it had. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "reconciler/aspects/transport/observe_clients.h"
#include "reconciler/aspects/transport/state.h"
#include "reconciler/execute/observe.h"

static struct {
    struct ek_client_watch stored;
    int puts;
    int result;
} store;

static int put_watch(struct ek_store *unused, const struct ek_watch_key *key,
                     const struct ek_client_watch *watch, struct ek_error *err)
{
    (void)unused;
    assert_string_equal(key->account, "acme");
    assert_string_equal(key->deployment, "orders");
    assert_string_equal(key->member, "a");
    store.puts++;
    if (store.result != 0)
        return ek_fail(err, store.result, "EK-1002", "no store");
    store.stored = *watch;
    return 0;
}

static int get_watch(struct ek_store *unused, const struct ek_watch_key *key,
                     struct ek_client_watch *ret_watch, struct ek_error *err)
{
    (void)unused;
    (void)key;
    (void)err;
    *ret_watch = store.stored;
    return 0;
}

static const struct ek_store_driver driver = {.put_watch = put_watch, .get_watch = get_watch};
static const struct ek_store_handle handle = {.driver = &driver};
static struct ek_member_spec members[] = {{.name = "a"}};
static const struct ek_deployment_spec spec = {
    .name = "orders", .account = "acme", .member_count = 1, .members = members};
static char problems[2][EK_PROBLEM_SIZE];
static struct ek_controller controller;
static struct ek_world world;
static struct ek_observing observing;

static int begin(void **state)
{
    (void)state;
    struct ek_error err;
    memset(&store, 0, sizeof store);
    memset(problems, 0, sizeof problems);
    memset(&world, 0, sizeof world);
    controller = (struct ek_controller){.store = &handle, .keeps = true};
    world.controller = &controller;
    world.spec = &spec;
    observing = (struct ek_observing){.world = &world, .problems = problems};
    return ek_state_new(1, &observing.state, &err);
}

static int end(void **state)
{
    (void)state;
    free(observing.state);
    return 0;
}

/* A look that saw no client in plaintext since then. */
static void look(int64_t since_s, int64_t at_s)
{
    struct ek_member_transport *transport = ek_member_transport(observing.state, 0);
    world.watches[0] = (struct ek_client_watch){.since_s = since_s, .until_s = at_s};
    transport->plaintext_clients = 0;
    transport->watched_since_s = since_s;
    ek_watch_keep(&observing);
}

static void what_changed_is_written(void **state)
{
    (void)state;
    look(400, 1000);
    assert_int_equal(store.puts, 1);
    look(400, 1000); /* again in that second */
    look(400, 1000);
    assert_int_equal(store.puts, 1);
    look(400, 1001);
    assert_int_equal(store.puts, 2);
    look(1001, 1001);
    assert_int_equal(store.puts, 3);
    assert_int_equal(store.stored.since_s, 1001);
    assert_int_equal(store.stored.until_s, 1001);
}

static void a_client_in_plaintext_ends_it(void **state)
{
    (void)state;
    look(400, 1000);
    ek_member_transport(observing.state, 0)->plaintext_clients = 1;
    ek_member_transport(observing.state, 0)->watched_since_s = 0;
    ek_watch_keep(&observing);
    assert_int_equal(store.stored.since_s, 0);
    assert_int_equal(store.puts, 2);
    ek_watch_keep(&observing);
    assert_int_equal(store.puts, 2);
}

static void what_was_not_written_is_tried_again(void **state)
{
    (void)state;
    store.result = EK_UNREACHABLE;
    look(400, 1000);
    assert_string_not_equal(problems[0], "");
    store.result = 0;
    look(400, 1000);
    assert_int_equal(store.puts, 2);
    assert_int_equal(store.stored.since_s, 400);
}

static void what_the_store_had_is_not_written_back(void **state)
{
    (void)state;
    store.stored = (struct ek_client_watch){.since_s = 400, .until_s = 1000};
    ek_watch_recall(&observing);
    assert_int_equal(world.watches[0].since_s, 400);
    look(400, 1000);
    assert_int_equal(store.puts, 0);
    look(400, 1002);
    assert_int_equal(store.puts, 1);
}

static void who_only_looks_writes_nothing(void **state)
{
    (void)state;
    controller.keeps = false;
    look(400, 1000);
    assert_int_equal(store.puts, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_changed_is_written, begin, end),
        cmocka_unit_test_setup_teardown(a_client_in_plaintext_ends_it, begin, end),
        cmocka_unit_test_setup_teardown(what_was_not_written_is_tried_again, begin, end),
        cmocka_unit_test_setup_teardown(what_the_store_had_is_not_written_back, begin, end),
        cmocka_unit_test_setup_teardown(who_only_looks_writes_nothing, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
