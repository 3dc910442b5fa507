#include "reconciler/kernel/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/hash.h"
#include "reconciler/base/memory.h"
#include "reconciler/kernel/aspect.h"
#include "reconciler/laws/permit.h"

/* facts/measured.md: a stepdown with handoff pauses writes for one to two seconds. */
static const int64_t election_pause_ms = 1500;
/* A set without a member to spare takes no writes while one restarts. */
static const int64_t lonely_restart_pause_ms = 5000;

static void count_step(const struct ek_state *state, const struct ek_step *step,
                       struct ek_plan *plan)
{
    const struct ek_step_kind *row = step->kind;
    plan->restarts += row->restarts;
    plan->elections += row->elections;
    plan->write_pause_ms += row->elections * election_pause_ms;
    if (row->restarts && state->member_count < 3)
        plan->write_pause_ms += lonely_restart_pause_ms;
    switch (row->change) {
    case EK_CHANGE_ADD: plan->to_add++; break;
    case EK_CHANGE_REMOVE: plan->to_destroy++; break;
    case EK_CHANGE_MODIFY:
    case EK_CHANGE_REPLACE: plan->to_change++; break;
    }
}

static int append(struct ek_plan *plan, const struct ek_step *step, struct ek_error *err)
{
    struct ek_step *steps = realloc(plan->steps, (plan->count + 1) * sizeof *steps);
    if (!steps)
        return ek_no_memory(err);
    plan->steps = steps;
    char(*digests)[EK_SHA256_HEX_SIZE] =
        realloc(plan->digests, (plan->count + 2) * sizeof *digests);
    if (!digests)
        return ek_no_memory(err);
    plan->digests = digests;
    plan->steps[plan->count++] = *step;
    return 0;
}

/* From here on as if what it waits for had come. */
static void suppose(struct ek_policy *policy, enum ek_wait waits)
{
    switch (waits) {
    case EK_WAIT_NONE: break;
    case EK_WAIT_PAUSE: policy->paused = false; break;
    case EK_WAIT_APPROVAL: policy->consent.approval = EK_AGREEMENT_GIVEN; break;
    case EK_WAIT_SIGNATURE: policy->consent.signature = EK_AGREEMENT_GIVEN; break;
    case EK_WAIT_WINDOW: policy->consent.window = EK_WINDOW_OPEN; break;
    case EK_WAIT_WATCH: policy->clients_watched = true; break;
    }
}

static bool note_wait(struct ek_plan *plan, const struct ek_verdict *verdict,
                      struct ek_policy *policy)
{
    enum ek_wait waits =
        verdict->kind == EK_VERDICT_BLOCKED ? verdict->blocked.waits : EK_WAIT_NONE;
    if (waits == EK_WAIT_NONE || plan->wait_count == EK_PLAN_WAITS_MAX)
        return false;
    plan->waits[plan->wait_count++] = (struct ek_plan_wait){plan->count, verdict->blocked};
    suppose(policy, waits);
    return true;
}

/* From an odd enough state the planner sees a way that the laws don't. Nothing of it is begun. */
static void stop_at_law(struct ek_plan *plan, const struct ek_step *step,
                        const struct ek_broken_law *law)
{
    struct ek_blocked *blocked = &plan->blocked;
    plan->count = plan->wait_count = 0;
    plan->restarts = plan->elections = 0;
    plan->to_add = plan->to_change = plan->to_destroy = 0;
    plan->write_pause_ms = 0;
    plan->end = EK_VERDICT_BLOCKED;
    *blocked = (struct ek_blocked){.member = step->member};
    snprintf(blocked->id, sizeof blocked->id, "%s", law->id);
    snprintf(blocked->sentence, sizeof blocked->sentence, "%s", law->sentence);
    snprintf(blocked->hint, sizeof blocked->hint,
             "the way that was seen leads through \"%s\" here, which is not safe: set right what "
             "the sentence names, then plan again",
             step->kind->verb);
}

/* One more step, and the state that it leads to. */
static int go_on(struct ek_plan *plan, const struct ek_situation *situation,
                 const struct ek_step *step, struct ek_state **state, struct ek_error *err)
{
    int result = append(plan, step, err);
    if (result != 0)
        return result;
    count_step(*state, step, plan);
    result = ek_effect(situation, step, state, err);
    const struct ek_situation after = {
        .spec = situation->spec, .state = *state, .policy = situation->policy};
    return result == 0 ? ek_state_digest(&after, plan->digests[plan->count], err) : result;
}

static int unroll(const struct ek_situation *begin, struct ek_state **state, struct ek_plan *plan,
                  struct ek_error *err)
{
    struct ek_policy supposed = *begin->policy;
    while (plan->count < EK_PLAN_STEPS_MAX) {
        struct ek_verdict verdict;
        struct ek_broken_law law;
        const struct ek_situation now = {.spec = begin->spec, .state = *state, .policy = &supposed};
        ek_next(&now, &verdict);
        if (note_wait(plan, &verdict, &supposed))
            continue;
        plan->end = verdict.kind;
        plan->blocked = verdict.blocked;
        if (verdict.kind != EK_VERDICT_STEP)
            return 0;
        int broken = ek_permit(&now, &verdict.step, &law);
        if (broken < 0)
            return ek_no_memory(err);
        if (broken > 0) {
            stop_at_law(plan, &verdict.step, &law);
            return 0;
        }
        int result = go_on(plan, &now, &verdict.step, state, err);
        if (result != 0)
            return result;
    }
    return ek_fail(err, EK_BUG, "EK-0190", "the plan did not end after %d steps",
                   EK_PLAN_STEPS_MAX);
}

int ek_plan_make(const struct ek_situation *situation, struct ek_plan *ret_plan,
                 struct ek_error *err)
{
    struct ek_plan plan = {.digests = malloc(sizeof *plan.digests)};
    struct ek_state *modelled = NULL;
    int result =
        plan.digests ? ek_state_clone(situation->state, &modelled, err) : ek_no_memory(err);
    if (result == 0)
        result = ek_state_digest(situation, plan.digests[0], err);
    if (result == 0) {
        snprintf(plan.set_id, sizeof plan.set_id, "%s", ek_state_identity(situation->state));
        result = unroll(situation, &modelled, &plan, err);
    }
    free(modelled);
    if (result != 0) {
        ek_plan_done(&plan);
        return result;
    }
    *ret_plan = plan;
    return 0;
}

void ek_plan_done(struct ek_plan *plan)
{
    free(plan->steps);
    free(plan->digests);
    *plan = (struct ek_plan){0};
}

int ek_plan_find(const struct ek_plan *plan, const char digest[EK_SHA256_HEX_SIZE])
{
    for (size_t i = 0; i <= plan->count; i++)
        if (strcmp(plan->digests[i], digest) == 0)
            return (int)i;
    return -1;
}

/* As if everybody had said yes: whether they did is what the plan's place is asked for. */
static struct ek_policy agreed(const struct ek_policy *policy)
{
    struct ek_policy supposed = *policy;
    for (enum ek_wait waits = EK_WAIT_PAUSE; waits <= EK_WAIT_WATCH; waits++)
        suppose(&supposed, waits);
    return supposed;
}

static bool is_rest_of(const struct ek_step *whole, const struct ek_step *step)
{
    const struct ek_field *const *field = step->kind->touches;
    if (whole->member != step->member || step->kind->restarts > whole->kind->restarts ||
        step->kind->elections > whole->kind->elections)
        return false;
    while (*field && ek_step_touches(whole, *field))
        field++;
    return *field == NULL;
}

/* Whoever was killed in the middle of a step left a state between two of the plan's. What comes
 * next there is the rest of that step, and leads to where the step leads. */
static int find_begun(const struct ek_plan *plan, const struct ek_situation *situation)
{
    struct ek_policy policy = agreed(situation->policy);
    struct ek_situation now = {
        .spec = situation->spec, .state = situation->state, .policy = &policy};
    struct ek_verdict verdict;
    struct ek_state *after = NULL;
    char digest[EK_SHA256_HEX_SIZE];
    ek_next(&now, &verdict);
    if (verdict.kind != EK_VERDICT_STEP)
        return -1;
    int result = ek_state_clone(situation->state, &after, NULL);
    if (result == 0)
        result = ek_effect(&now, &verdict.step, &after, NULL);
    now.state = after;
    if (result == 0)
        result = ek_state_digest(&now, digest, NULL);
    int position = result == 0 ? ek_plan_find(plan, digest) : 0;
    free(after);
    if (result != 0)
        return EK_NO_MEMORY;
    return position > 0 && is_rest_of(&plan->steps[position - 1], &verdict.step) ? position - 1
                                                                                 : -1;
}

int ek_plan_fits(const struct ek_plan *plan, const struct ek_situation *situation)
{
    char digest[EK_SHA256_HEX_SIZE];
    if (plan->set_id[0] && strcmp(plan->set_id, ek_state_identity(situation->state)) != 0)
        return -1;
    if (ek_state_digest(situation, digest, NULL) != 0)
        return EK_NO_MEMORY;
    int position = ek_plan_find(plan, digest);
    return position >= 0 ? position : find_begun(plan, situation);
}
