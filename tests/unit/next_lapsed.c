/* Certificates that have ended while servers run with them: planner and laws. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "reconciler/laws/permit.h"
#include "tests/unit/next_fleet.h"

enum { THREE = 2, HOUR_S = 3600 };
enum { A, B, C };

static void settle(enum ek_ssl_mode from, enum ek_ssl_mode to)
{
    model_case_init(&fleet, THREE, from, to, MODEL_DOMAIN_KNOWN);
    fleet.policy.former_primary = -1;
}

static void lapse(int m)
{
    ek_member_certificates(fleet.state, m)->certificate_running.not_after_s = fleet.policy.now_s;
    ek_member_certificates(fleet.state, m)->certificate_installed.not_after_s = fleet.policy.now_s;
}

static void assert_blocked(const char *id, int member)
{
    assert_int_equal(assert_blocked_by(id).member, member);
}

/* On the way down: a member that comes back in allowSSL reads its certificate once more. */
static void what_a_start_on_the_way_down_needs(void **state)
{
    (void)state;
    settle(EK_SSL_PREFER, EK_SSL_DISABLED);
    struct ek_certificate_state *certificate =
        &ek_member_certificates(fleet.state, C)->certificate_installed;
    certificate->not_after_s = fleet.policy.now_s + HOUR_S;
    assert_step_of(&ek_step_write_configuration, C); /* nobody will use it for long */
    certificate->not_after_s--;
    assert_step_of(&ek_step_issue_certificate, C);
    ek_certificates(fleet.state)->authority = EK_NO; /* a law says the rest */
    assert_step_of(&ek_step_write_configuration, C);
    ek_certificates(fleet.state)->authority = EK_YES;
    fleet.spec.ssl_domain.base = NULL;
    assert_step_of(&ek_step_write_configuration, C);
    settle(EK_SSL_ALLOW, EK_SSL_DISABLED);
    lapse(C);
    assert_step_of(&ek_step_write_configuration, C); /* to disabled: without any */
}

static void whose_certificate_has_ended_goes_first(void **state)
{
    (void)state;
    settle(EK_SSL_PREFER, EK_SSL_DISABLED);
    lapse(B);
    assert_step_of(&ek_step_issue_certificate, B);
    ek_member_certificates(fleet.state, B)->certificate_running.not_after_s++;
    assert_step_of(&ek_step_write_configuration, C);
}

static void nobody_is_restarted_beside_it(void **state)
{
    (void)state;
    settle(EK_SSL_PREFER, EK_SSL_DISABLED);
    lapse(B);
    lapse(C);
    assert_blocked("EK-0131", C);
    ek_member(fleet.state, B)->process = EK_NO; /* it is ours to start, and has no connections */
    ek_member(fleet.state, B)->state = EK_MEMBER_DOWN;
    ek_member(fleet.state, B)->restart_begun = EK_YES;
    assert_int_equal(ask().kind, EK_VERDICT_STEP);
    settle(EK_SSL_PREFER, EK_SSL_DISABLED);
    lapse(A);
    assert_blocked("EK-0131", C);
    ek_member_certificates(fleet.state, A)->certificate_running.present = EK_NO;
    assert_step_of(&ek_step_write_configuration, C);
    /* In allowSSL nobody dials TLS. */
    settle(EK_SSL_ALLOW, EK_SSL_DISABLED);
    lapse(A);
    lapse(B);
    lapse(C);
    assert_step_of(&ek_step_write_configuration, C);
    ek_member_transport(fleet.state, C)->mode_configured = EK_SSL_DISABLED;
    memset(ek_member_transport(fleet.state, C)->options_configured.digest, 0, 32);
    assert_step_of(&ek_step_restart, C);
    settle(EK_SSL_ALLOW, EK_SSL_ALLOW);
    lapse(A);
    lapse(C);
    for (int m = A; m <= C; m++)
        ek_member_certificates(fleet.state, m)->certificate_installed.not_after_s += 700LL * 86400;
    ek_member_certificates(fleet.state, C)->certificate_installed.sha256[0] ^= 1;
    assert_step_of(&ek_step_restart, C);
}

static bool refused(int member, enum ek_ssl_mode mode)
{
    struct ek_broken_law law = {0};
    struct ek_step step = model_step(&ek_step_restart, member, mode);
    ek_member_transport(fleet.state, member)->mode_configured = mode;
    int count = ek_permit(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &step, &law);
    if (count > 0)
        assert_string_equal(law.id, "EK-0217");
    return count > 0;
}

static void the_law(void **state)
{
    (void)state;
    settle(EK_SSL_PREFER, EK_SSL_PREFER);
    assert_false(refused(C, EK_SSL_PREFER));
    ek_member_certificates(fleet.state, C)->certificate_running.not_after_s =
        fleet.policy.now_s; /* its own */
    assert_false(refused(C, EK_SSL_PREFER));
    ek_member_certificates(fleet.state, A)->certificate_running.not_after_s =
        fleet.policy.now_s + 1;
    assert_false(refused(C, EK_SSL_PREFER));
    ek_member_certificates(fleet.state, A)->certificate_running.not_after_s--;
    assert_true(refused(C, EK_SSL_PREFER));
    assert_true(refused(C, EK_SSL_ALLOW)); /* the other one dials */
    ek_member_certificates(fleet.state, A)->certificate_running.present = EK_NO;
    assert_false(refused(C, EK_SSL_ALLOW));
    settle(EK_SSL_REQUIRE, EK_SSL_REQUIRE);
    lapse(A);
    assert_true(refused(C, EK_SSL_REQUIRE));
    assert_true(refused(C, EK_SSL_PREFER));
    settle(EK_SSL_ALLOW, EK_SSL_PREFER);
    lapse(A);
    ek_member_certificates(fleet.state, A)->certificate_installed.not_after_s += 700LL * 86400;
    assert_false(refused(C, EK_SSL_ALLOW));
    assert_true(refused(C, EK_SSL_PREFER)); /* it would dial */
}

/* allowSSL to preferSSL at run time: from then on it dials TLS. */
static void nobody_begins_to_dial_it(void **state)
{
    (void)state;
    struct ek_step raise = model_step(&ek_step_set_ssl_mode, B, EK_SSL_PREFER);
    settle(EK_SSL_ALLOW, EK_SSL_PREFER);
    assert_int_equal(ek_permit(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &raise, NULL),
                     0);
    assert_step_of(&ek_step_set_ssl_mode, B);
    lapse(C);
    ek_member_certificates(fleet.state, C)->certificate_installed.not_after_s += 700LL * 86400;
    ek_member_certificates(fleet.state, C)->certificate_installed.sha256[0] ^= 1;
    assert_int_equal(ek_permit(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &raise, NULL),
                     1);
    assert_step_of(&ek_step_write_configuration, C); /* before its restart */
    ek_member(fleet.state, C)->process = EK_NO;      /* EK-0203 alone */
    assert_int_equal(ek_permit(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &raise, NULL),
                     1);
    settle(EK_SSL_ALLOW, EK_SSL_PREFER);
    lapse(B); /* it would dial with it */
    assert_int_equal(ek_permit(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &raise, NULL),
                     1);
    /* Who dials TLS already goes on over the connections that there are. */
    settle(EK_SSL_PREFER, EK_SSL_REQUIRE);
    lapse(A);
    ek_member_certificates(fleet.state, A)->certificate_installed.not_after_s += 700LL * 86400;
    model_set_mode(&raise, EK_SSL_REQUIRE);
    assert_int_equal(ek_permit(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &raise, NULL),
                     0);
    assert_step_of(&ek_step_set_ssl_mode, B);
}

static void an_arbiter_goes_first_as_well(void **state)
{
    (void)state;
    enum { PSA = 4 };
    model_case_init(&fleet, PSA, EK_SSL_PREFER, EK_SSL_DISABLED, MODEL_DOMAIN_KNOWN);
    assert_step_of(&ek_step_write_configuration, B);
    lapse(C);
    assert_step_of(&ek_step_issue_certificate, C);
    /* As the first of the configuration, too. */
    model_case_init(&fleet, PSA, EK_SSL_PREFER, EK_SSL_DISABLED, MODEL_DOMAIN_KNOWN);
    ek_member(fleet.state, A)->arbiter = true;
    ek_member(fleet.state, A)->state = EK_MEMBER_ARBITER;
    ek_member(fleet.state, A)->priority = 0;
    ek_member(fleet.state, B)->state = EK_MEMBER_PRIMARY;
    ek_member(fleet.state, B)->writable = EK_YES;
    ek_member(fleet.state, C)->arbiter = false;
    ek_member(fleet.state, C)->state = EK_MEMBER_SECONDARY;
    ek_member(fleet.state, C)->priority = 1;
    assert_step_of(&ek_step_write_configuration, C);
    lapse(A);
    assert_step_of(&ek_step_issue_certificate, A);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_start_on_the_way_down_needs),
        cmocka_unit_test(whose_certificate_has_ended_goes_first),
        cmocka_unit_test(nobody_is_restarted_beside_it),
        cmocka_unit_test(the_law),
        cmocka_unit_test(nobody_begins_to_dial_it),
        cmocka_unit_test(an_arbiter_goes_first_as_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
