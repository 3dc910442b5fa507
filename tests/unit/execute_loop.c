/* The executor against a fleet of the model: what it does when answers are lost, when the fleet
 * moves, and when what was approved would be exceeded. Observing and acting are wrapped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/execute/execute.h"
#include "tests/model/cases.c" /* the model's fleets, compiled into this program */
#include "tests/model/steps.h"

enum { THREE = 2 };
enum { A, B, C };

/* How the world answers the act that is tampered with. */
enum tampering {
    HONEST,
    ANSWER_LOST,   /* done, and the answer is lost */
    STOPPED_ONLY,  /* a restart that ends in the middle */
    NOT_DONE,      /* nothing was done, and it says so */
    ONE_VOTE_MORE, /* an election more than the step causes */
};

static struct model_case fleet;
static struct {
    const struct ek_step_kind *kind; /* the first act of which is tampered with; NULL: none */
    enum tampering how;
    size_t acts;
    size_t done; /* STEP_DONE events, by what they are about */
    size_t restarts_told;
    size_t elections_told;
} world;

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker's --wrap makes the names */
int __wrap_ek_observe(struct ek_world *ignored, int64_t deadline,
                      struct ek_observation *observation, struct ek_error *err);
int __wrap_ek_act(struct ek_world *ignored, const struct ek_state *observed,
                  const struct ek_step *step, int64_t deadline, struct ek_error *err);
/* NOLINTEND(bugprone-reserved-identifier) */

int __wrap_ek_observe(struct ek_world *ignored, int64_t deadline,
                      struct ek_observation *observation, struct ek_error *err)
{
    (void)ignored, (void)deadline;
    return ek_state_assign(&observation->state, fleet.state, err);
}

static void new_process(size_t m)
{
    static int64_t pid = 1000;
    ek_member(fleet.state, m)->pid = ++pid;
    ek_member(fleet.state, m)->started_ms = pid * 60000;
}

static void stop(size_t m)
{
    struct ek_member *member = ek_member(fleet.state, m);
    member->process = member->reachable = EK_NO;
    member->pid = 0;
    member->restart_begun = EK_YES;
    member->state = EK_MEMBER_DOWN;
    ek_member_transport(fleet.state, m)->mode_running = EK_SSL_UNKNOWN;
}

static void carry_out(const struct ek_step *step)
{
    assert_int_equal(
        ek_effect(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), step, &fleet.state, NULL),
        0);
    if (step->kind == &ek_step_restart || step->kind == &ek_step_start)
        new_process((size_t)step->member);
}

int __wrap_ek_act(struct ek_world *ignored, const struct ek_state *observed,
                  const struct ek_step *step, int64_t deadline, struct ek_error *err)
{
    enum tampering how = world.kind == step->kind ? world.how : HONEST;
    (void)ignored, (void)observed, (void)deadline;
    world.acts++;
    if (how != HONEST)
        world.kind = NULL;
    if (how == NOT_DONE)
        return ek_fail(err, EK_CONFLICT, "EK-0404", "not now");
    if (how == STOPPED_ONLY) {
        stop((size_t)step->member);
        return ek_fail(err, EK_UNREACHABLE, "EK-0430", "the connection was lost");
    }
    carry_out(step);
    if (how == ONE_VOTE_MORE)
        ek_set(fleet.state)->election_term++;
    return how == ANSWER_LOST ? ek_fail(err, EK_UNREACHABLE, "EK-0430", "the connection was lost")
                              : 0;
}

static void on_event(void *context, const struct ek_event *event)
{
    (void)context;
    if (event->kind != EK_EVENT_STEP_DONE)
        return;
    world.done++;
    world.restarts_told += event->step->kind == &ek_step_restart;
    world.elections_told += event->step->kind->elections > 0;
}

static int execute(const struct ek_plan *approved, struct ek_outcome *ret_outcome,
                   struct ek_error *err)
{
    const struct ek_execution execution = {.spec = &fleet.spec,
                                           .policy = fleet.policy,
                                           .approved = approved,
                                           .step_timeout_ms = 2000,
                                           .settle_timeout_ms = 500,
                                           .on_event = on_event};
    return ek_execute(NULL, &execution, ret_outcome, err);
}

/* A fleet whose members all have processes, on the way from one mode to another. */
static void settle(enum ek_ssl_mode from, enum ek_ssl_mode to)
{
    model_case_init(&fleet, THREE, from, to, MODEL_DOMAIN_KNOWN);
    memset(&world, 0, sizeof world);
    fleet.policy.former_primary = -1;
    for (size_t m = 0; m < 3; m++)
        new_process(m);
}

static void tamper(const struct ek_step_kind *kind, enum tampering how)
{
    world.kind = kind;
    world.how = how;
}

static void assert_complete(int restarts, int elections)
{
    struct ek_outcome outcome;
    struct ek_error err = {0};
    int result = execute(NULL, &outcome, &err);
    if (result != 0)
        fail_msg("%s: %s", err.id, err.sentence);
    assert_true(outcome.complete);
    assert_int_equal(outcome.restarts, restarts);
    assert_int_equal(outcome.elections, elections);
    assert_int_equal(outcome.steps_done, world.done);
}

static void what_is_done_is_counted(void **state)
{
    (void)state;
    settle(EK_SSL_DISABLED, EK_SSL_PREFER);
    assert_complete(3, 1);
    assert_int_equal(world.acts, world.done);
    assert_int_equal(world.restarts_told, 3);
}

/* The history is whole although an answer is not: each restart once, and none is done twice. */
static void a_lost_answer_of_a_restart(void **state)
{
    (void)state;
    settle(EK_SSL_DISABLED, EK_SSL_PREFER);
    tamper(&ek_step_restart, ANSWER_LOST);
    assert_complete(3, 1);
    assert_int_equal(world.acts, world.done);
    assert_int_equal(world.restarts_told, 3);
}

static void a_lost_answer_of_a_stepdown(void **state)
{
    (void)state;
    settle(EK_SSL_DISABLED, EK_SSL_PREFER);
    tamper(&ek_step_step_down, ANSWER_LOST);
    assert_complete(3, 1);
    assert_int_equal(world.elections_told, 1);
}

static void a_lost_answer_of_a_file(void **state)
{
    (void)state;
    settle(EK_SSL_DISABLED, EK_SSL_PREFER);
    tamper(&ek_step_write_configuration, ANSWER_LOST);
    assert_complete(3, 1);
    assert_int_equal(world.acts, world.done);
}

/* The stop was ours: it counts, and the start that repairs it does not count again. */
static void half_a_restart(void **state)
{
    (void)state;
    settle(EK_SSL_DISABLED, EK_SSL_PREFER);
    tamper(&ek_step_restart, STOPPED_ONLY);
    assert_complete(3, 1);
    assert_int_equal(world.restarts_told, 2); /* and one start */
    assert_int_equal(world.acts, world.done + 1);
}

static void what_was_not_done_is_not_told(void **state)
{
    (void)state;
    settle(EK_SSL_DISABLED, EK_SSL_PREFER);
    tamper(&ek_step_restart, NOT_DONE);
    assert_complete(3, 1);
    assert_int_equal(world.restarts_told, 3);
    assert_int_equal(world.acts, world.done + 1);
}

static void make_plan(struct ek_plan *ret_plan)
{
    assert_int_equal(
        ek_plan_make(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), ret_plan, NULL), 0);
}

/* One stepdown took two elections: those that are left would be one more than was agreed to. */
static void elections_stay_within_what_was_approved(void **state)
{
    (void)state;
    struct ek_plan approved;
    struct ek_outcome outcome;
    struct ek_error err = {0};
    settle(EK_SSL_REQUIRE, EK_SSL_DISABLED);
    make_plan(&approved);
    assert_true(approved.elections >= 2);
    tamper(&ek_step_step_down, ONE_VOTE_MORE);
    int result = execute(&approved, &outcome, &err);
    assert_true(outcome.elections <= approved.elections);
    assert_int_equal(result, EK_STALE);
    assert_string_equal(err.id, "EK-0128");
    ek_plan_done(&approved);
}

static void an_approved_plan_is_followed_whole(void **state)
{
    (void)state;
    struct ek_plan approved;
    struct ek_outcome outcome;
    struct ek_error err = {0};
    settle(EK_SSL_REQUIRE, EK_SSL_DISABLED);
    make_plan(&approved);
    assert_int_equal(execute(&approved, &outcome, &err), 0);
    assert_int_equal(outcome.elections, approved.elections);
    assert_int_equal(outcome.restarts, approved.restarts);
    assert_int_equal(outcome.steps_done, approved.count);
    ek_plan_done(&approved);
}

/* A member that our own change left down is brought back by newer specs that want it otherwise. */
static void newer_specs_mend_what_older_ones_broke(void **state)
{
    (void)state;
    settle(EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_member_transport(fleet.state, C)->mode_configured = EK_SSL_ALLOW;
    ek_member_transport(fleet.state, C)->options_configured =
        ek_member_transport(fleet.state, C)->options_wanted;
    stop(C);
    assert_complete(0, 0);
    assert_int_equal(ek_member_transport(fleet.state, C)->mode_running, EK_SSL_DISABLED);
    assert_int_equal(ek_member(fleet.state, C)->process, EK_YES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_done_is_counted),
        cmocka_unit_test(a_lost_answer_of_a_restart),
        cmocka_unit_test(a_lost_answer_of_a_stepdown),
        cmocka_unit_test(a_lost_answer_of_a_file),
        cmocka_unit_test(half_a_restart),
        cmocka_unit_test(what_was_not_done_is_not_told),
        cmocka_unit_test(elections_stay_within_what_was_approved),
        cmocka_unit_test(an_approved_plan_is_followed_whole),
        cmocka_unit_test(newer_specs_mend_what_older_ones_broke),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
