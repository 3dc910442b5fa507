/* The executor's loop. It keeps no progress anywhere: every round begins with what is. */
#include "reconciler/execute/execute.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/memory.h"
#include "reconciler/execute/cost.h"
#include "reconciler/execute/turn.h"
#include "reconciler/laws/permit.h"

enum {
    OBSERVE_MS = 15000, /* one look at the fleet */
    POLL_LEAST_MS = 25, /* between two looks while something is awaited… */
    POLL_MOST_MS = 1000,
    POLL_PART = 16, /* …and this part of the time that it was awaited */
    CONFLICT_PAUSE_MS = 200,
    SAY_WAITING_MS = 10000,
    CONFLICTS_MAX = 5, /* acts in a row that found another fleet than was observed */
};

struct run {
    struct ek_world *world;
    const struct ek_execution *execution;
    struct ek_outcome *outcome;
    struct ek_policy policy;      /* as of the latest look */
    struct ek_observation *now;   /* the latest observation */
    struct ek_observation *after; /* scratch */
    struct ek_state *before;      /* what the step in hand was permitted on */
    struct ek_state *expected;    /* what it should bring about */
    struct ek_plan plan;          /* what is being followed */
    size_t position;              /* of the next step in it */
    int64_t began_ms;
    int64_t settle_deadline;
    int64_t watch_deadline; /* 0: no watch was met yet */
    int conflicts;
    bool claimed; /* the fences were raised for our lease */
};

static void tell(struct run *run, enum ek_event_kind kind, const struct ek_step *step,
                 int64_t since, const char *text)
{
    if (!run->execution->on_event)
        return;
    struct ek_event event = {.kind = kind,
                             .at_ms = ek_wall_ms(),
                             .elapsed_ms = ek_monotonic_ms() - since,
                             .number = run->position + 1,
                             .total = run->plan.count,
                             .step = step,
                             .plan = &run->plan,
                             .state = run->now->state,
                             .text = text};
    run->execution->on_event(run->execution->context, &event);
}

/* Until the next look. Most of what is awaited comes at once or takes seconds. */
static void wait_a_little(int64_t since)
{
    int64_t ms = (ek_monotonic_ms() - since) / POLL_PART;
    ek_sleep_ms(ms < POLL_LEAST_MS ? POLL_LEAST_MS : ms > POLL_MOST_MS ? POLL_MOST_MS : ms);
}

/* Whoever lost the lease waits for nothing any more: what he waits for, another may have undone. */
static int look(struct run *run, struct ek_observation *into, struct ek_error *err)
{
    struct ek_lease *lease = run->execution->lease;
    int result = lease ? ek_lease_not_lost(lease, err) : 0;
    return result != 0 ? result : ek_observe(run->world, ek_monotonic_ms() + OBSERVE_MS, into, err);
}

/* What comes now, by a policy that is as fresh as the observation. */
static int ask_next(struct run *run, struct ek_verdict *ret_verdict, struct ek_error *err)
{
    const struct ek_execution *execution = run->execution;
    int result = 0;
    if (execution->refresh)
        result = execution->refresh(execution->context, run->now->state, &run->policy, err);
    if (result == 0)
        ek_next(EK_SITUATION(execution->spec, run->now->state, &run->policy), ret_verdict);
    return result;
}

static bool cancelled(const struct run *run)
{
    return run->execution->cancelled && atomic_load(run->execution->cancelled);
}

/* ---- staying with what was approved ---- */

static int digest_position(struct run *run, const struct ek_plan *plan)
{
    return ek_plan_fits(plan, EK_SITUATION(run->execution->spec, run->now->state, &run->policy));
}

/* What the steps of a plan from there on cost. */
static struct ek_cost left_of(const struct ek_plan *plan, size_t position)
{
    struct ek_cost left = {0};
    for (size_t i = position; i < plan->count; i++) {
        left.restarts += plan->steps[i].kind->restarts;
        left.elections += plan->steps[i].kind->elections;
    }
    return left;
}

static int keep_within_approval(const struct run *run, const struct ek_plan *plan, size_t position,
                                struct ek_error *err)
{
    const struct ek_plan *approved = run->execution->approved;
    struct ek_cost left = left_of(plan, position);
    if (!approved)
        return 0;
    if (run->outcome->restarts + left.restarts <= approved->restarts &&
        run->outcome->elections + left.elections <= approved->elections)
        return 0;
    ek_fail(err, EK_STALE, "EK-0128",
            "the fleet moved: going on would take %d restarts and %d elections in all, the "
            "approved plan has %d and %d",
            run->outcome->restarts + left.restarts, run->outcome->elections + left.elections,
            approved->restarts, approved->elections);
    return ek_hint(err, "make a new plan, read it, and apply that");
}

/* Plan what is left from here, when what next says is not the next step of the plan at hand. */
static int follow(struct run *run, const struct ek_step *step, struct ek_error *err)
{
    if (run->position < run->plan.count && ek_step_same(&run->plan.steps[run->position], step))
        return keep_within_approval(run, &run->plan, run->position, err);
    struct ek_plan fresh;
    int result = ek_plan_make(EK_SITUATION(run->execution->spec, run->now->state, &run->policy),
                              &fresh, err);
    if (result != 0)
        return result;
    result = keep_within_approval(run, &fresh, 0, err);
    if (result != 0) {
        ek_plan_done(&fresh);
        return result;
    }
    ek_plan_done(&run->plan);
    run->plan = fresh;
    run->position = 0;
    tell(run, EK_EVENT_REPLANNED, NULL, run->began_ms, NULL);
    return 0;
}

/* ---- one step ---- */

static int confirm(struct run *run, const struct ek_step *step, int64_t begun, struct ek_error *err)
{
    const struct ek_execution *execution = run->execution;
    int64_t deadline = begun + execution->step_timeout_ms;
    int64_t next_word = begun + SAY_WAITING_MS;
    char why[EK_SENTENCE_SIZE] = "";
    for (;;) {
        int result = look(run, run->after, err);
        if (result != 0)
            return result;
        struct ek_observation *before = run->now;
        run->now = run->after;
        run->after = before;
        if (ek_step_seen(EK_SITUATION(execution->spec, run->now->state, &run->policy),
                         run->expected, step, why))
            return 0;
        if (ek_time_left_ms(deadline) == 0) {
            ek_fail(err, EK_TIMEOUT, "EK-0127",
                    "%s was done, but its effect was not seen in %lld s: %s", step->kind->verb,
                    (long long)(execution->step_timeout_ms / 1000), why);
            return ek_hint(err,
                           "look at the member's log; apply again goes on from where the fleet is");
        }
        if (ek_time_left_ms(next_word) == 0) {
            tell(run, EK_EVENT_STEP_WAITING, step, begun, why);
            next_word += SAY_WAITING_MS;
        }
        wait_a_little(begun);
    }
}

/* Whether a failed act may just mean that the fleet moved between look and act. */
static bool look_again(struct run *run, int result)
{
    bool unclear = result == EK_CONFLICT || result == EK_STALE || result == EK_UNREACHABLE ||
                   result == EK_TIMEOUT;
    return unclear && ++run->conflicts < CONFLICTS_MAX;
}

/* What an act really did is read off the world: its answer may have been lost. */
static bool was_done(const struct run *run, const struct ek_step *step)
{
    char why[EK_SENTENCE_SIZE];
    struct ek_cost cost;
    ek_cost_of(step, run->before, run->now->state, &cost);
    if (step->kind->restarts > 0)
        return ek_process_replaced(step, run->before, run->now->state);
    return cost.elections > 0 ||
           ek_step_seen(EK_SITUATION(run->execution->spec, run->now->state, &run->policy),
                        run->expected, step, why);
}

static void count_cost(struct run *run, const struct ek_step *step)
{
    struct ek_cost cost;
    ek_cost_of(step, run->before, run->now->state, &cost);
    run->outcome->restarts += cost.restarts;
    run->outcome->elections += cost.elections;
}

/* An act of whoever had the lease before us may still be in progress. What it changes must be seen
 * before our first one. */
static int claim(struct run *run, struct ek_error *err)
{
    int64_t deadline = ek_monotonic_ms() + run->execution->step_timeout_ms;
    for (;;) {
        int64_t next_word = ek_monotonic_ms() + SAY_WAITING_MS;
        int result = ek_turn_claim(run->world, run->execution->lease,
                                   next_word < deadline ? next_word : deadline, err);
        if (result == EK_TIMEOUT && ek_time_left_ms(deadline) > 0 && !cancelled(run)) {
            tell(run, EK_EVENT_WAITING, NULL, run->began_ms, err ? err->sentence : NULL);
            continue;
        }
        if (result != 0)
            return result;
        run->claimed = true;
        return look(run, run->now, err);
    }
}

static int act(struct run *run, const struct ek_step *step, int64_t deadline, bool *ret_refused,
               struct ek_error *err)
{
    EK_CLEANUP(ek_turn_end)
    struct ek_turn turn = {.world = run->world, .lease = run->execution->lease};
    int result = turn.lease ? ek_turn_take(&turn, step->member, deadline, err) : 0;
    *ret_refused = result != 0;
    return result != 0 ? result : ek_act(run->world, run->now->state, step, deadline, err);
}

/* Keep what is, and what the step should make of it. */
static int expect(struct run *run, const struct ek_step *step, struct ek_error *err)
{
    int result = ek_state_assign(&run->before, run->now->state, err);
    if (result == 0)
        result = ek_state_assign(&run->expected, run->now->state, err);
    if (result == 0)
        result = ek_effect(EK_SITUATION(run->execution->spec, run->now->state, &run->policy), step,
                           &run->expected, err);
    return result;
}

static int do_step(struct run *run, const struct ek_step *step, struct ek_error *err)
{
    const struct ek_execution *execution = run->execution;
    struct ek_broken_law law;
    int broken =
        ek_permit(EK_SITUATION(execution->spec, run->now->state, &run->policy), step, &law);
    if (broken < 0)
        return ek_no_memory(err);
    if (broken > 0) {
        struct ek_blocked *blocked = &run->outcome->blocked;
        snprintf(blocked->id, sizeof blocked->id, "%s", law.id);
        snprintf(blocked->sentence, sizeof blocked->sentence, "%s", law.sentence);
        blocked->member = step->member;
        return ek_fail(err, EK_BLOCKED, law.id, "not permitted: %s", law.sentence);
    }
    int64_t begun = ek_monotonic_ms();
    tell(run, EK_EVENT_STEP_BEGUN, step, begun, NULL);
    int result = expect(run, step, err);
    bool refused = false;
    if (result == 0)
        result = act(run, step, begun + execution->step_timeout_ms, &refused, err);
    if (result != 0 && !refused && look_again(run, result)) {
        tell(run, EK_EVENT_WAITING, step, begun, err ? err->sentence : NULL);
        ek_sleep_ms(CONFLICT_PAUSE_MS);
        result = look(run, run->now, err);
        if (result != 0)
            return result;
        if (!was_done(run, step)) {
            count_cost(run, step); /* of a half of it */
            return 0;
        }
        if (err)
            *err = (struct ek_error){0};
    }
    if (result == 0)
        result = confirm(run, step, begun, err);
    count_cost(run, step); /* also of one that was not seen to the end */
    if (result != 0)
        return result;
    run->conflicts = 0;
    run->outcome->steps_done++;
    tell(run, EK_EVENT_STEP_DONE, step, begun, NULL);
    run->position++;
    run->settle_deadline = ek_monotonic_ms() + execution->settle_timeout_ms;
    return 0;
}

/* ---- the rounds ---- */

/* Whether the watch over clients can still be over in time. */
static bool watches(struct run *run, const struct ek_blocked *blocked)
{
    const struct ek_execution *execution = run->execution;
    if (blocked->waits != EK_WAIT_WATCH || !execution->watches_clients)
        return false;
    if (run->watch_deadline == 0)
        run->watch_deadline = ek_monotonic_ms() + execution->settle_timeout_ms +
                              execution->spec->maintenance.plaintext_window_s * 1000;
    return ek_time_left_ms(run->watch_deadline) > 0;
}

static int wait_or_stop(struct run *run, const struct ek_blocked *blocked, struct ek_error *err)
{
    if ((blocked->passing && ek_time_left_ms(run->settle_deadline) > 0) || watches(run, blocked)) {
        tell(run, EK_EVENT_WAITING, NULL, run->began_ms, blocked->sentence);
        wait_a_little(run->settle_deadline - run->execution->settle_timeout_ms);
        return look(run, run->now, err);
    }
    run->outcome->blocked = *blocked;
    ek_fail(err, EK_BLOCKED, blocked->id, "%s", blocked->sentence);
    int who = blocked->member < 0 ? (int)run->now->state->member_count : blocked->member;
    if (run->now->problems[who][0])
        ek_cause(err, "%s", run->now->problems[who]);
    return ek_hint(err, "%s", blocked->hint);
}

/* An approved plan fits only a fleet that is in one of the states it goes through. */
static int begin(struct run *run, struct ek_error *err)
{
    const struct ek_execution *execution = run->execution;
    for (;;) {
        int result = look(run, run->now, err);
        if (result != 0)
            return result;
        struct ek_verdict verdict;
        result = ask_next(run, &verdict, err);
        if (result != 0)
            return result;
        if (cancelled(run))
            return ek_fail(err, EK_CANCELLED, "EK-0129",
                           "stopped on request before the first step");
        int position = execution->approved ? digest_position(run, execution->approved) : 0;
        bool fits = position >= 0;
        if (position == EK_NO_MEMORY)
            return ek_no_memory(err);
        if (verdict.kind == EK_VERDICT_BLOCKED && (fits || !verdict.blocked.waits)) {
            result = wait_or_stop(run, &verdict.blocked, err);
            if (result != 0)
                return result;
            continue;
        }
        if (fits)
            break;
        if (ek_time_left_ms(run->began_ms + 5000) == 0) {
            ek_fail(err, EK_STALE, "EK-0128",
                    "the fleet is in none of the states that the approved plan goes through");
            return ek_hint(err, "make a new plan, read it, and apply that");
        }
        wait_a_little(run->began_ms);
    }
    int result =
        ek_plan_make(EK_SITUATION(execution->spec, run->now->state, &run->policy), &run->plan, err);
    if (result == 0)
        tell(run, EK_EVENT_PLANNED, NULL, run->began_ms, NULL);
    return result;
}

static int rounds(struct run *run, struct ek_error *err)
{
    int result = begin(run, err);
    while (result == 0) {
        struct ek_verdict verdict;
        result = ask_next(run, &verdict, err);
        if (result != 0)
            break;
        if (verdict.kind == EK_VERDICT_DONE) {
            run->outcome->complete = true;
            tell(run, EK_EVENT_FINISHED, NULL, run->began_ms, NULL);
            return 0;
        }
        if (cancelled(run))
            return ek_fail(err, EK_CANCELLED, "EK-0129", "stopped on request after %zu steps",
                           run->outcome->steps_done);
        if (verdict.kind == EK_VERDICT_BLOCKED) {
            result = wait_or_stop(run, &verdict.blocked, err);
            continue;
        }
        if (run->execution->lease && !run->claimed) {
            result = claim(run, err);
            continue;
        }
        result = follow(run, &verdict.step, err);
        if (result == 0)
            result = do_step(run, &verdict.step, err);
    }
    return result;
}

/* Who was frozen until another had his place saw things that are no longer so: what stopped him is
 * that, whatever it looked like. */
static int blame_lease(const struct run *run, int result, struct ek_error *err)
{
    struct ek_error lost = {0};
    if (result == EK_CANCELLED || !run->execution->lease ||
        ek_lease_check(run->execution->lease, 0, &lost) == 0)
        return result;
    if (err && strncmp(err->id, "EK-10", 5) != 0) {
        ek_cause(&lost, "%s", err->sentence);
        *err = lost;
    }
    return lost.code;
}

int ek_execute(struct ek_world *world, const struct ek_execution *execution,
               struct ek_outcome *ret_outcome, struct ek_error *err)
{
    struct run run = {.world = world,
                      .execution = execution,
                      .outcome = ret_outcome,
                      .policy = execution->policy,
                      .began_ms = ek_monotonic_ms()};
    memset(ret_outcome, 0, sizeof *ret_outcome);
    run.settle_deadline = run.began_ms + execution->settle_timeout_ms;
    int result = ek_observation_new(execution->spec->member_count, &run.now, err);
    if (result == 0)
        result = ek_observation_new(execution->spec->member_count, &run.after, err);
    if (result == 0)
        result = rounds(&run, err);
    if (result != 0)
        result = blame_lease(&run, result, err);
    ek_plan_done(&run.plan);
    ek_observation_free(run.now);
    ek_observation_free(run.after);
    free(run.before);
    free(run.expected);
    return result;
}
