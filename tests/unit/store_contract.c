/* What every store promises, held against each driver. */
#include "store_support.h"

#include <pthread.h>

#include "tests/unit/store_server.h"

struct context {
    const char *name;
    struct ek_store_location location;
};

static struct context contexts[2];
static size_t context_count;

static struct ek_store_handle open_it(const struct context *context)
{
    struct ek_store_handle handle = {0};
    struct ek_error err = {0};
    assert_good(ek_store_open(&context->location, &handle, &err));
    return handle;
}

#define HANDLE(name)                                                                               \
    EK_CLEANUP(ek_store_close)                                                                     \
    struct ek_store_handle name = open_it(*state)

static const struct ek_store_event sample = {.at_ms = 1767312000123,
                                             .account = "acme",
                                             .deployment = "orders",
                                             .kind = "step-done",
                                             .who = "alice@ops1",
                                             .commit = "3f2c1ab",
                                             .plan = "",
                                             .text =
                                                 "restart c: \"done\" in 3 s, \xc3\xa9t\xc3\xa9",
                                             .detail = "{\"step\":1}"};

static int64_t append(const struct ek_store_handle *handle, const char *deployment,
                      const char *kind, int64_t at_ms)
{
    struct ek_store_event event = sample;
    struct ek_error err = {0};
    int64_t number = 0;
    event.deployment = deployment;
    event.kind = kind;
    event.at_ms = at_ms;
    assert_good(handle->driver->append(handle->store, &event, &number, &err));
    return number;
}

struct seen {
    int64_t numbers[2000];
    size_t count;
    size_t stop_at;
};

static bool note(void *context, const struct ek_store_event *event)
{
    struct seen *seen = context;
    assert_true(seen->count < 2000);
    seen->numbers[seen->count++] = event->number;
    return seen->count != seen->stop_at;
}

static struct seen ask(const struct ek_store_handle *handle, struct ek_store_query query)
{
    struct seen seen = {0};
    struct ek_error err = {0};
    assert_good(handle->driver->events(handle->store, &query, note, &seen, &err));
    return seen;
}

/* ---- events ---- */

static bool same_as_sample(void *context, const struct ek_store_event *event)
{
    *(bool *)context = true;
    assert_int_equal(event->number, 1);
    assert_int_equal(event->at_ms, sample.at_ms);
    assert_string_equal(event->account, sample.account);
    assert_string_equal(event->deployment, sample.deployment);
    assert_string_equal(event->kind, sample.kind);
    assert_string_equal(event->who, sample.who);
    assert_string_equal(event->commit, sample.commit);
    assert_string_equal(event->plan, "");
    assert_string_equal(event->text, sample.text);
    assert_string_equal(event->detail, sample.detail);
    assert_int_equal(strlen(event->hash), 64);
    return true;
}

static void test_an_event_comes_back_as_it_was(void **state)
{
    HANDLE(handle);
    struct ek_error err = {0};
    struct ek_store_query all = {0};
    bool called = false;
    int64_t number = 0;
    assert_good(handle.driver->append(handle.store, &sample, &number, &err));
    assert_int_equal(number, 1);
    assert_good(handle.driver->events(handle.store, &all, same_as_sample, &called, &err));
    assert_true(called);
}

static void test_events_by_query(void **state)
{
    HANDLE(handle);
    for (int i = 2; i <= 9; i++)
        assert_int_equal(append(&handle, i % 2 ? "orders" : "payments", i < 6 ? "drift" : "begun",
                                sample.at_ms + (int64_t)i * 1000),
                         i);
    struct seen seen = ask(&handle, (struct ek_store_query){0});
    assert_int_equal(seen.count, 9);
    for (size_t i = 0; i < 9; i++)
        assert_int_equal(seen.numbers[i], i + 1);
    seen = ask(&handle, (struct ek_store_query){.deployment = "payments"});
    assert_int_equal(seen.count, 4);
    seen = ask(&handle, (struct ek_store_query){.account = "other"});
    assert_int_equal(seen.count, 0);
    seen = ask(&handle, (struct ek_store_query){.kind = "drift", .deployment = "orders"});
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.numbers[1], 5);
    seen = ask(&handle, (struct ek_store_query){.after = 7});
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.numbers[0], 8);
    seen = ask(&handle, (struct ek_store_query){.most = 3});
    assert_int_equal(seen.count, 3);
    assert_int_equal(seen.numbers[0], 7); /* the latest, oldest first */
    seen = ask(&handle, (struct ek_store_query){.since_ms = sample.at_ms + 8000});
    assert_int_equal(seen.count, 2);
    seen = (struct seen){.stop_at = 2};
    struct ek_error err = {0};
    struct ek_store_query all = {0};
    assert_good(handle.driver->events(handle.store, &all, note, &seen, &err));
    assert_int_equal(seen.count, 2);
}

struct reentrant {
    const struct ek_store_handle *handle;
    size_t count;
};

static bool append_meanwhile(void *context, const struct ek_store_event *event)
{
    struct reentrant *reentrant = context;
    (void)event;
    if (reentrant->count++ == 0)
        append(reentrant->handle, "orders", "drift", sample.at_ms);
    return reentrant->count < 5;
}

static void test_a_reader_may_use_the_store(void **state)
{
    HANDLE(handle);
    struct reentrant reentrant = {.handle = &handle};
    struct ek_store_query all = {0};
    struct ek_error err = {0};
    assert_good(handle.driver->events(handle.store, &all, append_meanwhile, &reentrant, &err));
    assert_int_equal(reentrant.count, 5);
}

enum { WRITERS = 4, EACH = 25 };

static void *write_many(void *context)
{
    const struct context *where = context;
    struct ek_store_handle handle = {0};
    struct ek_error err = {0};
    uintptr_t failures = ek_store_open(&where->location, &handle, &err) != 0;
    for (int i = 0; i < EACH && !failures; i++) {
        int64_t number;
        failures += handle.driver->append(handle.store, &sample, &number, &err) != 0;
    }
    if (failures)
        fprintf(stderr, "writer: %s %s %s\n", err.id, err.sentence, err.cause);
    ek_store_close(&handle);
    return (void *)failures;
}

static void test_writers_leave_no_gap(void **state)
{
    HANDLE(handle);
    pthread_t writers[WRITERS];
    struct ek_error err = {0};
    int64_t before;
    int64_t after;
    char hash[65];
    assert_good(handle.driver->head(handle.store, &before, hash, &err));
    for (size_t i = 0; i < WRITERS; i++)
        pthread_create(&writers[i], NULL, write_many, *state);
    for (size_t i = 0; i < WRITERS; i++) {
        void *failures;
        pthread_join(writers[i], &failures);
        assert_null(failures);
    }
    assert_good(ek_store_verify(&handle, &after, &err));
    assert_int_equal(after, before + (int64_t)WRITERS * EACH);
}

/* ---- plans, approvals, pauses, notes ---- */

static void test_plans(void **state)
{
    HANDLE(handle);
    struct ek_error err = {0};
    char *document = NULL;
    const char *name = "9b1d00000000000000000000000000000000000000000000000000000000c2";
    assert_fails(handle.driver->get_plan(handle.store, name, &document, &err), EK_NOT_FOUND,
                 "EK-1011");
    const struct ek_plan_record plan = {"acme", "orders", name, "{\"steps\":[\"a 'quoted' one\"]}",
                                        17};
    for (int i = 0; i < 2; i++)
        assert_good(handle.driver->put_plan(handle.store, &plan, &err));
    assert_good(handle.driver->get_plan(handle.store, name, &document, &err));
    assert_string_equal(document, "{\"steps\":[\"a 'quoted' one\"]}");
    free(document);
}

static void test_approvals(void **state)
{
    HANDLE(handle);
    struct ek_error err = {0};
    struct ek_approval found[2];
    struct ek_approvals approvals = {found, 2, 99};
    assert_good(handle.driver->get_approvals(handle.store, "acme", "orders", &approvals, &err));
    assert_int_equal(approvals.count, 0);
    for (int i = 1; i <= 3; i++) {
        struct ek_approval approval = {
            .account = "acme", .deployment = "orders", .how = "command", .at_ms = i};
        snprintf(approval.plan, sizeof approval.plan, "plan-%d", i);
        snprintf(approval.who, sizeof approval.who, "alice-%d", i);
        assert_good(handle.driver->put_approval(handle.store, &approval, &err));
    }
    assert_good(handle.driver->get_approvals(handle.store, "acme", "orders", &approvals, &err));
    assert_int_equal(approvals.count, 2);
    assert_string_equal(found[0].plan, "plan-3");
    assert_string_equal(found[0].who, "alice-3");
    assert_string_equal(found[0].how, "command");
    assert_int_equal(found[0].at_ms, 3);
    assert_string_equal(found[1].plan, "plan-2");
    assert_good(handle.driver->get_approvals(handle.store, "acme", "other", &approvals, &err));
    assert_int_equal(approvals.count, 0);
}

static void test_pauses(void **state)
{
    HANDLE(handle);
    struct ek_error err = {0};
    struct ek_pause pause = {.who = "alice", .why = "moving house", .since_ms = 5, .until_ms = 9};
    struct ek_pause found = {0};
    assert_fails(handle.driver->get_pause(handle.store, "acme", "orders", &found, &err),
                 EK_NOT_FOUND, "EK-1011");
    assert_good(handle.driver->put_pause(handle.store, "acme", "orders", &pause, &err));
    pause.until_ms = 11;
    assert_good(handle.driver->put_pause(handle.store, "acme", "orders", &pause, &err));
    assert_good(handle.driver->get_pause(handle.store, "acme", "orders", &found, &err));
    assert_string_equal(found.who, "alice");
    assert_string_equal(found.why, "moving house");
    assert_int_equal(found.since_ms, 5);
    assert_int_equal(found.until_ms, 11);
    pause.until_ms = 0;
    assert_good(handle.driver->put_pause(handle.store, "acme", "orders", &pause, &err));
    assert_fails(handle.driver->get_pause(handle.store, "acme", "orders", &found, &err),
                 EK_NOT_FOUND, "EK-1011");
}

static void test_watches(void **state)
{
    HANDLE(handle);
    struct ek_error err = {0};
    const struct ek_watch_key a = {"acme", "orders", "a"};
    const struct ek_watch_key b = {"acme", "orders", "b"};
    struct ek_client_watch watch = {.since_s = 5, .until_s = 9};
    struct ek_client_watch found = {.since_s = 1, .until_s = 1};
    assert_good(handle.driver->get_watch(handle.store, &a, &found, &err));
    assert_int_equal(found.since_s, 0);
    assert_int_equal(found.until_s, 0);
    assert_good(handle.driver->put_watch(handle.store, &a, &watch, &err));
    watch.until_s = 11;
    assert_good(handle.driver->put_watch(handle.store, &a, &watch, &err));
    assert_good(handle.driver->get_watch(handle.store, &a, &found, &err));
    assert_int_equal(found.since_s, 5);
    assert_int_equal(found.until_s, 11);
    assert_good(handle.driver->get_watch(handle.store, &b, &found, &err));
    assert_int_equal(found.since_s, 0);
}

static void test_notes(void **state)
{
    HANDLE(handle);
    struct ek_error err = {0};
    bool first = false;
    assert_good(handle.driver->note_once(handle.store, "expiry:orders:a", 1, &first, &err));
    assert_true(first);
    assert_good(handle.driver->note_once(handle.store, "expiry:orders:a", 2, &first, &err));
    assert_false(first);
    assert_good(handle.driver->note_once(handle.store, "expiry:orders:b", 2, &first, &err));
    assert_true(first);
}

/* ---- leases ---- */

static void test_leases_are_swapped_whole(void **state)
{
    HANDLE(handle);
    struct ek_error err = {0};
    struct ek_lease_record none = {0};
    struct ek_lease_record found = {.token = 99};
    struct ek_lease_record one = {.token = 1, .beat = 1, .holder = "{\"id\":\"x\"}"};
    struct ek_lease_record two = {.token = 1, .beat = 2, .holder = "{\"id\":\"x\"}"};
    assert_good(handle.driver->get_lease(handle.store, "acme/orders", &found, &err));
    assert_memory_equal(&found, &none, sizeof none);
    assert_good(handle.driver->swap_lease(handle.store, "acme/orders", &none, &one, &err));
    assert_fails(handle.driver->swap_lease(handle.store, "acme/orders", &none, &one, &err),
                 EK_CONFLICT, "EK-1012");
    assert_good(handle.driver->swap_lease(handle.store, "acme/orders", &one, &two, &err));
    struct ek_lease_record wrong[] = {two, two, two};
    wrong[0].beat = 3;
    wrong[1].token = 2;
    wrong[2].holder[3] = 'y';
    for (size_t i = 0; i < 3; i++)
        assert_fails(handle.driver->swap_lease(handle.store, "acme/orders", &wrong[i], &one, &err),
                     EK_CONFLICT, "EK-1012");
    assert_good(handle.driver->get_lease(handle.store, "acme/orders", &found, &err));
    assert_int_equal(found.token, 1);
    assert_int_equal(found.beat, 2);
    assert_string_equal(found.holder, two.holder);
    assert_good(handle.driver->get_lease(handle.store, "acme/other", &found, &err));
    assert_int_equal(found.token, 0);
}

/* Each adds one to the beat, in a loop, by swapping: no addition may get lost. */
static void *swap_many(void *context)
{
    const struct context *where = context;
    struct ek_store_handle handle = {0};
    struct ek_error err = {0};
    uintptr_t failures = ek_store_open(&where->location, &handle, &err) != 0;
    for (int done = 0; done < EACH && !failures;) {
        struct ek_lease_record now;
        failures += handle.driver->get_lease(handle.store, "race", &now, &err) != 0;
        struct ek_lease_record next = now;
        next.token = 1;
        next.beat++;
        int result = handle.driver->swap_lease(handle.store, "race", &now, &next, &err);
        done += result == 0;
        failures += result != 0 && result != EK_CONFLICT;
    }
    ek_store_close(&handle);
    return (void *)failures;
}

static void test_swaps_exclude_each_other(void **state)
{
    HANDLE(handle);
    pthread_t threads[WRITERS];
    struct ek_error err = {0};
    struct ek_lease_record found;
    for (size_t i = 0; i < WRITERS; i++)
        pthread_create(&threads[i], NULL, swap_many, *state);
    for (size_t i = 0; i < WRITERS; i++) {
        void *failures;
        pthread_join(threads[i], &failures);
        assert_null(failures);
    }
    assert_good(handle.driver->get_lease(handle.store, "race", &found, &err));
    assert_int_equal(found.beat, WRITERS * EACH);
}

static void test_the_driver_is_complete(void **state)
{
    HANDLE(handle);
    const struct context *context = *state;
    const struct ek_store_driver *driver = ek_store_driver_for(&context->location);
    assert_ptr_equal(driver, handle.driver);
    assert_string_equal(driver->name, context->name);
    const void *const *slots = (const void *const *)(const void *)driver;
    for (size_t i = 0; i < sizeof *driver / sizeof *slots; i++)
        assert_non_null(slots[i]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_the_driver_is_complete),
    cmocka_unit_test(test_an_event_comes_back_as_it_was),
    cmocka_unit_test(test_events_by_query),
    cmocka_unit_test(test_a_reader_may_use_the_store),
    cmocka_unit_test(test_writers_leave_no_gap),
    cmocka_unit_test(test_plans),
    cmocka_unit_test(test_approvals),
    cmocka_unit_test(test_pauses),
    cmocka_unit_test(test_watches),
    cmocka_unit_test(test_notes),
    cmocka_unit_test(test_leases_are_swapped_whole),
    cmocka_unit_test(test_swaps_exclude_each_other),
};

enum { TESTS = sizeof tests / sizeof *tests };

static struct test_server server = {.set_name = "rs-store"};
static char server_uri[160], password_file[256];

int main(void)
{
    struct CMUnitTest all[2 * TESTS];
    static char names[2 * TESTS][96];
    size_t count = 0;
    if (scratch_make(NULL) != 0)
        return 1;
    contexts[context_count++] =
        (struct context){.name = "sqlite", .location = {.path = scratch_path("store.db")}};
    if (test_server_find()) {
        if (!store_server_set_up(&server, EK_SSL_DISABLED, server_uri, password_file))
            return 1;
        contexts[context_count++] = (struct context){
            .name = "mongodb", .location = {.uri = server_uri, .password_file = password_file}};
    }
    for (size_t c = 0; c < context_count; c++)
        for (size_t t = 0; t < TESTS; t++) {
            snprintf(names[count], sizeof names[count], "%s_%s", contexts[c].name, tests[t].name);
            all[count] = tests[t];
            all[count].name = names[count];
            all[count++].initial_state = &contexts[c];
        }
    int failed = _cmocka_run_group_tests("store_contract", all, count, NULL, NULL);
    test_server_kill(&server);
    scratch_remove(NULL);
    return failed;
}
