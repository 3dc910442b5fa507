/* Who set a mode: told from the server's own lines, of old and new servers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "reconciler/loop/culprit.h"

static void told_by_text(void **state)
{
    (void)state;
    char who[256];
    const char *lines =
        "2026-01-02T03:04:01.001+0000 I  ACCESS   [conn7] Successfully authenticated as principal "
        "eve on admin from client 10.0.0.6:1000\n"
        "2026-01-02T03:04:02.001+0000 I  ACCESS   [conn12] Successfully authenticated as principal "
        "dana on admin from client 10.0.0.7:50432\n"
        "2026-01-02T03:04:03.000+0000 I  COMMAND  [conn7] successfully set parameter logLevel to 1 "
        "(was 0)\n"
        "2026-01-02T03:04:05.678+0000 I  COMMAND  [conn12] successfully set parameter tlsMode to "
        "requireTLS (was preferTLS)\n";
    assert_true(ek_culprit_of_mode(lines, who, sizeof who));
    assert_string_equal(who, "dana@admin from 10.0.0.7:50432, at 2026-01-02T03:04:05.678+0000");
}

static void told_by_json(void **state)
{
    (void)state;
    char who[256];
    const char *lines =
        "{\"t\":{\"$date\":\"2026-01-02T03:04:02.001+00:00\"},\"id\":20250,\"ctx\":\"conn12\","
        "\"msg\":\"Authentication succeeded\",\"attr\":{\"principalName\":\"dana\","
        "\"authenticationDatabase\":\"admin\",\"remote\":\"10.0.0.7:50432\"}}\n"
        "not a line of JSON {\n"
        "{\"t\":{\"$date\":\"2026-01-02T03:04:05.678+00:00\"},\"id\":23435,\"ctx\":\"conn12\","
        "\"msg\":\"Successfully set parameter\",\"attr\":{\"parameterName\":\"tlsMode\","
        "\"newValue\":\"requireTLS\",\"oldValue\":\"preferTLS\"}}\n";
    assert_true(ek_culprit_of_mode(lines, who, sizeof who));
    assert_string_equal(who, "dana@admin from 10.0.0.7:50432, at 2026-01-02T03:04:05.678+00:00");
}

static void what_is_not_told_is_not_guessed(void **state)
{
    (void)state;
    char who[256] = "untouched";
    assert_false(ek_culprit_of_mode("", who, sizeof who));
    assert_false(
        ek_culprit_of_mode("2026-01-02T03:04:02.001+0000 I  ACCESS   [conn12] Successfully "
                           "authenticated as principal dana on admin from client x:1\n",
                           who, sizeof who));
    assert_string_equal(who, "untouched");
    assert_true(ek_culprit_of_mode("2026-01-02T03:04:05.678+0000 I  COMMAND  [conn9] successfully "
                                   "set parameter sslMode to requireSSL (was preferSSL)",
                                   who, sizeof who));
    assert_non_null(strstr(who, "connection 9"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(told_by_text),
        cmocka_unit_test(told_by_json),
        cmocka_unit_test(what_is_not_told_is_not_guessed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
