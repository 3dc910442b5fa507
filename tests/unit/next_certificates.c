/* What makes a certificate due: its authority's end, the password of its key. */
#include "reconciler/kernel/plan.h"
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_algorithm_renews_the_keys),
        cmocka_unit_test(certificates_end_with_their_authority),
        cmocka_unit_test(a_lost_password_comes_before_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
