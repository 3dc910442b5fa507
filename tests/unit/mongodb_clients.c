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
    ek_mongodb_seen_init(&seen);
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

static void read_clients(struct ek_mongodb_seen *seen, const char *log)
{
    bson_t *lines = json(log), *operations = json(open_connections);
    ek_mongodb_read_clients(lines, operations, seen);
    bson_destroy(lines);
    bson_destroy(operations);
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
    bson_t *lines = json(log);
    bson_t *operations = json("{\"inprog\":[],\"ok\":1.0}");
    seen->mode_running = EK_SSL_PREFER;
    seen->mode_at_start = at_start;
    seen->clients_at_s = seconds("05:00:00");
    ek_mongodb_read_clients(lines, operations, seen);
    bson_destroy(lines);
    bson_destroy(operations);
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
        cmocka_unit_test(plaintext_clients_that_are_still_there),
        cmocka_unit_test(plaintext_clients_in_json_logs),
        cmocka_unit_test(since_when_no_client_came_in_plaintext),
        cmocka_unit_test(the_times_of_all_zones),
        cmocka_unit_test(connections_from_before_the_log_told),
        cmocka_unit_test(a_log_that_is_none_proves_nothing),
        cmocka_unit_test(a_watch_lasts_while_the_log_leaves_no_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
