/* What people and the clock have to say, and what the planner makes of it. */
#include "tests/unit/next_choices.h"

static void assert_waits(enum ek_wait waits, const char *id, const char *says)
{
    struct ek_verdict verdict = ask();
    assert_int_equal(verdict.kind, EK_VERDICT_BLOCKED);
    assert_int_equal(verdict.blocked.waits, waits);
    assert_string_equal(verdict.blocked.id, id);
    assert_false(verdict.blocked.passing);
    if (!strstr(verdict.blocked.sentence, says))
        fail_msg("%s", verdict.blocked.sentence);
}

/* Certificates that end soon are served, their successors are on the hosts. */
static void renewals_due_in(enum ek_ssl_mode mode, int64_t left_s)
{
    settle(THREE, mode, mode);
    fleet.spec.maintenance.urgent_renewal_s = 7 * 86400;
    fleet.policy.consent.window = EK_WINDOW_CLOSED;
    for (int m = A; m <= C; m++) {
        ek_member_certificates(fleet.state, m)->certificate_running.sha256[0] ^= 1;
        ek_member_certificates(fleet.state, m)->certificate_running.not_after_s =
            fleet.policy.now_s + left_s;
    }
}

static void renewals_due(int64_t left_s)
{
    renewals_due_in(EK_SSL_PREFER, left_s);
}

static void disturbing_steps_wait_for_a_window(void **state)
{
    (void)state;
    struct ek_consent *consent = &fleet.policy.consent;
    settle(THREE, EK_SSL_ALLOW, EK_SSL_PREFER);
    consent->window = EK_WINDOW_OPEN;
    assert_step(&ek_step_set_ssl_mode, B, EK_SSL_PREFER);
    consent->window = EK_WINDOW_CLOSED;
    assert_waits(EK_WAIT_WINDOW, "EK-1101", "waits for a maintenance window");
    assert_null(strstr(ask().blocked.sentence, "opens"));
    snprintf(consent->window_words, sizeof consent->window_words, "sat 02:00-05:00 UTC");
    consent->window_changes_s = fleet.policy.now_s + 3 * 86400 + 4 * 3600;
    assert_waits(EK_WAIT_WINDOW, "EK-1101", "the window sat 02:00-05:00 UTC, opens in 3 d 4 h (");
    consent->window_changes_s = fleet.policy.now_s + 48 * 3600;
    assert_waits(EK_WAIT_WINDOW, "EK-1101", "opens in 2 d 0 h (");
    consent->window_changes_s -= 60;
    assert_waits(EK_WAIT_WINDOW, "EK-1101", "opens in 47 h 59 min (");
    consent->window_changes_s = fleet.policy.now_s + 59 * 60 + 1;
    assert_waits(EK_WAIT_WINDOW, "EK-1101", "opens in 1 h 0 min (");
    ek_member_certificates(fleet.state, B)->certificate_installed.present = EK_NO;
    assert_step(&ek_step_issue_certificate, B, EK_SSL_UNKNOWN);
}

static void a_new_set_disturbs_nobody(void **state)
{
    (void)state;
    model_case_init_bare(&fleet, THREE, EK_SSL_PREFER);
    fleet.policy.consent.window = EK_WINDOW_CLOSED;
    for (int steps = 0; ek_set(fleet.state)->initiated != EK_YES; steps++) {
        struct ek_verdict verdict = ask();
        assert_int_equal(verdict.kind, EK_VERDICT_STEP);
        ek_effect(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &verdict.step,
                  &fleet.state, NULL);
        assert_true(steps < 100);
    }
}

static void what_our_restart_left_down_is_repaired_at_once(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_PREFER, EK_SSL_PREFER);
    fleet.policy.consent.window = EK_WINDOW_CLOSED;
    ek_member(fleet.state, B)->process = ek_member(fleet.state, B)->reachable = EK_NO;
    ek_member(fleet.state, B)->state = EK_MEMBER_DOWN;
    ek_member(fleet.state, B)->restart_begun = EK_YES;
    assert_step(&ek_step_start, B, EK_SSL_UNKNOWN);
}

/* The authority that the specs name now does not exist yet; without it there is no certificate. */
static void what_a_repair_needs_is_made_first(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_ALLOW);
    ek_member(fleet.state, B)->process = ek_member(fleet.state, B)->reachable = EK_NO;
    ek_member(fleet.state, B)->state = EK_MEMBER_DOWN;
    ek_member(fleet.state, B)->restart_begun = EK_YES;
    ek_member_transport(fleet.state, B)->mode_configured = EK_SSL_ALLOW;
    ek_member_transport(fleet.state, B)->options_configured =
        ek_member_transport(fleet.state, B)->options_wanted;
    ek_certificates(fleet.state)->authority = EK_NO;
    ek_member_certificates(fleet.state, B)->certificate_installed.present = EK_NO;
    assert_step(&ek_step_create_authority, -1, EK_SSL_UNKNOWN);
    ek_certificates(fleet.state)->authority = EK_UNKNOWN;
    assert_blocked_by("EK-0126");
    ek_member_certificates(fleet.state, B)->certificate_installed.present = EK_YES;
    ek_member_certificates(fleet.state, B)->certificate_installed.not_after_s = fleet.policy.now_s;
    assert_blocked_by("EK-0126");
    ek_member_certificates(fleet.state, B)
        ->certificate_installed.not_after_s++; /* another one can wait */
    assert_step(&ek_step_start, B, EK_SSL_ALLOW);
    ek_member_certificates(fleet.state, B)->certificate_installed.present = EK_NO;
    fleet.spec.ssl_mode = EK_SSL_DISABLED;
    assert_step(&ek_step_write_configuration, B, EK_SSL_DISABLED);
    ek_member_transport(fleet.state, B)->mode_configured = EK_SSL_DISABLED;
    memset(ek_member_transport(fleet.state, B)->options_configured.digest, 0, 32);
    assert_step(&ek_step_start, B, EK_SSL_DISABLED);
}

static void urgent_renewals_come_first_and_alone(void **state)
{
    (void)state;
    renewals_due(7 * 86400);
    assert_waits(EK_WAIT_WINDOW, "EK-1101", "");
    renewals_due(7 * 86400 - 1);
    assert_step(&ek_step_restart, C, EK_SSL_PREFER);
    renewals_due(86400);
    ek_member_certificates(fleet.state, C)->certificate_installed.not_after_s =
        ek_member_certificates(fleet.state, C)->certificate_running.not_after_s;
    fleet.spec.certificates.renew_before_s = 3600;
    assert_step(&ek_step_restart, B, EK_SSL_PREFER); /* nothing better for c */
    renewals_due(86400);
    ek_member_certificates(fleet.state, C)->certificate_installed.present = EK_NO;
    assert_step(&ek_step_issue_certificate, C, EK_SSL_UNKNOWN);
    renewals_due(86400);
    ek_member_certificates(fleet.state, B)->certificate_running =
        ek_member_certificates(fleet.state, B)->certificate_installed;
    ek_member_certificates(fleet.state, C)->certificate_running =
        ek_member_certificates(fleet.state, C)->certificate_installed;
    assert_step(&ek_step_step_down, A, EK_SSL_UNKNOWN);
    /* What else the specs want stays for the window, also in the file. */
    renewals_due(86400);
    fleet.spec.ssl_mode = EK_SSL_REQUIRE;
    assert_step(&ek_step_restart, C, EK_SSL_PREFER);
    ek_member_transport(fleet.state, C)->mode_configured = EK_SSL_REQUIRE;
    assert_step(&ek_step_write_configuration, C, EK_SSL_PREFER);
    fleet.policy.consent.window = EK_WINDOW_OPEN;
    assert_step(&ek_step_restart, C, EK_SSL_REQUIRE);
    /* After the user that looks at what restarts do, before the names, which nobody waits for. */
    renewals_due(86400);
    ek_access(fleet.state)->own_user = EK_NO;
    assert_step(&ek_step_create_user, -1, EK_SSL_UNKNOWN);
    renewals_due_in(EK_SSL_ALLOW, 86400);
    snprintf(ek_member(fleet.state, B)->host, sizeof ek_member(fleet.state, B)->host,
             "elsewhere.example.net:27017");
    assert_step(&ek_step_restart, C, EK_SSL_ALLOW);
}

static void the_gravest_wait_is_named_first(void **state)
{
    (void)state;
    struct ek_consent *consent = &fleet.policy.consent;
    settle(THREE, EK_SSL_ALLOW, EK_SSL_PREFER);
    fleet.policy.paused = true;
    consent->window = EK_WINDOW_CLOSED;
    consent->approval = consent->signature = EK_AGREEMENT_MISSING;
    snprintf(consent->paused_by, sizeof consent->paused_by, "alice");
    snprintf(consent->paused_why, sizeof consent->paused_why, "load test");
    consent->paused_until_s = fleet.policy.now_s + 7260;
    assert_waits(EK_WAIT_PAUSE, "EK-0125",
                 "paused by alice: load test; the pause ends in 2 h 1 min");
    consent->paused_until_s = 0;
    assert_waits(EK_WAIT_PAUSE, "EK-0125", "paused by alice: load test");
    assert_null(strstr(ask().blocked.sentence, "ends"));
    fleet.policy.paused = false;
    assert_waits(EK_WAIT_SIGNATURE, "EK-1103", "signed");
    consent->signature = EK_AGREEMENT_GIVEN;
    assert_waits(EK_WAIT_APPROVAL, "EK-1102", "approval");
    consent->approval = EK_AGREEMENT_GIVEN;
    assert_waits(EK_WAIT_WINDOW, "EK-1101", "window");
    /* Nothing waits where there is nothing to do, and what is in the way is said first. */
    consent->approval = EK_AGREEMENT_MISSING;
    fleet.policy.paused = true;
    ek_member(fleet.state, C)->process = EK_NO;
    assert_int_equal(ask().kind, EK_VERDICT_BLOCKED);
    assert_int_equal(ask().blocked.waits, EK_WAIT_NONE);
    settle(THREE, EK_SSL_PREFER, EK_SSL_PREFER);
    fleet.policy.paused = true;
    fleet.policy.consent.window = EK_WINDOW_CLOSED;
    assert_done();
}

static void a_plan_goes_on_behind_what_it_waits_for(void **state)
{
    (void)state;
    struct ek_plan whole;
    struct ek_plan plan;
    struct ek_error err = {0};
    model_case_init(&fleet, THREE, EK_SSL_DISABLED, EK_SSL_PREFER, 0);
    assert_int_equal(
        ek_plan_make(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &whole, &err), 0);
    assert_int_equal(whole.wait_count, 0);
    fleet.policy.paused = true;
    fleet.policy.consent.window = EK_WINDOW_CLOSED;
    fleet.policy.consent.approval = fleet.policy.consent.signature = EK_AGREEMENT_MISSING;
    assert_int_equal(
        ek_plan_make(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &plan, &err), 0);
    assert_int_equal(plan.count, whole.count);
    assert_memory_equal(plan.digests, whole.digests, (plan.count + 1) * sizeof *plan.digests);
    assert_int_equal(plan.end, EK_VERDICT_DONE);
    assert_int_equal(plan.wait_count, 4);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(plan.waits[i].before, 0);
    assert_int_equal(plan.waits[3].blocked.waits, EK_WAIT_WINDOW);
    assert_true(plan.waits[3].before > 0);
    assert_true(plan.steps[plan.waits[3].before].kind->disturbs);
    for (size_t i = 0; i < plan.waits[3].before; i++)
        assert_false(plan.steps[i].kind->disturbs);
    ek_plan_done(&plan);
    ek_plan_done(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(disturbing_steps_wait_for_a_window),
        cmocka_unit_test(a_new_set_disturbs_nobody),
        cmocka_unit_test(what_our_restart_left_down_is_repaired_at_once),
        cmocka_unit_test(what_a_repair_needs_is_made_first),
        cmocka_unit_test(urgent_renewals_come_first_and_alone),
        cmocka_unit_test(the_gravest_wait_is_named_first),
        cmocka_unit_test(a_plan_goes_on_behind_what_it_waits_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
