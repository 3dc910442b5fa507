/* What the house makes of an aspect that nobody but its own folders and the two lists knows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/aspects/toy/state.h"
#include "reconciler/aspects/toy/steps.h"
#include "reconciler/kernel/plan.h"
#include "reconciler/laws/permit.h"
#include "reconciler/loop/drift.h"
#include "reconciler/report/state_json.h"
#include "tests/model/cases.c" /* the model's fleets, compiled into this program */

enum { THREE = 2 };
enum { A, B, C };

static struct model_case fleet;

static const struct ek_situation *now(void)
{
    static struct ek_situation situation;
    situation =
        (struct ek_situation){.spec = &fleet.spec, .state = fleet.state, .policy = &fleet.policy};
    return &situation;
}

/* A settled fleet; everybody but b wears a badge. */
static int settle(void **state)
{
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_PREFER, EK_SSL_PREFER, MODEL_DOMAIN_KNOWN);
    ek_member_toy(fleet.state, A)->badge = EK_YES;
    ek_member_toy(fleet.state, B)->badge = EK_NO;
    ek_member_toy(fleet.state, C)->badge = EK_YES;
    return 0;
}

static struct ek_step hang(int member)
{
    return (struct ek_step){.kind = &ek_step_hang_badge, .member = member, .other = -1};
}

static void the_plan_has_its_step(void **state)
{
    struct ek_plan plan;
    (void)state;
    assert_int_equal(ek_plan_make(now(), &plan, NULL), 0);
    assert_int_equal(plan.count, 1);
    assert_ptr_equal(plan.steps[0].kind, ek_step_kind_named("hang-badge"));
    assert_int_equal(plan.steps[0].member, B);
    assert_int_equal(plan.end, EK_VERDICT_DONE);
    assert_int_equal(plan.to_add, 1);
    ek_plan_done(&plan);
}

/* Other aspects' steps come first, and what they do leaves the badges alone. */
static void the_other_aspects_plan_as_before(void **state)
{
    struct ek_plan plan;
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_ALLOW, EK_SSL_PREFER, MODEL_DOMAIN_KNOWN);
    for (size_t m = 0; m < 3; m++)
        ek_member_toy(fleet.state, m)->badge = m == B ? EK_NO : EK_YES;
    assert_int_equal(ek_plan_make(now(), &plan, NULL), 0);
    assert_true(plan.count > 3);
    for (size_t i = 0; i < plan.count; i++)
        assert_int_equal(plan.steps[i].kind == &ek_step_hang_badge, i == plan.count - 1);
    assert_int_equal(plan.end, EK_VERDICT_DONE);
    ek_plan_done(&plan);
}

static void its_effect_is_seen(void **state)
{
    struct ek_step step = hang(B);
    struct ek_state *after = NULL;
    char why[EK_SENTENCE_SIZE] = "";
    (void)state;
    assert_int_equal(ek_state_clone(fleet.state, &after, NULL), 0);
    assert_int_equal(ek_effect(now(), &step, &after, NULL), 0);
    assert_false(ek_step_seen(now(), after, &step, why));
    assert_string_equal(why, "member b wears no badge");
    assert_true(ek_step_seen(EK_SITUATION(&fleet.spec, after, &fleet.policy), after, &step, why));
    assert_int_equal(ek_member_toy(after, A)->badge, EK_YES);
    free(after);
}

static void its_law_refuses(void **state)
{
    struct ek_step step = hang(B);
    struct ek_broken_law law = {0};
    (void)state;
    assert_int_equal(ek_permit(now(), &step, &law), 0);
    ek_member(fleet.state, B)->process = EK_NO;
    assert_int_equal(ek_permit(now(), &step, &law), 1);
    assert_string_equal(law.id, "EK-0299");
    assert_string_equal(law.sentence, "member b does not run; it gets no badge");
}

/* By a word in its row alone. */
static void the_others_laws_hold_for_it(void **state)
{
    struct ek_step step = hang(B);
    struct ek_broken_law law = {0};
    (void)state;
    ek_member_toy(fleet.state, B)->badge = EK_UNKNOWN;
    assert_int_equal(ek_permit(now(), &step, &law), 1);
    assert_string_equal(law.id, "EK-0218");
    ek_member_toy(fleet.state, B)->badge = EK_NO;
    fleet.policy.paused = true;
    assert_int_equal(ek_permit(now(), &step, &law), 1);
    assert_string_equal(law.id, "EK-0212");
}

static void observed_json_goes_there_and_back(void **state)
{
    struct ek_state *back = NULL;
    (void)state;
    ek_member_toy(fleet.state, C)->badge = EK_UNKNOWN;
    json_t *json = ek_state_json(fleet.state, NULL);
    const json_t *members = json_object_get(json, "members");
    assert_true(json_is_true(json_object_get(json_array_get(members, A), "badge")));
    assert_true(json_is_false(json_object_get(json_array_get(members, B), "badge")));
    assert_null(json_object_get(json_array_get(members, C), "badge"));
    assert_int_equal(ek_state_json_read(json, &back, NULL, NULL), 0);
    assert_int_equal(back->size, fleet.state->size);
    for (size_t m = 0; m < 3; m++)
        assert_int_equal(ek_member_toy(back, m)->badge, ek_member_toy(fleet.state, m)->badge);
    json_decref(json);
    free(back);
}

static void the_digest_moves_with_it(void **state)
{
    char before[65];
    char after[65];
    (void)state;
    assert_int_equal(ek_state_digest(now(), before, NULL), 0);
    ek_member_toy(fleet.state, B)->badge = EK_YES;
    assert_int_equal(ek_state_digest(now(), after, NULL), 0);
    assert_string_not_equal(before, after);
    ek_member_toy(fleet.state, B)->badge = EK_NO;
    assert_int_equal(ek_state_digest(now(), after, NULL), 0);
    assert_string_equal(before, after);
}

static void drift_names_it(void **state)
{
    static const uint8_t spec_digest[32];
    struct ek_synced synced = {0};
    struct ek_plan plan;
    struct ek_drift drift = {0};
    (void)state;
    ek_member_toy(fleet.state, B)->badge = EK_YES;
    assert_int_equal(ek_synced_note(&synced, now(), spec_digest, NULL), 0);
    ek_member_toy(fleet.state, B)->badge = EK_NO;
    assert_int_equal(ek_plan_make(now(), &plan, NULL), 0);
    const struct ek_drift_question question = {now(), spec_digest, &plan};
    assert_int_equal(ek_drift_find(&synced, &question, &drift, NULL), 0);
    assert_true(drift.present);
    assert_int_equal(drift.fields, 1U << EK_DRIFT_CONFIGURATION);
    assert_string_equal(ek_buffer_text(&drift.change), "- b badge: yes\n+ b badge: no\n");
    ek_drift_done(&drift);
    ek_synced_done(&synced);
    ek_plan_done(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_plan_has_its_step, settle),
        cmocka_unit_test_setup(the_other_aspects_plan_as_before, settle),
        cmocka_unit_test_setup(its_effect_is_seen, settle),
        cmocka_unit_test_setup(its_law_refuses, settle),
        cmocka_unit_test_setup(the_others_laws_hold_for_it, settle),
        cmocka_unit_test_setup(observed_json_goes_there_and_back, settle),
        cmocka_unit_test_setup(the_digest_moves_with_it, settle),
        cmocka_unit_test_setup(drift_names_it, settle),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    model_case_done(&fleet);
    return failed;
}
