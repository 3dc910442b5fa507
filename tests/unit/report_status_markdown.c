#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>

#include "reconciler/report/status_report.h"

static struct ek_member_spec members[] = {{.name = (char[]){"a"}}, {.name = (char[]){"b"}}};
static const struct ek_deployment_spec spec = {.name = (char[]){"or|ders"},
                                               .account = (char[]){"acme"},
                                               .set_name = (char[]){"rs-orders"},
                                               .ssl_mode = EK_SSL_PREFER,
                                               .members = members,
                                               .member_count = 2};

static struct ek_policy policy;

static struct ek_state *seen(void)
{
    struct ek_state *state;
    assert_int_equal(ek_state_new(2, &state, NULL), 0);
    *ek_member(state, 0) = (struct ek_member){.reachable = EK_YES,
                                              .state = EK_MEMBER_PRIMARY,
                                              .writable = EK_YES,
                                              .host = "db-a.example.net:27017"};
    *ek_member(state, 1) = (struct ek_member){
        .reachable = EK_NO, .state = EK_MEMBER_DOWN, .host = "db-b.example.net:27017"};
    ek_member_transport(state, 0)->mode_running = EK_SSL_PREFER;
    ek_member_transport(state, 0)->mode_configured = EK_SSL_PREFER;
    ek_member_transport(state, 1)->mode_configured = EK_SSL_ALLOW;
    return state;
}

static void status_is_a_table_and_harmless(void **state)
{
    (void)state;
    struct ek_state *now = seen();
    struct ek_plan plan = {.end = EK_VERDICT_BLOCKED,
                           .blocked = {.id = "EK-0103", .sentence = "b is *down* <script>"}};
    const char problems[3][512] = {"", "no answer | at all", ""};
    const struct ek_planned planned = {
        .spec = &spec, .state = now, .policy = &policy, .plan = &plan, .problems = problems};
    EK_BUFFER text = {0};
    ek_status_markdown(&planned, 1, true, &text);
    const char *words = ek_buffer_text(&text);
    assert_non_null(strstr(words, "| Unknown | Degraded | preferSSL | 2 | a |\n"));
    assert_non_null(strstr(words, "| `a` | PRIMARY | preferSSL | `db-a.example.net:27017` |"));
    assert_non_null(strstr(words, "(its file: allowSSL)"));
    assert_non_null(strstr(words, "no answer \\| at all"));
    assert_non_null(strstr(words, "**Blocked:** b is \\*down\\* &lt;script&gt; (`EK-0103`)"));
    assert_null(strstr(words, "<script>"));
    free(now);
}

static void what_failed_stands_open_and_what_passed_is_folded(void **state)
{
    (void)state;
    const struct ek_check checks[] = {
        {0, "sslmode-running", EK_CHECK_PASSED, "preferSSL"},
        {1, "tls-by-name", EK_CHECK_FAILED, "no answer"},
        {-1, "hosts", EK_CHECK_UNKNOWN, "the configuration could not be read"},
    };
    const struct ek_verified verified = {&spec, checks, 3};
    EK_BUFFER text = {0};
    ek_verify_markdown(&verified, 1, &text);
    const char *words = ek_buffer_text(&text);
    const char *fold = strstr(words, "<details>");
    assert_non_null(strstr(words, ": 1 of 3 checks passed\n"));
    assert_non_null(fold);
    const char *failed = strstr(words, "| **failed** | `b` | `tls-by-name` | no answer |");
    const char *unknown = strstr(words, "| unknown |  | `hosts` |");
    assert_true(failed && failed < fold && unknown && unknown < fold);
    assert_true(strstr(words, "| ok | `a` | `sslmode-running` |") > fold);
    assert_non_null(strstr(fold, "</details>"));
}

static void nothing_but_the_pass_is_shown_when_all_passed(void **state)
{
    (void)state;
    const struct ek_check check = {0, "sslmode-running", EK_CHECK_PASSED, "preferSSL"};
    const struct ek_verified verified = {&spec, &check, 1};
    EK_BUFFER text = {0};
    ek_verify_markdown(&verified, 1, &text);
    assert_null(strstr(ek_buffer_text(&text), "failed"));
    assert_non_null(strstr(ek_buffer_text(&text), ": 1 of 1 checks passed\n"));
}

static void a_line_says_all_that_can_change(void **state)
{
    (void)state;
    struct ek_state *now = seen();
    struct ek_plan plan = {.end = EK_VERDICT_DONE, .count = 1};
    const struct ek_planned planned = {
        .spec = &spec, .state = now, .policy = &policy, .plan = &plan};
    EK_BUFFER text = {0};
    ek_status_line(&planned, &text);
    assert_string_equal(
        ek_buffer_text(&text),
        "or|ders: OutOfSync, Degraded, sslMode preferSSL, primary a, b DOWN, 1 step to do");
    free(now);
}

/* Two members, each well in its own eyes, one of them an hour old. */
static struct ek_state *both_up(void)
{
    struct ek_state *state = seen();
    struct ek_member *b = ek_member(state, 1);
    *b = *ek_member(state, 0);
    *ek_member_transport(state, 1) = *ek_member_transport(state, 0);
    b->state = EK_MEMBER_SECONDARY;
    b->writable = EK_NO;
    for (int i = 0; i < 2; i++) {
        ek_member(state, i)->process = EK_YES;
        ek_member(state, i)->age_ms = 3600000;
        ek_member(state, i)->viewed_by = ek_member(state, i)->healthy_for = 3;
    }
    return state;
}

static void health_is_what_peers_see(void **state)
{
    (void)state;
    struct ek_state *now = both_up();
    assert_string_equal(ek_health_word(now), "Healthy");
    ek_member(now, 1)->healthy_for = 2; /* a does not see b */
    assert_string_equal(ek_health_word(now), "Degraded");
    assert_true(ek_member_serves(now, 0, NULL)); /* b, whom nobody sees, is no witness */
    ek_member(now, 1)->age_ms = 14999;           /* a has not heard of it yet */
    assert_string_equal(ek_health_word(now), "Progressing");
    ek_member(now, 1)->age_ms = 15000;
    assert_string_equal(ek_health_word(now), "Degraded");
    ek_member(now, 0)->age_ms = 0; /* a has not heard of anybody yet */
    assert_string_equal(ek_health_word(now), "Progressing");
    ek_member(now, 1)->reachable = EK_NO;
    assert_string_equal(ek_health_word(now), "Degraded");
    ek_member(now, 1)->reachable = EK_YES;
    ek_member(now, 1)->state = EK_MEMBER_ROLLBACK;
    assert_string_equal(ek_health_word(now), "Degraded");
    free(now);
    now = both_up();
    ek_member(now, 0)->healthy_for = 1; /* b does not see a, a sees b */
    uint64_t deaf = 0;
    assert_true(ek_member_serves(now, 1, &deaf));
    assert_int_equal(deaf, 0);
    free(now);
}

static void waiting_and_paused_are_said(void **state)
{
    (void)state;
    struct ek_state *now = seen();
    struct ek_plan plan = {.end = EK_VERDICT_DONE, .count = 1};
    const struct ek_policy resting = {.paused = true};
    struct ek_planned planned = {.spec = &spec, .state = now, .policy = &resting, .plan = &plan};
    EK_BUFFER line = {0};
    EK_BUFFER page = {0};
    ek_status_line(&planned, &line);
    ek_status_markdown(&planned, 1, true, &page);
    assert_non_null(strstr(ek_buffer_text(&line), "1 step to do, paused"));
    assert_non_null(strstr(ek_buffer_text(&page), "**Paused.**"));
    plan.wait_count = 1;
    plan.waits[0].blocked = (struct ek_blocked){.id = "EK-1102", .sentence = "nobody said yes"};
    ek_buffer_done(&line);
    ek_buffer_done(&page);
    ek_status_line(&planned, &line);
    ek_status_markdown(&planned, 1, true, &page);
    assert_non_null(strstr(ek_buffer_text(&line), "waits: nobody said yes [EK-1102]"));
    assert_non_null(strstr(ek_buffer_text(&line), "1 step to do, waits: nobody")); /* once */
    assert_non_null(strstr(ek_buffer_text(&page), "**Waits:** nobody said yes (`EK-1102`)"));
    free(now);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_is_a_table_and_harmless),
        cmocka_unit_test(what_failed_stands_open_and_what_passed_is_folded),
        cmocka_unit_test(nothing_but_the_pass_is_shown_when_all_passed),
        cmocka_unit_test(health_is_what_peers_see),
        cmocka_unit_test(waiting_and_paused_are_said),
        cmocka_unit_test(a_line_says_all_that_can_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
