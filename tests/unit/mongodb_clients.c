/* Which clients of a server are in plaintext, and since when none was: from its log, and from what
 * was seen before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "drivers/mongodb/log_line.h"
#include "drivers/mongodb/read.h"
#include "reconciler/aspects/transport/observe_clients.h"
#include "tests/unit/mongodb_json.h"

static struct ek_mongodb_seen *unknown(void)
{
    static struct ek_mongodb_seen seen;
    ek_mongodb_seen_done(&seen);
    ek_mongodb_seen_init(&seen);
    seen.clock_behind_ms = 0;
    return &seen;
}

#define PLAIN_LINE(n)                                                                              \
    "\"2026-11-22T02:24:43.886+0000 I  NETWORK  [conn" #n "] SSL mode is set to 'preferred' and "  \
    "connection " #n " to 127.0.0.1:57738 is not using SSL.\""
#define ACCEPTED_LINE(n)                                                                           \
    "\"2026-11-22T02:24:43.886+0000 I  NETWORK  [listener] connection accepted from "              \
    "127.0.0.1:57738 #" #n " (2 connections now open)\""
#define TLS_LINE(n)                                                                                \
    "\"2026-11-22T02:24:44.200+0000 W  NETWORK  [conn" #n "] no SSL certificate provided by "      \
    "peer\""
#define CLIENT(n)                                                                                  \
    "{\"type\":\"idleSession\",\"desc\":\"conn" #n "\",\"connectionId\":" #n ",\"client\":"        \
    "\"127.0.0.1:57738\",\"appName\":\"shop\",\"effectiveUsers\":[{\"user\":\"app\",\"db\":"       \
    "\"admin\"}]}"

static const char open_connections[] =
    "{\"inprog\":[{\"desc\":\"rsSync-0\",\"active\":true}," CLIENT(3) "," CLIENT(4) "," CLIENT(
        5) "," CLIENT(6) ",{\"connectionId\":7,\"appName\":\"evenkeel\"},"
                         "{\"connectionId\":8,\"effectiveUsers\":[{\"user\":\"__system\",\"db\":"
                         "\"local\"}]},{\"connectionId\":9,\"clientMetadata\":{\"driver\":{"
                         "\"name\":\"NetworkInterfaceTL\"}}}],\"ok\":1.0}";

/* What the server is asked besides: it writes a line for each plaintext connection; any mechanism
 * makes users of $external. */
static struct ek_client_answers answers;

static int begin(void **state)
{
    (void)state;
    answers = (struct ek_client_answers){.plaintext_logged = true};
    return 0;
}

static void read_operations(struct ek_mongodb_seen *seen, const char *log, const char *current_op)
{
    bson_t *lines = json(log), *operations = json(current_op);
    answers.log = lines;
    answers.current_op = operations;
    ek_mongodb_read_clients(&answers, seen);
    bson_destroy(lines);
    bson_destroy(operations);
}

static void read_clients(struct ek_mongodb_seen *seen, const char *log)
{
    read_operations(seen, log, open_connections);
}

/* 3 and 5 plaintext; 33 closed since; 7, 8, 9 ours and members'; 4 known as TLS; of 6
 * nothing is said, or only that it began. */
static void plaintext_clients_that_are_still_there(void **state)
{
    (void)state;
    static const char log[] =
        "{\"totalLinesWritten\":2000,\"log\":[" PLAIN_LINE(3) "," PLAIN_LINE(5) "," PLAIN_LINE(33) "," PLAIN_LINE(
            7) "," PLAIN_LINE(8) "," PLAIN_LINE(9) "," TLS_LINE(4) "," ACCEPTED_LINE(6) "],\"ok\":"
                                                                                        "1.0}";
    struct ek_mongodb_seen *seen = unknown();
    seen->mode_running = EK_SSL_PREFER;
    seen->mode_at_start = EK_SSL_ALLOW;
    read_clients(seen, log);
    assert_int_equal(seen->plaintext_clients, 2);
    assert_int_equal(seen->undecided_clients, 1);
    seen = unknown();
    seen->mode_running = EK_SSL_REQUIRE;
    seen->mode_at_start = EK_SSL_PREFER;
    read_clients(seen, log);
    assert_int_equal(seen->plaintext_clients, 2);
    assert_int_equal(seen->undecided_clients, 0);
    seen = unknown();
    seen->mode_running = EK_SSL_ALLOW;
    read_clients(seen, log);
    assert_int_equal(seen->plaintext_clients, -1);
}

static void plaintext_clients_in_json_logs(void **state)
{
    (void)state;
    static const char log[] =
        "{\"totalLinesWritten\":3,\"log\":["
        "\"{\\\"t\\\":{\\\"$date\\\":\\\"x\\\"},\\\"s\\\":\\\"I\\\",\\\"c\\\":\\\"NETWORK\\\","
        "\\\"id\\\":23838,\\\"ctx\\\":\\\"conn3\\\",\\\"msg\\\":\\\"SSL mode\\\",\\\"attr\\\":{"
        "\\\"connectionId\\\":3,\\\"remote\\\":\\\"127.0.0.1:1\\\"}}\","
        "\"{\\\"id\\\":23234,\\\"ctx\\\":\\\"conn4\\\",\\\"msg\\\":\\\"No SSL certificate\\\"}\","
        "\"{\\\"id\\\":22943,\\\"ctx\\\":\\\"listener\\\",\\\"attr\\\":{\\\"connectionId\\\":5}}\","
        "\"{ not json\"],\"ok\":1.0}";
    struct ek_mongodb_seen *seen = unknown();
    seen->mode_running = EK_SSL_PREFER;
    seen->mode_at_start = EK_SSL_PREFER;
    read_clients(seen, log);
    assert_int_equal(seen->plaintext_clients, 1);
    assert_int_equal(seen->undecided_clients, 1); /* 6 */
}

static int64_t seconds(const char *text)
{
    struct tm parts = {0};
    assert_non_null(strptime(text, "%H:%M:%S", &parts));
    parts.tm_year = 126;
    parts.tm_mon = 10;
    parts.tm_mday = 22;
    return (int64_t)timegm(&parts);
}

#define AT(time, words) "\"2026-11-22T" time ".250+0000 I  NETWORK  " words "\""
#define FIRST AT("02:00:00", "[main] options")
#define CAME_PLAIN(time, n)                                                                        \
    AT(time, "[conn" #n "] SSL mode is set to 'preferred' and connection " #n                      \
             " to 127.0.0.1:5 is not using SSL.")
#define SET(time, words) AT(time, "[conn2] Successfully set parameter " words)
#define LOG(lines) "{\"totalLinesWritten\":9,\"log\":[" lines "],\"ok\":1.0}"

/* Nobody is connected; `log` tells of the past. */
static struct ek_mongodb_seen *read_past(enum ek_ssl_mode at_start, const char *log)
{
    struct ek_mongodb_seen *seen = unknown();
    seen->mode_running = EK_SSL_PREFER;
    seen->mode_at_start = at_start;
    seen->clients_at_s = seconds("05:00:00");
    read_operations(seen, log, "{\"inprog\":[],\"ok\":1.0}");
    assert_int_equal(seen->plaintext_clients, 0);
    return seen;
}

static void since_when_no_client_came_in_plaintext(void **state)
{
    (void)state;
    static const struct {
        enum ek_ssl_mode at_start;
        const char *log, *told_since, *none_since;
    } cases[] = {
        /* as far as the log reaches */
        {EK_SSL_PREFER, LOG(FIRST), "02:00:01", "02:00:01"},
        /* one came and went */
        {EK_SSL_PREFER, LOG(FIRST "," CAME_PLAIN("03:00:00", 7)), "03:00:01", "03:00:01"},
        /* a member that dialled in plaintext is no client */
        {EK_SSL_PREFER,
         LOG(FIRST "," CAME_PLAIN("03:00:00", 7) "," AT(
             "03:00:00", "[conn7] received client metadata from 127.0.0.1:5 conn7: { driver: { "
                         "name: \\\"NetworkInterfaceTL\\\" } }")),
         "02:00:01", "02:00:01"},
        /* what was not told for a while */
        {EK_SSL_PREFER, LOG(FIRST "," SET("04:00:00", "disableNonSSLConnectionLogging to false")),
         "04:00:01", "04:00:01"},
        /* in allowSSL nothing is told */
        {EK_SSL_ALLOW, LOG(FIRST "," SET("04:00:00", "sslMode to preferSSL")), "02:00:01",
         "04:00:01"},
        /* and the log no longer shows when that ended */
        {EK_SSL_ALLOW, LOG(FIRST), "02:00:01", "05:00:00"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ek_mongodb_seen *seen = read_past(cases[i].at_start, cases[i].log);
        assert_int_equal(seen->clients_told_since_s, seconds(cases[i].told_since));
        assert_int_equal(seen->no_plaintext_since_s, seconds(cases[i].none_since));
    }
    struct ek_mongodb_seen *seen =
        read_past(EK_SSL_PREFER, LOG("\"Sun Nov 22 02:00:00.1 I NETWORK\""));
    assert_int_equal(seen->no_plaintext_since_s, 0);
}

static void the_times_of_all_zones(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "2026-11-22T02:00:00.250+0000 I", "2026-11-22T03:30:00.250+0130 I",
        "2026-11-21T21:00:00.250-0500 I", "2026-11-22T02:00:00.250Z I",
        "{\"t\":{\"$date\":\"2026-11-22T03:00:00.250+01:00\"},\"id\":1}"};
    struct ek_log_line line;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        ek_log_line_read(lines[i], &line);
        assert_int_equal(line.at_s, seconds("02:00:00"));
    }
    ek_log_line_read("2026-11-22T02:00:00.250+ab00 I", &line);
    assert_int_equal(line.at_s, 0);
}

/* Raised at run time: connections that began before that nobody knows of. */
static void connections_from_before_the_log_told(void **state)
{
    (void)state;
    struct ek_mongodb_seen *seen = unknown();
    seen->mode_running = EK_SSL_PREFER;
    seen->mode_at_start = EK_SSL_ALLOW;
    read_clients(seen,
                 LOG(ACCEPTED_LINE(3) "," SET("04:00:00", "tlsMode to preferTLS") "," ACCEPTED_LINE(
                     4) "," ACCEPTED_LINE(5) "," ACCEPTED_LINE(6)));
    assert_int_equal(seen->plaintext_clients, 0);
    assert_int_equal(seen->undecided_clients, 1);
    seen = unknown();
    seen->mode_running = seen->mode_at_start = EK_SSL_PREFER;
    read_clients(
        seen,
        LOG(ACCEPTED_LINE(3) "," ACCEPTED_LINE(4) "," SET(
            "04:00:00",
            "disableNonTLSConnectionLogging to false") "," ACCEPTED_LINE(5) "," ACCEPTED_LINE(6)));
    assert_int_equal(seen->undecided_clients, 2);
}

/* The log's lines are dated by the server's clock, a watch by ours. */
static void a_server_whose_clock_is_wrong(void **state)
{
    (void)state;
    static const struct {
        int64_t behind_ms;
        const char *none_since; /* "": nothing is known */
    } cases[] = {{0, "02:00:01"},        {3600000, "03:00:01"},  {3600001, "03:00:02"},
                 {-3600000, "01:00:01"}, {-3600500, "01:00:01"}, {-3599500, "01:00:02"},
                 {INT64_MIN, ""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ek_mongodb_seen *seen = unknown();
        seen->mode_running = seen->mode_at_start = EK_SSL_PREFER;
        seen->clock_behind_ms = cases[i].behind_ms;
        read_operations(seen, LOG(FIRST), "{\"inprog\":[],\"ok\":1.0}");
        int64_t none_since = cases[i].none_since[0] ? seconds(cases[i].none_since) : 0;
        assert_int_equal(seen->no_plaintext_since_s, none_since);
        assert_int_equal(seen->clients_told_since_s, none_since);
    }
}

static void a_log_that_tells_nothing_leaves_the_open_connections(void **state)
{
    (void)state;
    struct ek_mongodb_seen *seen = unknown();
    seen->mode_running = seen->mode_at_start = EK_SSL_PREFER;
    answers.plaintext_logged = false;
    read_clients(seen,
                 LOG(FIRST "," ACCEPTED_LINE(3) "," SET(
                     "04:00:00", "tlsMode to preferTLS") "," ACCEPTED_LINE(5) "," TLS_LINE(4)));
    assert_int_equal(seen->plaintext_clients, 0);
    assert_int_equal(seen->undecided_clients, 3); /* 4 was noted */
    assert_int_equal(seen->doubtful_count, 3);
    assert_string_equal(seen->doubtful_clients[0].text, "127.0.0.1:57738");
    assert_int_equal(seen->clients_told_since_s, 0);
    assert_int_equal(seen->no_plaintext_since_s, 0);
}

static void nobody_came_in_plaintext_to_a_server_started_in_require(void **state)
{
    (void)state;
    struct ek_mongodb_seen *seen = unknown();
    seen->mode_running = seen->mode_at_start = EK_SSL_REQUIRE;
    read_clients(seen, LOG(FIRST));
    assert_int_equal(seen->plaintext_clients, 0);
    assert_int_equal(seen->undecided_clients, 0);
}

#define USER(n, database, more)                                                                    \
    "{\"connectionId\":" #n ",\"effectiveUsers\":[{\"user\":\"CN=app\",\"db\":\"" database         \
    "\"}]" more "}"

/* 1 is known by a certificate, 2 by a password, 3 acts for somebody who may be. */
static void users_by_certificate_use_tls(void **state)
{
    (void)state;
    static const char operations[] =
        "{\"inprog\":[" USER(1, "$external", "") "," USER(2, "admin", "") "," USER(
            3, "$external", ",\"runBy\":[{\"user\":\"x\",\"db\":\"$external\"}]") "],\"ok\":1.0}";
    struct ek_mongodb_seen *seen = unknown();
    seen->mode_running = seen->mode_at_start = EK_SSL_PREFER;
    read_operations(seen, LOG(FIRST), operations);
    assert_int_equal(seen->undecided_clients, 3);
    seen = unknown();
    seen->mode_running = seen->mode_at_start = EK_SSL_PREFER;
    answers.external_is_x509 = true;
    read_operations(seen, LOG(FIRST), operations);
    assert_int_equal(seen->undecided_clients, 2);
}

static void which_mechanisms_make_users_of_external(void **state)
{
    (void)state;
    static const struct {
        const char *reply;
        bool x509_alone;
    } cases[] = {
        {"{\"authenticationMechanisms\":[\"MONGODB-X509\",\"SCRAM-SHA-1\",\"SCRAM-SHA-256\"]}",
         true},
        {"{\"authenticationMechanisms\":[\"MONGODB-CR\"]}", true},
        {"{\"authenticationMechanisms\":[\"MONGODB-X509\",\"PLAIN\"]}", false},
        {"{\"authenticationMechanisms\":[\"GSSAPI\",\"MONGODB-X509\"]}", false},
        {"{\"authenticationMechanisms\":[1]}", false},
        {"{\"ok\":1.0}", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bson_t *reply = json(cases[i].reply);
        assert_int_equal(ek_mongodb_external_is_x509(reply), cases[i].x509_alone);
        bson_destroy(reply);
    }
}

/* What the log said of a connection stays true when its lines are gone; of 5, which had not said
 * a word, it may yet have to say something. */
static void what_was_known_of_a_connection_stays_known(void **state)
{
    (void)state;
    static const char first[] = "{\"inprog\":[" CLIENT(3) "," CLIENT(4) ",{\"connectionId\":5}],"
                                                                        "\"ok\":1.0}";
    static const char then[] =
        "{\"inprog\":[" CLIENT(3) "," CLIENT(4) "," CLIENT(5) "," CLIENT(6) "],\"ok\":1.0}";
    struct ek_encrypted encrypted = {0};
    struct ek_mongodb_seen *seen = unknown();
    answers.encrypted = &encrypted;
    seen->mode_running = seen->mode_at_start = EK_SSL_PREFER;
    read_operations(
        seen,
        LOG(FIRST "," ACCEPTED_LINE(3) "," ACCEPTED_LINE(4) "," PLAIN_LINE(4) "," ACCEPTED_LINE(5)),
        first);
    assert_int_equal(seen->plaintext_clients, 1);
    assert_int_equal(seen->undecided_clients, 0);
    seen = unknown();
    seen->mode_running = seen->mode_at_start = EK_SSL_PREFER;
    read_operations(seen, LOG(FIRST), then);
    assert_int_equal(seen->plaintext_clients, 0);
    assert_int_equal(seen->undecided_clients, 3);
    seen = unknown(); /* closed, and forgotten */
    seen->mode_running = seen->mode_at_start = EK_SSL_PREFER;
    read_operations(seen, LOG(FIRST), "{\"inprog\":[],\"ok\":1.0}");
    assert_int_equal(encrypted.count, 0);
    ek_encrypted_done(&encrypted);
}

/* 6 is younger than all that the log tells of; but where it has spoken, or the log tells of no
 * beginnings, something is missing. */
static void a_connection_that_begins_just_now_is_nobody_yet(void **state)
{
    (void)state;
    static const struct {
        const char *log, *connection;
        int64_t undecided;
    } cases[] = {{LOG(FIRST "," ACCEPTED_LINE(5)), "{\"connectionId\":6}", 0},
                 {LOG(FIRST "," ACCEPTED_LINE(5)), CLIENT(6), 1},
                 {LOG(FIRST "," ACCEPTED_LINE(7)), "{\"connectionId\":6}", 1},
                 {LOG(FIRST), "{\"connectionId\":6}", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ek_mongodb_seen *seen = unknown();
        char operations[512];
        seen->mode_running = seen->mode_at_start = EK_SSL_PREFER;
        snprintf(operations, sizeof operations, "{\"inprog\":[%s],\"ok\":1.0}",
                 cases[i].connection);
        read_operations(seen, cases[i].log, operations);
        assert_int_equal(seen->plaintext_clients, 0);
        assert_int_equal(seen->undecided_clients, cases[i].undecided);
    }
}

static void a_log_that_is_none_proves_nothing(void **state)
{
    (void)state;
    struct ek_mongodb_seen *seen = unknown();
    seen->mode_running = EK_SSL_PREFER;
    read_clients(seen, "{\"ok\":0.0,\"errmsg\":\"no such RamLog\"}");
    assert_int_equal(seen->plaintext_clients, -1);
    assert_int_equal(seen->undecided_clients, -1);
}

/* ---- from look to look ---- */

static int64_t go_on(struct ek_client_watch *watch, int64_t at_s, int64_t told_s, int64_t none_s)
{
    const struct ek_mongodb_seen seen = {
        .clients_at_s = at_s, .clients_told_since_s = told_s, .no_plaintext_since_s = none_s};
    return ek_watch_go_on(watch, &seen);
}

static void a_watch_lasts_while_the_log_leaves_no_gap(void **state)
{
    (void)state;
    struct ek_client_watch watch = {0};
    assert_int_equal(go_on(&watch, 1000, 400, 400), 400);
    assert_int_equal(go_on(&watch, 1010, 1000, 1000), 400);  /* the log reaches back to the look */
    assert_int_equal(go_on(&watch, 1020, 1011, 1011), 1011); /* a second is missing */
    assert_int_equal(go_on(&watch, 1030, 0, 0), 0);          /* it tells no time */
    assert_int_equal(go_on(&watch, 1040, 1025, 1040), 1040);
    assert_int_equal(go_on(&watch, 1050, 1025, 1050), 1040); /* when it was raised is forgotten */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(plaintext_clients_that_are_still_there, begin),
        cmocka_unit_test_setup(plaintext_clients_in_json_logs, begin),
        cmocka_unit_test_setup(since_when_no_client_came_in_plaintext, begin),
        cmocka_unit_test_setup(the_times_of_all_zones, begin),
        cmocka_unit_test_setup(connections_from_before_the_log_told, begin),
        cmocka_unit_test_setup(a_server_whose_clock_is_wrong, begin),
        cmocka_unit_test_setup(a_log_that_tells_nothing_leaves_the_open_connections, begin),
        cmocka_unit_test_setup(nobody_came_in_plaintext_to_a_server_started_in_require, begin),
        cmocka_unit_test_setup(users_by_certificate_use_tls, begin),
        cmocka_unit_test_setup(which_mechanisms_make_users_of_external, begin),
        cmocka_unit_test_setup(what_was_known_of_a_connection_stays_known, begin),
        cmocka_unit_test_setup(a_connection_that_begins_just_now_is_nobody_yet, begin),
        cmocka_unit_test_setup(a_log_that_is_none_proves_nothing, begin),
        cmocka_unit_test_setup(a_watch_lasts_while_the_log_leaves_no_gap, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
