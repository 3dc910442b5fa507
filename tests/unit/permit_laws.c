/* Every law: a step that it permits on a settled fleet, and the one thing that makes it refuse. */
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

static void settle(size_t shape, enum ek_ssl_mode from, enum ek_ssl_mode to)
{
    model_case_init(&fleet, shape, from, to, true, false);
}

static struct ek_step step_of(const struct ek_step_kind *kind, int member, enum ek_ssl_mode mode)
{
    struct ek_step step = model_step(kind, member, mode);
    model_set_version(&step, ek_set(fleet.state)->config_version);
    model_set_label(&step, ek_transport(fleet.state)->domain_label);
    return step;
}

static void assert_permitted(struct ek_step step)
{
    struct ek_broken_law law = {0};
    int count = ek_permit(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &step, &law);
    if (count != 0)
        print_message("%s: %s\n", law.id, law.sentence);
    assert_int_equal(count, 0);
}

static void assert_refused(struct ek_step step, const char *id)
{
    struct ek_broken_law law = {0};
    assert_true(ek_permit(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &step, &law) > 0);
    assert_string_equal(law.id, id);
    assert_true(strlen(law.sentence) > 0);
}

/* Two laws forbid it: the one about members that are not well, and the one at hand. */
static void assert_refused_twice(struct ek_step step)
{
    struct ek_broken_law law = {0};
    assert_int_equal(ek_permit(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &step, &law),
                     2);
    assert_string_equal(law.id, "EK-0203");
}

static void use_domain_name(int i)
{
    char name[256];
    ek_domain_name(&fleet.spec, ek_transport(fleet.state)->domain_label, (size_t)i, name,
                   sizeof name);
    snprintf(ek_member(fleet.state, i)->host, sizeof ek_member(fleet.state, i)->host, "%s:27017",
             name);
}

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

/* ---- the edges of the laws: each part of each condition by itself ---- */

static void lag_at_its_limit(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    struct ek_step restart = step_of(&ek_step_restart, B, EK_SSL_DISABLED);
    struct ek_step down = step_of(&ek_step_step_down, A, EK_SSL_UNKNOWN);
    down.other = B;
    ek_member(fleet.state, B)->lag_ms = fleet.spec.maintenance.max_lag_s * 1000;
    assert_permitted(restart);
    assert_permitted(down);
    ek_member(fleet.state, B)->lag_ms++;
    assert_refused(restart, "EK-0203");
    assert_refused_twice(down);
    ek_member(fleet.state, B)->lag_ms = -1;
    assert_refused_twice(down);
    ek_member(fleet.state, B)->lag_ms = 0;
    ek_member(fleet.state, C)->delayed = true;
    ek_member(fleet.state, C)->lag_ms = 3600000;
    assert_permitted(down);
}

static void a_member_that_only_one_sign_calls_down(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    struct ek_step restart = step_of(&ek_step_restart, B, EK_SSL_DISABLED);
    ek_member(fleet.state, C)->process = EK_NO;
    assert_refused(restart, "EK-0203");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_member(fleet.state, C)->reachable = EK_UNKNOWN;
    assert_refused(restart, "EK-0203");
}

static void a_set_that_is_not_one_yet(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_set(fleet.state)->initiated = EK_NO;
    ek_member(fleet.state, C)->state = EK_MEMBER_UNINITIATED;
    ek_member(fleet.state, A)->state = EK_MEMBER_UNINITIATED;
    assert_permitted(step_of(&ek_step_restart, B, EK_SSL_DISABLED));
}

static void votes_and_copies(void **state)
{
    (void)state;
    settle(FOUR, EK_SSL_DISABLED, EK_SSL_DISABLED);
    struct ek_step restart = step_of(&ek_step_restart, B, EK_SSL_DISABLED);
    ek_member(fleet.state, C)->votes = 0;
    ek_member(fleet.state, D)->votes = 0;
    assert_refused(restart, "EK-0204"); /* one of two votes is no majority */
    ek_member(fleet.state, C)->votes = 1;
    assert_permitted(restart); /* two of three are */
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_member(fleet.state, C)->delayed = true; /* no copy to fall back on */
    assert_refused(restart, "EK-0204");
    settle(PSA, EK_SSL_DISABLED, EK_SSL_DISABLED);
    fleet.spec.maintenance.interruption = EK_INTERRUPTION_REFUSE;
    assert_permitted(step_of(&ek_step_restart, C, EK_SSL_DISABLED)); /* an arbiter holds no copy */
    settle(TWO, EK_SSL_DISABLED, EK_SSL_DISABLED);
    fleet.spec.maintenance.interruption = EK_INTERRUPTION_REFUSE;
    ek_member(fleet.state, B)->votes = 0;
    ek_member(fleet.state, B)->priority = 0;
    assert_refused(restart, "EK-0204"); /* a majority stays, the second copy does not */
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_member(fleet.state, C)->state = EK_MEMBER_RECOVERING;
    assert_refused_twice(restart); /* who is not fit does not count */
}

static void a_primary_and_arbiters(void **state)
{
    (void)state;
    settle(TWO, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_member(fleet.state, B)->arbiter = true;
    ek_member(fleet.state, B)->state = EK_MEMBER_ARBITER;
    assert_permitted(step_of(&ek_step_restart, A, EK_SSL_DISABLED)); /* nobody could take over */
}

static void every_part_of_fitness(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    struct ek_step down = step_of(&ek_step_step_down, A, EK_SSL_UNKNOWN);
    down.other = B;
    ek_member(fleet.state, B)->votes = 0;
    assert_refused(down, "EK-0206");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_member(fleet.state, B)->arbiter = true;
    assert_refused(down, "EK-0206");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_member(fleet.state, B)->state = EK_MEMBER_ARBITER;
    assert_refused(down, "EK-0206");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    for (int i = A; i <= C; i++)
        ek_member(fleet.state, i)->signing_key = 0;
    assert_refused(down, "EK-0206"); /* the same key means nothing when it is none */
    ek_access(fleet.state)->authentication = EK_NO;
    assert_permitted(down);                         /* nothing is signed then */
    settle(FOUR, EK_SSL_DISABLED, EK_SSL_DISABLED); /* two of four are no majority */
    ek_member(fleet.state, B)->healthy_for = ek_member(fleet.state, B)->viewed_by = 1 << A | 1 << B;
    assert_refused(down, "EK-0206");
    settle(FOUR, EK_SSL_DISABLED, EK_SSL_DISABLED);
    for (int i = C; i <= D; i++) {
        ek_member(fleet.state, i)->healthy_for &= ~(uint64_t)(1 << B);
        ek_member(fleet.state, i)->viewed_by &= ~(uint64_t)(1 << B);
    }
    assert_refused(down, "EK-0206");
}

static void what_a_start_needs(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_ALLOW, EK_SSL_ALLOW);
    for (int k = 0; k < 3; k++) {
        const struct ek_step_kind *kind = k == 0   ? &ek_step_restart
                                          : k == 1 ? &ek_step_start
                                                   : &ek_step_write_configuration;
        settle(THREE, EK_SSL_ALLOW, EK_SSL_ALLOW);
        struct ek_step step = step_of(kind, B, EK_SSL_ALLOW);
        assert_permitted(step);
        ek_member_certificates(fleet.state, B)->certificate_installed.not_after_s =
            fleet.policy.now_s;
        assert_refused(step, "EK-0202");
        ek_member_certificates(fleet.state, B)->certificate_installed.not_after_s++;
        assert_permitted(step);
        ek_member_certificates(fleet.state, B)->certificate_installed.present = EK_UNKNOWN;
        assert_refused(step, "EK-0202");
    }
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_member_transport(fleet.state, B)->mode_configured = EK_SSL_UNKNOWN;
    assert_refused(step_of(&ek_step_restart, B, EK_SSL_DISABLED), "EK-0202");
}

static void strangers_and_names(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_PREFER);
    snprintf(ek_set(fleet.state)->foreign_member, sizeof ek_set(fleet.state)->foreign_member,
             "db-x.test:27017");
    assert_refused(step_of(&ek_step_reconfigure, -1, EK_SSL_UNKNOWN), "EK-0207");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_PREFER);
    ek_member_transport(fleet.state, C)->domain_name_bound = EK_NO;
    assert_refused(step_of(&ek_step_initiate, -1, EK_SSL_UNKNOWN), "EK-0208");
    assert_permitted(step_of(&ek_step_create_user, -1, EK_SSL_UNKNOWN));
}

static void certificates_that_nobody_serves(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_ALLOW, EK_SSL_ALLOW);
    struct ek_step trust = step_of(&ek_step_install_trust, A, EK_SSL_UNKNOWN);
    ek_member_certificates(fleet.state, B)->certificate_running.issued_by_authority = EK_NO;
    assert_permitted(step_of(&ek_step_bind_name, A, EK_SSL_UNKNOWN));
    ek_member_certificates(fleet.state, B)->certificate_running.present = EK_NO;
    assert_permitted(trust);
    ek_member_certificates(fleet.state, B)->certificate_running.present = EK_YES;
    ek_member_transport(fleet.state, B)->mode_running = EK_SSL_DISABLED;
    assert_permitted(trust);
}

/* Law 1 with everybody in preferSSL: what each side needs of the other. */
static void what_tls_between_members_needs(void **state)
{
    (void)state;
    for (int k = 0; k < 4; k++) {
        settle(THREE, EK_SSL_ALLOW, EK_SSL_PREFER);
        struct ek_step raise = step_of(&ek_step_set_ssl_mode, B, EK_SSL_PREFER);
        assert_permitted(raise);
        struct ek_member_certificates *b_certificates = ek_member_certificates(fleet.state, B);
        struct ek_member_certificates *c_certificates = ek_member_certificates(fleet.state, C);
        if (k == 0)
            b_certificates->trust_running.present = EK_NO; /* the dialler can't check */
        else if (k == 1)
            memset(b_certificates->trust_running.sha256[0], 0x11, 32);
        else if (k == 2)
            b_certificates->certificate_running.issued_by_authority =
                EK_NO; /* the taker would refuse it */
        else
            c_certificates->certificate_installed.present = EK_NO;
        assert_refused(raise, "EK-0201");
    }
}

static void who_is_down_dials_nobody(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_ALLOW, EK_SSL_PREFER);
    ek_member(fleet.state, C)->process = EK_NO;
    ek_member_certificates(fleet.state, C)->certificate_running.present = EK_NO;
    struct ek_step file = step_of(&ek_step_write_configuration, B, EK_SSL_PREFER);
    assert_permitted(file);
    ek_member(fleet.state, C)->process = EK_YES;
    assert_refused(file, "EK-0201");
    ek_member_transport(fleet.state, C)->mode_running =
        EK_SSL_UNKNOWN; /* nothing is known to be broken */
    assert_permitted(file);
}

/* What was broken before the step, the step does not break. */
static void a_repair_beside_a_broken_pair(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_member_transport(fleet.state, C)->mode_configured = EK_SSL_REQUIRE;
    assert_permitted(step_of(&ek_step_bind_name, A, EK_SSL_UNKNOWN));
    assert_permitted(step_of(&ek_step_write_configuration, C, EK_SSL_DISABLED));
}

/* …but what works while both run is not broken because it would not after a crash. */
static void a_link_that_only_runs(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_ALLOW, EK_SSL_PREFER);
    ek_member_transport(fleet.state, B)->mode_configured = EK_SSL_PREFER;
    ek_member_certificates(fleet.state, C)->trust_running.count = 0;
    assert_refused(step_of(&ek_step_set_ssl_mode, B, EK_SSL_PREFER), "EK-0201");
    assert_refused(step_of(&ek_step_restart, B, EK_SSL_PREFER), "EK-0201");
    assert_permitted(step_of(&ek_step_write_configuration, B, EK_SSL_ALLOW));
    assert_permitted(step_of(&ek_step_restart, C, EK_SSL_ALLOW));
    ek_member(fleet.state, B)->process = EK_NO; /* it would run as its file says */
    assert_permitted(step_of(&ek_step_start, B, EK_SSL_PREFER));
}

/* A certificate for another name is not put where it is dialled under the old one. */
static void a_certificate_by_another_name(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_PREFER, EK_SSL_PREFER);
    struct ek_step issue = step_of(&ek_step_issue_certificate, B, EK_SSL_UNKNOWN);
    assert_permitted(issue);
    model_set_label(&issue, "another");
    assert_refused(issue, "EK-0201");
}

static void what_was_not_read_is_not_replaced(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    struct ek_member *b = ek_member(fleet.state, B);
    struct ek_member_transport *b_transport = ek_member_transport(fleet.state, B);
    struct ek_member_certificates *b_certificates = ek_member_certificates(fleet.state, B);
    struct ek_member_access *b_access = ek_member_access(fleet.state, B);
    const struct {
        const struct ek_step_kind *kind;
        enum ek_tri *replaced;
    } rows[] = {
        {&ek_step_create_authority, &ek_certificates(fleet.state)->authority},
        {&ek_step_install_trust, &b_certificates->trust_installed.present},
        {&ek_step_issue_certificate, &b_certificates->certificate_installed.present},
        {&ek_step_install_key_file, &b_access->key_file},
        {&ek_step_write_configuration, &b->configuration},
        {&ek_step_write_configuration, &b_transport->options_wanted.known},
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
        b_transport->mode_configured = EK_SSL_REQUIRE; /* nothing more can be broken */
        bool file = rows[k].kind == &ek_step_write_configuration;
        int member = rows[k].kind == &ek_step_create_authority ? -1 : B;
        struct ek_step step = step_of(rows[k].kind, member, file ? EK_SSL_ALLOW : EK_SSL_UNKNOWN);
        assert_permitted(step);
        *rows[k].replaced = EK_UNKNOWN;
        assert_refused(step, "EK-0218");
        model_set_mode(&step, EK_SSL_DISABLED); /* names no options */
        if (rows[k].replaced == &b_transport->options_wanted.known)
            assert_permitted(step);
        assert_permitted(step_of(&ek_step_bind_name, B, EK_SSL_UNKNOWN));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_of_modes),
        cmocka_unit_test(a_name_that_no_certificate_carries),
        cmocka_unit_test(a_certificate_that_a_crash_would_bring),
        cmocka_unit_test(an_authority_that_a_peer_does_not_trust),
        cmocka_unit_test(a_start_without_a_certificate),
        cmocka_unit_test(one_member_at_a_time),
        cmocka_unit_test(a_majority_and_a_second_copy),
        cmocka_unit_test(the_primary_is_not_stopped),
        cmocka_unit_test(only_a_fit_successor),
        cmocka_unit_test(a_reconfiguration_of_what_was_seen),
        cmocka_unit_test(names_resolve_first),
        cmocka_unit_test(clients_are_not_shut_out),
        cmocka_unit_test(one_rung_at_run_time),
        cmocka_unit_test(trust_outlives_certificates),
        cmocka_unit_test(nothing_while_paused),
        cmocka_unit_test(outside_a_window),
        cmocka_unit_test(a_certificate_that_ends_waits_for_no_window),
        cmocka_unit_test(nothing_without_what_was_asked_for),
        cmocka_unit_test(no_certificate_by_a_wrong_clock),
        cmocka_unit_test(lag_at_its_limit),
        cmocka_unit_test(a_member_that_only_one_sign_calls_down),
        cmocka_unit_test(a_set_that_is_not_one_yet),
        cmocka_unit_test(votes_and_copies),
        cmocka_unit_test(a_primary_and_arbiters),
        cmocka_unit_test(every_part_of_fitness),
        cmocka_unit_test(what_a_start_needs),
        cmocka_unit_test(strangers_and_names),
        cmocka_unit_test(certificates_that_nobody_serves),
        cmocka_unit_test(what_tls_between_members_needs),
        cmocka_unit_test(who_is_down_dials_nobody),
        cmocka_unit_test(a_repair_beside_a_broken_pair),
        cmocka_unit_test(a_link_that_only_runs),
        cmocka_unit_test(what_was_not_read_is_not_replaced),
        cmocka_unit_test(a_certificate_by_another_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
