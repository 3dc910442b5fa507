/* Where in its plan a fleet is, which steps are the same, and which aspect is asked first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/kernel/plan.h"
#include "tests/unit/next_fleet.h"

enum { THREE = 2 };
enum { A, B, C };

static const struct ek_situation *now(void)
{
    static struct ek_situation situation;
    situation =
        (struct ek_situation){.spec = &fleet.spec, .state = fleet.state, .policy = &fleet.policy};
    return &situation;
}

/* ---- where a fleet is ---- */

static void every_state_on_the_way_is_found(void **state)
{
    struct ek_plan plan;
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_DISABLED, EK_SSL_ALLOW, 0);
    snprintf(ek_set(fleet.state)->set_id, sizeof ek_set(fleet.state)->set_id, "5f");
    assert_int_equal(ek_plan_make(now(), &plan, NULL), 0);
    assert_true(plan.count > 10);
    assert_string_equal(plan.set_id, "5f");
    for (size_t i = 0; i < plan.count; i++) {
        assert_int_equal(ek_plan_fits(&plan, now()), (int)i);
        assert_int_equal(ek_plan_find(&plan, plan.digests[i]), (int)i);
        assert_int_equal(ek_effect(now(), &plan.steps[i], &fleet.state, NULL), 0);
    }
    assert_int_equal(ek_plan_fits(&plan, now()), (int)plan.count);
    ek_member_transport(fleet.state, B)->mode_running = EK_SSL_PREFER;
    assert_int_equal(ek_plan_fits(&plan, now()), -1);
    ek_plan_done(&plan);
}

/* Killed between stop and start: the server is down, and the fence tells that it was us. */
static void stop_in_a_restart(size_t member)
{
    struct ek_member *stopped = ek_member(fleet.state, member);
    stopped->restart_begun = EK_YES;
    stopped->process = stopped->reachable = stopped->writable = EK_NO;
    stopped->state = EK_MEMBER_DOWN;
    stopped->lag_ms = -1;
    for (size_t m = 0; m < fleet.state->member_count; m++)
        ek_member(fleet.state, m)->healthy_for &= ~((uint64_t)1 << member);
}

static void a_restart_that_was_begun_is_on_the_way(void **state)
{
    struct ek_plan plan;
    size_t restarts = 0;
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_DISABLED, EK_SSL_ALLOW, 0);
    assert_int_equal(ek_plan_make(now(), &plan, NULL), 0);
    fleet.policy.consent.approval = EK_AGREEMENT_MISSING; /* what the place is asked for */
    for (size_t i = 0; i < plan.count; i++) {
        const struct ek_step *step = &plan.steps[i];
        struct ek_state *before = NULL;
        assert_int_equal(ek_state_clone(fleet.state, &before, NULL), 0);
        if (step->kind == &ek_step_restart) {
            restarts++;
            stop_in_a_restart((size_t)step->member);
            assert_int_equal(ek_plan_fits(&plan, now()), (int)i);
            /* Another one is down, too: no state of this plan. */
            stop_in_a_restart((size_t)(step->member == A ? B : A));
            assert_int_equal(ek_plan_fits(&plan, now()), -1);
        }
        free(fleet.state);
        fleet.state = before;
        assert_int_equal(ek_effect(now(), step, &fleet.state, NULL), 0);
    }
    assert_int_equal(restarts, 3);
    ek_plan_done(&plan);
}

/* The state that step i leads to. */
static void go_behind(const struct ek_plan *plan, size_t i)
{
    for (size_t done = 0; done <= i; done++)
        assert_int_equal(ek_effect(now(), &plan->steps[done], &fleet.state, NULL), 0);
}

static size_t index_of(const struct ek_plan *plan, const struct ek_step_kind *kind)
{
    size_t i = 0;
    while (i < plan->count && plan->steps[i].kind != kind)
        i++;
    assert_true(i < plan->count);
    return i;
}

/* What leads to where a step leads, and is no part of it. */
static void what_another_step_left_is_nowhere(void **state)
{
    struct ek_plan plan;
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_DISABLED, EK_SSL_ALLOW, 0);
    assert_int_equal(ek_plan_make(now(), &plan, NULL), 0);
    stop_in_a_restart(C); /* before the first step */
    assert_int_equal(ek_plan_fits(&plan, now()), -1);

    model_case_init(&fleet, THREE, EK_SSL_DISABLED, EK_SSL_ALLOW, 0);
    size_t first = index_of(&plan, &ek_step_restart);
    size_t second = first + 1;
    while (plan.steps[second].kind != &ek_step_restart)
        second++;
    go_behind(&plan, second);
    stop_in_a_restart((size_t)plan.steps[first].member); /* whose turn is over */
    assert_int_equal(ek_plan_fits(&plan, now()), -1);
    ek_plan_done(&plan);

    model_case_init(&fleet, THREE, EK_SSL_ALLOW, EK_SSL_PREFER, MODEL_DOMAIN_KNOWN);
    assert_int_equal(ek_plan_make(now(), &plan, NULL), 0);
    size_t write = index_of(&plan, &ek_step_write_configuration);
    go_behind(&plan, write);
    assert_int_equal(ek_plan_fits(&plan, now()), (int)write + 1);
    stop_in_a_restart((size_t)plan.steps[write].member); /* writing stops nobody */
    assert_int_equal(ek_plan_fits(&plan, now()), -1);
    ek_plan_done(&plan);
}

/* A start was agreed to, and no restart. */
static void a_restart_is_no_rest_of_a_start(void **state)
{
    struct ek_plan plan;
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_DISABLED, EK_SSL_ALLOW, 0);
    struct ek_plan whole;
    assert_int_equal(ek_plan_make(now(), &whole, NULL), 0);
    size_t restart = index_of(&whole, &ek_step_restart);
    size_t member = (size_t)whole.steps[restart].member;
    go_behind(&whole, restart - 1);
    struct ek_state *before = NULL;
    assert_int_equal(ek_state_clone(fleet.state, &before, NULL), 0);
    stop_in_a_restart(member);
    assert_int_equal(ek_plan_make(now(), &plan, NULL), 0);
    assert_ptr_equal(plan.steps[0].kind, &ek_step_start);
    free(fleet.state);
    fleet.state = before; /* it runs, and its restart comes next */
    assert_int_equal(ek_plan_fits(&whole, now()), (int)restart);
    assert_int_equal(ek_plan_fits(&plan, now()), -1);
    ek_plan_done(&plan);
    ek_plan_done(&whole);
}

static void a_plan_without_steps_fits_its_state(void **state)
{
    struct ek_plan plan;
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_ALLOW, EK_SSL_ALLOW, MODEL_DOMAIN_KNOWN);
    assert_int_equal(ek_plan_make(now(), &plan, NULL), 0);
    assert_int_equal(plan.count, 0);
    assert_int_equal(ek_plan_fits(&plan, now()), 0);
    ek_plan_done(&plan);
}

/* What leads into the plan from beside it is no part of it. */
static void a_server_that_died_before_its_turn_is_nowhere(void **state)
{
    struct ek_plan plan;
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_DISABLED, EK_SSL_ALLOW, 0);
    assert_int_equal(ek_plan_make(now(), &plan, NULL), 0);
    stop_in_a_restart(C);
    ek_member(fleet.state, C)->restart_begun = EK_NO;
    assert_int_equal(ek_plan_fits(&plan, now()), -1);
    ek_plan_done(&plan);
}

static void another_set_is_nowhere(void **state)
{
    struct ek_plan plan;
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_ALLOW, EK_SSL_PREFER, MODEL_DOMAIN_KNOWN);
    snprintf(ek_set(fleet.state)->set_id, sizeof ek_set(fleet.state)->set_id, "5f");
    assert_int_equal(ek_plan_make(now(), &plan, NULL), 0);
    snprintf(ek_set(fleet.state)->set_id, sizeof ek_set(fleet.state)->set_id, "60");
    assert_int_equal(ek_plan_fits(&plan, now()), -1);
    ek_plan_done(&plan);
}

/* Whoever makes a set does not know the id that it will get. */
static void a_plan_that_makes_a_set_fits_the_one_that_was_made(void **state)
{
    struct ek_plan plan;
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_ALLOW, EK_SSL_PREFER, MODEL_DOMAIN_KNOWN);
    assert_int_equal(ek_plan_make(now(), &plan, NULL), 0);
    assert_string_equal(plan.set_id, "");
    snprintf(ek_set(fleet.state)->set_id, sizeof ek_set(fleet.state)->set_id, "60");
    assert_int_equal(ek_plan_fits(&plan, now()), 0);
    ek_plan_done(&plan);
}

/* ---- which steps are the same ---- */

static void steps_differ_by_all_that_they_do(void **state)
{
    (void)state;
    struct ek_step step = model_step(&ek_step_restart, B, EK_SSL_ALLOW);
    struct ek_step other = step;
    snprintf(other.why, sizeof other.why, "for another reason");
    assert_true(ek_step_same(&step, &other));
    other.member = C;
    assert_false(ek_step_same(&step, &other));
    other = step;
    other.other = C;
    assert_false(ek_step_same(&step, &other));
    other = step;
    other.kind = &ek_step_start;
    assert_false(ek_step_same(&step, &other));
    other = model_step(&ek_step_restart, B, EK_SSL_PREFER);
    assert_false(ek_step_same(&step, &other));
}

/* ---- which aspect is asked first ---- */

static void the_mode_is_a_reason_before_the_certificate(void **state)
{
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_PREFER, EK_SSL_ALLOW, MODEL_DOMAIN_KNOWN);
    for (size_t m = A; m <= C; m++)
        memset(ek_member_certificates(fleet.state, m)->certificate_installed.sha256, 0x77, 32);
    struct ek_plan plan;
    assert_int_equal(ek_plan_make(now(), &plan, NULL), 0);
    size_t restarts = 0;
    for (size_t i = 0; i < plan.count; i++)
        if (plan.steps[i].kind == &ek_step_restart) {
            assert_string_equal(plan.steps[i].why, "sslMode can be lowered by a restart only");
            restarts++;
        }
    assert_int_equal(restarts, 3);
    ek_plan_done(&plan);
}

static void options_are_missed_before_certificates(void **state)
{
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_ALLOW, EK_SSL_PREFER, MODEL_DOMAIN_KNOWN);
    ek_member_transport(fleet.state, B)->options_wanted.known = EK_UNKNOWN;
    ek_member_certificates(fleet.state, B)->certificate_installed.present = EK_UNKNOWN;
    assert_non_null(strstr(assert_blocked_by("EK-0132").sentence, "TLS options"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_on_the_way_is_found),
        cmocka_unit_test(a_restart_that_was_begun_is_on_the_way),
        cmocka_unit_test(what_another_step_left_is_nowhere),
        cmocka_unit_test(a_restart_is_no_rest_of_a_start),
        cmocka_unit_test(a_plan_without_steps_fits_its_state),
        cmocka_unit_test(a_server_that_died_before_its_turn_is_nowhere),
        cmocka_unit_test(another_set_is_nowhere),
        cmocka_unit_test(a_plan_that_makes_a_set_fits_the_one_that_was_made),
        cmocka_unit_test(steps_differ_by_all_that_they_do),
        cmocka_unit_test(the_mode_is_a_reason_before_the_certificate),
        cmocka_unit_test(options_are_missed_before_certificates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
