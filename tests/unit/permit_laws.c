/* Every law: a step that it permits on a settled fleet, and the one thing that makes it refuse. */
#include "tests/unit/permit_fleet.h"

/* Which modes go together, as the server's own documentation tells. */
static void every_pair_of_modes(void **state)
{
    (void)state;
    static const bool together[5][5] = {
        [EK_SSL_DISABLED] = {[EK_SSL_DISABLED] = true, [EK_SSL_ALLOW] = true},
        [EK_SSL_ALLOW] = {[EK_SSL_DISABLED] = true, [EK_SSL_ALLOW] = true, [EK_SSL_PREFER] = true},
        [EK_SSL_PREFER] = {[EK_SSL_ALLOW] = true, [EK_SSL_PREFER] = true, [EK_SSL_REQUIRE] = true},
        [EK_SSL_REQUIRE] = {[EK_SSL_PREFER] = true, [EK_SSL_REQUIRE] = true},
    };
    for (int all = EK_SSL_DISABLED; all <= (int)EK_SSL_REQUIRE; all++)
        for (int one = EK_SSL_DISABLED; one <= (int)EK_SSL_REQUIRE; one++) {
            settle(THREE, (enum ek_ssl_mode)all, (enum ek_ssl_mode)all);
            for (int i = 0; i < 3; i++) /* the names in the certificates are the ones in use */
                use_domain_name(i);
            struct ek_step step = step_of(&ek_step_write_configuration, B, (enum ek_ssl_mode)one);
            if (together[all][one])
                assert_permitted(step);
            else
                assert_refused(step, "EK-0201");
        }
}

static void a_name_that_no_certificate_carries(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_ALLOW, EK_SSL_PREFER);
    struct ek_step raise = step_of(&ek_step_set_ssl_mode, B, EK_SSL_PREFER);
    assert_permitted(raise);
    snprintf(ek_member(fleet.state, C)->host, sizeof ek_member(fleet.state, C)->host,
             "db-c.test:27017");
    assert_refused(raise, "EK-0201");
}

static void a_certificate_that_a_crash_would_bring(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_ALLOW, EK_SSL_PREFER);
    ek_member_certificates(fleet.state, C)->certificate_installed.issued_by_authority = EK_NO;
    assert_refused(step_of(&ek_step_set_ssl_mode, B, EK_SSL_PREFER), "EK-0201");
}

static void an_authority_that_a_peer_does_not_trust(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_ALLOW, EK_SSL_PREFER);
    ek_member_certificates(fleet.state, C)->trust_running.count = 0;
    assert_refused(step_of(&ek_step_set_ssl_mode, B, EK_SSL_PREFER), "EK-0201");
}

static void a_start_without_a_certificate(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_ALLOW);
    assert_permitted(step_of(&ek_step_write_configuration, B, EK_SSL_ALLOW));
    ek_member_certificates(fleet.state, B)->certificate_installed.not_after_s = fleet.policy.now_s;
    assert_refused(step_of(&ek_step_write_configuration, B, EK_SSL_ALLOW), "EK-0202");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_ALLOW);
    ek_member_certificates(fleet.state, B)->trust_installed.present = EK_NO;
    assert_refused(step_of(&ek_step_write_configuration, B, EK_SSL_ALLOW), "EK-0202");
}

static void a_start_without_the_password_of_the_key(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_PREFER, EK_SSL_PREFER);
    assert_permitted(step_of(&ek_step_restart, B, EK_SSL_PREFER));
    ek_member_certificates(fleet.state, B)->key_password = EK_NO;
    assert_refused(step_of(&ek_step_restart, B, EK_SSL_PREFER), "EK-0202");
    assert_refused(step_of(&ek_step_write_configuration, B, EK_SSL_PREFER), "EK-0202");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED); /* it needs none */
    ek_member_certificates(fleet.state, B)->key_password = EK_NO;
    assert_permitted(step_of(&ek_step_restart, B, EK_SSL_DISABLED));
}

static void one_member_at_a_time(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    struct ek_step restart = step_of(&ek_step_restart, B, EK_SSL_DISABLED);
    assert_permitted(restart);
    ek_member(fleet.state, C)->state = EK_MEMBER_RECOVERING;
    assert_refused(restart, "EK-0203");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_member(fleet.state, C)->lag_ms = 60000;
    assert_refused(restart, "EK-0203");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_member(fleet.state, C)->lag_ms = -1;
    assert_refused(restart, "EK-0203");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_member(fleet.state, A)->healthy_for &= ~((uint64_t)1 << C);
    assert_refused(restart, "EK-0203");
}

static void a_majority_and_a_second_copy(void **state)
{
    (void)state;
    settle(TWO, EK_SSL_DISABLED, EK_SSL_DISABLED);
    struct ek_step restart = step_of(&ek_step_restart, B, EK_SSL_DISABLED);
    assert_permitted(restart); /* the shape accepts interruptions */
    fleet.spec.maintenance.interruption = EK_INTERRUPTION_REFUSE;
    assert_refused(restart, "EK-0204");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_member(fleet.state, C)->arbiter = true;
    ek_member(fleet.state, C)->state = EK_MEMBER_ARBITER;
    assert_refused(restart, "EK-0204");
}

static void the_primary_is_not_stopped(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    assert_refused(step_of(&ek_step_restart, A, EK_SSL_DISABLED), "EK-0205");
    settle(ONE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    assert_permitted(step_of(&ek_step_restart, A, EK_SSL_DISABLED));
}

static void only_a_fit_successor(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    struct ek_step down = step_of(&ek_step_step_down, A, EK_SSL_UNKNOWN);
    assert_refused(down, "EK-0206"); /* nobody named */
    down.other = B;
    assert_permitted(down);
    ek_member(fleet.state, B)->signing_key = 0;
    assert_refused(down, "EK-0206");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_member(fleet.state, C)->signing_key = 0; /* not named, but the server may hand over to it */
    assert_refused(down, "EK-0206");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_member(fleet.state, B)->priority = 0;
    assert_refused(down, "EK-0206");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_member(fleet.state, A)->state = EK_MEMBER_SECONDARY;
    assert_refused(down, "EK-0206");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_member(fleet.state, B)->healthy_for = (uint64_t)1 << B; /* nobody else sees it … */
    ek_member(fleet.state, B)->viewed_by = (uint64_t)1 << B;   /* … or was asked */
    assert_refused(down, "EK-0206");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    for (int i = 0; i < 3; i++)
        ek_member(fleet.state, i)->healthy_for &= ~((uint64_t)1 << B); /* it sees nobody */
    for (int i = 0; i < 3; i++)
        ek_member(fleet.state, i)->viewed_by &= ~((uint64_t)1 << B);
    assert_refused(down, "EK-0206");
}

static void a_reconfiguration_of_what_was_seen(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_PREFER);
    struct ek_step rename = step_of(&ek_step_reconfigure, -1, EK_SSL_UNKNOWN);
    assert_permitted(rename);
    ek_set(fleet.state)->config_version++;
    assert_refused(rename, "EK-0207");
}

static void names_resolve_first(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_PREFER);
    ek_member_transport(fleet.state, C)->domain_name_bound = EK_NO;
    assert_refused(step_of(&ek_step_reconfigure, -1, EK_SSL_UNKNOWN), "EK-0208");
    settle(THREE, EK_SSL_ALLOW, EK_SSL_DISABLED);
    ek_member(fleet.state, C)->spec_host_resolves = EK_NO;
    assert_refused(step_of(&ek_step_reconfigure, -1, EK_SSL_UNKNOWN), "EK-0208");
}

static void clients_are_not_shut_out(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_PREFER, EK_SSL_REQUIRE);
    struct ek_step raise = step_of(&ek_step_set_ssl_mode, B, EK_SSL_REQUIRE);
    assert_permitted(raise);
    ek_member_transport(fleet.state, B)->plaintext_clients = 1;
    assert_refused(raise, "EK-0209");
    fleet.spec.maintenance.plaintext_clients = EK_PLAINTEXT_DISCONNECT;
    assert_permitted(raise);
}

static void clients_that_are_not_known(void **state)
{
    (void)state;
    settle(PSA, EK_SSL_PREFER, EK_SSL_REQUIRE);
    struct ek_step raise = step_of(&ek_step_set_ssl_mode, B, EK_SSL_REQUIRE);
    struct ek_member_transport *arbiter = ek_member_transport(fleet.state, C);
    assert_true(ek_member(fleet.state, C)->arbiter);
    arbiter->plaintext_clients = -1;
    assert_permitted(raise);
    ek_member_transport(fleet.state, A)->plaintext_clients = -1;
    assert_refused(raise, "EK-0209"); /* its own are known: those of another member are not */
    ek_member_transport(fleet.state, A)->mode_running = EK_SSL_REQUIRE;
    assert_permitted(raise);
    settle(ONE, EK_SSL_ALLOW, EK_SSL_REQUIRE);
    ek_member_transport(fleet.state, A)->mode_configured = EK_SSL_REQUIRE;
    ek_member(fleet.state, A)->process = EK_YES;
    fleet.spec.maintenance.interruption = EK_INTERRUPTION_ACCEPT;
    assert_refused(step_of(&ek_step_restart, A, EK_SSL_UNKNOWN), "EK-0209");
}

static int laws_against(struct ek_step step)
{
    return ek_permit(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &step, NULL);
}

/* Nobody asks for the clients of who does not run, nor for those of others where the member that
 * stops takes none in plaintext anyhow. */
static void clients_that_do_not_matter(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_PREFER, EK_SSL_REQUIRE);
    struct ek_step raise = step_of(&ek_step_set_ssl_mode, B, EK_SSL_REQUIRE);
    ek_member(fleet.state, C)->process = EK_NO;
    int others = laws_against(raise);
    ek_member_transport(fleet.state, C)->plaintext_clients = -1;
    assert_int_equal(laws_against(raise), others);
    ek_member(fleet.state, C)->process = EK_YES;
    assert_refused(raise, "EK-0209");

    settle(THREE, EK_SSL_REQUIRE, EK_SSL_REQUIRE);
    struct ek_step restart = step_of(&ek_step_restart, C, EK_SSL_UNKNOWN);
    ek_member_transport(fleet.state, B)->mode_running = EK_SSL_PREFER;
    others = laws_against(restart);
    ek_member_transport(fleet.state, B)->plaintext_clients = 1;
    assert_int_equal(laws_against(restart), others);
    ek_member_transport(fleet.state, C)->mode_running = EK_SSL_PREFER;
    assert_int_equal(laws_against(restart), others + 1);
}

static void clients_are_watched_first(void **state)
{
    (void)state;
    settle(PSA, EK_SSL_PREFER, EK_SSL_REQUIRE);
    struct ek_step raise = step_of(&ek_step_set_ssl_mode, B, EK_SSL_REQUIRE);
    struct ek_member_transport *a = ek_member_transport(fleet.state, A);
    struct ek_member_transport *b = ek_member_transport(fleet.state, B);
    fleet.spec.maintenance.plaintext_window_s = 600;
    a->watched_since_s = b->watched_since_s = fleet.policy.now_s - 600;
    assert_permitted(raise);
    a->watched_since_s++;
    assert_refused(raise, "EK-0209");
    a->watched_since_s = 0; /* not known */
    assert_refused(raise, "EK-0209");
    fleet.policy.clients_watched = true; /* as a plan supposes behind its wait */
    assert_permitted(raise);
    fleet.policy.clients_watched = false;
    fleet.spec.maintenance.plaintext_clients = EK_PLAINTEXT_DISCONNECT;
    assert_permitted(raise);
}

static void one_rung_at_run_time(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_PREFER, EK_SSL_REQUIRE);
    assert_refused(step_of(&ek_step_set_ssl_mode, B, EK_SSL_ALLOW), "EK-0210");
    assert_refused(step_of(&ek_step_set_ssl_mode, B, EK_SSL_PREFER), "EK-0210");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_ALLOW);
    assert_refused(step_of(&ek_step_set_ssl_mode, B, EK_SSL_ALLOW), "EK-0210");
}

static void trust_outlives_certificates(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_ALLOW, EK_SSL_ALLOW);
    struct ek_step trust = step_of(&ek_step_install_trust, A, EK_SSL_UNKNOWN);
    assert_permitted(trust);
    ek_member_certificates(fleet.state, B)->certificate_running.issued_by_authority = EK_NO;
    assert_refused(trust, "EK-0211");
}

static void nothing_while_paused(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    fleet.policy.paused = true;
    assert_refused(step_of(&ek_step_bind_name, A, EK_SSL_UNKNOWN), "EK-0212");
}

static void outside_a_window(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_ALLOW, EK_SSL_PREFER);
    struct ek_step step_down = step_of(&ek_step_step_down, A, EK_SSL_UNKNOWN);
    struct ek_step reinstate = step_of(&ek_step_reinstate, A, EK_SSL_UNKNOWN);
    step_down.other = reinstate.other = B;
    const struct ek_step felt[] = {step_of(&ek_step_restart, C, EK_SSL_ALLOW),
                                   step_of(&ek_step_set_ssl_mode, C, EK_SSL_PREFER),
                                   step_of(&ek_step_reconfigure, -1, EK_SSL_UNKNOWN), step_down,
                                   reinstate};
    for (size_t i = 0; i < sizeof felt / sizeof *felt; i++) {
        fleet.policy.consent.window = EK_WINDOW_OPEN;
        assert_permitted(felt[i]);
        fleet.policy.consent.window = EK_WINDOW_CLOSED;
        assert_refused(felt[i], "EK-0213");
    }
    assert_permitted(step_of(&ek_step_write_configuration, C, EK_SSL_PREFER));
    assert_permitted(step_of(&ek_step_bind_name, C, EK_SSL_UNKNOWN));
    assert_permitted(step_of(&ek_step_install_trust, C, EK_SSL_UNKNOWN));
    assert_permitted(step_of(&ek_step_issue_certificate, C, EK_SSL_UNKNOWN));
}

static void a_certificate_that_ends_waits_for_no_window(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_ALLOW, EK_SSL_ALLOW);
    fleet.policy.consent.window = EK_WINDOW_CLOSED;
    fleet.spec.maintenance.urgent_renewal_s = 7 * 86400;
    struct ek_step restart = step_of(&ek_step_restart, C, EK_SSL_ALLOW);
    struct ek_step step_down = step_of(&ek_step_step_down, A, EK_SSL_UNKNOWN);
    step_down.other = B;
    struct ek_step raise = step_of(&ek_step_set_ssl_mode, C, EK_SSL_PREFER);
    for (int m = A; m <= C; m++) {
        struct ek_member_certificates *certificates = ek_member_certificates(fleet.state, m);
        certificates->certificate_running.not_after_s = fleet.policy.now_s + 7 * 86400;
        certificates->certificate_installed.not_after_s = fleet.policy.now_s + 700 * 86400;
    }
    struct ek_member_transport *c_transport = ek_member_transport(fleet.state, C);
    struct ek_member_certificates *c_certificates = ek_member_certificates(fleet.state, C);
    assert_refused(restart, "EK-0213");
    assert_refused(step_down, "EK-0213");
    c_certificates->certificate_running.not_after_s--;
    ek_member_certificates(fleet.state, A)->certificate_running.not_after_s--;
    assert_permitted(restart);
    assert_permitted(step_down);
    assert_refused(raise, "EK-0213");
    assert_refused(step_of(&ek_step_restart, B, EK_SSL_ALLOW), "EK-0213");
    /* Only when the restart brings a better one, and nothing else with it. */
    c_transport->mode_configured = EK_SSL_PREFER;
    assert_refused(restart, "EK-0213");
    c_transport->mode_configured = EK_SSL_ALLOW;
    c_certificates->certificate_installed.not_after_s =
        c_certificates->certificate_running.not_after_s;
    assert_refused(restart, "EK-0213");
    c_certificates->certificate_installed.not_after_s++;
    assert_permitted(restart);
    c_certificates->certificate_running.present = EK_NO;
    assert_refused(restart, "EK-0213");
    c_certificates->certificate_running.present = EK_YES;
    c_certificates->certificate_installed.present = EK_UNKNOWN;
    assert_true(ek_permit(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &restart, NULL) >
                0);
    ek_member_certificates(fleet.state, A)->certificate_installed.present = EK_UNKNOWN;
    assert_refused(step_down, "EK-0213");
}

static void nothing_without_what_was_asked_for(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_PREFER);
    struct ek_step bind = step_of(&ek_step_bind_name, A, EK_SSL_UNKNOWN);
    fleet.policy.consent.approval = EK_AGREEMENT_GIVEN;
    fleet.policy.consent.signature = EK_AGREEMENT_GIVEN;
    assert_permitted(bind);
    fleet.policy.consent.approval = EK_AGREEMENT_MISSING;
    assert_refused(bind, "EK-0214");
    fleet.policy.consent.approval = EK_AGREEMENT_NOT_NEEDED;
    fleet.policy.consent.signature = EK_AGREEMENT_MISSING;
    assert_refused(bind, "EK-0215");
}

static void no_certificate_by_a_wrong_clock(void **state)
{
    (void)state;
    static const int64_t tolerance_ms = 300000;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_PREFER);
    const struct ek_step dated[] = {step_of(&ek_step_create_authority, -1, EK_SSL_UNKNOWN),
                                    step_of(&ek_step_issue_certificate, A, EK_SSL_UNKNOWN),
                                    step_of(&ek_step_restart, C, EK_SSL_DISABLED)};
    for (size_t i = 0; i < sizeof dated / sizeof *dated; i++) {
        ek_member(fleet.state, B)->clock_ahead_ms = -tolerance_ms;
        assert_permitted(dated[i]);
        ek_member(fleet.state, B)->clock_ahead_ms--;
        assert_refused(dated[i], "EK-0216");
        ek_member(fleet.state, B)->clock_ahead_ms = tolerance_ms;
        assert_permitted(dated[i]);
        ek_member(fleet.state, B)->clock_ahead_ms++;
        assert_refused(dated[i], "EK-0216");
        ek_member(fleet.state, B)->clock_ahead_ms = EK_CLOCK_UNKNOWN;
        assert_permitted(dated[i]);
        ek_member(fleet.state, B)->clock_ahead_ms = 0;
    }
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_member(fleet.state, B)->clock_ahead_ms = tolerance_ms + 1;
    assert_permitted(step_of(&ek_step_restart, C, EK_SSL_DISABLED));
    settle(THREE, EK_SSL_ALLOW, EK_SSL_DISABLED);
    ek_member(fleet.state, B)->clock_ahead_ms = tolerance_ms + 1;
    assert_refused(step_of(&ek_step_restart, C, EK_SSL_DISABLED), "EK-0216");
    assert_permitted(step_of(&ek_step_bind_name, A, EK_SSL_UNKNOWN));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_of_modes),
        cmocka_unit_test(a_name_that_no_certificate_carries),
        cmocka_unit_test(a_certificate_that_a_crash_would_bring),
        cmocka_unit_test(an_authority_that_a_peer_does_not_trust),
        cmocka_unit_test(a_start_without_a_certificate),
        cmocka_unit_test(a_start_without_the_password_of_the_key),
        cmocka_unit_test(one_member_at_a_time),
        cmocka_unit_test(a_majority_and_a_second_copy),
        cmocka_unit_test(the_primary_is_not_stopped),
        cmocka_unit_test(only_a_fit_successor),
        cmocka_unit_test(a_reconfiguration_of_what_was_seen),
        cmocka_unit_test(names_resolve_first),
        cmocka_unit_test(clients_are_not_shut_out),
        cmocka_unit_test(clients_that_are_not_known),
        cmocka_unit_test(clients_that_do_not_matter),
        cmocka_unit_test(clients_are_watched_first),
        cmocka_unit_test(one_rung_at_run_time),
        cmocka_unit_test(trust_outlives_certificates),
        cmocka_unit_test(nothing_while_paused),
        cmocka_unit_test(outside_a_window),
        cmocka_unit_test(a_certificate_that_ends_waits_for_no_window),
        cmocka_unit_test(nothing_without_what_was_asked_for),
        cmocka_unit_test(no_certificate_by_a_wrong_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
