/* What the specs ask of people, and what they asked before: no commit excuses itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/memory.h"
#include "reconciler/loop/loop_internal.h"

static int copy_floor(struct ek_keeper *keeper, char **ret_floor, struct ek_error *err)
{
    struct ek_loop *loop = keeper->loop;
    pthread_mutex_lock(&loop->lock);
    char *floor = loop->floor ? strdup(loop->floor) : NULL;
    bool failed = loop->floor && !floor;
    keeper->guarded_in = loop->reloads;
    pthread_mutex_unlock(&loop->lock);
    if (failed)
        return ek_no_memory(err);
    *ret_floor = floor;
    return 0;
}

static void find_signers(struct ek_keeper *keeper)
{
    struct ek_guard *guard = &keeper->guard;
    for (size_t i = 0; i < guard->also_count && keeper->desired->specs.commit; i++) {
        struct ek_demand *demand = &guard->also[i];
        EK_BUFFER cache = {0};
        struct ek_error ignored = {0};
        if (demand->rule != EK_APPROVAL_REQUIRED || demand->approvers->commit_key_count == 0)
            continue;
        struct ek_git_request request = ek_follower_request(
            keeper->loop, keeper->desired->repository, keeper->desired->specs.commit, &cache);
        if (request.url && !cache.failed &&
            ek_git_commit_signer(&request, demand->approvers->commit_keys,
                                 demand->approvers->commit_key_count, guard->signers[i],
                                 &ignored) == 0)
            demand->commit_signed_by = guard->signers[i];
    }
}

static bool is_current(struct ek_keeper *keeper)
{
    pthread_mutex_lock(&keeper->loop->lock);
    bool current = keeper->guarded && keeper->guarded_in == keeper->loop->reloads;
    pthread_mutex_unlock(&keeper->loop->lock);
    return current && !keeper->guard.moved; /* another process may have kept the new rule */
}

int ek_keeper_guard(struct ek_keeper *keeper, struct ek_error *err)
{
    struct ek_assessment *assessment = &keeper->assessment;
    char *floor = NULL;
    if (is_current(keeper))
        return 0;
    int result = copy_floor(keeper, &floor, err);
    if (result != 0)
        return result;
    ek_guard_done(&keeper->guard);
    result = ek_guard_load(keeper->loop->store, assessment->spec, floor, &keeper->guard, err);
    free(floor);
    if (result == 0)
        result = ek_assessment_digest(assessment, err);
    if (result == 0)
        result = ek_guard_digest(&keeper->guard, assessment->spec_digest, err);
    keeper->guarded = result == 0;
    if (result != 0)
        return result;
    find_signers(keeper);
    snprintf(assessment->less_consent, sizeof assessment->less_consent, "%s", keeper->guard.words);
    return 0;
}

int ek_keeper_accept_rule(struct ek_keeper *keeper, const struct ek_consent *consent,
                          struct ek_error *err)
{
    struct ek_loop *loop = keeper->loop;
    const struct ek_deployment_spec *spec = keeper->assessment.spec;
    const struct ek_guard_note note = {
        .who = loop->who,
        .commit = keeper->desired ? keeper->desired->specs.commit : NULL,
        .at_ms = ek_loop_now_ms(loop),
    };
    if (!keeper->guard.moved)
        return 0;
    int result = keeper->guard.loosened ? ek_consent_missing(spec, consent, err) : 0;
    if (result == 0)
        result = ek_guard_keep(loop->store, spec, &keeper->guard, &note, err);
    if (result == 0)
        keeper->guarded = false;
    return result;
}
