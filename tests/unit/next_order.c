/* The order of phases, where two have something to say at once, and which of them wait for a
 * window. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/next_fleet.h"

enum { THREE = 2 };
enum { A, B, C };

/* ---- what is in the way of each phase that looks ---- */

static void of_another_set(void)
{
    snprintf(ek_set(fleet.state)->set_name, sizeof ek_set(fleet.state)->set_name, "rs-other");
}

static void silent(void)
{
    ek_member(fleet.state, C)->reachable = EK_NO;
}

static void by_another_clock(void)
{
    ek_member(fleet.state, B)->clock_ahead_ms = 3600000;
}

static void in_an_unknown_mode(void)
{
    ek_member_transport(fleet.state, B)->mode_running = EK_SSL_UNKNOWN;
}

static void of_an_untold_configuration(void)
{
    ek_set(fleet.state)->initiated = EK_UNKNOWN;
}

static void left_down(void)
{
    struct ek_member *member = ek_member(fleet.state, C);
    member->process = member->reachable = EK_NO;
    member->restart_begun = EK_YES;
}

static void with_an_unread_certificate(void)
{
    ek_member_certificates(fleet.state, B)->certificate_installed.present = EK_UNKNOWN;
}

static void without_an_authority(void)
{
    ek_certificates(fleet.state)->authority = EK_NO;
}

static void assert_first(void (*first)(void), void (*second)(void), const char *id)
{
    model_case_init(&fleet, THREE, EK_SSL_ALLOW, EK_SSL_PREFER, MODEL_DOMAIN_KNOWN);
    second();
    first();
    assert_string_equal(assert_blocked_by(id).id, id);
}

static void who_looks_looks_in_this_order(void **state)
{
    (void)state;
    assert_first(of_another_set, silent, "EK-0101");
    assert_first(silent, by_another_clock, "EK-0105");
    assert_first(by_another_clock, in_an_unknown_mode, "EK-0130");
    assert_first(in_an_unknown_mode, of_an_untold_configuration, "EK-0109");
    assert_first(of_an_untold_configuration, left_down, "EK-0104");
    assert_first(with_an_unread_certificate, without_an_authority, "EK-0132");
}

static void who_was_left_down_comes_before_what_is_unread(void **state)
{
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_ALLOW, EK_SSL_PREFER, MODEL_DOMAIN_KNOWN);
    with_an_unread_certificate();
    left_down();
    assert_step_of(&ek_step_start, C);
}

/* ---- which wait for a window ---- */

static void assert_waits_for_a_window(void)
{
    fleet.policy.consent.window = EK_WINDOW_CLOSED;
    assert_int_equal(assert_blocked_by("EK-1101").waits, EK_WAIT_WINDOW);
}

static void renamings_wait(void **state)
{
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_DISABLED, EK_SSL_ALLOW, MODEL_DOMAIN_KNOWN);
    assert_step_of(&ek_step_reconfigure, -1);
    assert_waits_for_a_window();
    model_case_init(&fleet, THREE, EK_SSL_DISABLED, EK_SSL_DISABLED, MODEL_DOMAIN_KNOWN);
    for (size_t m = A; m <= C; m++)
        ek_domain_name(&fleet.spec, ek_transport(fleet.state)->domain_label, m,
                       ek_member(fleet.state, m)->host, EK_HOST_SIZE);
    assert_step_of(&ek_step_reconfigure, -1);
    assert_waits_for_a_window();
}

static void modes_and_restarts_wait(void **state)
{
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_ALLOW, EK_SSL_PREFER, MODEL_DOMAIN_KNOWN);
    assert_string_equal(ask().step.kind->name, ek_step_set_ssl_mode.name);
    assert_waits_for_a_window();
    model_case_init(&fleet, THREE, EK_SSL_PREFER, EK_SSL_ALLOW, MODEL_DOMAIN_KNOWN);
    fleet.policy.consent.window = EK_WINDOW_CLOSED;
    while (ask().kind == EK_VERDICT_STEP) {
        struct ek_step step = ask().step;
        assert_false(step.kind->disturbs);
        assert_int_equal(ek_effect(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &step,
                                   &fleet.state, NULL),
                         0);
    }
    assert_waits_for_a_window();
}

static void who_should_lead_waits(void **state)
{
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_PREFER, EK_SSL_PREFER, MODEL_DOMAIN_KNOWN);
    ek_member(fleet.state, B)->priority = ek_member(fleet.state, A)->priority + 1;
    fleet.spec.maintenance.reinstate_primary = EK_CHOICE_YES;
    assert_step_of(&ek_step_reinstate, A);
    assert_waits_for_a_window();
}

static void handing_over_waits(void **state)
{
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_PREFER, EK_SSL_PREFER, MODEL_DOMAIN_KNOWN);
    memset(ek_member_certificates(fleet.state, A)->certificate_installed.sha256, 0x77, 32);
    assert_step_of(&ek_step_step_down, A);
    assert_waits_for_a_window();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_looks_looks_in_this_order),
        cmocka_unit_test(who_was_left_down_comes_before_what_is_unread),
        cmocka_unit_test(renamings_wait),
        cmocka_unit_test(modes_and_restarts_wait),
        cmocka_unit_test(who_should_lead_waits),
        cmocka_unit_test(handing_over_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
