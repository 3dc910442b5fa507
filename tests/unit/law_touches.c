/* What a step changes it says that it touches: else no law would be asked about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/kernel/aspect.h"
#include "tests/unit/next_fleet.h"

enum { THREE = 2 };

/* What follows from what is touched, and no law judges by itself. NULL: whatever. */
static const struct {
    const char *kind;
    const char *field;
} follows[] = {
    {"start", NULL},
    {"restart", NULL},
    {"initiate", NULL},
    {"step-down", "writable"},
    {"step-down", "election_term"},
    {"reinstate", "writable"},
    {"reinstate", "election_term"},
    {"create-authority", "authority_sha256"},
    {"install-trust", "trust_running"},
};

static bool may_change(const struct ek_step *step, const struct ek_field *field)
{
    if (ek_step_touches(step, field))
        return true;
    for (size_t i = 0; i < sizeof follows / sizeof *follows; i++)
        if (strcmp(follows[i].kind, step->kind->name) == 0 &&
            (!follows[i].field || strcmp(follows[i].field, field->key) == 0))
            return true;
    return false;
}

static size_t changed;

static void compare(const struct ek_state *before, const struct ek_step *step)
{
    for (size_t a = 0; a < EK_ASPECTS; a++)
        for (const struct ek_field *const *f = ek_aspect_at(a)->fields; *f; f++)
            for (size_t i = 0; i < ek_state_count(before, (*f)->part); i++) {
                if (memcmp(ek_field_value(*f, before, i), ek_field_value(*f, fleet.state, i),
                           (*f)->size) == 0)
                    continue;
                changed++;
                if (!may_change(step, *f))
                    fail_msg("%s changes %s and does not say so", step->kind->name, (*f)->key);
            }
}

/* Every step of the way. */
static void along(void)
{
    for (int steps = 0; steps < 60; steps++) {
        struct ek_verdict verdict = ask();
        struct ek_state *before = NULL;
        if (verdict.kind != EK_VERDICT_STEP)
            return;
        model_copy(&before, fleet.state);
        assert_int_equal(ek_effect(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy),
                                   &verdict.step, &fleet.state, NULL),
                         0);
        compare(before, &verdict.step);
        free(before);
    }
}

static void steps_say_what_they_change(void **state)
{
    (void)state;
    changed = 0;
    model_case_init(&fleet, THREE, EK_SSL_DISABLED, EK_SSL_REQUIRE, 0);
    ek_access(fleet.state)->own_user = EK_NO;
    along();
    model_case_init(&fleet, THREE, EK_SSL_REQUIRE, EK_SSL_DISABLED,
                    MODEL_DOMAIN_KNOWN | MODEL_CERTIFICATES_DUE);
    along();
    model_case_init(&fleet, THREE, EK_SSL_PREFER, EK_SSL_PREFER,
                    MODEL_DOMAIN_KNOWN | MODEL_CERTIFICATES_DUE);
    along();
    model_case_init(&fleet, THREE, EK_SSL_PREFER, EK_SSL_PREFER,
                    MODEL_DOMAIN_KNOWN | MODEL_CERTIFICATES_DUE);
    model_case_age(&fleet);
    along();
    model_case_init(&fleet, THREE, EK_SSL_PREFER, EK_SSL_ALLOW, MODEL_DOMAIN_KNOWN);
    model_case_age(&fleet);
    along();
    model_case_init(&fleet, THREE, EK_SSL_PREFER, EK_SSL_PREFER, MODEL_DOMAIN_KNOWN);
    model_case_age(&fleet);
    ek_member_certificates(fleet.state, 1)->trust_installed.present = EK_NO;
    along();
    model_case_init_bare(&fleet, THREE, EK_SSL_PREFER);
    along();
    assert_true(changed > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_say_what_they_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
