/* What people and the clock say to a fleet's plans. */
#include <stdio.h>
#include <string.h>

#include "drivers/git/git.h"
#include "reconciler/base/clock.h"
#include "reconciler/command/fleet.h"
#include "reconciler/command/store.h"

int ek_fleet_store(struct ek_fleet *fleet, bool make, struct ek_error *err)
{
    struct ek_error problem = {0};
    if (fleet->store.driver)
        return 0;
    int result = ek_store_of(fleet->options, fleet->controller.state_directory, !make,
                             &fleet->store, &problem);
    if (result == EK_NOT_FOUND && !make)
        return 0;
    if (result == 0) {
        fleet->controller.store = &fleet->store;
        fleet->controller.keeps = make;
    } else if (err) {
        *err = problem;
    }
    return result;
}

static bool signed_commit(const struct ek_fleet *fleet, enum ek_approval_rule rule,
                          const struct ek_approvers *approvers, char signer[128])
{
    struct ek_error err = {0};
    if (!fleet->source.url || !fleet->source.commit || approvers->commit_key_count == 0 ||
        rule != EK_APPROVAL_REQUIRED)
        return false;
    EK_BUFFER cache = {0};
    struct ek_git_request request = ek_fleet_git_request(fleet, &cache);
    int result = ek_buffer_check(&cache, &err);
    if (result == 0)
        result = ek_git_commit_signer(&request, approvers->commit_keys, approvers->commit_key_count,
                                      signer, &err);
    if (result != 0 && fleet->options->verbose)
        ek_say(fleet->options, "%s", err.sentence);
    return result == 0;
}

int ek_fleet_guard(const struct ek_fleet *fleet, struct ek_assessment *assessment,
                   struct ek_guard *ret_guard, struct ek_error *err)
{
    const struct ek_store_handle *store = fleet->store.driver ? &fleet->store : NULL;
    int result = ek_guard_load(store, assessment->spec, fleet->floor, ret_guard, err);
    if (result != 0)
        return result;
    for (size_t i = 0; i < ret_guard->also_count; i++) {
        struct ek_demand *demand = &ret_guard->also[i];
        if (signed_commit(fleet, demand->rule, demand->approvers, ret_guard->signers[i]))
            demand->commit_signed_by = ret_guard->signers[i];
    }
    snprintf(assessment->less_consent, sizeof assessment->less_consent, "%s", ret_guard->words);
    result = ek_assessment_digest(assessment, err);
    return result == 0 ? ek_guard_digest(ret_guard, assessment->spec_digest, err) : result;
}

struct ek_consent_question ek_fleet_consent(const struct ek_fleet *fleet,
                                            const struct ek_assessment *assessment,
                                            const struct ek_guard *guard, char signer[128])
{
    bool by_commit = signed_commit(fleet, assessment->spec->maintenance.approval,
                                   &assessment->spec->maintenance.approvers, signer);
    return (struct ek_consent_question){
        .store = fleet->store.driver ? &fleet->store : NULL,
        .spec = assessment->spec,
        .spec_digest = assessment->spec_digest,
        .guard = guard,
        .state = assessment->observation ? assessment->observation->state : NULL,
        .commit_signed_by = by_commit ? signer : NULL,
        .outside_window = fleet->options->outside_window,
        .now_ms = ek_wall_ms(),
    };
}

int ek_fleet_consult(const struct ek_fleet *fleet, struct ek_assessment *assessment,
                     struct ek_error *err)
{
    char signer[128];
    struct ek_plan approved;
    struct ek_approval approval;
    EK_CLEANUP(ek_guard_done) struct ek_guard guard;
    int result = ek_fleet_guard(fleet, assessment, &guard, err);
    if (result != 0)
        return result;
    struct ek_consent_question question = ek_fleet_consent(fleet, assessment, &guard, signer);
    result = ek_consent_approved_plan(&question, &assessment->policy, &approved, &approval, err);
    if (result == 0)
        ek_plan_done(&approved);
    if (result == 0 || result == EK_NOT_FOUND)
        result = ek_consent_refresh(&question, &assessment->policy, err);
    if (result != 0)
        return result;
    ek_plan_done(&assessment->plan);
    return ek_plan_make(EK_SITUATION(assessment->spec, question.state, &assessment->policy),
                        &assessment->plan, err);
}
