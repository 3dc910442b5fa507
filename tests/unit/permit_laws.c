/* Every law: a step that it permits on a settled fleet, and the one thing that makes it refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "reconciler/permit.h"
#include "tests/model/cases.c"

enum { ONE = 0, TWO = 1, THREE = 2 };
enum { A, B, C };

static struct model_case fleet;

static void settle(size_t shape, enum ek_ssl_mode from, enum ek_ssl_mode to)
{
    model_case_init(&fleet, shape, from, to, true, false);
}

static struct ek_step step_of(enum ek_step_kind kind, int member, enum ek_ssl_mode mode)
{
    struct ek_step step = {.kind = kind,
                           .member = member,
                           .other = -1,
                           .mode = mode,
                           .config_version = fleet.state.config_version};
    memcpy(step.label, fleet.state.domain_label, sizeof step.label);
    return step;
}

static void assert_permitted(struct ek_step step)
{
    struct ek_broken_law law = {0};
    int count = ek_permit(&fleet.spec, &fleet.state, &step, &fleet.policy, &law);
    if (count != 0)
        print_message("%s: %s\n", law.id, law.sentence);
    assert_int_equal(count, 0);
}

static void assert_refused(struct ek_step step, const char *id)
{
    struct ek_broken_law law = {0};
    assert_true(ek_permit(&fleet.spec, &fleet.state, &step, &fleet.policy, &law) > 0);
    assert_string_equal(law.id, id);
    assert_true(strlen(law.sentence) > 0);
}

static void use_domain_name(int i)
{
    char name[256];
    ek_domain_name(&fleet.spec, fleet.state.domain_label, (size_t)i, name, sizeof name);
    snprintf(fleet.state.members[i].host, sizeof fleet.state.members[i].host, "%s:27017", name);
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
            struct ek_step step = step_of(EK_STEP_WRITE_CONFIGURATION, B, (enum ek_ssl_mode)one);
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
    struct ek_step raise = step_of(EK_STEP_SET_SSL_MODE, B, EK_SSL_PREFER);
    assert_permitted(raise);
    snprintf(fleet.state.members[C].host, sizeof fleet.state.members[C].host, "db-c.test:27017");
    assert_refused(raise, "EK-0201");
}

static void a_certificate_that_a_crash_would_bring(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_ALLOW, EK_SSL_PREFER);
    fleet.state.members[C].certificate_installed.issued_by_authority = EK_NO;
    assert_refused(step_of(EK_STEP_SET_SSL_MODE, B, EK_SSL_PREFER), "EK-0201");
}

static void an_authority_that_a_peer_does_not_trust(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_ALLOW, EK_SSL_PREFER);
    fleet.state.members[C].trust_running.count = 0;
    assert_refused(step_of(EK_STEP_SET_SSL_MODE, B, EK_SSL_PREFER), "EK-0201");
}

static void a_start_without_a_certificate(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_ALLOW);
    assert_permitted(step_of(EK_STEP_WRITE_CONFIGURATION, B, EK_SSL_ALLOW));
    fleet.state.members[B].certificate_installed.not_after_s = fleet.policy.now_s;
    assert_refused(step_of(EK_STEP_WRITE_CONFIGURATION, B, EK_SSL_ALLOW), "EK-0202");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_ALLOW);
    fleet.state.members[B].trust_installed.present = EK_NO;
    assert_refused(step_of(EK_STEP_WRITE_CONFIGURATION, B, EK_SSL_ALLOW), "EK-0202");
}

static void one_member_at_a_time(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    struct ek_step restart = step_of(EK_STEP_RESTART, B, EK_SSL_DISABLED);
    assert_permitted(restart);
    fleet.state.members[C].state = EK_MEMBER_RECOVERING;
    assert_refused(restart, "EK-0203");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    fleet.state.members[C].lag_ms = 60000;
    assert_refused(restart, "EK-0203");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    fleet.state.members[C].lag_ms = -1;
    assert_refused(restart, "EK-0203");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    fleet.state.members[A].healthy_for &= ~((uint64_t)1 << C);
    assert_refused(restart, "EK-0203");
}

static void a_majority_and_a_second_copy(void **state)
{
    (void)state;
    settle(TWO, EK_SSL_DISABLED, EK_SSL_DISABLED);
    struct ek_step restart = step_of(EK_STEP_RESTART, B, EK_SSL_DISABLED);
    assert_permitted(restart); /* the shape accepts interruptions */
    fleet.spec.maintenance.interruption = EK_INTERRUPTION_REFUSE;
    assert_refused(restart, "EK-0204");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    fleet.state.members[C].arbiter = true;
    fleet.state.members[C].state = EK_MEMBER_ARBITER;
    assert_refused(restart, "EK-0204");
}

static void the_primary_is_not_stopped(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    assert_refused(step_of(EK_STEP_RESTART, A, EK_SSL_DISABLED), "EK-0205");
    settle(ONE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    assert_permitted(step_of(EK_STEP_RESTART, A, EK_SSL_DISABLED));
}

static void only_a_fit_successor(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    struct ek_step down = step_of(EK_STEP_STEP_DOWN, A, EK_SSL_UNKNOWN);
    assert_refused(down, "EK-0206"); /* nobody named */
    down.other = B;
    assert_permitted(down);
    fleet.state.members[B].signing_key = 0;
    assert_refused(down, "EK-0206");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    fleet.state.members[B].priority = 0;
    assert_refused(down, "EK-0206");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    fleet.state.members[A].state = EK_MEMBER_SECONDARY;
    assert_refused(down, "EK-0206");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    fleet.state.members[B].healthy_for = (uint64_t)1 << B; /* nobody else sees it … */
    fleet.state.members[B].viewed_by = (uint64_t)1 << B;   /* … or was asked */
    assert_refused(down, "EK-0206");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    for (int i = 0; i < 3; i++)
        fleet.state.members[i].healthy_for &= ~((uint64_t)1 << B); /* it sees nobody */
    for (int i = 0; i < 3; i++)
        fleet.state.members[i].viewed_by &= ~((uint64_t)1 << B);
    assert_refused(down, "EK-0206");
}

static void a_reconfiguration_of_what_was_seen(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_PREFER);
    struct ek_step rename = step_of(EK_STEP_RECONFIGURE, -1, EK_SSL_UNKNOWN);
    assert_permitted(rename);
    fleet.state.config_version++;
    assert_refused(rename, "EK-0207");
}

static void names_resolve_first(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_PREFER);
    fleet.state.members[C].domain_name_bound = EK_NO;
    assert_refused(step_of(EK_STEP_RECONFIGURE, -1, EK_SSL_UNKNOWN), "EK-0208");
    settle(THREE, EK_SSL_ALLOW, EK_SSL_DISABLED);
    fleet.state.members[C].spec_host_resolves = EK_NO;
    assert_refused(step_of(EK_STEP_RECONFIGURE, -1, EK_SSL_UNKNOWN), "EK-0208");
}

static void clients_are_not_shut_out(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_PREFER, EK_SSL_REQUIRE);
    struct ek_step raise = step_of(EK_STEP_SET_SSL_MODE, B, EK_SSL_REQUIRE);
    assert_permitted(raise);
    fleet.state.members[B].plaintext_clients = 1;
    assert_refused(raise, "EK-0209");
    fleet.spec.maintenance.plaintext_clients = EK_PLAINTEXT_DISCONNECT;
    assert_permitted(raise);
}

static void one_rung_at_run_time(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_PREFER, EK_SSL_REQUIRE);
    assert_refused(step_of(EK_STEP_SET_SSL_MODE, B, EK_SSL_ALLOW), "EK-0210");
    assert_refused(step_of(EK_STEP_SET_SSL_MODE, B, EK_SSL_PREFER), "EK-0210");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_ALLOW);
    assert_refused(step_of(EK_STEP_SET_SSL_MODE, B, EK_SSL_ALLOW), "EK-0210");
}

static void trust_outlives_certificates(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_ALLOW, EK_SSL_ALLOW);
    struct ek_step trust = step_of(EK_STEP_INSTALL_TRUST, A, EK_SSL_UNKNOWN);
    assert_permitted(trust);
    fleet.state.members[B].certificate_running.issued_by_authority = EK_NO;
    assert_refused(trust, "EK-0211");
}

static void nothing_while_paused(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    fleet.policy.paused = true;
    assert_refused(step_of(EK_STEP_BIND_NAME, A, EK_SSL_UNKNOWN), "EK-0212");
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
