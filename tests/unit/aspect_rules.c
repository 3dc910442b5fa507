/* Rules of the aspects that no whole plan shows: whose word decides where two could say it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/next_fleet.h"

enum { ONE = 0, THREE = 2, PSA = 4 };
enum { A, B, C };

static void left_down(int m)
{
    struct ek_member *member = ek_member(fleet.state, m);
    member->process = member->reachable = EK_NO;
    member->restart_begun = EK_YES;
}

static void enact(const struct ek_step *step)
{
    assert_int_equal(
        ek_effect(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), step, &fleet.state, NULL),
        0);
}

/* ---- certificates ---- */

static void what_is_known_of_the_trust_that_runs(void **state)
{
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_PREFER, EK_SSL_PREFER, MODEL_DOMAIN_KNOWN);
    struct ek_trust_state *running = &ek_member_certificates(fleet.state, B)->trust_running;
    memset(running->sha256[0], 0x55, 32);
    assert_string_equal(assert_step_of(&ek_step_restart, B).why,
                        "trusts other authorities than the installed ones");
    *running = (struct ek_trust_state){.present = EK_YES};
    assert_string_equal(assert_step_of(&ek_step_restart, B).why,
                        "began before its trusted authorities were installed");
}

/* What runs TLS goes on with its files, whatever they say of modes. */
static void what_is_unread_matters_to_who_runs_tls(void **state)
{
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_ALLOW, EK_SSL_DISABLED, MODEL_DOMAIN_KNOWN);
    ek_member_transport(fleet.state, B)->mode_configured = EK_SSL_DISABLED;
    ek_member_certificates(fleet.state, B)->trust_installed.present = EK_UNKNOWN;
    assert_int_equal(assert_blocked_by("EK-0132").member, B);
    ek_member_certificates(fleet.state, B)->trust_installed.present = EK_YES;
    ek_member_transport(fleet.state, B)->options_wanted.known = EK_UNKNOWN;
    assert_int_equal(assert_blocked_by("EK-0132").member, B);
}

static void what_is_unread_matters_to_who_will_run_tls(void **state)
{
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_DISABLED, EK_SSL_ALLOW, MODEL_DOMAIN_KNOWN);
    ek_member_certificates(fleet.state, B)->certificate_installed.present = EK_UNKNOWN;
    assert_int_equal(assert_blocked_by("EK-0132").member, B);
    ek_member_certificates(fleet.state, B)->certificate_installed.present = EK_YES;
    ek_member_transport(fleet.state, B)->options_wanted.known = EK_UNKNOWN;
    assert_int_equal(assert_blocked_by("EK-0132").member, B);
}

static void who_comes_back_without_tls_needs_no_certificate(void **state)
{
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_DISABLED, EK_SSL_ALLOW, MODEL_DOMAIN_KNOWN);
    left_down(C);
    ek_member_certificates(fleet.state, C)->certificate_installed.present = EK_NO;
    assert_step_of(&ek_step_start, C);
}

static void without_tls_nothing_is_presented(void **state)
{
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_ALLOW, EK_SSL_DISABLED, MODEL_DOMAIN_KNOWN);
    const struct ek_step step = model_step(&ek_step_restart, B, EK_SSL_DISABLED);
    ek_member_transport(fleet.state, B)->mode_configured = EK_SSL_DISABLED;
    enact(&step);
    assert_int_equal(ek_member_certificates(fleet.state, B)->certificate_running.present, EK_NO);
    assert_int_equal(ek_member_certificates(fleet.state, B)->trust_running.present, EK_NO);
    assert_int_equal(ek_member_certificates(fleet.state, C)->certificate_running.present, EK_YES);
}

static void an_authority_is_seen_by_being_there(void **state)
{
    char why[EK_SENTENCE_SIZE];
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_DISABLED, EK_SSL_ALLOW, MODEL_DOMAIN_KNOWN);
    const struct ek_step step = model_step(&ek_step_create_authority, -1, EK_SSL_UNKNOWN);
    const struct ek_situation *now = EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy);
    assert_true(ek_step_seen(now, fleet.state, &step, why));
    ek_certificates(fleet.state)->authority = EK_NO;
    assert_false(ek_step_seen(now, fleet.state, &step, why));
    assert_string_equal(why, "the authority is not there");
}

/* ---- what a start brings about ---- */

static void out_of_sight(size_t m)
{
    ek_member(fleet.state, m)->healthy_for = 0;
    for (size_t i = 0; i < fleet.state->member_count; i++)
        ek_member(fleet.state, i)->healthy_for &= ~((uint64_t)1 << m);
}

static void who_is_back_and_its_peers_see_each_other(void **state)
{
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_ALLOW, EK_SSL_ALLOW, MODEL_DOMAIN_KNOWN);
    const struct ek_step step = model_step(&ek_step_restart, C, EK_SSL_ALLOW);
    out_of_sight(C);
    ek_member(fleet.state, C)->signing_key = 0;
    enact(&step);
    for (size_t m = A; m <= C; m++)
        assert_int_equal(ek_member(fleet.state, m)->healthy_for, 7);
    assert_int_equal(ek_member(fleet.state, C)->state, EK_MEMBER_SECONDARY);
    assert_int_equal(ek_member(fleet.state, C)->signing_key,
                     ek_member(fleet.state, A)->signing_key);
}

static void who_comes_back_alone_leads_again_and_an_arbiter_votes(void **state)
{
    (void)state;
    model_case_init(&fleet, ONE, EK_SSL_ALLOW, EK_SSL_ALLOW, MODEL_DOMAIN_KNOWN);
    struct ek_step step = model_step(&ek_step_restart, A, EK_SSL_ALLOW);
    ek_member(fleet.state, A)->state = EK_MEMBER_DOWN;
    ek_member(fleet.state, A)->writable = EK_NO;
    enact(&step);
    assert_int_equal(ek_member(fleet.state, A)->state, EK_MEMBER_PRIMARY);
    assert_int_equal(ek_member(fleet.state, A)->writable, EK_YES);
    model_case_init(&fleet, PSA, EK_SSL_ALLOW, EK_SSL_ALLOW, MODEL_DOMAIN_KNOWN);
    for (step.member = A; !ek_member(fleet.state, step.member)->arbiter;)
        step.member++;
    ek_member(fleet.state, step.member)->state = EK_MEMBER_DOWN;
    enact(&step);
    assert_int_equal(ek_member(fleet.state, step.member)->state, EK_MEMBER_ARBITER);
}

static void a_new_set_signs_with_one_key(void **state)
{
    (void)state;
    model_case_init_bare(&fleet, THREE, EK_SSL_DISABLED);
    const struct ek_step step = model_step(&ek_step_initiate, -1, EK_SSL_UNKNOWN);
    enact(&step);
    for (size_t m = A; m <= C; m++)
        assert_int_equal(ek_member(fleet.state, m)->signing_key, 1);
}

/* ---- who led before leads again, once all is well ---- */

static void nobody_is_reinstated_beside_one_that_lags_or_cannot_sign(void **state)
{
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_PREFER, EK_SSL_PREFER, MODEL_DOMAIN_KNOWN);
    ek_member(fleet.state, B)->priority = ek_member(fleet.state, A)->priority + 1;
    fleet.spec.maintenance.reinstate_primary = EK_CHOICE_YES;
    assert_int_equal(assert_step_of(&ek_step_reinstate, A).other, B);
    ek_member(fleet.state, C)->lag_ms = 3600000;
    assert_int_equal(assert_blocked_by("EK-0110").member, C);
    ek_member(fleet.state, C)->lag_ms = 0;
    ek_member(fleet.state, B)->signing_key = 0;
    assert_int_equal(assert_blocked_by("EK-0116").member, B);
}

/* ---- what our own restart left down is brought back, whatever else is said of it ---- */

static void who_is_left_down_has_no_mode(void **state)
{
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_ALLOW, EK_SSL_PREFER, MODEL_DOMAIN_KNOWN);
    left_down(C);
    ek_member_transport(fleet.state, C)->mode_running = EK_SSL_UNKNOWN;
    struct ek_verdict verdict = ask();
    assert_int_equal(verdict.kind, EK_VERDICT_STEP);
    assert_int_equal(verdict.step.member, C);
}

/* By a wrong clock its certificate may not hold, unless it comes back without one. */
static void who_is_left_down_has_a_clock(void **state)
{
    (void)state;
    static const struct {
        enum ek_ssl_mode from, to;
        bool comes_back;
    } cases[] = {{EK_SSL_ALLOW, EK_SSL_PREFER, false},
                 {EK_SSL_PREFER, EK_SSL_DISABLED, false},
                 {EK_SSL_ALLOW, EK_SSL_DISABLED, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        model_case_init(&fleet, THREE, cases[i].from, cases[i].to, MODEL_DOMAIN_KNOWN);
        left_down(C);
        ek_member_transport(fleet.state, C)->mode_running = EK_SSL_UNKNOWN;
        for (size_t m = A; m < C; m++) /* their own are right */
            assert_int_equal(ek_member(fleet.state, m)->clock_ahead_ms, 0);
        ek_member(fleet.state, C)->clock_ahead_ms = 3600000;
        if (!cases[i].comes_back)
            assert_int_equal(assert_blocked_by("EK-0130").member, C);
        else
            assert_int_equal(ask().step.member, C);
    }
}

/* The set's keyFile is a new member's; whoever ran has had what it runs with. */
static void who_ran_gets_no_key_file(void **state)
{
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_ALLOW, EK_SSL_ALLOW, MODEL_DOMAIN_KNOWN);
    left_down(C);
    ek_member_access(fleet.state, C)->key_file = EK_NO;
    assert_step_of(&ek_step_start, C);
}

/* ---- names ---- */

static void nobody_is_renamed_beside_one_that_lags(void **state)
{
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_DISABLED, EK_SSL_DISABLED, MODEL_DOMAIN_KNOWN);
    for (size_t m = A; m <= C; m++)
        ek_domain_name(&fleet.spec, ek_transport(fleet.state)->domain_label, m,
                       ek_member(fleet.state, m)->host, EK_HOST_SIZE);
    assert_step_of(&ek_step_reconfigure, -1);
    ek_member(fleet.state, C)->lag_ms = 3600000;
    assert_int_equal(assert_blocked_by("EK-0110").member, C);
}

static void nobody_dials_a_lone_member(void **state)
{
    (void)state;
    model_case_init(&fleet, ONE, EK_SSL_PREFER, EK_SSL_PREFER, MODEL_DOMAIN_KNOWN);
    snprintf(ek_member(fleet.state, A)->host, EK_HOST_SIZE, "a.elsewhere:27017");
    assert_step_of(&ek_step_reconfigure, -1);
    model_case_init(&fleet, THREE, EK_SSL_PREFER, EK_SSL_PREFER, MODEL_DOMAIN_KNOWN);
    snprintf(ek_member(fleet.state, A)->host, EK_HOST_SIZE, "a.elsewhere:27017");
    assert_int_equal(assert_blocked_by("EK-0121").member, A);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_known_of_the_trust_that_runs),
        cmocka_unit_test(what_is_unread_matters_to_who_runs_tls),
        cmocka_unit_test(what_is_unread_matters_to_who_will_run_tls),
        cmocka_unit_test(who_comes_back_without_tls_needs_no_certificate),
        cmocka_unit_test(without_tls_nothing_is_presented),
        cmocka_unit_test(an_authority_is_seen_by_being_there),
        cmocka_unit_test(who_is_back_and_its_peers_see_each_other),
        cmocka_unit_test(who_comes_back_alone_leads_again_and_an_arbiter_votes),
        cmocka_unit_test(a_new_set_signs_with_one_key),
        cmocka_unit_test(nobody_is_reinstated_beside_one_that_lags_or_cannot_sign),
        cmocka_unit_test(who_is_left_down_has_no_mode),
        cmocka_unit_test(who_is_left_down_has_a_clock),
        cmocka_unit_test(who_ran_gets_no_key_file),
        cmocka_unit_test(nobody_is_renamed_beside_one_that_lags),
        cmocka_unit_test(nobody_dials_a_lone_member),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
