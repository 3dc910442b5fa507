/* What the tests of the planner's choices share. Include once per program. */
#ifndef EK_TESTS_UNIT_NEXT_CHOICES_H
#define EK_TESTS_UNIT_NEXT_CHOICES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "reconciler/kernel/plan.h"
#include "tests/unit/next_fleet.h"

enum { ONE = 0, TWO = 1, THREE = 2, PSA = 4, FOUR = 7, FIVE = 8 };
enum { A, B, C, D };

static inline void settle(size_t shape, enum ek_ssl_mode from, enum ek_ssl_mode to)
{
    model_case_init(&fleet, shape, from, to, MODEL_DOMAIN_KNOWN);
    fleet.policy.former_primary = -1;
}

static inline void assert_step(const struct ek_step_kind *kind, int member, enum ek_ssl_mode mode)
{
    struct ek_step step = assert_step_of(kind, member);
    if (mode != EK_SSL_UNKNOWN)
        assert_int_equal(model_mode(&step), mode);
}

static inline void assert_done(void)
{
    struct ek_verdict verdict = ask();
    if (verdict.kind == EK_VERDICT_STEP)
        fail_msg("%s %d", verdict.step.kind->name, verdict.step.member);
    assert_int_equal(verdict.kind, EK_VERDICT_DONE);
}

/* The next step of that kind, as the planner goes. */
static inline struct ek_step first(const struct ek_step_kind *kind)
{
    for (int i = 0; i < 200; i++) {
        struct ek_verdict verdict = ask();
        if (verdict.kind != EK_VERDICT_STEP)
            fail_msg("no %s: %s", kind->name, verdict.blocked.sentence);
        if (verdict.step.kind == kind)
            return verdict.step;
        ek_effect(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &verdict.step,
                  &fleet.state, NULL);
    }
    fail();
    return (struct ek_step){0};
}

static inline bool holds(const struct ek_step_kind *kind)
{
    struct ek_step step = first(kind);
    return model_hold(&step);
}

static inline const char *label_of(struct ek_verdict verdict)
{
    static char label[EK_LABEL_SIZE];
    const char *argument = model_argument(&verdict.step, "label");
    snprintf(label, sizeof label, "%s", argument ? argument : "");
    return label;
}

#endif
