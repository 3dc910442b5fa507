/* A member that its peers have lost since none of them takes its certificate is brought back by a
 * restart with a good one, by planner and laws alike; whoever is lost for another reason is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "reconciler/laws/permit.h"
#include "tests/unit/next_fleet.h"

enum { THREE = 2, PSA = 4 };
enum { A, B, C };

/* Nobody sees C, which has fallen behind; its certificate is by another authority. */
static void lose(size_t shape, enum ek_ssl_mode mode)
{
    model_case_init(&fleet, shape, mode, mode, MODEL_DOMAIN_KNOWN);
    for (int i = 0; i < 3; i++)
        ek_member(fleet.state, i)->healthy_for &= i == C ? 1U << C : ~(1U << C);
    ek_member(fleet.state, C)->lag_ms = 3600000;
    ek_member_certificates(fleet.state, C)->certificate_running.issued_by_authority = EK_NO;
    ek_member_certificates(fleet.state, C)->certificate_running.sha256[0] ^= 1;
}

static int laws_broken(struct ek_step step, struct ek_broken_law *ret_law)
{
    return ek_permit(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &step, ret_law);
}

static void assert_brought_back(void)
{
    struct ek_broken_law law = {0};
    struct ek_step step = assert_step_of(&ek_step_restart, C);
    if (laws_broken(step, &law) > 0)
        fail_msg("%s: %s", law.id, law.sentence);
}

/* The planner does not, and if it did the law would not let it. */
static void assert_left(const char *id, const char *law_id)
{
    struct ek_broken_law law = {0};
    struct ek_step step = model_step(&ek_step_restart, C, EK_SSL_UNKNOWN);
    assert_blocked_by(id);
    assert_true(laws_broken(step, &law) > 0);
    assert_string_equal(law.id, law_id);
}

static void whom_nobody_can_take_is_restarted(void **state)
{
    (void)state;
    for (int reason = 0; reason < 3; reason++) {
        lose(THREE, EK_SSL_PREFER);
        struct ek_certificate_state *bad =
            &ek_member_certificates(fleet.state, C)->certificate_running;
        if (reason > 0)
            bad->issued_by_authority = EK_YES;
        if (reason == 1)
            bad->name[0] ^= 1;
        if (reason == 2)
            bad->not_after_s = fleet.policy.now_s;
        assert_brought_back();
        ek_member(fleet.state, B)->priority = 0; /* who else wants a restart comes later */
        ek_member_certificates(fleet.state, B)->certificate_running.sha256[0] ^= 1;
        assert_brought_back();
    }
}

static void without_a_good_one_nothing_is_gained(void **state)
{
    (void)state;
    lose(THREE, EK_SSL_PREFER);
    ek_member_certificates(fleet.state, C)->certificate_installed.not_after_s = fleet.policy.now_s;
    assert_step_of(&ek_step_issue_certificate, C);
    struct ek_broken_law law = {0};
    assert_true(laws_broken(model_step(&ek_step_restart, C, EK_SSL_UNKNOWN), &law) >= 2);
    fleet.spec.ssl_mode = EK_SSL_DISABLED;
    ek_certificates(fleet.state)->authority = EK_NO;
    assert_blocked_by("EK-0110");
}

static void who_is_seen_or_has_a_good_one_is_left(void **state)
{
    (void)state;
    lose(THREE, EK_SSL_PREFER);
    ek_member(fleet.state, C)->healthy_for |= 1U << A;
    assert_left("EK-0110", "EK-0203");
    lose(THREE, EK_SSL_PREFER);
    ek_member_certificates(fleet.state, C)->certificate_running.issued_by_authority =
        EK_YES; /* but it was renewed since */
    assert_left("EK-0110", "EK-0203");
    lose(THREE, EK_SSL_PREFER);
    ek_member(fleet.state, C)->state = EK_MEMBER_STARTUP2;
    assert_left("EK-0111", "EK-0203");
    lose(THREE, EK_SSL_PREFER);
    ek_member(fleet.state, C)->reachable = EK_NO;
    assert_left("EK-0105", "EK-0203");
    lose(THREE, EK_SSL_PREFER);
    ek_member_certificates(fleet.state, C)->certificate_running.present = EK_UNKNOWN;
    assert_left("EK-0132", "EK-0203");
    lose(THREE, EK_SSL_PREFER);
    ek_member_certificates(fleet.state, C)->certificate_installed.present = EK_UNKNOWN;
    assert_left("EK-0132", "EK-0202");
    lose(THREE, EK_SSL_PREFER);
    ek_member(fleet.state, C)->viewed_by = 1U << C; /* nobody told */
    assert_left("EK-0110", "EK-0203");
    lose(PSA, EK_SSL_PREFER); /* what an arbiter sees is not known */
    ek_member(fleet.state, C)->state = EK_MEMBER_SECONDARY;
    ek_member(fleet.state, C)->arbiter = false;
    ek_member(fleet.state, B)->arbiter = true;
    ek_member(fleet.state, B)->state = EK_MEMBER_ARBITER;
    ek_member(fleet.state, C)->viewed_by = 1U << A;
    fleet.spec.maintenance.interruption = EK_INTERRUPTION_REFUSE;
    assert_brought_back(); /* the only secondary, but it serves nobody */
    ek_member(fleet.state, C)->lag_ms = 10000;
    assert_left("EK-0118", "EK-0204"); /* a write may count on it all the same */
    ek_member(fleet.state, C)->lag_ms = 0;
    assert_left("EK-0118", "EK-0204");
    ek_member(fleet.state, C)->lag_ms = -1;
    assert_brought_back();
    ek_member(fleet.state, B)->votes = 0;
    assert_left("EK-0118", "EK-0204");
}

static void among_who_dials_in_plaintext_the_certificate_is_no_reason(void **state)
{
    (void)state;
    lose(THREE, EK_SSL_PREFER);
    ek_member_transport(fleet.state, B)->mode_running = EK_SSL_ALLOW;
    ek_member_transport(fleet.state, B)->mode_configured = EK_SSL_ALLOW;
    fleet.spec.ssl_mode = EK_SSL_ALLOW;
    assert_left("EK-0110", "EK-0203");
}

static void it_is_fetched_back_before_anything_else_goes_on(void **state)
{
    (void)state;
    lose(THREE, EK_SSL_PREFER);
    ek_member_certificates(fleet.state, C)->certificate_running =
        ek_member_certificates(fleet.state, C)->certificate_installed;
    ek_member_certificates(fleet.state, C)->certificate_running.sha256[0] ^= 1;
    ek_member_certificates(fleet.state, C)->certificate_running.not_after_s = fleet.policy.now_s;
    fleet.spec.ssl_mode = EK_SSL_REQUIRE; /* b could be raised, were c not there */
    assert_step_of(&ek_step_write_configuration, C);
    ek_member_transport(fleet.state, C)->mode_configured = EK_SSL_REQUIRE;
    assert_brought_back();
}

static void it_is_fetched_back_whatever_it_runs(void **state)
{
    (void)state;
    lose(THREE, EK_SSL_PREFER);
    ek_member_transport(fleet.state, C)->mode_running = EK_SSL_ALLOW;
    assert_brought_back();
}

static void the_first_of_them_is_as_good_as_any(void **state)
{
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_PREFER, EK_SSL_PREFER, MODEL_DOMAIN_KNOWN);
    ek_member(fleet.state, A)->state = EK_MEMBER_SECONDARY;
    ek_member(fleet.state, A)->writable = EK_NO;
    ek_member(fleet.state, B)->state = EK_MEMBER_PRIMARY;
    ek_member(fleet.state, B)->writable = EK_YES;
    ek_member(fleet.state, A)->healthy_for = 1U << A;
    ek_member(fleet.state, A)->lag_ms = 3600000;
    ek_member_certificates(fleet.state, A)->certificate_running.issued_by_authority = EK_NO;
    ek_member_certificates(fleet.state, A)->certificate_running.sha256[0] ^= 1;
    assert_step_of(&ek_step_restart, A);
}

/* Its certificate has ended: that waits for no window. */
static void outside_a_window(void **state)
{
    (void)state;
    lose(THREE, EK_SSL_PREFER);
    fleet.policy.consent.window = EK_WINDOW_CLOSED;
    fleet.spec.maintenance.urgent_renewal_s = 7 * 86400;
    assert_blocked_by("EK-1101");
    ek_member_certificates(fleet.state, C)->certificate_running.not_after_s = fleet.policy.now_s;
    assert_brought_back();
}

/* Nobody else may be unwell. */
static void the_others_are_held_to_the_law(void **state)
{
    (void)state;
    lose(THREE, EK_SSL_PREFER);
    ek_member(fleet.state, B)->lag_ms = 10001;
    assert_left("EK-0110", "EK-0203");
    lose(THREE, EK_SSL_PREFER);
    ek_member(fleet.state, B)->healthy_for &= ~(1U << A);
    assert_left("EK-0114", "EK-0203");
    lose(THREE, EK_SSL_PREFER);
    ek_member(fleet.state, A)->state = EK_MEMBER_SECONDARY;
    ek_member(fleet.state, A)->writable = EK_NO;
    assert_blocked_by("EK-0112");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whom_nobody_can_take_is_restarted),
        cmocka_unit_test(without_a_good_one_nothing_is_gained),
        cmocka_unit_test(who_is_seen_or_has_a_good_one_is_left),
        cmocka_unit_test(among_who_dials_in_plaintext_the_certificate_is_no_reason),
        cmocka_unit_test(it_is_fetched_back_before_anything_else_goes_on),
        cmocka_unit_test(it_is_fetched_back_whatever_it_runs),
        cmocka_unit_test(the_first_of_them_is_as_good_as_any),
        cmocka_unit_test(outside_a_window),
        cmocka_unit_test(the_others_are_held_to_the_law),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
