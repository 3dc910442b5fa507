/* Every reason for which the planner stops: one settled fleet each, one thing wrong with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "reconciler/kernel/plan.h"
#include "tests/unit/next_fleet.h"

enum { ONE = 0, THREE = 2, FOUR = 7 };
enum { A, B, C };

static void settle(size_t shape, enum ek_ssl_mode from, enum ek_ssl_mode to)
{
    model_case_init(&fleet, shape, from, to, from > EK_SSL_DISABLED ? MODEL_DOMAIN_KNOWN : 0);
}

static void assert_blocked(const char *id, bool passing, const char *word)
{
    struct ek_blocked blocked = assert_blocked_by(id);
    assert_int_equal(blocked.passing, passing);
    assert_non_null(strstr(blocked.sentence, word));
    assert_true(strlen(blocked.hint) > 0);
}

/* Up to the first step that disturbs the set, as the planner itself goes. */
static void go_to_first_disturbance(void)
{
    for (struct ek_verdict verdict = ask(); verdict.kind == EK_VERDICT_STEP; verdict = ask()) {
        if (verdict.step.kind->disturbs)
            return;
        ek_effect(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &verdict.step,
                  &fleet.state, NULL);
    }
}

static void another_set(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_PREFER);
    snprintf(ek_set(fleet.state)->set_name, sizeof ek_set(fleet.state)->set_name, "rs1");
    assert_blocked("EK-0101", false, "\"rs1\"");
}

static void a_member_outside_the_specs(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_PREFER);
    snprintf(ek_set(fleet.state)->foreign_member, sizeof ek_set(fleet.state)->foreign_member,
             "db-x.test:27017");
    assert_blocked("EK-0102", false, "db-x.test:27017");
}

static void a_part_of_a_sharded_cluster(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_PREFER);
    snprintf(ek_set(fleet.state)->cluster_role, sizeof ek_set(fleet.state)->cluster_role,
             "shardsvr");
    assert_blocked("EK-0135", false, "shardsvr");
}

static void a_member_outside_the_set(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_PREFER);
    ek_member(fleet.state, 1)->id = -1;
    assert_blocked("EK-0103", false, "member b");
}

static void clocks_apart(void **state)
{
    (void)state;
    static const int64_t tolerance_ms = 300000;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_PREFER);
    ek_member(fleet.state, 1)->clock_ahead_ms = tolerance_ms + 1;
    assert_blocked("EK-0130", true, "member b's host is 300 s ahead of");
    ek_member(fleet.state, 1)->clock_ahead_ms = -tolerance_ms - 1000;
    assert_blocked("EK-0130", true, "301 s behind");
    ek_member(fleet.state, 1)->clock_ahead_ms = -tolerance_ms;
    assert_int_equal(ask().kind, EK_VERDICT_STEP);
    ek_member(fleet.state, 1)->clock_ahead_ms = tolerance_ms;
    assert_int_equal(ask().kind, EK_VERDICT_STEP);
    ek_member(fleet.state, 1)->clock_ahead_ms = EK_CLOCK_UNKNOWN;
    assert_int_equal(ask().kind, EK_VERDICT_STEP);
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED); /* no certificates, no blame */
    ek_member(fleet.state, 1)->clock_ahead_ms = tolerance_ms + 1;
    assert_int_equal(ask().kind, EK_VERDICT_DONE);
    settle(THREE, EK_SSL_ALLOW, EK_SSL_DISABLED);
    ek_member(fleet.state, 1)->clock_ahead_ms = tolerance_ms + 1;
    assert_blocked("EK-0130", true, "ahead of");
}

/* A host without a server has a clock, too, and its certificates would not be valid by it. */
static void clocks_apart_of_a_new_set(void **state)
{
    (void)state;
    static const enum ek_ssl_mode wanted[] = {EK_SSL_DISABLED, EK_SSL_REQUIRE};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        model_case_init_bare(&fleet, THREE, wanted[i]);
        for (size_t m = 0; m < 3; m++)
            assert_int_equal(ek_member(fleet.state, m)->process, EK_NO);
        assert_int_equal(ask().kind, EK_VERDICT_STEP);
        ek_member(fleet.state, 1)->clock_ahead_ms = -3600000;
        if (wanted[i] == EK_SSL_DISABLED)
            assert_int_equal(ask().kind, EK_VERDICT_STEP);
        else
            assert_blocked("EK-0130", true, "member b's host is 3600 s behind");
    }
}

static void no_configuration_seen(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_PREFER);
    ek_set(fleet.state)->initiated = EK_UNKNOWN;
    assert_blocked("EK-0104", true, "no member");
}

static void tls_of_somebody_elses(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_PREFER, EK_SSL_REQUIRE);
    const struct ek_text_ref file = model_text(&fleet, "/etc/pki/b.pem");
    ek_member_certificates(fleet.state, B)->foreign = file;
    ek_member(fleet.state, A)->reachable = EK_NO; /* as where only that authority is trusted */
    assert_blocked("EK-0140", false, "/etc/pki/b.pem");
    ek_member_transport(fleet.state, B)->mode_configured = EK_SSL_DISABLED;
    assert_blocked("EK-0105", true, "member a");
}

static void a_silent_member(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_PREFER);
    ek_member(fleet.state, 2)->reachable = EK_NO;
    assert_blocked("EK-0105", true, "member c");
}

static void a_member_that_somebody_stopped(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_PREFER);
    ek_member(fleet.state, 2)->process = EK_NO;
    ek_member(fleet.state, 2)->state = EK_MEMBER_DOWN;
    assert_blocked("EK-0106", false, "member c");
    fleet.spec.maintenance.start_stopped = EK_START_ALWAYS;
    assert_step_of(&ek_step_start, C);
    ek_member(fleet.state, C)->data = EK_NO; /* it never ran here: nothing to start again */
    assert_blocked("EK-0106", false, "member c");
    ek_member(fleet.state, C)->data = EK_YES;
    ek_member(fleet.state, C)->process = ek_member(fleet.state, C)->reachable =
        EK_UNKNOWN; /* what is not known is not begun */
    assert_blocked("EK-0105", true, "member c");
}

/* Nobody is left who could tell what set it is: they are started first, whatever it is. */
static void all_members_stopped(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_PREFER);
    for (size_t m = A; m <= C; m++) {
        ek_member(fleet.state, m)->process = ek_member(fleet.state, m)->reachable = EK_NO;
        ek_member(fleet.state, m)->state = EK_MEMBER_DOWN;
        ek_member(fleet.state, m)->id = -1;
    }
    ek_set(fleet.state)->initiated = EK_UNKNOWN;
    assert_blocked_by("EK-0106");
    fleet.spec.maintenance.start_stopped = EK_START_ALWAYS;
    assert_step_of(&ek_step_start, A);
}

static void our_own_restart_is_repaired_first(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_member(fleet.state, 2)->process = EK_NO;
    ek_member(fleet.state, 2)->state = EK_MEMBER_DOWN;
    ek_member(fleet.state, 2)->restart_begun = EK_YES;
    struct ek_verdict verdict = ask();
    assert_int_equal(verdict.kind, EK_VERDICT_STEP);
    assert_int_equal(verdict.step.kind, &ek_step_start);
    assert_int_equal(verdict.step.member, 2);
}

static void an_unreadable_configuration(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_PREFER);
    ek_member_transport(fleet.state, 0)->mode_configured = EK_SSL_UNKNOWN;
    assert_blocked("EK-0107", false, "member a");
}

static void no_way_to_log_in(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_access(fleet.state)->own_user = EK_UNKNOWN;
    assert_blocked("EK-0108", true, "log in");
}

static void an_unknown_mode_is_not_disabled(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_member_transport(fleet.state, 1)->mode_running = EK_SSL_UNKNOWN;
    assert_blocked("EK-0109", true, "member b");
}

static void a_lagging_member(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_PREFER);
    go_to_first_disturbance();
    ek_member(fleet.state, 1)->lag_ms = 10001;
    assert_blocked("EK-0110", true, "10 s");
    ek_member(fleet.state, 1)->lag_ms = 10000;
    assert_int_equal(ask().kind, EK_VERDICT_STEP);
    ek_member(fleet.state, 1)->lag_ms = -1;
    assert_blocked("EK-0110", true, "not known");
}

static void a_member_in_initial_sync(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_PREFER);
    go_to_first_disturbance();
    ek_member(fleet.state, 1)->state = EK_MEMBER_STARTUP2;
    assert_blocked("EK-0111", true, "STARTUP2");
}

static void no_primary(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_PREFER);
    go_to_first_disturbance();
    ek_member(fleet.state, 0)->state = EK_MEMBER_SECONDARY;
    ek_member(fleet.state, 0)->writable = EK_NO;
    assert_blocked("EK-0112", true, "no primary");
}

static void a_primary_that_does_not_write_yet(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_PREFER);
    go_to_first_disturbance();
    ek_member(fleet.state, 0)->writable = EK_NO;
    assert_blocked("EK-0112", true, "no primary");
}

static void a_half_broken_pair(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_PREFER);
    go_to_first_disturbance();
    ek_member(fleet.state, 1)->healthy_for &= ~(uint64_t)1; /* a does not see b; b sees a */
    assert_blocked("EK-0114", true, "member a does not see member b");
}

static void nobody_to_take_over(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_ALLOW);
    ek_member(fleet.state, 1)->priority = ek_member(fleet.state, 2)->priority = 0;
    for (struct ek_verdict v = ask(); v.kind == EK_VERDICT_STEP; v = ask())
        ek_effect(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &v.step, &fleet.state,
                  NULL);
    assert_blocked("EK-0115", false, "primary a");
}

static void a_successor_that_cannot_sign(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_ALLOW);
    for (struct ek_verdict v = ask(); v.kind == EK_VERDICT_STEP; v = ask()) {
        if (v.step.kind == &ek_step_step_down) {
            assert_int_equal(v.step.other, 1);
            break;
        }
        ek_effect(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &v.step, &fleet.state,
                  NULL);
    }
    ek_member(fleet.state, 1)->signing_key = 0;
    assert_blocked("EK-0116", true, "member b");
    ek_member(fleet.state, 1)->signing_key = 8; /* another key than the primary's */
    assert_blocked("EK-0116", true, "member b");
    ek_member(fleet.state, 1)->signing_key = 7;
    ek_member(fleet.state, 2)->signing_key = 0; /* the server may hand over to this one as well */
    assert_blocked("EK-0116", true, "member c");
}

static void modes_too_far_apart(void **state)
{
    (void)state;
    settle(FOUR, EK_SSL_REQUIRE, EK_SSL_REQUIRE);
    for (int i = 0; i < 2; i++) {
        struct ek_member_transport *transport = ek_member_transport(fleet.state, i);
        transport->mode_running = transport->mode_configured = EK_SSL_DISABLED;
        transport->options_configured = (struct ek_options_state){.known = EK_YES};
    }
    assert_blocked("EK-0117", false, "member");
}

static void no_member_to_spare(void **state)
{
    (void)state;
    settle(ONE, EK_SSL_DISABLED, EK_SSL_PREFER);
    fleet.spec.maintenance.interruption = EK_INTERRUPTION_REFUSE;
    for (struct ek_verdict v = ask(); v.kind == EK_VERDICT_STEP; v = ask()) {
        assert_int_not_equal(v.step.kind, &ek_step_restart);
        ek_effect(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &v.step, &fleet.state,
                  NULL);
    }
    assert_blocked("EK-0118", false, "member a");
}

static void plaintext_clients(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_PREFER, EK_SSL_REQUIRE);
    for (int i = 0; i < 3; i++)
        ek_member_transport(fleet.state, i)->plaintext_clients = 2;
    assert_blocked("EK-0119", false, "2 client connections");
    ek_member_transport(fleet.state, 1)->plaintext_clients =
        ek_member_transport(fleet.state, 2)->plaintext_clients = 0;
    assert_blocked("EK-0119", false, "member a"); /* its turn would come last */
    fleet.spec.maintenance.plaintext_clients = EK_PLAINTEXT_DISCONNECT;
    assert_int_equal(ask().kind, EK_VERDICT_STEP);
}

static void unknown_counts_as_plaintext(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_PREFER, EK_SSL_REQUIRE);
    ek_member_transport(fleet.state, 2)->plaintext_clients = -1;
    assert_blocked("EK-0119", true, "member c are still in plaintext is not known");
    ek_member(fleet.state, 2)->arbiter = true;
    assert_int_equal(ask().kind, EK_VERDICT_STEP);
    ek_member(fleet.state, 2)->arbiter = false;
    fleet.spec.maintenance.plaintext_clients = EK_PLAINTEXT_DISCONNECT;
    assert_int_equal(ask().kind, EK_VERDICT_STEP);
}

static void clients_that_were_not_watched(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_PREFER, EK_SSL_REQUIRE);
    int64_t now_s = fleet.policy.now_s;
    fleet.spec.maintenance.plaintext_window_s = 600;
    assert_blocked("EK-0133", false, "clients are watched for 10 min before plaintext is refused");
    assert_int_equal(ask().blocked.waits, EK_WAIT_WATCH);
    assert_int_equal(ask().blocked.until_s, 0);
    for (int i = 0; i < 3; i++)
        ek_member_transport(fleet.state, i)->watched_since_s = now_s - 600;
    assert_int_equal(ask().kind, EK_VERDICT_STEP);
    ek_member_transport(fleet.state, 0)->watched_since_s = now_s - 599;
    assert_blocked("EK-0133", false, ", until 2027-01-15 08:00:01 UTC");
    assert_int_equal(ask().blocked.member, 0);
    assert_int_equal(ask().blocked.until_s, now_s + 1);
    ek_member(fleet.state, 0)->arbiter = true;
    assert_int_equal(ask().kind, EK_VERDICT_STEP);
    ek_member(fleet.state, 0)->arbiter = false;
    ek_member_transport(fleet.state, 1)->plaintext_clients = 1; /* what lasts is told first */
    assert_blocked("EK-0119", false, "member b");
    fleet.spec.maintenance.plaintext_clients = EK_PLAINTEXT_DISCONNECT;
    assert_int_equal(ask().kind, EK_VERDICT_STEP);
}

/* A plan shows its steps behind the wait, and a restart begins the watch anew. */
static void a_plan_waits_for_the_watch_once(void **state)
{
    (void)state;
    struct ek_plan plan;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_REQUIRE);
    fleet.spec.maintenance.plaintext_window_s = 90;
    for (int i = 0; i < 3; i++)
        ek_member_transport(fleet.state, i)->plaintext_clients = -1; /* as it is in disabled */
    assert_int_equal(
        ek_plan_make(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &plan, NULL), 0);
    assert_int_equal(plan.end, EK_VERDICT_DONE);
    assert_int_equal(plan.wait_count, 1);
    assert_int_equal(plan.waits[0].blocked.waits, EK_WAIT_WATCH);
    assert_non_null(strstr(plan.waits[0].blocked.sentence, "for 90 s"));
    assert_ptr_equal(plan.steps[plan.waits[0].before].kind, &ek_step_set_ssl_mode);
    assert_int_equal(ek_mode_argument(&plan.steps[plan.waits[0].before])->mode, EK_SSL_REQUIRE);
    ek_plan_done(&plan);
}

static void an_unresolvable_old_name(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_ALLOW, EK_SSL_DISABLED);
    ek_member(fleet.state, 1)->spec_host_resolves = EK_NO;
    for (struct ek_verdict v = ask(); v.kind == EK_VERDICT_STEP; v = ask()) {
        assert_int_not_equal(v.step.kind, &ek_step_reconfigure);
        ek_effect(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &v.step, &fleet.state,
                  NULL);
    }
    assert_blocked("EK-0120", false, "db-b.test");
}

static void an_unresolvable_name_of_a_new_deployment(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_set(fleet.state)->initiated = EK_NO;
    for (int i = 0; i < 3; i++)
        ek_member(fleet.state, i)->state = EK_MEMBER_UNINITIATED;
    assert_int_equal(ask().kind, EK_VERDICT_STEP);
    ek_member(fleet.state, 2)->spec_host_resolves = EK_NO;
    assert_blocked("EK-0120", false, "db-c.test");
}

static void another_domain(void **state)
{
    (void)state;
    static char other[] = "other.test";
    settle(THREE, EK_SSL_PREFER, EK_SSL_PREFER);
    fleet.spec.ssl_domain.base = other;
    assert_blocked("EK-0121", false, "SSL domain");
}

static void a_stranger_where_a_member_should_be_made(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_PREFER);
    ek_set(fleet.state)->initiated = EK_NO;
    ek_access(fleet.state)->own_user = EK_UNKNOWN;
    for (int i = 0; i < 3; i++)
        ek_member(fleet.state, i)->state = EK_MEMBER_UNINITIATED;
    for (struct ek_verdict v = ask(); v.kind == EK_VERDICT_STEP; v = ask())
        ek_effect(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &v.step, &fleet.state,
                  NULL);
    assert_blocked("EK-0122", false, "member a");
}

static void a_removed_member(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_member(fleet.state, 1)->state = EK_MEMBER_REMOVED;
    assert_blocked("EK-0123", false, "member b");
}

static void paused(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_PREFER);
    fleet.policy.paused = true;
    assert_blocked("EK-0125", false, "paused");
}

static void an_unreadable_authority(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_PREFER);
    ek_certificates(fleet.state)->authority = EK_UNKNOWN;
    assert_blocked("EK-0126", false, "authority ca");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_set),
        cmocka_unit_test(a_member_outside_the_specs),
        cmocka_unit_test(a_part_of_a_sharded_cluster),
        cmocka_unit_test(a_member_outside_the_set),
        cmocka_unit_test(clocks_apart),
        cmocka_unit_test(clocks_apart_of_a_new_set),
        cmocka_unit_test(no_configuration_seen),
        cmocka_unit_test(tls_of_somebody_elses),
        cmocka_unit_test(a_silent_member),
        cmocka_unit_test(a_member_that_somebody_stopped),
        cmocka_unit_test(all_members_stopped),
        cmocka_unit_test(our_own_restart_is_repaired_first),
        cmocka_unit_test(an_unreadable_configuration),
        cmocka_unit_test(no_way_to_log_in),
        cmocka_unit_test(an_unknown_mode_is_not_disabled),
        cmocka_unit_test(a_lagging_member),
        cmocka_unit_test(a_member_in_initial_sync),
        cmocka_unit_test(no_primary),
        cmocka_unit_test(a_primary_that_does_not_write_yet),
        cmocka_unit_test(a_half_broken_pair),
        cmocka_unit_test(nobody_to_take_over),
        cmocka_unit_test(a_successor_that_cannot_sign),
        cmocka_unit_test(modes_too_far_apart),
        cmocka_unit_test(no_member_to_spare),
        cmocka_unit_test(plaintext_clients),
        cmocka_unit_test(unknown_counts_as_plaintext),
        cmocka_unit_test(clients_that_were_not_watched),
        cmocka_unit_test(a_plan_waits_for_the_watch_once),
        cmocka_unit_test(an_unresolvable_old_name),
        cmocka_unit_test(an_unresolvable_name_of_a_new_deployment),
        cmocka_unit_test(another_domain),
        cmocka_unit_test(a_stranger_where_a_member_should_be_made),
        cmocka_unit_test(a_removed_member),
        cmocka_unit_test(paused),
        cmocka_unit_test(an_unreadable_authority),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
