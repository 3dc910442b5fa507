/* What makes a certificate due: its authority's end, the password of its key. */
#include "reconciler/kernel/plan.h"
#include "reconciler/laws/permit.h"
#include "tests/unit/next_choices.h"

/* The authority signs nothing that outlives it: a certificate that ends with it is as good as any.
 */
static void certificates_end_with_their_authority(void **state)
{
    (void)state;
    enum { DAY = 86400 };
    settle(THREE, EK_SSL_PREFER, EK_SSL_PREFER);
    struct ek_certificates *whole = ek_certificates(fleet.state);
    struct ek_certificate_state *installed =
        &ek_member_certificates(fleet.state, B)->certificate_installed;
    int64_t now_s = fleet.policy.now_s;
    installed->not_after_s = now_s + 10 * DAY;
    whole->authority_not_after_s = now_s + 20 * DAY;
    struct ek_step issue = assert_step_of(&ek_step_issue_certificate, B);
    assert_int_equal(ek_effect(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &issue,
                               &fleet.state, NULL),
                     0);
    installed = &ek_member_certificates(fleet.state, B)->certificate_installed;
    assert_int_equal(installed->not_after_s, now_s + 20 * DAY);
    assert_step_of(&ek_step_restart, B); /* and not: issue again */

    assert_int_equal(ek_issue_arguments(&issue)->authority_ends_s, now_s + 20 * DAY);

    settle(THREE, EK_SSL_PREFER, EK_SSL_PREFER);
    ek_certificates(fleet.state)->authority_not_after_s = now_s + 7300LL * DAY;
    ek_member_certificates(fleet.state, B)->certificate_installed.not_after_s = now_s + 10 * DAY;
    issue = assert_step_of(&ek_step_issue_certificate, B);
    assert_int_equal(ek_issue_arguments(&issue)->authority_ends_s, 0); /* not to be told of */

    settle(THREE, EK_SSL_PREFER, EK_SSL_PREFER);
    ek_certificates(fleet.state)->authority_not_after_s = now_s;
    ek_member_certificates(fleet.state, B)->certificate_installed.not_after_s = now_s + 1;
    assert_done(); /* nothing would last longer */
    ek_member_certificates(fleet.state, B)->certificate_installed.not_after_s = now_s;
    assert_blocked_by("EK-0134");
}

/* Without its password the key opens for nobody: on the way down, too, a member that comes back
 * with TLS gets another before it is stopped. */
static void a_lost_password_comes_before_a_restart(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_REQUIRE, EK_SSL_DISABLED);
    struct ek_step restart = first(&ek_step_restart);
    assert_int_not_equal(model_mode(&restart), EK_SSL_DISABLED);
    ek_member_certificates(fleet.state, restart.member)->key_password = EK_NO;
    assert_step(&ek_step_issue_certificate, restart.member, EK_SSL_UNKNOWN);
    ek_member_certificates(fleet.state, restart.member)->key_password = EK_YES;
    assert_step(&ek_step_restart, restart.member, model_mode(&restart));

    settle(THREE, EK_SSL_PREFER, EK_SSL_PREFER);
    ek_member_certificates(fleet.state, C)->key_password = EK_UNKNOWN;
    assert_blocked_by("EK-0132");
}

/* Another algorithm in the specs is a reason for new keys, on all members; and for nothing but
 * one restart each. On the way down it is none. */
static void another_algorithm_renews_the_keys(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_PREFER, EK_SSL_PREFER);
    fleet.spec.certificates.algorithm = EK_KEY_RSA3072;
    struct ek_plan plan;
    const struct ek_situation now = {
        .spec = &fleet.spec, .state = fleet.state, .policy = &fleet.policy};
    assert_int_equal(ek_plan_make(&now, &plan, NULL), 0);
    size_t issued = 0;
    for (size_t i = 0; i < plan.count; i++)
        issued += plan.steps[i].kind == &ek_step_issue_certificate;
    assert_int_equal(issued, 3);
    assert_string_equal(plan.steps[0].why, "the key of the installed one is of another algorithm");
    assert_int_equal(plan.restarts, 3);
    assert_int_equal(plan.end, EK_VERDICT_DONE);
    ek_plan_done(&plan);

    for (size_t m = 0; m < fleet.state->member_count; m++) /* not known: not replaced */
        ek_member_certificates(fleet.state, m)->certificate_installed.key[0] = 0;
    assert_done();
}

/* Our restart left it down, and the password of its key was lost since. */
static void leave_down_without_password(size_t m)
{
    struct ek_member *member = ek_member(fleet.state, m);
    member->process = member->reachable = member->writable = EK_NO;
    member->restart_begun = EK_YES;
    member->state = EK_MEMBER_DOWN;
    ek_member_transport(fleet.state, m)->mode_running = EK_SSL_UNKNOWN;
    ek_member_certificates(fleet.state, m)->certificate_running.present = EK_UNKNOWN;
    ek_member_certificates(fleet.state, m)->trust_running.present = EK_UNKNOWN;
    ek_member_certificates(fleet.state, m)->key_password = EK_NO;
}

static void carry_out(struct ek_step step)
{
    struct ek_broken_law law = {0};
    if (ek_permit(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &step, &law) != 0)
        fail_msg("%s %d: %s", step.kind->name, step.member, law.id);
    assert_int_equal(
        ek_effect(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &step, &fleet.state, NULL),
        0);
}

/* On the way down as on the way up: with TLS it starts with a new key, without TLS it needs none.
 */
static void a_member_that_is_down_without_its_password(void **state)
{
    (void)state;
    static const enum ek_ssl_mode wanted[] = {EK_SSL_DISABLED, EK_SSL_ALLOW, EK_SSL_REQUIRE};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        settle(THREE, EK_SSL_PREFER, wanted[i]);
        leave_down_without_password(C);
        carry_out(assert_step_of(&ek_step_issue_certificate, C));
        struct ek_step step = ask().step;
        if (step.kind == &ek_step_write_configuration) {
            assert_int_not_equal(model_mode(&step), EK_SSL_DISABLED);
            carry_out(step);
            step = ask().step;
        }
        assert_ptr_equal(step.kind, &ek_step_start);
        assert_int_equal(step.member, C);
        carry_out(step);
    }
    settle(THREE, EK_SSL_DISABLED, EK_SSL_ALLOW);
    first(&ek_step_restart); /* all that can be done before is done */
    leave_down_without_password(C);
    carry_out(assert_step_of(&ek_step_issue_certificate, C));
    settle(THREE, EK_SSL_ALLOW, EK_SSL_DISABLED);
    leave_down_without_password(C);
    struct ek_step file = assert_step_of(&ek_step_write_configuration, C);
    assert_int_equal(model_mode(&file), EK_SSL_DISABLED);
    carry_out(file);
    carry_out(assert_step_of(&ek_step_start, C));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_algorithm_renews_the_keys),
        cmocka_unit_test(certificates_end_with_their_authority),
        cmocka_unit_test(a_lost_password_comes_before_a_restart),
        cmocka_unit_test(a_member_that_is_down_without_its_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
