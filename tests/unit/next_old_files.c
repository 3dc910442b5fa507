/* Files where earlier versions kept them: nothing is done for their sake until a step writes files
 * of the member anyhow, and nothing is removed that a configuration or a process may name. */
#include "tests/unit/next_choices.h"

#include "reconciler/laws/permit.h"

static struct ek_member_certificates *certificates_of(size_t m)
{
    return ek_member_certificates(fleet.state, m);
}

static void everybody_at_the_old_place(enum ek_ssl_mode from, enum ek_ssl_mode to)
{
    settle(THREE, from, to);
    for (size_t m = 0; m < fleet.state->member_count; m++) {
        certificates_of(m)->old_files = certificates_of(m)->old_files_configured = EK_YES;
        certificates_of(m)->old_files_running = from > EK_SSL_DISABLED ? EK_YES : EK_NO;
    }
}

/* C's are left, and named by nobody. */
static void left_over(enum ek_ssl_mode mode)
{
    settle(THREE, mode, mode);
    for (size_t m = 0; m < fleet.state->member_count; m++) {
        certificates_of(m)->old_files = m == C ? EK_YES : EK_NO;
        certificates_of(m)->old_files_configured = certificates_of(m)->old_files_running = EK_NO;
    }
}

static void as_it_is_nothing_is_due(void **state)
{
    (void)state;
    everybody_at_the_old_place(EK_SSL_PREFER, EK_SSL_PREFER);
    assert_done();
    certificates_of(B)->old_files_configured = EK_UNKNOWN;
    assert_done();
    certificates_of(B)->old_files_configured = EK_NO;
    assert_done();
    certificates_of(B)->old_files_running = EK_UNKNOWN;
    assert_done();
}

static void what_nothing_names_is_removed(void **state)
{
    (void)state;
    left_over(EK_SSL_PREFER);
    assert_step(&ek_step_remove_old_files, C, EK_SSL_UNKNOWN);
    left_over(EK_SSL_DISABLED);
    assert_step(&ek_step_remove_old_files, C, EK_SSL_UNKNOWN);
    struct ek_verdict verdict = ask();
    ek_effect(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &verdict.step, &fleet.state,
              NULL);
    assert_done();
}

static void names_are_dropped_before(void **state)
{
    (void)state;
    left_over(EK_SSL_DISABLED);
    ek_wanted_host(&fleet.spec, "", B, ek_member(fleet.state, B)->host, EK_HOST_SIZE);
    snprintf(ek_member(fleet.state, B)->host, EK_HOST_SIZE, "b.k3x9q2aaaaaaa.fleet.test:27017");
    assert_step(&ek_step_reconfigure, -1, EK_SSL_UNKNOWN);
}

static int count_of(const struct ek_plan *plan, const struct ek_step_kind *kind)
{
    int count = 0;
    for (size_t i = 0; i < plan->count; i++)
        count += plan->steps[i].kind == kind;
    return count;
}

/* Restarts, elections, and all steps but the removals of a plan. */
struct weight {
    int restarts, elections, steps, removals;
};

static struct weight weigh(void)
{
    struct ek_plan plan;
    assert_int_equal(
        ek_plan_make(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &plan, NULL), 0);
    assert_int_equal(plan.end, EK_VERDICT_DONE);
    int removals = count_of(&plan, &ek_step_remove_old_files);
    struct weight weight = {plan.restarts, plan.elections, (int)plan.count - removals, removals};
    ek_plan_done(&plan);
    return weight;
}

/* All that changes is that the files are removed in the end, of whoever does not run with them. */
static void a_change_costs_what_it_costs(void **state)
{
    (void)state;
    for (int from = EK_SSL_DISABLED; from <= (int)EK_SSL_REQUIRE; from++)
        for (int to = EK_SSL_DISABLED; to <= (int)EK_SSL_REQUIRE; to++)
            for (int due = 0; due < 2; due++) {
                everybody_at_the_old_place((enum ek_ssl_mode)from, (enum ek_ssl_mode)to);
                for (size_t m = 0; due && m < fleet.state->member_count; m++)
                    certificates_of(m)->certificate_installed.not_after_s =
                        certificates_of(m)->certificate_running.not_after_s =
                            fleet.policy.now_s + 864000;
                struct weight old = weigh();
                for (size_t m = 0; m < fleet.state->member_count; m++)
                    certificates_of(m)->old_files = certificates_of(m)->old_files_configured =
                        certificates_of(m)->old_files_running = EK_NO;
                struct weight new = weigh();
                assert_int_equal(old.restarts, new.restarts);
                assert_int_equal(old.elections, new.elections);
                assert_int_equal(old.steps, new.steps);
                assert_int_equal(old.removals, new.restarts > 0 ? 3 : 0);
            }
}

/* Run with, and named by no file any more: they stay until the next restart. */
static void a_write_alone_leaves_them_to_the_process(void **state)
{
    (void)state;
    everybody_at_the_old_place(EK_SSL_PREFER, EK_SSL_REQUIRE);
    while (ask().kind == EK_VERDICT_STEP) {
        struct ek_verdict verdict = ask();
        ek_effect(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &verdict.step,
                  &fleet.state, NULL);
    }
    assert_done();
    for (size_t m = 0; m < fleet.state->member_count; m++) {
        assert_int_equal(certificates_of(m)->old_files, EK_YES);
        assert_int_equal(certificates_of(m)->old_files_configured, EK_NO);
        assert_int_equal(certificates_of(m)->old_files_running, EK_YES);
    }
}

/* Whose files come along, says so. */
static void assert_told(const struct ek_step_kind *kind, int member)
{
    struct ek_step step = assert_step_of(kind, member);
    assert_non_null(strstr(step.why, "; its files leave the place of an earlier version"));
    certificates_of((size_t)member)->old_files_configured = EK_NO;
    step = assert_step_of(kind, member);
    assert_null(strstr(step.why, "earlier version"));
}

static void plans_tell_of_the_move(void **state)
{
    (void)state;
    everybody_at_the_old_place(EK_SSL_PREFER, EK_SSL_ALLOW);
    assert_told(&ek_step_write_configuration, C);
    everybody_at_the_old_place(EK_SSL_PREFER, EK_SSL_PREFER);
    certificates_of(B)->certificate_installed.not_after_s = fleet.policy.now_s + 864000;
    assert_told(&ek_step_issue_certificate, B);
    everybody_at_the_old_place(EK_SSL_PREFER, EK_SSL_PREFER);
    certificates_of(B)->trust_installed.present = EK_NO;
    assert_told(&ek_step_install_trust, B);
}

/* Each of them leaves nothing at the old place that the configuration names. */
static void whoever_writes_files_brings_them_along(void **state)
{
    (void)state;
    const struct ek_step_kind *const kinds[] = {&ek_step_write_configuration,
                                                &ek_step_issue_certificate, &ek_step_install_trust,
                                                &ek_step_restart, &ek_step_start};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        everybody_at_the_old_place(EK_SSL_PREFER, EK_SSL_PREFER);
        struct ek_step step = model_step(kinds[i], B, EK_SSL_PREFER);
        model_set_label(&step, ek_transport(fleet.state)->domain_label);
        ek_effect(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &step, &fleet.state, NULL);
        bool starts = kinds[i] == &ek_step_restart || kinds[i] == &ek_step_start;
        assert_int_equal(certificates_of(B)->old_files, EK_YES);
        assert_int_equal(certificates_of(B)->old_files_configured, EK_NO);
        assert_int_equal(certificates_of(B)->old_files_running, starts ? EK_NO : EK_YES);
        assert_int_equal(certificates_of(C)->old_files_configured, EK_YES);
        everybody_at_the_old_place(EK_SSL_PREFER, EK_SSL_PREFER);
        certificates_of(B)->old_files_configured = EK_UNKNOWN; /* not by what we write */
        ek_effect(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &step, &fleet.state, NULL);
        assert_int_equal(certificates_of(B)->old_files_configured, EK_UNKNOWN);
        assert_int_equal(certificates_of(B)->old_files_running, starts ? EK_UNKNOWN : EK_YES);
    }
}

static const char *broken(int member)
{
    static struct ek_broken_law law;
    const struct ek_step step = model_step(&ek_step_remove_old_files, member, EK_SSL_UNKNOWN);
    int count = ek_permit(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &step, &law);
    return count == 0 ? "" : law.id;
}

static void no_law_lets_go_of_what_is_named(void **state)
{
    (void)state;
    static const enum ek_tri doubts[] = {EK_YES, EK_UNKNOWN};
    left_over(EK_SSL_PREFER);
    assert_string_equal(broken(C), "");
    assert_string_equal(broken(-1), "EK-0222");
    for (size_t i = 0; i < 2; i++) {
        left_over(EK_SSL_PREFER);
        certificates_of(C)->old_files_configured = doubts[i];
        assert_string_equal(broken(C), "EK-0222");
        left_over(EK_SSL_PREFER);
        certificates_of(C)->old_files_running = doubts[i];
        assert_string_equal(broken(C), "EK-0222");
    }
    left_over(EK_SSL_PREFER);
    certificates_of(C)->old_files = EK_UNKNOWN;
    assert_string_equal(broken(C), "EK-0218");
}

static void it_is_seen_that_they_are_gone(void **state)
{
    (void)state;
    char why[EK_SENTENCE_SIZE];
    left_over(EK_SSL_PREFER);
    const struct ek_step step = model_step(&ek_step_remove_old_files, C, EK_SSL_UNKNOWN);
    const struct ek_situation *situation = EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy);
    assert_false(ek_step_seen(situation, fleet.state, &step, why));
    certificates_of(C)->old_files = EK_UNKNOWN;
    assert_false(ek_step_seen(situation, fleet.state, &step, why));
    certificates_of(C)->old_files = EK_NO;
    assert_true(ek_step_seen(situation, fleet.state, &step, why));
}

/* What the planner goes by is part of what a plan is. */
static void the_digest_tells_of_them(void **state)
{
    (void)state;
    char before[65];
    char after[65];
    left_over(EK_SSL_PREFER);
    const struct ek_situation *situation = EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy);
    enum ek_tri *facts[] = {&certificates_of(C)->old_files,
                            &certificates_of(C)->old_files_configured,
                            &certificates_of(C)->old_files_running};
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        assert_int_equal(ek_state_digest(situation, before, NULL), 0);
        enum ek_tri was = *facts[i];
        *facts[i] = was == EK_YES ? EK_NO : EK_YES;
        assert_int_equal(ek_state_digest(situation, after, NULL), 0);
        assert_string_not_equal(before, after);
        *facts[i] = was;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_it_is_nothing_is_due),
        cmocka_unit_test(what_nothing_names_is_removed),
        cmocka_unit_test(names_are_dropped_before),
        cmocka_unit_test(a_change_costs_what_it_costs),
        cmocka_unit_test(a_write_alone_leaves_them_to_the_process),
        cmocka_unit_test(plans_tell_of_the_move),
        cmocka_unit_test(whoever_writes_files_brings_them_along),
        cmocka_unit_test(no_law_lets_go_of_what_is_named),
        cmocka_unit_test(it_is_seen_that_they_are_gone),
        cmocka_unit_test(the_digest_tells_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
