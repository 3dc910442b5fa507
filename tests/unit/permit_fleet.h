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

#include "reconciler/permit.h"
#include "tests/model/cases.c"

enum { ONE = 0, TWO = 1, THREE = 2, PSA = 4, FOUR = 7 };
enum { A, B, C, D };

static struct model_case fleet;

static inline void settle(size_t shape, enum ek_ssl_mode from, enum ek_ssl_mode to)
{
    model_case_init(&fleet, shape, from, to, true, false);
}

static inline struct ek_step step_of(enum ek_step_kind kind, int member, enum ek_ssl_mode mode)
{
    struct ek_step step = {.kind = kind,
                           .member = member,
                           .other = -1,
                           .mode = mode,
                           .config_version = fleet.state.config_version};
    memcpy(step.label, fleet.state.domain_label, sizeof step.label);
    return step;
}

static inline void assert_permitted(struct ek_step step)
{
    struct ek_broken_law law = {0};
    int count = ek_permit(&fleet.spec, &fleet.state, &step, &fleet.policy, &law);
    if (count != 0)
        print_message("%s: %s\n", law.id, law.sentence);
    assert_int_equal(count, 0);
}

static inline void assert_refused(struct ek_step step, const char *id)
{
    struct ek_broken_law law = {0};
    assert_true(ek_permit(&fleet.spec, &fleet.state, &step, &fleet.policy, &law) > 0);
    assert_string_equal(law.id, id);
    assert_true(strlen(law.sentence) > 0);
}

/* Two laws forbid it: the one about members that are not well, and the one at hand. */
static inline void assert_refused_twice(struct ek_step step)
{
    struct ek_broken_law law = {0};
    assert_int_equal(ek_permit(&fleet.spec, &fleet.state, &step, &fleet.policy, &law), 2);
    assert_string_equal(law.id, "EK-0203");
}

static inline void use_domain_name(int i)
{
    char name[256];
    ek_domain_name(&fleet.spec, fleet.state.domain_label, (size_t)i, name, sizeof name);
    snprintf(fleet.state.members[i].host, sizeof fleet.state.members[i].host, "%s:27017", name);
}

#endif
