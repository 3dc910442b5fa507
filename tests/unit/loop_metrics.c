#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "reconciler/aspects/certificate/state.h"
#include "reconciler/aspects/replica_set/state.h"
#include "reconciler/aspects/replica_set/steps.h"
#include "reconciler/base/clock.h"
#include "reconciler/document/planned.h"
#include "reconciler/execute/execute.h"
#include "reconciler/loop/metrics.h"
#include "reconciler/loop/metrics_internal.h"

static int setup(void **state)
{
    *state = ek_metrics_new();
    return 0;
}

static int teardown(void **state)
{
    ek_metrics_free(*state);
    return 0;
}

static char *written(struct ek_metrics *metrics, bool openmetrics)
{
    struct ek_buffer text = {0};
    ek_metrics_write(metrics, openmetrics, &text);
    return ek_buffer_take(&text);
}

/* The lines of one family, from its HELP on, as text; the caller frees it. */
static char *family(struct ek_metrics *metrics, bool openmetrics, const char *name)
{
    char *all = written(metrics, openmetrics);
    char head[128];
    snprintf(head, sizeof head, "# HELP %s ", name);
    char *begin = strstr(all, head);
    assert_non_null(begin);
    char *end = strstr(begin + 1, "# HELP ");
    if (!end)
        end = strstr(begin, "# EOF");
    char *copy = strndup(begin, end ? (size_t)(end - begin) : strlen(begin));
    free(all);
    return copy;
}

static void the_text_format_is_as_documented(void **state)
{
    struct ek_metrics *metrics = *state;
    ek_metrics_set(metrics, EK_METRIC_DEPLOYMENT_PAUSED, EK_LABELS("beta", "shop"), 0);
    ek_metrics_set(metrics, EK_METRIC_DEPLOYMENT_PAUSED, EK_LABELS("acme", "orders"), 1);
    char *text = family(metrics, false, "evenkeel_deployment_paused");
    assert_string_equal(text,
                        "# HELP evenkeel_deployment_paused 1 while Evenkeel is paused for the "
                        "deployment.\n"
                        "# TYPE evenkeel_deployment_paused gauge\n"
                        "evenkeel_deployment_paused{account=\"acme\",deployment=\"orders\"} 1\n"
                        "evenkeel_deployment_paused{account=\"beta\",deployment=\"shop\"} 0\n");
    free(text);
}

static void label_values_are_escaped(void **state)
{
    struct ek_metrics *metrics = *state;
    ek_metrics_add(metrics, EK_METRIC_ERRORS, EK_LABELS("a\\b\"c\nd\xff\xc3\xa9"), 1);
    char *text = family(metrics, false, "evenkeel_errors_total");
    assert_non_null(strstr(text, "evenkeel_errors_total{id=\"a\\\\b\\\"c\\nd?\xc3\xa9\"} 1\n"));
    free(text);
}

static void openmetrics_names_families_without_suffix_and_ends(void **state)
{
    struct ek_metrics *metrics = *state;
    ek_metrics_add(metrics, EK_METRIC_ERRORS, EK_LABELS("EK-0101"), 2);
    char *text = family(metrics, true, "evenkeel_errors");
    assert_non_null(strstr(text, "# TYPE evenkeel_errors counter\n"));
    assert_non_null(strstr(text, "evenkeel_errors_total{id=\"EK-0101\"} 2\n"));
    free(text);
    text = family(metrics, true, "evenkeel_build");
    assert_non_null(strstr(text, "# TYPE evenkeel_build info\n"));
    free(text);
    text = family(metrics, true, "process_cpu_seconds");
    assert_non_null(strstr(text, "# UNIT process_cpu_seconds seconds\n"));
    assert_non_null(strstr(text, "\nprocess_cpu_seconds_total "));
    free(text);
    text = written(metrics, true);
    assert_string_equal(text + strlen(text) - 6, "# EOF\n");
    free(text);
    text = written(metrics, false);
    assert_null(strstr(text, "# EOF"));
    assert_null(strstr(text, "# UNIT"));
    free(text);
}

static void histograms_count_at_and_below(void **state)
{
    struct ek_metrics *metrics = *state;
    ek_metrics_measure(metrics, EK_METRIC_STEP_DURATION, EK_LABELS("restart"), 0.5);
    ek_metrics_measure(metrics, EK_METRIC_STEP_DURATION, EK_LABELS("restart"), 0.51);
    ek_metrics_measure(metrics, EK_METRIC_STEP_DURATION, EK_LABELS("restart"), 5000);
    char *text = family(metrics, false, "evenkeel_step_duration_seconds");
    assert_non_null(strstr(text, "_bucket{kind=\"restart\",le=\"0.25\"} 0\n"));
    assert_non_null(strstr(text, "_bucket{kind=\"restart\",le=\"0.5\"} 1\n"));
    assert_non_null(strstr(text, "_bucket{kind=\"restart\",le=\"1\"} 2\n"));
    assert_non_null(strstr(text, "_bucket{kind=\"restart\",le=\"900\"} 2\n"));
    assert_non_null(strstr(text, "_bucket{kind=\"restart\",le=\"+Inf\"} 3\n"));
    assert_non_null(strstr(text, "_seconds_sum{kind=\"restart\"} 5001.01\n"));
    assert_non_null(strstr(text, "_seconds_count{kind=\"restart\"} 3\n"));
    free(text);
    text = family(metrics, true, "evenkeel_step_duration_seconds");
    assert_non_null(strstr(text, "_bucket{kind=\"restart\",le=\"1.0\"} 2\n"));
    free(text);
}

static void states_have_one_series_each_and_one_is_1(void **state)
{
    struct ek_metrics *metrics = *state;
    struct ek_labels who = EK_LABELS("acme", "orders");
    ek_metrics_state(metrics, EK_METRIC_DEPLOYMENT_SYNC, who, "Unknown");
    ek_metrics_state(metrics, EK_METRIC_DEPLOYMENT_SYNC, who, "OutOfSync");
    char *text = family(metrics, false, "evenkeel_deployment_sync_status");
    assert_non_null(strstr(text, "status=\"OutOfSync\"} 1\n"));
    assert_non_null(strstr(text, "status=\"Synced\"} 0\n"));
    assert_non_null(strstr(text, "status=\"Unknown\"} 0\n"));
    free(text);
}

static void an_info_replaces_the_one_before(void **state)
{
    struct ek_metrics *metrics = *state;
    const enum ek_metric metric = EK_METRIC_DEPLOYMENT_BLOCKED_INFO;
    ek_metrics_info(metrics, metric, EK_LABELS("acme", "orders", "EK-0101"));
    ek_metrics_info(metrics, metric, EK_LABELS("acme", "orders2", "EK-0103"));
    ek_metrics_info(metrics, metric, EK_LABELS("acme", "orders", "EK-0102"));
    assert_true(isnan(ek_metrics_value(metrics, metric, EK_LABELS("acme", "orders", "EK-0101"))));
    assert_true(ek_metrics_value(metrics, metric, EK_LABELS("acme", "orders", "EK-0102")) == 1);
    ek_metrics_info(metrics, metric, EK_LABELS("acme", "orders"));
    assert_true(isnan(ek_metrics_value(metrics, metric, EK_LABELS("acme", "orders", "EK-0102"))));
    assert_true(ek_metrics_value(metrics, metric, EK_LABELS("acme", "orders2", "EK-0103")) == 1);
}

static void a_deployment_that_is_gone_loses_its_series_only(void **state)
{
    struct ek_metrics *metrics = *state;
    const char *const names[] = {"order", "orders", "orders-2"};
    for (size_t i = 0; i < 3; i++) {
        ek_metrics_state(metrics, EK_METRIC_DEPLOYMENT_SYNC, EK_LABELS("acme", names[i]), "Synced");
        ek_metrics_add(metrics, EK_METRIC_DEPLOYMENT_DRIFT, EK_LABELS("acme", names[i], "sslMode"),
                       1);
    }
    ek_metrics_set(metrics, EK_METRIC_DEPLOYMENT_PAUSED, EK_LABELS("other", "orders"), 1);
    ek_metrics_forget(metrics, "acme", "orders");
    char *text = written(metrics, false);
    assert_null(strstr(text, "account=\"acme\",deployment=\"orders\""));
    assert_non_null(strstr(text, "account=\"acme\",deployment=\"order\""));
    assert_non_null(strstr(text, "account=\"acme\",deployment=\"orders-2\""));
    assert_non_null(strstr(text, "account=\"other\",deployment=\"orders\""));
    free(text);
}

static void counters_never_shrink(void **state)
{
    struct ek_metrics *metrics = *state;
    ek_metrics_add(metrics, EK_METRIC_ERRORS, EK_LABELS("EK-0101"), 3);
    ek_metrics_add(metrics, EK_METRIC_ERRORS, EK_LABELS("EK-0101"), -1);
    assert_true(ek_metrics_value(metrics, EK_METRIC_ERRORS, EK_LABELS("EK-0101")) == 3);
}

static void the_order_does_not_depend_on_who_came_first(void **state)
{
    struct ek_metrics *other = ek_metrics_new();
    struct ek_metrics *metrics = *state;
    for (int i = 0; i < 200; i++) {
        char name[16];
        snprintf(name, sizeof name, "d%d", i * 7 % 200);
        ek_metrics_set(metrics, EK_METRIC_DEPLOYMENT_PAUSED, EK_LABELS("acme", name), i % 2);
    }
    for (int i = 199; i >= 0; i--) {
        char name[16];
        snprintf(name, sizeof name, "d%d", i * 7 % 200);
        ek_metrics_set(other, EK_METRIC_DEPLOYMENT_PAUSED, EK_LABELS("acme", name), i % 2);
    }
    char *one = family(metrics, false, "evenkeel_deployment_paused");
    char *two = family(other, false, "evenkeel_deployment_paused");
    assert_string_equal(one, two);
    free(one);
    free(two);
    ek_metrics_free(other);
}

static void *add_many(void *metrics)
{
    for (int i = 0; i < 2000; i++) {
        char id[16];
        snprintf(id, sizeof id, "EK-%04d", i % 50);
        ek_metrics_add(metrics, EK_METRIC_ERRORS, EK_LABELS(id), 1);
        if (i % 500 == 0)
            free(written(metrics, false));
    }
    return NULL;
}

static void threads_lose_nothing(void **state)
{
    pthread_t threads[4];
    double sum = 0;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, *state), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 50; i++) {
        char id[16];
        snprintf(id, sizeof id, "EK-%04d", i);
        sum += ek_metrics_value(*state, EK_METRIC_ERRORS, EK_LABELS(id));
    }
    assert_true(sum == 8000);
}

static void the_process_is_described(void **state)
{
    free(written(*state, false));
    double now = (double)ek_wall_ms() / 1000;
    double started = ek_metrics_value(*state, EK_METRIC_PROCESS_START, EK_NO_LABELS);
    assert_true(started > now - 300 && started <= now + 1);
    double memory = ek_metrics_value(*state, EK_METRIC_PROCESS_MEMORY, EK_NO_LABELS);
    assert_true(memory > 1e6 && memory < 1e11);
    assert_true(ek_metrics_value(*state, EK_METRIC_PROCESS_THREADS, EK_NO_LABELS) >= 1);
    double before = ek_metrics_value(*state, EK_METRIC_PROCESS_FDS, EK_NO_LABELS);
    FILE *file = fopen("/dev/null", "r");
    free(written(*state, false));
    assert_true(ek_metrics_value(*state, EK_METRIC_PROCESS_FDS, EK_NO_LABELS) == before + 1);
    fclose(file);
}

static void accept_headers_choose(void **state)
{
    (void)state;
    assert_false(ek_metrics_wants_openmetrics(NULL));
    assert_false(ek_metrics_wants_openmetrics("*/*"));
    assert_false(ek_metrics_wants_openmetrics("text/plain;version=0.0.4"));
    assert_true(ek_metrics_wants_openmetrics("application/openmetrics-text; version=1.0.0"));
    assert_true(ek_metrics_wants_openmetrics(
        "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version="
        "0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"));
    assert_false(
        ek_metrics_wants_openmetrics("application/openmetrics-text;q=0.1,text/plain;q=0.9"));
    assert_false(ek_metrics_wants_openmetrics("application/openmetrics-text;q=0"));
    assert_false(ek_metrics_wants_openmetrics("application/openmetrics-textual"));
}

/* Names as Prometheus wants them, each once. */
static void the_rows_are_well_formed(void **state)
{
    (void)state;
    for (size_t i = 0; i < EK_METRICS; i++) {
        const struct ek_metric_row *row = &ek_metric_rows[i];
        const char *end = row->name + strlen(row->name);
        bool total = strcmp(end - 6, "_total") == 0;
        assert_true(strncmp(row->name, "evenkeel_", 9) == 0 ||
                    strncmp(row->name, "process_", 8) == 0);
        assert_true((row->type == EK_METRIC_COUNTER) == total);
        assert_true((row->type == EK_METRIC_INFO) == (strcmp(end - 5, "_info") == 0));
        assert_true((row->type == EK_METRIC_HISTOGRAM) == (row->buckets != NULL));
        assert_true((row->type == EK_METRIC_STATES) == (row->words != NULL));
        assert_true(row->help[strlen(row->help) - 1] == '.');
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(row->name, ek_metric_rows[k].name);
    }
}

/* ---- deployments -------------------------------------------------------------------------- */

static struct ek_member_spec members[] = {{.name = (char[]){"a"}}, {.name = (char[]){"b"}}};
static const struct ek_deployment_spec spec = {
    .name = (char[]){"orders"}, .account = (char[]){"acme"}, .members = members, .member_count = 2};
#define WHO EK_LABELS("acme", "orders")

static void what_was_observed_is_told(void **state)
{
    struct ek_metrics *metrics = *state;
    struct ek_state *seen;
    struct ek_plan plan = {.end = EK_VERDICT_BLOCKED, .count = 0, .blocked = {.id = "EK-0103"}};
    assert_int_equal(ek_state_new(2, &seen, NULL), 0);
    *ek_member(seen, 0) =
        (struct ek_member){.reachable = EK_YES, .state = EK_MEMBER_PRIMARY, .writable = EK_YES};
    ek_member_certificates(seen, 0)->certificate_running =
        (struct ek_certificate_state){.present = EK_YES, .not_after_s = 1900000000};
    ek_certificates(seen)->authority_not_after_s = 2000000000;
    *ek_member(seen, 1) = (struct ek_member){.reachable = EK_NO, .state = EK_MEMBER_DOWN};
    const struct ek_planned planned = {
        .spec = &spec, .state = seen, .plan = &plan, .observed_ms = 1700000000500};
    ek_metrics_observed(metrics, &planned);
    assert_true(ek_metrics_value(metrics, EK_METRIC_DEPLOYMENT_SYNC,
                                 EK_LABELS("acme", "orders", "Unknown")) == 1);
    assert_true(ek_metrics_value(metrics, EK_METRIC_DEPLOYMENT_HEALTH,
                                 EK_LABELS("acme", "orders", "Degraded")) == 1);
    assert_true(ek_metrics_value(metrics, EK_METRIC_DEPLOYMENT_MEMBERS,
                                 EK_LABELS("acme", "orders", "DOWN")) == 1);
    assert_true(ek_metrics_value(metrics, EK_METRIC_DEPLOYMENT_CERTIFICATE_NOT_AFTER,
                                 EK_LABELS("acme", "orders", "a")) == 1900000000);
    assert_true(ek_metrics_value(metrics, EK_METRIC_DEPLOYMENT_AUTHORITY_NOT_AFTER, WHO) ==
                2000000000);
    assert_true(ek_metrics_value(metrics, EK_METRIC_DEPLOYMENT_BLOCKED_INFO,
                                 EK_LABELS("acme", "orders", "EK-0103")) == 1);
    assert_true(ek_metrics_value(metrics, EK_METRIC_DEPLOYMENT_LAST_OBSERVED, WHO) == 1700000000.5);

    plan = (struct ek_plan){.end = EK_VERDICT_DONE};
    *ek_member(seen, 1) = *ek_member(seen, 0);
    *ek_member_certificates(seen, 1) = *ek_member_certificates(seen, 0);
    ek_member(seen, 1)->state = EK_MEMBER_SECONDARY;
    ek_metrics_observed(metrics, &planned);
    assert_true(ek_metrics_value(metrics, EK_METRIC_DEPLOYMENT_SYNC,
                                 EK_LABELS("acme", "orders", "Synced")) == 1);
    assert_true(isnan(ek_metrics_value(metrics, EK_METRIC_DEPLOYMENT_MEMBERS,
                                       EK_LABELS("acme", "orders", "DOWN"))));
    assert_true(isnan(ek_metrics_value(metrics, EK_METRIC_DEPLOYMENT_BLOCKED_INFO,
                                       EK_LABELS("acme", "orders", "EK-0103"))));
    free(seen);
}

static void steps_and_what_they_cost_are_counted(void **state)
{
    struct ek_metrics *metrics = *state;
    const struct ek_step restart = {.kind = &ek_step_restart, .member = 1};
    const struct ek_step step_down = {.kind = &ek_step_step_down, .member = 0, .other = 1};
    const struct ek_event begun = {.kind = EK_EVENT_STEP_BEGUN, .step = &restart};
    const struct ek_event done = {.kind = EK_EVENT_STEP_DONE, .step = &restart, .elapsed_ms = 2500};
    const struct ek_event down = {.kind = EK_EVENT_STEP_DONE, .step = &step_down};
    ek_metrics_event(metrics, &spec, &begun);
    ek_metrics_event(metrics, &spec, &done);
    ek_metrics_event(metrics, &spec, &down);
    ek_metrics_step_failed(metrics, &restart);
    ek_metrics_step_failed(metrics, NULL);
    assert_true(ek_metrics_value(metrics, EK_METRIC_STEPS, EK_LABELS("restart", "done")) == 1);
    assert_true(ek_metrics_value(metrics, EK_METRIC_STEPS, EK_LABELS("restart", "failed")) == 1);
    assert_true(ek_metrics_value(metrics, EK_METRIC_STEP_DURATION, EK_LABELS("restart")) == 1);
    assert_true(ek_metrics_value(metrics, EK_METRIC_DEPLOYMENT_RESTARTS, WHO) == 1);
    assert_true(ek_metrics_value(metrics, EK_METRIC_DEPLOYMENT_ELECTIONS, WHO) == 1);
}

static void failed_passes_count_in_a_row(void **state)
{
    struct ek_metrics *metrics = *state;
    struct ek_error err = {0};
    ek_fail(&err, EK_TIMEOUT, "EK-0127", "its effect was not seen");
    ek_metrics_reconciled(metrics, &spec, 1700000000000, 100, &err);
    ek_metrics_reconciled(metrics, &spec, 1700000001000, 100, &err);
    assert_true(ek_metrics_value(metrics, EK_METRIC_DEPLOYMENT_FAILURES_IN_A_ROW, WHO) == 2);
    assert_true(ek_metrics_value(metrics, EK_METRIC_DEPLOYMENT_ERROR_INFO,
                                 EK_LABELS("acme", "orders", "EK-0127")) == 1);
    assert_true(isnan(ek_metrics_value(metrics, EK_METRIC_DEPLOYMENT_LAST_RECONCILED, WHO)));
    ek_metrics_reconciled(metrics, &spec, 1700000002000, 100, NULL);
    assert_true(ek_metrics_value(metrics, EK_METRIC_DEPLOYMENT_FAILURES_IN_A_ROW, WHO) == 0);
    assert_true(isnan(ek_metrics_value(metrics, EK_METRIC_DEPLOYMENT_ERROR_INFO,
                                       EK_LABELS("acme", "orders", "EK-0127"))));
    assert_true(ek_metrics_value(metrics, EK_METRIC_DEPLOYMENT_LAST_RECONCILED, WHO) ==
                1700000002.0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_text_format_is_as_documented),
        TEST(label_values_are_escaped),
        TEST(openmetrics_names_families_without_suffix_and_ends),
        TEST(histograms_count_at_and_below),
        TEST(states_have_one_series_each_and_one_is_1),
        TEST(an_info_replaces_the_one_before),
        TEST(a_deployment_that_is_gone_loses_its_series_only),
        TEST(counters_never_shrink),
        TEST(the_order_does_not_depend_on_who_came_first),
        TEST(threads_lose_nothing),
        TEST(the_process_is_described),
        TEST(accept_headers_choose),
        TEST(the_rows_are_well_formed),
        TEST(what_was_observed_is_told),
        TEST(steps_and_what_they_cost_are_counted),
        TEST(failed_passes_count_in_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
