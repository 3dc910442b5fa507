/* Carrying out a deployment's plan: in its turn, under its lease, with the consent that the specs
 * and the people ask for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/clock.h"
#include "reconciler/consent/consent.h"
#include "reconciler/execute/execute.h"
#include "reconciler/laws/permit.h"
#include "reconciler/lease/lease.h"
#include "reconciler/loop/backoff.h"
#include "reconciler/loop/loop_internal.h"

/* One step may take its own time and look at the fleet before and after it. */
enum { STEP_MARGIN_MS = 120000 };

struct ek_consent_question ek_keeper_question(const struct ek_keeper *keeper,
                                              const struct ek_state *state)
{
    return (struct ek_consent_question){
        .store = keeper->loop->store,
        .spec = keeper->assessment.spec,
        .spec_digest = keeper->assessment.spec_digest,
        .guard = &keeper->guard,
        .state = state,
        .commit_signed_by = keeper->signer[0] ? keeper->signer : NULL,
        .plan = keeper->approved[0] ? keeper->approved : NULL,
        .who = keeper->loop->who,
        .now_ms = ek_loop_now_ms(keeper->loop),
    };
}

static int refresh(void *context, const struct ek_state *state, struct ek_policy *policy,
                   struct ek_error *err)
{
    const struct ek_keeper *keeper = context;
    struct ek_consent_question question = ek_keeper_question(keeper, state);
    return ek_consent_refresh(&question, policy, err);
}

static void trace_step(struct ek_keeper *keeper, int64_t ended_ms, const struct ek_error *err)
{
    const struct ek_step *step = &keeper->step;
    const char *member =
        step->member >= 0 ? keeper->assessment.spec->members[step->member].name : NULL;
    ek_trace_step(keeper->trace, &(struct ek_traced_step){step->kind->name, member,
                                                          keeper->step_begun_ms, ended_ms, err});
}

static void begin_trace(struct ek_keeper *keeper)
{
    const struct ek_trace_about about = {
        .account = keeper->account,
        .deployment = keeper->name,
        .commit = keeper->desired ? keeper->desired->specs.commit : NULL,
        .plan = keeper->planned,
    };
    keeper->trace = ek_trace_begin(keeper->loop->settings.traces, &about, ek_wall_ms());
}

/* Being superseded or blocked is no failure. */
static void end_trace(struct ek_keeper *keeper)
{
    const struct ek_error *err = keeper->act_error.code ? &keeper->act_error : NULL;
    if (keeper->stepping && err)
        trace_step(keeper, ek_wall_ms(), err);
    ek_trace_end(keeper->trace, ek_wall_ms(), err);
    keeper->trace = NULL;
}

static void on_event(void *context, const struct ek_event *event)
{
    struct ek_keeper *keeper = context;
    struct ek_loop *loop = keeper->loop;
    ek_sleeper_gets_on(&keeper->sleeper, loop, loop->settings.step_timeout_ms + STEP_MARGIN_MS);
    ek_metrics_event(loop->metrics, keeper->assessment.spec, event);
    ek_tell_execution(keeper, event);
    if (event->kind == EK_EVENT_STEP_BEGUN) {
        keeper->step = *event->step;
        keeper->step_begun_ms = event->at_ms;
        keeper->stepping = true;
    }
    if (event->kind != EK_EVENT_STEP_DONE)
        return;
    trace_step(keeper, event->at_ms, NULL);
    keeper->stepping = false;
    pthread_mutex_lock(&loop->lock);
    keeper->steps_done++;
    pthread_mutex_unlock(&loop->lock);
}

/* ---- how it ended ---- */

/* What no second try mends: it waits for a new commit. */
static bool is_hopeless(const struct ek_error *err)
{
    return err->code == EK_BUG || err->code == EK_INVALID || err->code == EK_UNSUPPORTED ||
           err->code == EK_DENIED;
}

static void failed(struct ek_keeper *keeper, const struct ek_error *err)
{
    struct ek_loop *loop = keeper->loop;
    struct ek_journal_entry entry = ek_keeper_entry(keeper, EK_JOURNAL_RECONCILE_FAILED);
    keeper->failures++;
    keeper->act_error = *err;
    keeper->hopeless = is_hopeless(err);
    keeper->act_not_before_ms =
        ek_monotonic_ms() + ek_backoff_ms(keeper->failures, ek_loop_chance());
    EK_BUFFER step = {0};
    if (keeper->stepping) {
        ek_metrics_step_failed(loop->metrics, &keeper->step);
        ek_keeper_step_words(keeper, &keeper->step, &step);
        entry.event = EK_JOURNAL_STEP_FAILED;
        entry.step = ek_journal_text(&step);
    }
    ek_tell_error(loop, &entry, err);
    ek_keeper_condition(keeper, EK_CONDITION_FAILING);
}

static void ended(struct ek_keeper *keeper, int result, const struct ek_outcome *outcome,
                  const struct ek_error *err)
{
    struct ek_journal_entry entry = ek_keeper_entry(keeper, EK_JOURNAL_RECONCILED);
    char message[120];
    switch (result) {
    case 0:
        snprintf(message, sizeof message, "%zu steps, %d restarts, %d elections",
                 outcome->steps_done, outcome->restarts, outcome->elections);
        entry.message = message;
        entry.plan = keeper->planned;
        keeper->failures = 0;
        keeper->act_not_before_ms = 0;
        if (outcome->steps_done)
            ek_tell(keeper->loop, &entry, json_object());
        break;
    case EK_CANCELLED:
        entry.event = EK_JOURNAL_SUPERSEDED;
        entry.message = "stopped at a step boundary: what is wanted changed, or the loop ends";
        ek_tell(keeper->loop, &entry, json_object());
        break;
    case EK_BLOCKED:
        ek_keeper_condition(keeper, EK_CONDITION_BLOCKED);
        ek_keeper_say(keeper, outcome->blocked.waits ? EK_JOURNAL_WAITING : EK_JOURNAL_BLOCKED,
                      outcome->blocked.id, outcome->blocked.sentence, outcome->blocked.hint);
        break;
    default: failed(keeper, err);
    }
}

/* ---- carrying it out ---- */

/* The plan that somebody agreed to and that fits the fleet, to be held to; none: *ret_found false.
 */
static int find_approved(struct ek_keeper *keeper, struct ek_policy *policy,
                         struct ek_plan *ret_approved, bool *ret_found, struct ek_error *err)
{
    struct ek_consent_question question =
        ek_keeper_question(keeper, keeper->assessment.observation->state);
    struct ek_approval approval;
    int result = ek_consent_approved_plan(&question, policy, ret_approved, &approval, err);
    *ret_found = result == 0;
    if (result == 0)
        snprintf(keeper->approved, sizeof keeper->approved, "%s", approval.plan);
    return result == EK_NOT_FOUND ? 0 : result;
}

static int spend(struct ek_keeper *keeper, struct ek_error *err)
{
    struct ek_consent_question question =
        ek_keeper_question(keeper, keeper->assessment.observation->state);
    int result = ek_consent_spend(&question, keeper->approved, err);
    keeper->approved[0] = 0;
    return result;
}

/* While the approval of what was done still holds. Where there is none, the next look says so. */
static int accept_rule(struct ek_keeper *keeper, struct ek_error *err)
{
    struct ek_consent_question question =
        ek_keeper_question(keeper, keeper->assessment.observation->state);
    struct ek_policy policy = keeper->assessment.policy;
    struct ek_error missing = {0};
    int result = ek_consent_refresh(&question, &policy, err);
    if (result != 0)
        return result;
    result = ek_keeper_accept_rule(keeper, &policy.consent, &missing);
    if (result != 0 && result != EK_BLOCKED && err)
        *err = missing;
    return result == EK_BLOCKED ? 0 : result;
}

static int execute(struct ek_keeper *keeper, struct ek_lease *lease, struct ek_outcome *ret_outcome,
                   struct ek_error *err)
{
    struct ek_loop *loop = keeper->loop;
    struct ek_assessment *assessment = &keeper->assessment;
    struct ek_plan approved = {0};
    bool held = false;
    struct ek_execution execution = {
        .spec = assessment->spec,
        .lease = lease,
        .policy = assessment->policy,
        .step_timeout_ms = loop->settings.step_timeout_ms,
        .settle_timeout_ms = loop->settings.settle_timeout_ms,
        .refresh = refresh,
        .on_event = on_event,
        .context = keeper,
        .cancelled = &keeper->cancelled,
    };
    int result = find_approved(keeper, &execution.policy, &approved, &held, err);
    if (result != 0)
        return result;
    execution.approved = held ? &approved : NULL;
    result = ek_execute(assessment->world, &execution, ret_outcome, err);
    if (result == 0)
        result = accept_rule(keeper, err);
    if (result == 0 && held)
        result = spend(keeper, err);
    ek_plan_done(&approved);
    return result;
}

static void with_lease(struct ek_keeper *keeper, struct ek_lease *lease)
{
    struct ek_loop *loop = keeper->loop;
    struct ek_labels labels = EK_LABELS(keeper->account, keeper->name);
    struct ek_outcome outcome = {0};
    struct ek_error err = {0};
    pthread_mutex_lock(&loop->lock);
    keeper->acting = true;
    pthread_mutex_unlock(&loop->lock);
    ek_metrics_set(loop->metrics, EK_METRIC_DEPLOYMENT_LEASE_HELD, labels, 1);
    ek_synced_forget(&keeper->synced);
    keeper->stepping = false;
    begin_trace(keeper);
    int result = execute(keeper, lease, &outcome, &err);
    ended(keeper, result, &outcome, &err);
    end_trace(keeper);
    if (err.code == EK_STALE && strncmp(err.id, "EK-10", 5) == 0)
        ek_metrics_add(loop->metrics, EK_METRIC_DEPLOYMENT_LEASES_LOST, labels, 1);
    ek_metrics_set(loop->metrics, EK_METRIC_DEPLOYMENT_LEASE_HELD, labels, 0);
    pthread_mutex_lock(&loop->lock);
    keeper->acting = false;
    if (outcome.steps_done)
        ek_sleeper_wake(&keeper->sleeper); /* look at once at what came of it */
    pthread_mutex_unlock(&loop->lock);
}

static void in_turn(struct ek_keeper *keeper)
{
    struct ek_loop *loop = keeper->loop;
    struct ek_lease_request request = {.account = keeper->account,
                                       .deployment = keeper->name,
                                       .operation = "run",
                                       .watch = &keeper->lease_watch};
    struct ek_lease *lease = NULL;
    struct ek_error err = {0};
    int result = ek_lease_take(loop->store, &request, &lease, &err);
    if (result == 0) {
        with_lease(keeper, lease);
        ek_lease_release(lease);
        return;
    }
    if (result == EK_LOCKED)
        ek_keeper_say(keeper, EK_JOURNAL_LEASE_ELSEWHERE, err.id, err.sentence, NULL);
    else
        failed(keeper, &err);
}

/* Whether the very next step may be done now: no lease is taken only to learn that it waits for
 * a window, an approval, or the end of a pause. */
static bool is_permitted(struct ek_keeper *keeper)
{
    struct ek_assessment *assessment = &keeper->assessment;
    struct ek_broken_law law;
    struct ek_verdict verdict;
    ek_next(EK_SITUATION(assessment->spec, assessment->observation->state, &assessment->policy),
            &verdict);
    if (verdict.kind == EK_VERDICT_DONE)
        return false;
    if (verdict.kind == EK_VERDICT_BLOCKED) {
        ek_keeper_condition(keeper, EK_CONDITION_BLOCKED);
        if (!verdict.blocked.passing)
            ek_keeper_say(keeper, verdict.blocked.waits ? EK_JOURNAL_WAITING : EK_JOURNAL_BLOCKED,
                          verdict.blocked.id, verdict.blocked.sentence, verdict.blocked.hint);
        return false;
    }
    int broken = ek_permit(
        EK_SITUATION(assessment->spec, assessment->observation->state, &assessment->policy),
        &verdict.step, &law);
    if (broken <= 0) /* what could not be judged is asked again before the act, which fails then */
        return true;
    ek_keeper_condition(keeper, EK_CONDITION_BLOCKED);
    ek_keeper_say(keeper, EK_JOURNAL_BLOCKED, law.id, law.sentence, NULL);
    return false;
}

static void set_waiting(struct ek_keeper *keeper, bool waiting)
{
    pthread_mutex_lock(&keeper->loop->lock);
    keeper->waiting = waiting;
    pthread_mutex_unlock(&keeper->loop->lock);
}

void ek_keeper_act(struct ek_keeper *keeper)
{
    struct ek_loop *loop = keeper->loop;
    if (keeper->hopeless || ek_monotonic_ms() < keeper->act_not_before_ms) {
        ek_keeper_condition(keeper, EK_CONDITION_FAILING);
        return;
    }
    if (keeper->cancelled || !is_permitted(keeper))
        return;
    bool turn = ek_turns_take(loop->turns, keeper->account);
    set_waiting(keeper, !turn);
    if (!turn)
        return;
    in_turn(keeper);
    ek_turns_give_back(loop->turns, keeper->account);
}
