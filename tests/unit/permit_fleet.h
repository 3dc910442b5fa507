/* What the tests of the laws share. Include once per program. */
#ifndef EK_TESTS_UNIT_PERMIT_FLEET_H
#define EK_TESTS_UNIT_PERMIT_FLEET_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "reconciler/laws/permit.h"
#include "tests/model/cases.c"
#include "tests/model/steps.h"

enum { ONE = 0, TWO = 1, THREE = 2, PSA = 4, FOUR = 7 };
enum { A, B, C, D };

static struct model_case fleet;

static inline void settle(size_t shape, enum ek_ssl_mode from, enum ek_ssl_mode to)
{
    model_case_init(&fleet, shape, from, to, MODEL_DOMAIN_KNOWN);
}

static inline struct ek_step step_of(const struct ek_step_kind *kind, int member,
                                     enum ek_ssl_mode mode)
{
    struct ek_step step = model_step(kind, member, mode);
    model_set_version(&step, ek_set(fleet.state)->config_version);
    model_set_label(&step, ek_transport(fleet.state)->domain_label);
    return step;
}

static inline void assert_permitted(struct ek_step step)
{
    struct ek_broken_law law = {0};
    int count = ek_permit(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &step, &law);
    if (count != 0)
        print_message("%s: %s\n", law.id, law.sentence);
    assert_int_equal(count, 0);
}

static inline void assert_refused(struct ek_step step, const char *id)
{
    struct ek_broken_law law = {0};
    assert_true(ek_permit(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &step, &law) > 0);
    assert_string_equal(law.id, id);
    assert_true(strlen(law.sentence) > 0);
}

/* Two laws forbid it: the one about members that are not well, and the one at hand. */
static inline void assert_refused_twice(struct ek_step step)
{
    struct ek_broken_law law = {0};
    assert_int_equal(ek_permit(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &step, &law),
                     2);
    assert_string_equal(law.id, "EK-0203");
}

static inline void use_domain_name(int i)
{
    char name[256];
    ek_domain_name(&fleet.spec, ek_transport(fleet.state)->domain_label, (size_t)i, name,
                   sizeof name);
    snprintf(ek_member(fleet.state, i)->host, sizeof ek_member(fleet.state, i)->host, "%s:27017",
             name);
}

#endif
