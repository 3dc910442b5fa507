/* One fleet of the model, and what the planner says of it. Include once per program. */
#ifndef EK_TESTS_UNIT_NEXT_FLEET_H
#define EK_TESTS_UNIT_NEXT_FLEET_H

#include "reconciler/kernel/next.h"
#include "tests/model/cases.c" /* the model's fleets, compiled into this program */
#include "tests/model/steps.h"

static struct model_case fleet;

static inline struct ek_verdict ask(void)
{
    struct ek_verdict verdict;
    ek_next(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &verdict);
    return verdict;
}

/* The verdict is a step of that kind, on that member; the step. */
static inline struct ek_step assert_step_of(const struct ek_step_kind *kind, int member)
{
    struct ek_verdict verdict = ask();
    if (verdict.kind == EK_VERDICT_BLOCKED)
        fail_msg("%s: %s", verdict.blocked.id, verdict.blocked.sentence);
    assert_int_equal(verdict.kind, EK_VERDICT_STEP);
    assert_string_equal(verdict.step.kind->name, kind->name);
    assert_int_equal(verdict.step.member, member);
    return verdict.step;
}

/* The verdict is that it is blocked for that reason; what it says. */
static inline struct ek_blocked assert_blocked_by(const char *id)
{
    struct ek_verdict verdict = ask();
    assert_int_equal(verdict.kind, EK_VERDICT_BLOCKED);
    assert_string_equal(verdict.blocked.id, id);
    return verdict.blocked;
}

#endif
