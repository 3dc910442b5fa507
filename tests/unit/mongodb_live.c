/* The whole driver against one running server: a real mongod (environment variable MONGOD)
 * or else build/mongod-standin. One single-member set is taken from its first start
 * through every mode; the tests build on each other in the order of the table below. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <mongoc/mongoc.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/host/server_configuration.h"
#include "drivers/mongodb/mongodb.h"
#include "reconciler/base/clock.h"
#include "tests/unit/mongodb_certificates.h"
#include "tests/unit/mongodb_fake.h"
#include "tests/unit/mongodb_server.h"
#include "tests/unit/patience.h"

#define PASSWORD "correct horse battery"
#define KEY TEST_KEY

static const struct ek_mongodb_driver *driver;
static char directory[] = "/tmp/evenkeel-live-XXXXXX";
static char ca_file[128], other_ca_file[128], pem_file[128];
static struct test_server server = {.set_name = "rs-live"};
static struct ek_secret *password, *wrong_password, *key;
static char own_host[64];

/* ---- short forms ---- */

static struct ek_mongodb_target target_of(const char *user, const struct ek_secret *user_password,
                                          const struct ek_secret *key_file)
{
    return (struct ek_mongodb_target){.member = "a",
                                      .plain_host = "127.0.0.1",
                                      .tls_host = "localhost",
                                      .port = server.port,
                                      .ca_file = ca_file,
                                      .user = user,
                                      .password = user_password,
                                      .key_file = key_file};
}

static struct ek_mongodb_target own(void)
{
    return target_of("evenkeel", password, NULL);
}

static int64_t soon(void)
{
    return ek_monotonic_ms() + patient_ms(15000);
}

/* The caller cleans up. */
static struct ek_mongodb_seen *observe(const struct ek_mongodb_target *target)
{
    static struct ek_mongodb_seen seen;
    struct ek_error err = {0};
    ek_mongodb_seen_done(&seen);
    memset(&seen, 0, sizeof seen);
    if (driver->observe(target, soon(), &seen, &err) != 0)
        fail_msg("%s %s", err.id, err.sentence);
    assert_null(strstr(seen.problem, PASSWORD));
    assert_null(strstr(seen.problem, KEY));
    return &seen;
}

static void assert_fails(int result, const struct ek_error *err, int code, const char *id)
{
    if (result != code || strcmp(err->id, id) != 0)
        fail_msg("%d %s %s, not %d %s", result, err->id, err->sentence, code, id);
    assert_null(strstr(err->sentence, PASSWORD));
}

static void assert_works(int result, const struct ek_error *err)
{
    if (result != 0)
        fail_msg("%d %s %s", result, err->id, err->sentence);
}

static struct ek_mongodb_seen *wait_for_primary(const struct ek_mongodb_target *target)
{
    int64_t deadline = ek_monotonic_ms() + patient_ms(30000);
    for (;;) {
        struct ek_mongodb_seen *seen = observe(target);
        if (seen->writable == EK_ANSWER_YES && seen->state == 1)
            return seen;
        if (ek_time_left_ms(deadline) == 0)
            fail_msg("no primary: state %d, %s", seen->state, seen->problem);
        ek_sleep_ms(100);
    }
}

/* ---- before there is a set ---- */

static void a_stranger_learns_little_of_a_fresh_member(void **state)
{
    (void)state;
    struct ek_mongodb_target target = target_of(NULL, NULL, NULL);
    struct ek_mongodb_seen *seen = observe(&target);
    assert_true(seen->answered);
    assert_int_equal(seen->initiated, EK_ANSWER_NO);
    assert_int_equal(seen->state, -2);
    assert_int_equal(seen->authorization, EK_ANSWER_YES);
    assert_false(seen->authenticated);
    assert_int_equal(seen->own_user, EK_ANSWER_UNKNOWN);
    assert_int_equal(seen->handshake.tls, EK_ANSWER_NO);
    assert_int_equal(seen->signing_key, -1);
    assert_false(seen->by_tls);
}

static void the_key_opens_a_fresh_member(void **state)
{
    (void)state;
    struct ek_mongodb_target target = target_of("evenkeel", password, key);
    struct ek_mongodb_seen *seen = observe(&target);
    assert_true(seen->authenticated && seen->as_system);
    assert_string_equal(seen->problem, "");
    assert_int_equal(seen->own_user, EK_ANSWER_NO);
    assert_int_equal(seen->state, -2);
    assert_int_equal(seen->initiated, EK_ANSWER_NO);
    assert_int_equal(seen->mode_running, EK_SSL_DISABLED);
    assert_true(seen->options_known);
    assert_int_equal(seen->mode_at_start, EK_SSL_DISABLED);
    assert_true(seen->version[0] >= 4);
    assert_int_equal(seen->pid, server.pid);
    assert_true(seen->uptime_ms >= 0);
}

/* While keys are rotated a keyFile holds two, and a server may know either. */
static void each_key_of_a_key_file_is_tried(void **state)
{
    static const char both[] = "bm90IHRoaXMgb25l\n" KEY "\n";
    EK_SECRET *keys = ek_secret_new(both, strlen(both));
    struct ek_mongodb_target target = target_of(NULL, NULL, keys);
    (void)state;
    struct ek_mongodb_seen *seen = observe(&target);
    assert_true(seen->authenticated && seen->as_system);
    assert_string_equal(seen->problem, "");
}

static void initiate_once(void **state)
{
    (void)state;
    struct ek_mongodb_target target = target_of("evenkeel", password, key);
    struct ek_mongodb_member member = {.id = 0, .priority = 2, .votes = 1};
    struct ek_error err = {0};
    snprintf(member.host, sizeof member.host, "%s", own_host);
    assert_fails(driver->initiate(&target, &(struct ek_mongodb_new_set){"another-name", &member, 1},
                                  soon(), &err),
                 &err, EK_CONFLICT, "EK-0438");
    assert_works(driver->initiate(&target, &(struct ek_mongodb_new_set){"rs-live", &member, 1},
                                  soon(), &err),
                 &err);
    assert_fails(driver->initiate(&target, &(struct ek_mongodb_new_set){"rs-live", &member, 1},
                                  soon(), &err),
                 &err, EK_EXISTS, "EK-0440");
    struct ek_mongodb_seen *seen = wait_for_primary(&target);
    assert_string_equal(seen->set_name, "rs-live");
    assert_int_equal(seen->config_version, 1);
    assert_int_equal(seen->member_count, 1);
    assert_string_equal(seen->members[0].host, own_host);
    assert_int_equal(seen->members[0].priority, 2);
    assert_true(seen->members[0].view_known && seen->members[0].healthy);
    assert_int_equal(seen->members[0].state, 1);
    assert_int_equal(strlen(seen->set_id), 24);
    assert_string_equal(seen->me, own_host);
    assert_string_equal(seen->primary, own_host);
    assert_true(seen->election_term >= 1);
    assert_true(seen->applied_ms > 0);
    assert_int_equal(seen->election_timeout_ms, 10000);
}

/* ---- users ---- */

static const char *const roles[] = {"clusterMonitor", "clusterManager", "hostManager", NULL};

static void the_own_user_is_made_and_changed(void **state)
{
    (void)state;
    struct ek_mongodb_target by_key = target_of(NULL, NULL, key), target = own();
    const char *const unknown_roles[] = {"noSuchRole", NULL};
    struct ek_mongodb_user user = {"evenkeel", wrong_password, roles};
    struct ek_mongodb_user impossible = {"other", password, unknown_roles};
    struct ek_error err = {0};
    assert_works(driver->ensure_user(&by_key, &user, soon(), &err), &err);
    assert_int_equal(observe(&target)->own_user, EK_ANSWER_NO);
    user.password = password;
    assert_works(driver->ensure_user(&by_key, &user, soon(), &err), &err);
    struct ek_mongodb_seen *seen = observe(&target);
    assert_int_equal(seen->own_user, EK_ANSWER_YES);
    assert_true(seen->authenticated);
    assert_false(seen->as_system);
    assert_string_equal(seen->problem, "");
    assert_int_equal(seen->config_version, 1);
    assert_fails(driver->ensure_user(&by_key, &impossible, soon(), &err), &err, EK_INVALID,
                 "EK-0449");
    assert_fails(driver->ensure_user(&target, &user, soon(), &err), &err, EK_DENIED, "EK-0433");
}

static void a_wrong_password_leaves_facts_for_everybody(void **state)
{
    (void)state;
    struct ek_mongodb_target target = target_of("evenkeel", wrong_password, NULL);
    struct ek_error err = {0};
    struct ek_mongodb_seen *seen = observe(&target);
    assert_true(seen->answered);
    assert_false(seen->authenticated);
    assert_int_equal(seen->own_user, EK_ANSWER_NO);
    assert_int_equal(seen->writable, EK_ANSWER_YES);
    assert_int_equal(seen->mode_running, EK_SSL_UNKNOWN);
    assert_int_equal(seen->election_term, -1);
    assert_non_null(strstr(seen->problem, "refuses the login as evenkeel"));
    assert_fails(driver->freeze(&target, 1, soon(), &err), &err, EK_DENIED, "EK-0432");
    target.key_file = key;
    seen = observe(&target);
    assert_int_equal(seen->own_user, EK_ANSWER_NO);
    assert_true(seen->authenticated && seen->as_system);
    assert_string_equal(seen->problem, "");
}

static void the_signing_key_appears(void **state)
{
    (void)state;
    struct ek_mongodb_target target = own();
    int64_t deadline = ek_monotonic_ms() + patient_ms(30000), seen = 0;
    while ((seen = observe(&target)->signing_key) == 0 && ek_time_left_ms(deadline) > 0)
        ek_sleep_ms(200);
    assert_true(seen > 0);
    assert_true(observe(&target)->signing_key == seen);
}

/* ---- acts on the set ---- */

static void a_lone_primary_does_not_step_down(void **state)
{
    (void)state;
    struct ek_mongodb_target target = own();
    struct ek_error err = {0};
    assert_fails(driver->step_down(&target, 10, 1, soon(), &err), &err, EK_TIMEOUT, "EK-0436");
    assert_non_null(strstr(err.sentence, "262"));
    assert_fails(driver->step_down(&target, 1, 5, soon(), &err), &err, EK_INVALID, "EK-0435");
    assert_fails(driver->freeze(&target, 5, soon(), &err), &err, EK_CONFLICT, "EK-0454");
    assert_int_equal(observe(&target)->writable, EK_ANSWER_YES);
}

static void members_are_renamed_by_compare_and_set(void **state)
{
    (void)state;
    struct ek_mongodb_target target = own();
    const int id = 0, nobody = 9;
    char by_address[64];
    const char *host = by_address, *old = own_host;
    struct ek_error err = {0};
    snprintf(by_address, sizeof by_address, "127.0.0.1:%d", server.port);
    assert_fails(driver->rename_members(&target, &(struct ek_mongodb_renaming){7, &id, &host, 1},
                                        soon(), &err),
                 &err, EK_STALE, "EK-0439");
    assert_fails(driver->rename_members(
                     &target, &(struct ek_mongodb_renaming){1, &nobody, &host, 1}, soon(), &err),
                 &err, EK_NOT_FOUND, "EK-0443");
    assert_int_equal(observe(&target)->config_version, 1);
    char set_id[32];
    snprintf(set_id, sizeof set_id, "%s", observe(&target)->set_id);
    assert_works(driver->rename_members(&target, &(struct ek_mongodb_renaming){1, &id, &host, 1},
                                        soon(), &err),
                 &err);
    struct ek_mongodb_seen *seen = wait_for_primary(&target);
    assert_int_equal(seen->config_version, 2);
    assert_string_equal(seen->members[0].host, by_address);
    assert_int_equal(seen->members[0].priority, 2);
    assert_string_equal(seen->set_id, set_id);
    assert_string_equal(seen->me, by_address);
    assert_works(driver->rename_members(&target, &(struct ek_mongodb_renaming){2, &id, &old, 1},
                                        soon(), &err),
                 &err);
    assert_string_equal(wait_for_primary(&target)->members[0].host, own_host);
}

/* ---- modes ---- */

static void disabled_can_not_be_left_at_run_time(void **state)
{
    (void)state;
    struct ek_mongodb_target target = own();
    struct ek_error err = {0};
    assert_works(driver->set_ssl_mode(&target, EK_SSL_DISABLED, soon(), &err), &err);
    assert_fails(driver->set_ssl_mode(&target, EK_SSL_ALLOW, soon(), &err), &err, EK_INVALID,
                 "EK-0435");
    assert_non_null(strstr(err.sentence, "Illegal state transition"));
}

static void a_stopped_and_a_silent_server(void **state)
{
    (void)state;
    struct ek_mongodb_target target = own();
    struct ek_mongodb_seen seen;
    struct ek_error err = {0};
    kill(server.pid, SIGSTOP);
    int64_t start = ek_monotonic_ms();
    assert_works(driver->observe(&target, start + 1000, &seen, &err), &err);
    int64_t took = ek_monotonic_ms() - start;
    kill(server.pid, SIGCONT);
    assert_false(seen.answered);
    assert_int_equal(seen.writable, EK_ANSWER_UNKNOWN);
    assert_string_not_equal(seen.problem, "");
    assert_in_range(took, 400, patient_ms(3000));
    ek_mongodb_seen_done(&seen);
    test_server_stop(&server);
    struct ek_mongodb_seen *gone = observe(&target);
    assert_false(gone->answered);
    assert_int_equal(gone->handshake.tls, EK_ANSWER_UNKNOWN);
    assert_int_equal(gone->own_user, EK_ANSWER_UNKNOWN);
    assert_string_not_equal(gone->problem, "");
    assert_fails(driver->freeze(&target, 1, soon(), &err), &err, EK_UNREACHABLE, "EK-0430");
}

static void allow_takes_both(void **state)
{
    (void)state;
    struct ek_mongodb_target target = own();
    const struct ek_server_tls tls = {
        .mode = EK_SSL_ALLOW, .certificate_key_file = pem_file, .ca_file = ca_file};
    uint8_t digest[32];
    assert_int_equal(ek_server_tls_digest(&tls, digest, NULL), 0);
    test_server_start(&server, EK_SSL_ALLOW);
    struct ek_mongodb_seen *seen = wait_for_primary(&target);
    assert_true(seen->by_tls);
    assert_true(seen->handshake.verified);
    assert_int_equal(seen->mode_running, EK_SSL_ALLOW);
    assert_int_equal(seen->mode_at_start, EK_SSL_ALLOW);
    assert_string_equal(seen->certificate_key_file, pem_file);
    assert_string_equal(seen->ca_file, ca_file);
    assert_memory_equal(seen->options_digest, digest, 32);
    assert_int_equal(seen->plaintext_clients, -1);
    assert_int_equal(seen->config_version, 3);
}

static void what_does_not_verify_gets_no_secret_and_nothing_in_plaintext(void **state)
{
    (void)state;
    struct ek_mongodb_target wrong_name = own(), wrong_ca = own(), no_ca = own();
    wrong_name.tls_host = "127.0.0.1";
    wrong_ca.ca_file = other_ca_file;
    no_ca.ca_file = NULL;
    const struct ek_mongodb_target *targets[] = {&wrong_name, &wrong_ca, &no_ca};
    /* (A server may send its authority along or not.) */
    static const char *const problems[][2] = {
        {"IP address mismatch", NULL},
        {"unable to get local issuer certificate", "self-signed certificate in certificate chain"},
        {"no certificate authority is known yet", NULL}};
    for (size_t i = 0; i < 3; i++) {
        struct ek_mongodb_seen *seen = observe(targets[i]);
        assert_int_equal(seen->handshake.tls, EK_ANSWER_YES);
        assert_false(seen->handshake.verified);
        assert_true(strstr(seen->handshake.problem, problems[i][0]) ||
                    (problems[i][1] && strstr(seen->handshake.problem, problems[i][1])));
        assert_non_null(seen->handshake.certificate_pem);
        assert_true(seen->answered && seen->authenticated);
        assert_true(seen->by_tls); /* whoever it is, nobody else listens */
        struct ek_mongodb_user user = {"evenkeel", password, roles};
        struct ek_error err = {0};
        assert_fails(driver->ensure_user(targets[i], &user, soon(), &err), &err, EK_DENIED,
                     "EK-0456");
    }
}

/* Whoever comes between a server that speaks TLS and us is told nothing by not speaking it. */
static void a_server_that_spoke_tls_is_not_talked_to_without(void **state)
{
    struct ek_mongodb_session *session = NULL;
    struct ek_mongodb_target target = own();
    struct fake fake = {.rows = {{"isMaster", NULL, "{\"ok\":1.0}", 0}}};
    (void)state;
    target.session = &session;
    assert_true(observe(&target)->by_tls);
    fake_start(&fake);
    target.port = fake.port;
    struct ek_mongodb_seen *seen = observe(&target);
    fake_stop(&fake);
    driver->session_free(session);
    assert_false(seen->answered);
    assert_non_null(strstr(seen->problem, "it spoke TLS before"));
    assert_int_equal(fake.asked_count, 0);
    fake_done(&fake);
}

static mongoc_client_t *plaintext_client(void)
{
    bson_error_t error;
    mongoc_uri_t *uri = mongoc_uri_new_for_host_port("127.0.0.1", (uint16_t)server.port);
    mongoc_uri_set_option_as_bool(uri, MONGOC_URI_DIRECTCONNECTION, true);
    mongoc_uri_set_username(uri, "evenkeel");
    mongoc_uri_set_password(uri, PASSWORD);
    mongoc_uri_set_appname(uri, "shop");
    mongoc_client_t *client = mongoc_client_new_from_uri(uri);
    mongoc_uri_destroy(uri);
    bson_t *ping = BCON_NEW("ping", BCON_INT32(1));
    if (!mongoc_client_command_simple(client, "admin", ping, NULL, NULL, &error))
        fail_msg("%s", error.message);
    bson_destroy(ping);
    return client;
}

static int64_t plaintext_clients_become(int64_t wanted)
{
    struct ek_mongodb_target target = own();
    int64_t deadline = ek_monotonic_ms() + patient_ms(5000), seen;
    while ((seen = observe(&target)->plaintext_clients) != wanted && ek_time_left_ms(deadline) > 0)
        ek_sleep_ms(100);
    return seen;
}

static void one_step_at_a_time_to_require(void **state)
{
    (void)state;
    struct ek_mongodb_target target = own(), plain = own();
    struct ek_error err = {0};
    plain.ca_file = NULL;
    assert_fails(driver->set_ssl_mode(&target, EK_SSL_REQUIRE, soon(), &err), &err, EK_INVALID,
                 "EK-0435");
    assert_works(driver->set_ssl_mode(&target, EK_SSL_PREFER, soon(), &err), &err);
    assert_works(driver->set_ssl_mode(&target, EK_SSL_PREFER, soon(), &err), &err);
    struct ek_mongodb_seen *seen = observe(&target);
    assert_int_equal(seen->mode_running, EK_SSL_PREFER);
    assert_int_equal(seen->mode_at_start, EK_SSL_ALLOW);
    assert_int_equal(seen->plaintext_clients, 0);
    assert_true(observe(&plain)->by_tls);
    assert_int_equal(observe(&plain)->plaintext_clients, 0);

    mongoc_client_t *shop = plaintext_client();
    assert_int_equal(plaintext_clients_become(1), 1);
    assert_works(driver->set_ssl_mode(&target, EK_SSL_REQUIRE, soon(), &err), &err);
    seen = observe(&target);
    assert_int_equal(seen->mode_running, EK_SSL_REQUIRE);
    assert_int_equal(seen->plaintext_clients, 1); /* its session outlives the change */
    mongoc_client_destroy(shop);
    assert_int_equal(plaintext_clients_become(0), 0);
}

static void require_is_seen_without_an_authority_too(void **state)
{
    (void)state;
    struct ek_mongodb_target plain = own();
    struct ek_error err = {0};
    plain.ca_file = NULL;
    struct ek_mongodb_seen *seen = observe(&plain);
    assert_int_equal(seen->handshake.tls, EK_ANSWER_YES);
    assert_non_null(strstr(seen->handshake.problem, "no certificate authority is known yet"));
    assert_true(seen->answered && seen->by_tls);
    assert_int_equal(seen->own_user, EK_ANSWER_YES);
    assert_fails(driver->freeze(&plain, 1, soon(), &err), &err, EK_CONFLICT, "EK-0454");
}

static void *observe_often(void *result)
{
    struct ek_mongodb_target target = own();
    for (int i = 0; i < 5; i++) {
        struct ek_mongodb_seen seen;
        if (driver->observe(&target, soon(), &seen, NULL) != 0)
            return NULL;
        bool good = seen.authenticated && seen.by_tls && seen.state == 1 && !seen.problem[0];
        ek_mongodb_seen_done(&seen);
        if (!good)
            return NULL;
    }
    return result;
}

static void several_threads_observe_at_once(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, observe_often, &server), 0);
    for (size_t i = 0; i < 4; i++) {
        void *result = NULL;
        pthread_join(threads[i], &result);
        assert_non_null(result);
    }
}

/* ---- the frame ---- */

static int set_up(void **state)
{
    (void)state;
    driver = ek_mongodb_driver_named("libmongoc");
    if (!driver || !mkdtemp(directory) || certificates_make(directory, "ca") != 0 ||
        certificates_make(directory, "other-ca") != 0 ||
        certificates_leaf(directory, "ca", "a", "DNS:localhost") != 0)
        return -1;
    snprintf(ca_file, sizeof ca_file, "%s/ca.crt", directory);
    snprintf(other_ca_file, sizeof other_ca_file, "%s/other-ca.crt", directory);
    snprintf(pem_file, sizeof pem_file, "%s/a.pem", directory);
    snprintf(server.directory, sizeof server.directory, "%s", directory);
    server.ca_file = ca_file;
    server.pem_file = pem_file;
    server.port = test_free_port();
    snprintf(own_host, sizeof own_host, "localhost:%d", server.port);
    password = ek_secret_new(PASSWORD, strlen(PASSWORD));
    wrong_password = ek_secret_new("incorrect pony", 14);
    key = ek_secret_new(KEY, strlen(KEY));
    test_server_start(&server, EK_SSL_DISABLED);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_server_kill(&server);
    observe(
        &(struct ek_mongodb_target){.member = "a", .plain_host = "127.0.0.1", .port = server.port});
    ek_secret_free(password);
    ek_secret_free(wrong_password);
    ek_secret_free(key);
    if (!getenv("EVENKEEL_TEST_KEEP"))
        certificates_remove(directory);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stranger_learns_little_of_a_fresh_member),
        cmocka_unit_test(the_key_opens_a_fresh_member),
        cmocka_unit_test(each_key_of_a_key_file_is_tried),
        cmocka_unit_test(initiate_once),
        cmocka_unit_test(the_own_user_is_made_and_changed),
        cmocka_unit_test(a_wrong_password_leaves_facts_for_everybody),
        cmocka_unit_test(the_signing_key_appears),
        cmocka_unit_test(a_lone_primary_does_not_step_down),
        cmocka_unit_test(members_are_renamed_by_compare_and_set),
        cmocka_unit_test(disabled_can_not_be_left_at_run_time),
        cmocka_unit_test(a_stopped_and_a_silent_server),
        cmocka_unit_test(allow_takes_both),
        cmocka_unit_test(what_does_not_verify_gets_no_secret_and_nothing_in_plaintext),
        cmocka_unit_test(a_server_that_spoke_tls_is_not_talked_to_without),
        cmocka_unit_test(one_step_at_a_time_to_require),
        cmocka_unit_test(require_is_seen_without_an_authority_too),
        cmocka_unit_test(several_threads_observe_at_once),
    };
    if (!test_server_find())
        return 0;
    return cmocka_run_group_tests_name("mongodb_live", tests, set_up, tear_down);
}
