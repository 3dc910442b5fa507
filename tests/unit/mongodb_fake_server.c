/* The driver against answers that a healthy server 4.2 can't be brought to give: newer and
 * older servers, broken connections, races. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drivers/mongodb/mongodb.h"
#include "reconciler/base/clock.h"
#include "tests/unit/mongodb_fake.h"

#define HELLO(wire)                                                                                \
    "{\"setName\":\"rs0\",\"setVersion\":2,\"ismaster\":true,\"secondary\":false,\"me\":\"a:1\","  \
    "\"primary\":\"a:1\",\"minWireVersion\":0,\"maxWireVersion\":" #wire ",\"ok\":1.0}"
#define HELLO_MODERN                                                                               \
    "{\"helloOk\":true,\"setName\":\"rs0\",\"setVersion\":2,\"ismaster\":true,"                    \
    "\"isWritablePrimary\":true,\"me\":\"a:1\",\"primary\":\"a:1\",\"minWireVersion\":0,"          \
    "\"maxWireVersion\":17,\"ok\":1.0}"
#define REFUSED "{\"ok\":0.0,\"code\":18,\"errmsg\":\"Authentication failed.\"}"
#define UNAUTHORISED "{\"ok\":0.0,\"code\":13,\"errmsg\":\"command requires authentication\"}"
#define CONFIG                                                                                     \
    "{\"config\":{\"_id\":\"rs0\",\"version\":2,\"term\":5,\"members\":[{\"_id\":0,\"host\":"      \
    "\"a:1\"}]},\"ok\":1.0}"

static const struct ek_mongodb_driver *driver;

static struct ek_mongodb_target target_of(const struct fake *fake)
{
    return (struct ek_mongodb_target){.member = "a", .plain_host = "127.0.0.1", .port = fake->port};
}

static struct ek_mongodb_seen seen;

static void observe(const struct ek_mongodb_target *target)
{
    struct ek_error err = {0};
    ek_mongodb_seen_done(&seen);
    if (driver->observe(target, ek_monotonic_ms() + 3000, &seen, &err) != 0)
        fail_msg("%s %s", err.id, err.sentence);
}

static void a_newer_server_without_authentication(void **state)
{
    (void)state;
    struct fake fake = {
        .rows = {
            {"isMaster", NULL, HELLO_MODERN, 0},
            {"hello", NULL, HELLO_MODERN, 0},
            {"replSetGetStatus", NULL,
             "{\"set\":\"rs0\",\"myState\":1,\"term\":5,\"members\":[{\"_id\":0,"
             "\"name\":\"a:1\",\"health\":1.0,\"state\":1,\"self\":true}],\"ok\":1.0}",
             0},
            {"replSetGetConfig", NULL, CONFIG, 0},
            {"getCmdLineOpts", NULL, "{\"parsed\":{},\"ok\":1.0}", 0},
        }};
    fake_start(&fake);
    struct ek_mongodb_target target = target_of(&fake);
    observe(&target);
    fake_stop(&fake);
    assert_true(seen.answered && seen.authenticated);
    assert_false(seen.as_system);
    assert_string_equal(seen.problem, "");
    assert_int_equal(seen.config_term, 5);
    assert_int_equal(seen.election_term, 5);
    assert_int_equal(seen.authorization, EK_ANSWER_NO);
    assert_int_equal(seen.own_user, EK_ANSWER_UNKNOWN);
    assert_int_equal(seen.mode_running, EK_SSL_UNKNOWN); /* it named no mode */
    assert_int_equal(seen.handshake.tls, EK_ANSWER_NO);
    assert_non_null(fake_asked(&fake, "hello", 0));
    assert_null(fake_asked(&fake, "isMaster", 0));
    fake_done(&fake);
}

static void a_refused_login_is_no_broken_connection(void **state)
{
    (void)state;
    EK_SECRET *password = ek_secret_new("pencil", 6);
    struct fake refusing = {.rows = {{"isMaster", NULL, HELLO(8), 0},
                                     {"saslStart", NULL, REFUSED, 0},
                                     {"replSetGetStatus", NULL, UNAUTHORISED, 0},
                                     {"replSetGetConfig", NULL, UNAUTHORISED, 0},
                                     {"getCmdLineOpts", NULL, UNAUTHORISED, 0}}};
    struct fake dropping = {
        .rows = {{"isMaster", NULL, HELLO(8), 0}, {"saslStart", NULL, FAKE_DROP, 0}}};
    fake_start(&refusing);
    struct ek_mongodb_target target = target_of(&refusing);
    target.user = "evenkeel";
    target.password = password;
    observe(&target);
    fake_stop(&refusing);
    assert_int_equal(seen.own_user, EK_ANSWER_NO);
    assert_true(seen.answered);
    assert_false(seen.authenticated);
    assert_int_equal(seen.authorization, EK_ANSWER_YES);
    assert_int_equal(seen.config_version, 2);
    assert_non_null(strstr(seen.problem, "Authentication failed"));
    fake_done(&refusing);

    fake_start(&dropping);
    target.port = dropping.port;
    observe(&target);
    fake_stop(&dropping);
    assert_int_equal(seen.own_user, EK_ANSWER_UNKNOWN);
    assert_true(seen.answered);
    assert_false(seen.authenticated);
    assert_int_equal(seen.writable, EK_ANSWER_YES);
    assert_string_not_equal(seen.problem, "");
    fake_done(&dropping);
}

static void the_key_is_tried_with_what_the_server_knows(void **state)
{
    (void)state;
    EK_SECRET *key = ek_secret_new("a2V5a2V5", 8);
    struct fake old = {.rows = {{"isMaster", NULL, HELLO(6), 0}, {"saslStart", NULL, REFUSED, 0}}};
    struct fake newer = {
        .rows = {{"isMaster", NULL, HELLO(8), 0}, {"saslStart", NULL, REFUSED, 0}}};
    fake_start(&old);
    struct ek_mongodb_target target = target_of(&old);
    target.key_file = key;
    observe(&target);
    fake_stop(&old);
    const char *first = fake_asked(&old, "saslStart", 0),
               *second = fake_asked(&old, "saslStart", 1);
    assert_true(first && second);
    assert_non_null(strstr(first, "\"SCRAM-SHA-256\""));
    assert_non_null(strstr(second, "\"SCRAM-SHA-1\""));
    assert_non_null(strstr(second, "\"$db\" : \"local\""));
    fake_done(&old);
    fake_start(&newer);
    target.port = newer.port;
    observe(&target);
    fake_stop(&newer);
    assert_non_null(fake_asked(&newer, "saslStart", 0));
    assert_null(fake_asked(&newer, "saslStart", 1));
    fake_done(&newer);
}

static int64_t soon(void)
{
    return ek_monotonic_ms() + 3000;
}

static void servers_before_4_2_get_the_old_words(void **state)
{
    (void)state;
    struct fake fake = {
        .rows = {{"isMaster", NULL, HELLO(7), 0},
                 {"getParameter", "sslMode", "{\"sslMode\":\"allowSSL\",\"ok\":1.0}", 0},
                 {"getParameter", NULL, "{\"ok\":0.0,\"errmsg\":\"no option found to get\"}", 0}}};
    struct ek_error err = {0};
    fake_start(&fake);
    struct ek_mongodb_target target = target_of(&fake);
    int result = driver->set_ssl_mode(&target, EK_SSL_PREFER, soon(), &err);
    fake_stop(&fake);
    assert_int_equal(result, 0);
    assert_non_null(fake_asked(&fake, "setParameter", 0));
    assert_non_null(strstr(fake_asked(&fake, "setParameter", 0), "\"sslMode\" : \"preferSSL\""));
    fake_done(&fake);
}

static void somebody_else_took_the_same_step(void **state)
{
    (void)state;
    struct fake fake = {
        .rows = {{"isMaster", NULL, HELLO(8), 0},
                 {"getParameter", NULL, "{\"tlsMode\":\"allowTLS\",\"ok\":1.0}", 1},
                 {"getParameter", NULL, "{\"tlsMode\":\"preferTLS\",\"ok\":1.0}", 0},
                 {"setParameter", NULL,
                  "{\"ok\":0.0,\"code\":2,\"errmsg\":\"Illegal state transition for tlsMode, "
                  "attempt to change from preferTLS to preferTLS\"}",
                  0}}};
    struct ek_error err = {0};
    fake_start(&fake);
    struct ek_mongodb_target target = target_of(&fake);
    int result = driver->set_ssl_mode(&target, EK_SSL_PREFER, soon(), &err);
    fake_stop(&fake);
    assert_int_equal(result, 0);
    assert_non_null(strstr(fake_asked(&fake, "setParameter", 0), "\"tlsMode\" : \"preferTLS\""));
    fake_done(&fake);
}

static void an_answer_lost_in_the_middle_of_an_act(void **state)
{
    (void)state;
    struct fake fake = {
        .rows = {{"isMaster", NULL, HELLO(8), 0}, {"replSetStepDown", NULL, FAKE_DROP, 0}}};
    struct ek_error err = {0};
    fake_start(&fake);
    struct ek_mongodb_target target = target_of(&fake);
    int result = driver->step_down(&target, 60, 10, soon(), &err);
    fake_stop(&fake);
    assert_int_equal(result, EK_UNREACHABLE);
    assert_string_equal(err.id, "EK-0431");
    const char *asked = fake_asked(&fake, "replSetStepDown", 0);
    assert_non_null(strstr(asked, "\"replSetStepDown\" : 60, \"secondaryCatchUpPeriodSecs\" : 10, "
                                  "\"force\" : false"));
    assert_null(fake_asked(&fake, "replSetStepDown", 1)); /* never asked twice */
    fake_done(&fake);
}

static void a_reconfiguration_is_never_forced(void **state)
{
    (void)state;
    struct fake fake = {
        .rows = {{"isMaster", NULL, HELLO(8), 0},
                 {"replSetGetConfig", NULL, CONFIG, 0},
                 {"replSetReconfig", NULL,
                  "{\"ok\":0.0,\"code\":109,\"errmsg\":\"another reconfig is running\"}", 0}}};
    const int id = 0;
    const char *host = "a.new:1";
    struct ek_error err = {0};
    fake_start(&fake);
    struct ek_mongodb_target target = target_of(&fake);
    int result = driver->rename_members(&target, &(struct ek_mongodb_renaming){2, &id, &host, 1},
                                        soon(), &err);
    fake_stop(&fake);
    assert_int_equal(result, EK_CONFLICT);
    assert_string_equal(err.id, "EK-0437");
    const char *asked = fake_asked(&fake, "replSetReconfig", 0);
    assert_non_null(strstr(asked, "\"version\" : 3, \"term\" : 5"));
    assert_non_null(strstr(asked, "\"host\" : \"a.new:1\""));
    assert_non_null(strstr(asked, "\"force\" : false"));
    fake_done(&fake);
}

static void users_are_changed_where_they_exist(void **state)
{
    (void)state;
    EK_SECRET *password = ek_secret_new("open sesame", 11);
    const char *const roles[] = {"clusterMonitor", NULL};
    struct ek_mongodb_user user = {"app", password, roles};
    struct fake fake = {.rows = {{"isMaster", NULL, HELLO(8), 0},
                                 {"createUser", NULL,
                                  "{\"ok\":0.0,\"code\":51003,\"errmsg\":\"User \\\"app@admin\\\" "
                                  "already exists\"}",
                                  0},
                                 {"updateUser", NULL, "{\"ok\":1.0}", 1},
                                 {"updateUser", NULL,
                                  "{\"ok\":1.0,\"writeConcernError\":{\"code\":64,\"errmsg\":"
                                  "\"waiting for replication timed out\"}}",
                                  1},
                                 {"updateUser", NULL,
                                  "{\"ok\":0.0,\"code\":13,\"errmsg\":\"not authorized to execute "
                                  "{ updateUser: 1, pwd: 'open sesame' }\"}",
                                  0}}};
    struct ek_error err = {0};
    fake_start(&fake);
    struct ek_mongodb_target target = target_of(&fake);
    assert_int_equal(driver->ensure_user(&target, &user, soon(), &err), 0);
    int late = driver->ensure_user(&target, &user, soon(), &err);
    char late_id[12];
    memcpy(late_id, err.id, sizeof late_id);
    int denied = driver->ensure_user(&target, &user, soon(), &err);
    fake_stop(&fake);
    assert_int_equal(late, EK_TIMEOUT);
    assert_string_equal(late_id, "EK-0455");
    assert_int_equal(denied, EK_DENIED);
    assert_string_equal(err.id, "EK-0433");
    assert_null(strstr(err.sentence, "open sesame"));
    const char *asked = fake_asked(&fake, "updateUser", 0);
    assert_non_null(strstr(asked, "{ \"role\" : \"clusterMonitor\", \"db\" : \"admin\" }"));
    assert_non_null(strstr(asked, "\"w\" : \"majority\""));
    /* The connection is open to everybody: md5("app:mongo:open sesame"), for SCRAM-SHA-1. */
    static const char *const verbs[] = {"createUser", "updateUser"};
    for (size_t i = 0; i < 2; i++) {
        asked = fake_asked(&fake, verbs[i], 0);
        assert_null(strstr(asked, "open sesame"));
        assert_non_null(strstr(asked, "\"digestPassword\" : false"));
        assert_non_null(strstr(asked, "\"pwd\" : \"03c3dd79f41a4964cc0be5a42593f5ce\""));
        assert_non_null(strstr(asked, "\"mechanisms\" : [ \"SCRAM-SHA-1\" ]"));
    }
    fake_done(&fake);
}

static int find_driver(void **state)
{
    (void)state;
    driver = ek_mongodb_driver_named("libmongoc");
    return driver ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_newer_server_without_authentication),
        cmocka_unit_test(a_refused_login_is_no_broken_connection),
        cmocka_unit_test(the_key_is_tried_with_what_the_server_knows),
        cmocka_unit_test(servers_before_4_2_get_the_old_words),
        cmocka_unit_test(somebody_else_took_the_same_step),
        cmocka_unit_test(an_answer_lost_in_the_middle_of_an_act),
        cmocka_unit_test(a_reconfiguration_is_never_forced),
        cmocka_unit_test(users_are_changed_where_they_exist),
    };
    return cmocka_run_group_tests(tests, find_driver, NULL);
}
