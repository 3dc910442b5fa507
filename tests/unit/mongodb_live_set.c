/* The driver against a running set of two data-bearing members and an arbiter: what
 * only shows with more than one member. The tests build on each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drivers/mongodb/mongodb.h"
#include "reconciler/base/clock.h"
#include "tests/unit/mongodb_certificates.h"
#include "tests/unit/mongodb_server.h"
#include "tests/unit/patience.h"

#define PASSWORD "correct horse battery"

enum { A, B, ARBITER, SERVERS };

static const struct ek_mongodb_driver *driver;
static char directory[] = "/tmp/evenkeel-set-XXXXXX";
static char ca_file[128], pem_file[128];
static struct test_server servers[SERVERS];
static struct ek_secret *password, *key;
static struct ek_mongodb_seen seen;

static struct ek_mongodb_target target_of(int which)
{
    static const char *const names[] = {"a", "b", "c"};
    return (struct ek_mongodb_target){.member = names[which],
                                      .plain_host = "localhost",
                                      .port = servers[which].port,
                                      .ca_file = ca_file,
                                      .user = "evenkeel",
                                      .password = password,
                                      .key_file = key};
}

static int64_t soon(void)
{
    return ek_monotonic_ms() + patient_ms(20000);
}

static void observe(int which)
{
    struct ek_mongodb_target target = target_of(which);
    struct ek_error err = {0};
    ek_mongodb_seen_done(&seen);
    if (driver->observe(&target, soon(), &seen, &err) != 0)
        fail_msg("%s %s", err.id, err.sentence);
}

static void wait_for_state(int which, int state, enum ek_answer writable)
{
    int64_t deadline = ek_monotonic_ms() + patient_ms(40000);
    do {
        observe(which);
        if (seen.state == state && seen.writable == writable)
            return;
        ek_sleep_ms(100);
    } while (ek_time_left_ms(deadline) > 0);
    fail_msg("member %d is in state %d, not %d: %s", which, seen.state, state, seen.problem);
}

static void assert_fails(int result, const struct ek_error *err, int code, const char *id)
{
    if (result != code || strcmp(err->id, id) != 0)
        fail_msg("%d %s %s, not %d %s", result, err->id, err->sentence, code, id);
}

static void assert_works(int result, const struct ek_error *err)
{
    if (result != 0)
        fail_msg("%d %s %s", result, err->id, err->sentence);
}

static void three_members_are_initiated(void **state)
{
    (void)state;
    struct ek_mongodb_member members[SERVERS] = {
        {.id = 0, .priority = 1, .votes = 1},
        {.id = 1, .priority = 1, .votes = 1},
        {.id = 2, .votes = 1, .arbiter = true},
    };
    struct ek_mongodb_target first = target_of(A);
    struct ek_error err = {0};
    for (int i = 0; i < SERVERS; i++)
        snprintf(members[i].host, sizeof members[i].host, "localhost:%d", servers[i].port);
    assert_works(driver->initiate(&first, &(struct ek_mongodb_new_set){"rs-set", members, SERVERS},
                                  soon(), &err),
                 &err);
    wait_for_state(A, 1, EK_ANSWER_YES);
    const char *const roles[] = {"clusterMonitor", "clusterManager", "hostManager", NULL};
    const struct ek_mongodb_user user = {"evenkeel", password, roles};
    wait_for_state(B, 2, EK_ANSWER_NO);
    assert_works(driver->ensure_user(&first, &user, soon(), &err), &err);
}

static void every_member_is_seen_by_every_member(void **state)
{
    (void)state;
    int64_t deadline = ek_monotonic_ms() + patient_ms(20000);
    for (int which = A; which <= B; which++) {
        bool all = false;
        while (!all && ek_time_left_ms(deadline) > 0) {
            observe(which);
            all = seen.member_count == SERVERS && seen.own_user == EK_ANSWER_YES;
            for (size_t i = 0; i < seen.member_count; i++)
                all = all && seen.members[i].view_known && seen.members[i].healthy;
            if (!all)
                ek_sleep_ms(100);
        }
        if (!all)
            fail_msg("member %d: %zu members, %s", which, seen.member_count, seen.problem);
        assert_true(seen.members[ARBITER].arbiter);
        assert_int_equal(seen.members[ARBITER].state, 7);
        assert_int_equal(seen.members[ARBITER].optime_ms, -1);
        assert_int_equal(seen.members[A].state, 1);
        assert_int_equal(seen.members[B].state, 2);
        assert_true(seen.members[A].optime_ms > 0 && seen.members[B].optime_ms > 0);
        assert_true(seen.applied_ms > 0);
        assert_int_equal(seen.config_version, 1);
    }
}

/* An arbiter has no users: only the key of the set opens it. */
static void the_arbiter_is_opened_by_the_key(void **state)
{
    (void)state;
    wait_for_state(ARBITER, 7, EK_ANSWER_NO);
    assert_true(seen.authenticated && seen.as_system);
    assert_int_equal(seen.own_user, EK_ANSWER_NO);
    assert_string_equal(seen.problem, "");
    assert_int_equal(seen.mode_running, EK_SSL_ALLOW);
    assert_int_equal(seen.config_version, 1);
    assert_true(seen.by_tls);
}

static void wrong_members_refuse(void **state)
{
    (void)state;
    struct ek_mongodb_target a = target_of(A), b = target_of(B);
    const int id = 1;
    const char *host = "localhost:1";
    struct ek_error err = {0};
    assert_fails(driver->step_down(&b, 20, 10, soon(), &err), &err, EK_CONFLICT, "EK-0434");
    assert_fails(
        driver->rename_members(&b, &(struct ek_mongodb_renaming){1, &id, &host, 1}, soon(), &err),
        &err, EK_CONFLICT, "EK-0434");
    assert_fails(driver->freeze(&a, 5, soon(), &err), &err, EK_CONFLICT, "EK-0454");
    assert_works(driver->freeze(&b, 5, soon(), &err), &err);
    assert_works(driver->freeze(&b, 0, soon(), &err), &err);
}

static void wait_for_signing_keys(void)
{
    int64_t deadline = ek_monotonic_ms() + patient_ms(40000);
    int64_t of_a, of_b;
    do {
        observe(A);
        of_a = seen.signing_key;
        observe(B);
        of_b = seen.signing_key;
        if (of_a > 0 && of_a == of_b)
            return;
        ek_sleep_ms(200);
    } while (ek_time_left_ms(deadline) > 0);
    fail_msg("keys %lld and %lld", (long long)of_a, (long long)of_b);
}

static void the_primary_hands_over(void **state)
{
    (void)state;
    struct ek_mongodb_target a = target_of(A);
    struct ek_error err = {0};
    wait_for_signing_keys();
    observe(A);
    int64_t term = seen.election_term;
    assert_works(driver->step_down(&a, 60, 10, soon(), &err), &err);
    wait_for_state(B, 1, EK_ANSWER_YES);
    assert_true(seen.election_term > term);
    char primary[64];
    snprintf(primary, sizeof primary, "localhost:%d", servers[B].port);
    assert_string_equal(seen.primary, primary);
    wait_for_state(A, 2, EK_ANSWER_NO);
}

static void every_member_goes_one_step_up(void **state)
{
    (void)state;
    struct ek_error err = {0};
    for (int which = 0; which < SERVERS; which++) {
        struct ek_mongodb_target target = target_of(which);
        assert_works(driver->set_ssl_mode(&target, EK_SSL_PREFER, soon(), &err), &err);
    }
    for (int which = 0; which < SERVERS; which++) {
        observe(which);
        assert_int_equal(seen.mode_running, EK_SSL_PREFER);
        assert_int_equal(seen.mode_at_start, EK_SSL_ALLOW);
        assert_int_equal(seen.plaintext_clients, 0); /* members are no clients */
    }
}

static void a_member_that_is_gone_is_unhealthy_to_the_others(void **state)
{
    (void)state;
    test_server_kill(&servers[A]);
    int64_t deadline = ek_monotonic_ms() + patient_ms(30000);
    do {
        observe(B);
        if (seen.members[A].view_known && !seen.members[A].healthy)
            break;
        ek_sleep_ms(200);
    } while (ek_time_left_ms(deadline) > 0);
    assert_false(seen.members[A].healthy);
    assert_int_equal(seen.members[A].state, 8);
    assert_string_not_equal(seen.members[A].heartbeat_message, "");
    assert_true(seen.members[B].healthy && seen.members[ARBITER].healthy);
}

static int set_up(void **state)
{
    (void)state;
    driver = ek_mongodb_driver_named("libmongoc");
    if (!driver || !mkdtemp(directory) || certificates_make(directory, "ca") != 0 ||
        certificates_leaf(directory, "ca", "a", "DNS:localhost") != 0)
        return -1;
    snprintf(ca_file, sizeof ca_file, "%s/ca.crt", directory);
    snprintf(pem_file, sizeof pem_file, "%s/a.pem", directory);
    password = ek_secret_new(PASSWORD, strlen(PASSWORD));
    key = ek_secret_new(TEST_KEY, strlen(TEST_KEY));
    for (int i = 0; i < SERVERS; i++) {
        struct test_server *server = &servers[i];
        snprintf(server->directory, sizeof server->directory, "%s/%d", directory, i);
        if (mkdir(server->directory, 0700) != 0)
            return -1;
        server->set_name = "rs-set";
        server->ca_file = ca_file;
        server->pem_file = pem_file;
        server->port = test_free_port();
        test_server_start(server, EK_SSL_ALLOW);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < SERVERS; i++)
        test_server_kill(&servers[i]);
    ek_mongodb_seen_done(&seen);
    ek_secret_free(password);
    ek_secret_free(key);
    if (!getenv("EVENKEEL_TEST_KEEP"))
        certificates_remove(directory);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_members_are_initiated),
        cmocka_unit_test(every_member_is_seen_by_every_member),
        cmocka_unit_test(the_arbiter_is_opened_by_the_key),
        cmocka_unit_test(wrong_members_refuse),
        cmocka_unit_test(the_primary_hands_over),
        cmocka_unit_test(every_member_goes_one_step_up),
        cmocka_unit_test(a_member_that_is_gone_is_unhealthy_to_the_others),
    };
    if (!test_server_find())
        return 0;
    return cmocka_run_group_tests_name("mongodb_live_set", tests, set_up, tear_down);
}
