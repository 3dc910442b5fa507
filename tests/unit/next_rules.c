/* The planner's choices, each by the one thing that decides it. */
#include "tests/unit/next_choices.h"

/* Nothing but restarts is left: everybody serves another certificate than the installed one. */
static void all_want_a_restart(size_t shape)
{
    settle(shape, EK_SSL_PREFER, EK_SSL_PREFER);
    for (size_t i = 0; i < fleet.state->member_count; i++)
        memset(ek_member_certificates(fleet.state, i)->certificate_running.sha256, 0x99, 32);
}

static void the_least_important_first(void **state)
{
    (void)state;
    all_want_a_restart(FOUR);
    assert_step(&ek_step_restart, D, EK_SSL_PREFER);
    ek_member(fleet.state, B)->priority = 0.5;
    assert_step(&ek_step_restart, B, EK_SSL_PREFER);
    ek_member(fleet.state, D)->priority = 0.5;
    assert_step(&ek_step_restart, D, EK_SSL_PREFER);
    ek_member(fleet.state, D)->priority = 3;
    assert_step(&ek_step_restart, B, EK_SSL_PREFER);
    all_want_a_restart(FOUR);
    ek_member(fleet.state, B)->priority = 3;
    assert_step(&ek_step_restart, D, EK_SSL_PREFER);
    ek_member(fleet.state, A)->state = EK_MEMBER_SECONDARY; /* the first member is like any other */
    ek_member(fleet.state, A)->writable = EK_NO;
    ek_member(fleet.state, A)->priority = 0.5;
    ek_member(fleet.state, B)->state = EK_MEMBER_PRIMARY;
    ek_member(fleet.state, B)->writable = EK_YES;
    assert_step(&ek_step_restart, A, EK_SSL_PREFER);
}

static void an_arbiter_last(void **state)
{
    (void)state;
    all_want_a_restart(PSA);
    assert_step(&ek_step_restart, B, EK_SSL_PREFER);
    ek_member_certificates(fleet.state, B)->certificate_running =
        ek_member_certificates(fleet.state, B)->certificate_installed;
    assert_step(&ek_step_step_down, A, EK_SSL_UNKNOWN);
    ek_member_certificates(fleet.state, A)->certificate_running =
        ek_member_certificates(fleet.state, A)->certificate_installed;
    assert_step(&ek_step_restart, C, EK_SSL_PREFER);
}

/* The primary alone is left to restart. */
static void primary_left(size_t shape)
{
    settle(shape, EK_SSL_PREFER, EK_SSL_PREFER);
    memset(ek_member_certificates(fleet.state, A)->certificate_running.sha256, 0x99, 32);
}

static void whom_the_server_hands_over_to(void **state)
{
    (void)state;
    primary_left(FOUR);
    assert_int_equal(ask().step.other, B);
    ek_member(fleet.state, C)->priority = 2;
    assert_int_equal(ask().step.other, C);
    ek_member(fleet.state, D)->priority = 3;
    ek_member(fleet.state, D)->delayed = true;
    assert_int_equal(ask().step.other, C);
    ek_member(fleet.state, D)->delayed = false;
    ek_member(fleet.state, D)->votes = 0;
    assert_int_equal(ask().step.other, C);
    ek_member(fleet.state, D)->votes = 1;
    assert_int_equal(ask().step.other, D);
    ek_member(fleet.state, D)->state = EK_MEMBER_ARBITER;
    assert_int_equal(ask().step.other, C);
}

static void a_successor_signs(void **state)
{
    (void)state;
    primary_left(THREE);
    assert_step(&ek_step_step_down, A, EK_SSL_UNKNOWN);
    ek_member(fleet.state, C)->priority = 0;
    ek_member(fleet.state, C)->signing_key = 0; /* who can't lead need not sign */
    assert_step(&ek_step_step_down, A, EK_SSL_UNKNOWN);
    ek_member(fleet.state, A)->signing_key = ek_member(fleet.state, B)->signing_key =
        0; /* the same, and none */
    assert_blocked_by("EK-0116");
    ek_access(fleet.state)->authentication = EK_NO; /* nothing is signed */
    assert_step(&ek_step_step_down, A, EK_SSL_UNKNOWN);
}

static void a_certificate_that_ends_waits_for_no_window(void **state)
{
    (void)state;
    enum { URGENT_S = 7 * 86400 };
    settle(THREE, EK_SSL_PREFER, EK_SSL_PREFER);
    int64_t now_s = fleet.policy.now_s;
    fleet.spec.maintenance.urgent_renewal_s = URGENT_S;
    fleet.spec.certificates.renew_before_s = 0;
    fleet.policy.consent.window = EK_WINDOW_CLOSED;
    memset(ek_member_certificates(fleet.state, C)->certificate_running.sha256, 0x99, 32);
    ek_member_certificates(fleet.state, C)->certificate_running.not_after_s = now_s + URGENT_S - 1;
    assert_step(&ek_step_restart, C, EK_SSL_UNKNOWN);
    ek_member_certificates(fleet.state, C)->certificate_running.not_after_s = now_s + URGENT_S;
    assert_blocked_by("EK-1101"); /* there is time */
    ek_member_certificates(fleet.state, C)->certificate_running.not_after_s = now_s + URGENT_S - 1;
    ek_member_certificates(fleet.state, C)->certificate_installed.not_after_s =
        now_s + URGENT_S - 1;
    assert_blocked_by("EK-1101"); /* the installed one would be no better */
    ek_member_certificates(fleet.state, C)->certificate_installed.not_after_s++;
    assert_step(&ek_step_restart, C, EK_SSL_UNKNOWN);
    fleet.spec.ssl_mode = EK_SSL_DISABLED; /* it is a rung ahead: only the others' restarts help */
    ek_member_transport(fleet.state, C)->mode_running =
        ek_member_transport(fleet.state, C)->mode_configured = EK_SSL_ALLOW;
    assert_blocked_by("EK-1101");
}

static void nobody_to_spare(void **state)
{
    (void)state;
    all_want_a_restart(THREE);
    ek_member(fleet.state, C)->arbiter = true;
    ek_member(fleet.state, C)->state = EK_MEMBER_ARBITER;
    assert_blocked_by("EK-0118");
    all_want_a_restart(THREE);
    ek_member(fleet.state, A)->delayed = true;
    ek_member(fleet.state, A)->votes = 1;
    assert_blocked_by("EK-0118");
    all_want_a_restart(FOUR);
    ek_member(fleet.state, A)->votes = ek_member(fleet.state, B)->votes = 0;
    assert_blocked_by("EK-0118"); /* without d one of two votes is left, and that is no majority */
    ek_member(fleet.state, B)->votes = 1;
    assert_step(&ek_step_restart, D, EK_SSL_PREFER);
    all_want_a_restart(PSA);
    fleet.spec.maintenance.interruption = EK_INTERRUPTION_REFUSE;
    ek_member_certificates(fleet.state, A)->certificate_running =
        ek_member_certificates(fleet.state, A)->certificate_installed;
    ek_member_certificates(fleet.state, B)->certificate_running =
        ek_member_certificates(fleet.state, B)->certificate_installed;
    assert_step(&ek_step_restart, C, EK_SSL_PREFER); /* an arbiter can always be spared */
    primary_left(TWO);
    fleet.spec.maintenance.interruption = EK_INTERRUPTION_REFUSE;
    assert_blocked_by("EK-0118"); /* before the stepdown, not after it */
}

static void a_preferred_member_is_held_back(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_PREFER, EK_SSL_ALLOW);
    ek_member(fleet.state, C)->priority = 2; /* not the primary, and about to be */
    fleet.spec.members[C].priority = 2;
    ek_member(fleet.state, B)->priority = 3;
    struct ek_step restart = first(&ek_step_restart);
    assert_int_equal(restart.member, C);
    assert_true(model_hold(&restart)); /* others are still to be restarted */
    settle(THREE, EK_SSL_PREFER, EK_SSL_PREFER);
    memset(ek_member_certificates(fleet.state, C)->certificate_running.sha256, 0x99, 32);
    ek_member(fleet.state, C)->priority = 2;
    restart = first(&ek_step_restart);
    assert_false(model_hold(&restart)); /* it is the last one */
    ek_member_certificates(fleet.state, B)->certificate_running.sha256[0] ^= 1;
    ek_member(fleet.state, B)->priority = 3;
    assert_true(holds(&ek_step_restart));
    ek_member(fleet.state, C)->priority = 1;
    assert_false(holds(&ek_step_restart)); /* no reason to stand for election */
    settle(ONE, EK_SSL_REQUIRE, EK_SSL_DISABLED);
    assert_false(holds(&ek_step_restart));
}

static void who_should_lead(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_PREFER, EK_SSL_PREFER);
    ek_member(fleet.state, C)->priority = 2;
    assert_step(&ek_step_reinstate, A, EK_SSL_UNKNOWN);
    assert_int_equal(ask().step.other, C);
    fleet.spec.maintenance.reinstate_primary = EK_CHOICE_NO;
    assert_done();
    fleet.spec.maintenance.reinstate_primary = EK_CHOICE_YES;
    fleet.policy.former_primary = B;
    assert_int_equal(ask().step.other, C); /* a priority says more than what was */
    ek_member(fleet.state, C)->priority = 1;
    assert_int_equal(ask().step.other, B);
    ek_member(fleet.state, A)->priority = 2;
    assert_done();
    ek_member(fleet.state, A)->priority = 1;
    ek_member(fleet.state, B)->votes = 0;
    assert_done();
    ek_member(fleet.state, B)->votes = 1;
    fleet.policy.former_primary = -1;
    assert_done();
    fleet.policy.former_primary = A;
    assert_done();
    settle(THREE, EK_SSL_PREFER, EK_SSL_PREFER);
    ek_member(fleet.state, C)->priority = 2;
    ek_member(fleet.state, C)->delayed = true;
    assert_done();
}

static void certificates_that_are_due(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_PREFER, EK_SSL_PREFER);
    assert_done();
    struct ek_certificate_state *certificate =
        &ek_member_certificates(fleet.state, B)->certificate_installed;
    certificate->not_after_s = fleet.policy.now_s + fleet.spec.certificates.renew_before_s;
    assert_done();
    certificate->not_after_s--;
    assert_step(&ek_step_issue_certificate, B, EK_SSL_UNKNOWN);
    settle(THREE, EK_SSL_PREFER, EK_SSL_PREFER);
    certificate->sole_name = EK_UNKNOWN;
    assert_step(&ek_step_issue_certificate, B, EK_SSL_UNKNOWN);
    settle(THREE, EK_SSL_PREFER, EK_SSL_PREFER);
    ek_member_certificates(fleet.state, B)->key_password = EK_NO;
    assert_step(&ek_step_issue_certificate, B, EK_SSL_UNKNOWN);
    settle(THREE, EK_SSL_ALLOW, EK_SSL_ALLOW);
    certificate->name[0] = 'x';
    assert_step(&ek_step_issue_certificate, B, EK_SSL_UNKNOWN);
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    certificate->not_after_s = fleet.policy.now_s;
    assert_done(); /* nobody uses it */
}

static void trust_that_is_not_as_wanted(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++) {
        settle(THREE, EK_SSL_PREFER, EK_SSL_PREFER);
        struct ek_trust_state *trust = &ek_member_certificates(fleet.state, B)->trust_installed;
        if (k == 0)
            trust->present = EK_NO;
        else if (k == 1)
            trust->count = 2;
        else
            trust->sha256[0][31] ^= 1;
        assert_step(&ek_step_install_trust, B, EK_SSL_UNKNOWN);
    }
}

static void what_is_read_at_a_start_only(void **state)
{
    (void)state;
    for (int k = 0; k < 4; k++) {
        settle(THREE, EK_SSL_PREFER, EK_SSL_PREFER);
        if (k == 0)
            ek_member_certificates(fleet.state, C)->certificate_running.sha256[31] ^= 1;
        else if (k == 1)
            ek_member_certificates(fleet.state, C)->trust_running.count = 2;
        else if (k == 2)
            ek_member_certificates(fleet.state, C)->trust_running.sha256[0][31] ^= 1;
        else
            ek_member_transport(fleet.state, C)->options_running.digest[31] ^= 1;
        assert_step(&ek_step_restart, C, EK_SSL_PREFER);
        if (k == 0) /* what is not known is no reason */
            ek_member_certificates(fleet.state, C)->certificate_running.present = EK_UNKNOWN;
        else if (k < 3)
            ek_member_certificates(fleet.state, C)->trust_running.present = EK_UNKNOWN;
        else
            ek_member_transport(fleet.state, C)->options_running.known = EK_UNKNOWN;
        if (k > 0) {
            assert_done();
            continue;
        }
        assert_blocked_by("EK-0132");
        ek_member_certificates(fleet.state, C)->certificate_running.present = EK_NO;
        assert_blocked_by("EK-0132");
    }
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_member_transport(fleet.state, C)->options_running.digest[0] = 9;
    assert_done();
}

/* One by one; with TLS neither wanted nor used they are no matter. */
static void what_is_not_known_is_not_replaced(void **state)
{
    (void)state;
    for (int k = 0; k < 4; k++)
        for (int mode = EK_SSL_DISABLED; mode <= (int)EK_SSL_ALLOW; mode++) {
            settle(THREE, (enum ek_ssl_mode)mode, (enum ek_ssl_mode)mode);
            assert_done();
            if (k == 0)
                ek_member_certificates(fleet.state, B)->trust_installed.present = EK_UNKNOWN;
            else if (k == 1)
                ek_member_certificates(fleet.state, B)->certificate_installed.present = EK_UNKNOWN;
            else if (k == 2)
                ek_member_transport(fleet.state, B)->options_wanted.known = EK_UNKNOWN;
            else
                ek_member_certificates(fleet.state, B)->certificate_running.present = EK_UNKNOWN;
            if (mode == EK_SSL_DISABLED) {
                assert_done();
                ek_member_transport(fleet.state, B)->mode_configured = EK_SSL_ALLOW;
                k < 3 ? assert_blocked_by("EK-0132")
                      : assert_step(&ek_step_write_configuration, B, EK_SSL_DISABLED);
                continue;
            }
            assert_blocked_by("EK-0132");
            fleet.spec.ssl_mode = EK_SSL_DISABLED; /* on the way down */
            k < 3 ? assert_blocked_by("EK-0132")
                  : assert_step(&ek_step_write_configuration, C, EK_SSL_DISABLED);
        }
}

static void what_is_not_known_matters_as_soon_as_tls_is_wanted(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_ALLOW);
    ek_member_certificates(fleet.state, B)->trust_installed.present = EK_UNKNOWN;
    assert_blocked_by("EK-0132");
    ek_certificates(fleet.state)->authority = EK_NO; /* before anything is made */
    assert_blocked_by("EK-0132");
    ek_member(fleet.state, C)->reachable = EK_NO; /* what is worse is said first */
    assert_blocked_by("EK-0105");
}

static void what_is_not_known_of_one_keeps_no_other_down(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_ALLOW, EK_SSL_ALLOW);
    ek_member(fleet.state, B)->process = EK_NO;
    ek_member(fleet.state, B)->restart_begun = EK_YES;
    ek_member_certificates(fleet.state, C)->certificate_installed.present = EK_UNKNOWN;
    assert_step(&ek_step_start, B, EK_SSL_ALLOW);
    ek_member_certificates(fleet.state, B)->certificate_installed.present = EK_UNKNOWN;
    assert_blocked_by("EK-0132");
    ek_member(fleet.state, B)->configuration = EK_UNKNOWN;
    assert_blocked_by("EK-0107");
}

/* Nobody dials by TLS whoever may trust something else: he is restarted as he is first. */
static void trust_that_the_process_has_not_read(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_ALLOW, EK_SSL_REQUIRE);
    ek_member_certificates(fleet.state, B)->trust_running.count =
        ek_member_certificates(fleet.state, C)->trust_running.count = 0;
    assert_step(&ek_step_restart, C, EK_SSL_ALLOW);
    ek_member_certificates(fleet.state, C)->trust_running.count = 1;
    assert_step(&ek_step_write_configuration, B, EK_SSL_PREFER);
    ek_member_certificates(fleet.state, C)->trust_running.present = EK_NO;
    assert_step(&ek_step_restart, B, EK_SSL_ALLOW);
    settle(THREE, EK_SSL_ALLOW, EK_SSL_PREFER);
    ek_member_transport(fleet.state, B)->mode_configured =
        EK_SSL_PREFER; /* and then a's file was written anew */
    ek_member_certificates(fleet.state, A)->trust_running.sha256[0][31] ^= 1;
    assert_step(&ek_step_write_configuration, B, EK_SSL_ALLOW);
    ek_member_transport(fleet.state, B)->mode_configured = EK_SSL_ALLOW;
    assert_step(&ek_step_step_down, A, EK_SSL_UNKNOWN);
}

static void views_that_count(void **state)
{
    (void)state;
    all_want_a_restart(PSA);
    ek_member(fleet.state, B)->viewed_by &= ~(uint64_t)(1 << C);
    ek_member(fleet.state, B)->healthy_for &= ~(uint64_t)(1 << C);
    assert_step(&ek_step_restart, B, EK_SSL_PREFER); /* an arbiter has nobody to ask as */
    ek_member(fleet.state, B)->viewed_by |= 1 << C;
    assert_blocked_by("EK-0114");
    all_want_a_restart(THREE);
    ek_member(fleet.state, B)->viewed_by &= ~(uint64_t)(1 << C);
    ek_member(fleet.state, B)->healthy_for &= ~(uint64_t)(1 << C);
    assert_blocked_by("EK-0114");
    all_want_a_restart(THREE);
    ek_member(fleet.state, B)->healthy_for &= ~(uint64_t)(1 << B); /* its own word is no matter */
    assert_step(&ek_step_restart, C, EK_SSL_PREFER);
    ek_member(fleet.state, B)->delayed = true;
    ek_member(fleet.state, B)->lag_ms = 3600000;
    ek_member(fleet.state, D)->delayed = false;
    all_want_a_restart(FOUR);
    ek_member(fleet.state, B)->delayed = true;
    ek_member(fleet.state, B)->lag_ms = 3600000;
    assert_step(&ek_step_restart, D, EK_SSL_PREFER); /* it is meant to lag */
    ek_member(fleet.state, B)->lag_ms = -1;
    assert_step(&ek_step_restart, D, EK_SSL_PREFER);
}

/* Raising b to preferSSL: what of its peers it would dial. */
static void what_a_peer_must_show(void **state)
{
    (void)state;
    for (int k = 0; k < 7; k++) {
        settle(THREE, EK_SSL_ALLOW, EK_SSL_PREFER);
        ek_member_transport(fleet.state, A)->mode_running =
            ek_member_transport(fleet.state, C)->mode_running = EK_SSL_PREFER;
        assert_step(&ek_step_set_ssl_mode, B, EK_SSL_PREFER);
        struct ek_member_transport *transport = ek_member_transport(fleet.state, C);
        struct ek_member_certificates *c = ek_member_certificates(fleet.state, C);
        switch (k) {
        case 0: c->certificate_running.present = EK_UNKNOWN; break;
        case 1: c->certificate_running.issued_by_authority = EK_NO; break;
        case 2: c->certificate_running.name[0] = 'x'; break;
        case 3: c->certificate_installed.present = EK_UNKNOWN; break;
        case 4: transport->mode_configured = EK_SSL_DISABLED; break;
        case 5: transport->mode_running = EK_SSL_DISABLED; break;
        default: transport->mode_configured = EK_SSL_REQUIRE; break;
        }
        struct ek_verdict verdict = ask();
        bool raised = verdict.kind == EK_VERDICT_STEP && verdict.step.member == B &&
                      verdict.step.kind == &ek_step_set_ssl_mode;
        assert_int_equal(raised, k == 6); /* one rung apart is no hindrance */
    }
}

static void run_time_is_not_for_everybody(void **state)
{
    (void)state;
    settle(PSA, EK_SSL_ALLOW, EK_SSL_REQUIRE);
    ek_member_transport(fleet.state, A)->mode_running =
        ek_member_transport(fleet.state, A)->mode_configured = EK_SSL_PREFER;
    ek_member_transport(fleet.state, B)->mode_running =
        ek_member_transport(fleet.state, B)->mode_configured = EK_SSL_PREFER;
    struct ek_verdict verdict = ask();
    assert_false(verdict.kind == EK_VERDICT_STEP && verdict.step.kind == &ek_step_set_ssl_mode &&
                 verdict.step.member == C);
    settle(THREE, EK_SSL_PREFER, EK_SSL_PREFER);
    fleet.spec.maintenance.plaintext_clients = EK_PLAINTEXT_REFUSE;
    ek_member_transport(fleet.state, B)->mode_running =
        ek_member_transport(fleet.state, B)->mode_configured = EK_SSL_ALLOW;
    ek_member_transport(fleet.state, B)->plaintext_clients = 3; /* preferSSL shuts nobody out */
    assert_step(&ek_step_set_ssl_mode, B, EK_SSL_PREFER);
}

static void a_user_of_our_own(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_access(fleet.state)->own_user = EK_NO;
    assert_step(&ek_step_create_user, -1, EK_SSL_UNKNOWN);
    ek_access(fleet.state)->authentication = EK_NO;
    assert_done();
    ek_access(fleet.state)->authentication = EK_YES;
    ek_member(fleet.state, A)->state = EK_MEMBER_SECONDARY;
    ek_member(fleet.state, A)->writable = EK_NO;
    assert_blocked_by("EK-0112");
}

static void new_members_one_by_one(void **state)
{
    (void)state;
    model_case_init_bare(&fleet, THREE, EK_SSL_DISABLED);
    assert_step(&ek_step_install_key_file, A, EK_SSL_UNKNOWN);
    ek_member_access(fleet.state, A)->key_file = EK_YES;
    assert_step(&ek_step_write_configuration, A, EK_SSL_DISABLED);
    ek_member_transport(fleet.state, A)->mode_configured =
        EK_SSL_DISABLED; /* as from a file that is not there any more */
    assert_step(&ek_step_write_configuration, A, EK_SSL_DISABLED);
    ek_member(fleet.state, A)->configuration = EK_YES;
    assert_step(&ek_step_start, A, EK_SSL_DISABLED);
    ek_member_transport(fleet.state, A)->mode_configured = EK_SSL_ALLOW;
    assert_step(&ek_step_write_configuration, A, EK_SSL_DISABLED);
    ek_member_transport(fleet.state, A)->mode_configured = EK_SSL_DISABLED;
    ek_member(fleet.state, A)->data = EK_YES;
    assert_blocked_by("EK-0106");
    ek_member(fleet.state, A)->restart_begun = EK_YES; /* it was us */
    assert_step(&ek_step_start, A, EK_SSL_DISABLED);
    ek_member(fleet.state, A)->restart_begun = EK_NO;
    ek_member(fleet.state, A)->data = EK_NO;
    ek_member(fleet.state, A)->process = EK_UNKNOWN;
    assert_blocked_by("EK-0106");
    ek_member(fleet.state, A)->process = EK_YES;
    ek_member(fleet.state, A)->state = EK_MEMBER_UNKNOWN;
    assert_blocked_by("EK-0105");
    model_case_init_bare(&fleet, THREE, EK_SSL_DISABLED);
    ek_member_access(fleet.state, A)->key_file = EK_UNKNOWN;
    assert_blocked_by("EK-0132");
    ek_member_access(fleet.state, A)->key_file = EK_YES;
    ek_member(fleet.state, A)->configuration = EK_UNKNOWN;
    assert_blocked_by("EK-0132");
    model_case_init_bare(&fleet, ONE, EK_SSL_ALLOW);
    first(&ek_step_start);
    ek_member_transport(fleet.state, A)->options_configured.digest[0] ^= 1;
    assert_step(&ek_step_write_configuration, A, EK_SSL_ALLOW);
}

static void a_file_with_other_options(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_PREFER, EK_SSL_PREFER);
    ek_member_transport(fleet.state, B)->options_configured.digest[31] ^= 1;
    assert_step(&ek_step_write_configuration, B, EK_SSL_PREFER);
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_member_transport(fleet.state, B)->options_configured.digest[31] ^= 1;
    assert_step(&ek_step_write_configuration, B, EK_SSL_DISABLED);
}

static void a_restart_that_did_not_come_up(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_ALLOW, EK_SSL_ALLOW);
    ek_member(fleet.state, B)->restart_begun = EK_YES; /* begun, and up by now */
    assert_done();
    ek_member(fleet.state, B)->process = ek_member(fleet.state, B)->reachable = EK_NO;
    ek_member(fleet.state, B)->state = EK_MEMBER_DOWN;
    assert_step(&ek_step_start, B, EK_SSL_ALLOW);
    ek_member_certificates(fleet.state, B)->certificate_installed.issued_by_authority =
        EK_NO; /* why it does not come up */
    assert_step(&ek_step_issue_certificate, B, EK_SSL_UNKNOWN);
    ek_certificates(fleet.state)->authority = EK_UNKNOWN;
    assert_step(&ek_step_start, B, EK_SSL_ALLOW);
    ek_certificates(fleet.state)->authority = EK_YES;
    fleet.spec.ssl_mode = EK_SSL_DISABLED; /* a newer commit: no certificate is needed */
    assert_step(&ek_step_write_configuration, B, EK_SSL_DISABLED);
}

/* Nothing of the set is touched but what the file of one member says. */
static void a_file_that_dials_tls_under_other_names(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_member_transport(fleet.state, C)->mode_configured = EK_SSL_REQUIRE;
    assert_step(&ek_step_write_configuration, C, EK_SSL_DISABLED);
}

static void unreadable_in_either_way(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_member(fleet.state, C)->configuration = EK_UNKNOWN;
    assert_blocked_by("EK-0107");
}

static void one_domain_for_all_names(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_PREFER);
    ek_member_transport(fleet.state, B)->domain_name_bound = EK_NO;
    assert_step(&ek_step_bind_name, B, EK_SSL_UNKNOWN);
    assert_string_equal(label_of(ask()), ek_transport(fleet.state)->domain_label);
}

static void a_restart_into_require_shuts_nobody_out(void **state)
{
    (void)state;
    settle(ONE, EK_SSL_DISABLED, EK_SSL_REQUIRE);
    ek_member_transport(fleet.state, A)->plaintext_clients = 2;
    for (struct ek_verdict v = ask(); v.kind == EK_VERDICT_STEP; v = ask()) {
        if (v.step.kind == &ek_step_restart)
            assert_int_equal(ek_member_transport(fleet.state, A)->mode_configured, EK_SSL_PREFER);
        ek_effect(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &v.step, &fleet.state,
                  NULL);
    }
    assert_blocked_by("EK-0119");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_important_first),
        cmocka_unit_test(an_arbiter_last),
        cmocka_unit_test(whom_the_server_hands_over_to),
        cmocka_unit_test(a_successor_signs),
        cmocka_unit_test(a_certificate_that_ends_waits_for_no_window),
        cmocka_unit_test(nobody_to_spare),
        cmocka_unit_test(a_preferred_member_is_held_back),
        cmocka_unit_test(who_should_lead),
        cmocka_unit_test(certificates_that_are_due),
        cmocka_unit_test(trust_that_is_not_as_wanted),
        cmocka_unit_test(what_is_read_at_a_start_only),
        cmocka_unit_test(what_is_not_known_is_not_replaced),
        cmocka_unit_test(what_is_not_known_of_one_keeps_no_other_down),
        cmocka_unit_test(what_is_not_known_matters_as_soon_as_tls_is_wanted),
        cmocka_unit_test(trust_that_the_process_has_not_read),
        cmocka_unit_test(views_that_count),
        cmocka_unit_test(what_a_peer_must_show),
        cmocka_unit_test(run_time_is_not_for_everybody),
        cmocka_unit_test(a_user_of_our_own),
        cmocka_unit_test(new_members_one_by_one),
        cmocka_unit_test(a_file_with_other_options),
        cmocka_unit_test(a_restart_that_did_not_come_up),
        cmocka_unit_test(a_file_that_dials_tls_under_other_names),
        cmocka_unit_test(unreadable_in_either_way),
        cmocka_unit_test(one_domain_for_all_names),
        cmocka_unit_test(a_restart_into_require_shuts_nobody_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
