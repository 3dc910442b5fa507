/* Plans of several deployments at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "reconciler/base/comment_parts.h"
#include "reconciler/report/comment.h"
#include "reconciler/report/plan_report.h"
#include "tests/model/cases.c" /* the model's fleets, compiled into this program */

enum { MANY = 60 };

static struct model_case models[MANY];
static struct ek_plan plans[MANY];
static struct ek_planned planned[MANY];

static struct ek_plan_set make(size_t count, enum ek_ssl_mode from, enum ek_ssl_mode to)
{
    struct ek_error err = {0};
    for (size_t i = 0; i < count; i++) {
        model_case_init(&models[i], model_shape_count() - 1, from, to, 0);
        assert_int_equal(
            ek_plan_make(EK_SITUATION(&models[i].spec, models[i].state, &models[i].policy),
                         &plans[i], &err),
            0);
        planned[i] = (struct ek_planned){.spec = &models[i].spec,
                                         .state = models[i].state,
                                         .policy = &models[i].policy,
                                         .plan = &plans[i],
                                         .observed_ms = 1800000000000};
    }
    return (struct ek_plan_set){.source = {.directory = "/srv/specs"},
                                .planned = planned,
                                .count = count,
                                .next_command = "evenkeel apply"};
}

static void done(size_t count)
{
    for (size_t i = 0; i < count; i++)
        ek_plan_done(&plans[i]);
}

static size_t occurrences(const char *text, const char *what)
{
    size_t count = 0;
    for (; (text = strstr(text, what)); text += strlen(what))
        count++;
    return count;
}

static void the_totals_of_all_stand_last(void **state)
{
    (void)state;
    EK_BUFFER text = {0};
    char last[128];
    struct ek_plan_set set = make(3, EK_SSL_DISABLED, EK_SSL_PREFER);
    ek_plan_text(&set, false, &text);
    snprintf(last, sizeof last, "\nPlan: %d to add, %d to change, 0 to destroy.\n",
             3 * plans[0].to_add, 3 * plans[0].to_change);
    assert_true(plans[0].to_add > 0);
    assert_string_equal(text.bytes + text.length - strlen(last), last);
    assert_int_equal(occurrences(text.bytes, "\nPlan: "), 1);
    assert_int_equal(occurrences(text.bytes, "Disruption:"), 3);
    done(3);
}

static void nothing_to_do_anywhere(void **state)
{
    (void)state;
    EK_BUFFER text = {0};
    struct ek_plan_set set = make(2, EK_SSL_PREFER, EK_SSL_PREFER);
    ek_plan_text(&set, false, &text);
    const char *last = "\nNo changes. All 2 deployments are as the specs say.\n";
    assert_string_equal(text.bytes + text.length - strlen(last), last);
    done(2);
}

static void a_comment_fits_into_a_pull_request(void **state)
{
    (void)state;
    for (size_t count = 1; count <= MANY; count += 19) {
        EK_BUFFER text = {0};
        struct ek_plan_set set = make(count, EK_SSL_DISABLED, EK_SSL_REQUIRE);
        struct ek_comment_parts parts;
        size_t steps = 0;
        ek_plan_markdown(&set, &text);
        assert_int_equal(occurrences(text.bytes, "<!-- evenkeel:plan . 1/1 -->\n"), 1);
        assert_int_equal(ek_comment_split(strchr(text.bytes, '\n') + 1, "", 65536, &parts, NULL),
                         0);
        assert_int_equal(parts.count, text.length / 65536 + 1);
        for (size_t i = 0; i < parts.count; i++) {
            assert_in_range(strlen(parts.texts[i]), 1000, 65536);
            assert_int_equal(occurrences(parts.texts[i], "```") % 2, 0);
            assert_int_equal(occurrences(parts.texts[i], "<details>"),
                             occurrences(parts.texts[i], "</details>"));
            steps += occurrences(parts.texts[i], "  create authority  ");
        }
        assert_int_equal(steps, count);
        assert_non_null(strstr(parts.texts[parts.count - 1], "evenkeel apply\n"));
        ek_comment_parts_done(&parts);
        done(count);
    }
}

static void colour_only_where_asked_for(void **state)
{
    (void)state;
    EK_BUFFER plain = {0};
    EK_BUFFER coloured = {0};
    struct ek_plan_set set = make(1, EK_SSL_DISABLED, EK_SSL_PREFER);
    ek_plan_text(&set, false, &plain);
    ek_plan_text(&set, true, &coloured);
    assert_null(strchr(plain.bytes, '\033'));
    EK_BUFFER stripped = {0};
    for (const char *at = coloured.bytes; *at; at++) {
        if (*at == '\033')
            at = strchr(at, 'm');
        else
            ek_buffer_add(&stripped, at, 1);
    }
    assert_true(coloured.length > plain.length);
    assert_string_equal(stripped.bytes, plain.bytes);
    done(1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_totals_of_all_stand_last),
        cmocka_unit_test(nothing_to_do_anywhere),
        cmocka_unit_test(a_comment_fits_into_a_pull_request),
        cmocka_unit_test(colour_only_where_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
