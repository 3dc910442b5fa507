/* Consent: what people and the clock have to say to a deployment's steps, as the policy that
 * the planner and law 10 read. Windows come from the specs, approvals and pauses from the
 * store, signatures from the plan or the commit. */
#ifndef EK_CONSENT_CONSENT_H
#define EK_CONSENT_CONSENT_H

#include "drivers/store/store.h"
#include "reconciler/consent/guard.h"
#include "reconciler/document/plan_file.h"
#include "reconciler/kernel/plan.h"

/* An approval that was never used is no longer one after this time. */
#define EK_APPROVAL_LASTS_MS ((int64_t)60 * 86400 * 1000)

/* What is asked about; all borrowed. Zero or NULL where there is nothing. */
struct ek_consent_question {
    const struct ek_store_handle *store; /* NULL: there is none, so nobody said anything */
    const struct ek_deployment_spec *spec;
    const uint8_t *spec_digest;   /* 32 bytes, ek_guard_digest included */
    const struct ek_guard *guard; /* what is needed besides what the spec asks for; NULL: nothing */
    const struct ek_state *state; /* as it was just observed */
    const char *commit_signed_by; /* who of approvers.commitKeys signed the commit, or NULL; see
                                     ek_git_commit_signer */
    const char *plan_signed_by;   /* apply FILE: which of approvers.planKeys signed it, or NULL */
    const struct ek_demand *demand; /* of ek_approval_find: whose yes is looked for */
    const char *plan;               /* name of the plan that the executor is held to, or NULL */
    const char *who;                /* for what is recorded; NULL: "evenkeel" */
    bool outside_window;            /* a person said that it must not wait for a window */
    int64_t now_ms;                 /* wall clock */
};

/* Bring policy->now_s, paused and consent up to date. Meant for ek_execution.refresh, and right
 * before a plan is shown. Errors are the store's: what is not known was not agreed to, so
 * nothing goes on. */
int ek_consent_refresh(const struct ek_consent_question *question, struct ek_policy *policy,
                       struct ek_error *err);

/* EK_BLOCKED with what a person can do (EK-1102, EK-1103) when the consent is not given. For what
 * needs it although the plan has no steps. */
int ek_consent_missing(const struct ek_deployment_spec *spec, const struct ek_consent *consent,
                       struct ek_error *err);

/* The approved plan that fits the state, for ek_execution.approved: of the approvals that are
 * neither spent nor lapsed, the newest whose plan goes through this state and was made for this
 * spec. What it threw dice for (the SSL domain's label) and the primary that it found become the
 * policy's. EK_NOT_FOUND (no error set): none. The caller frees the plan with ek_plan_done. */
int ek_consent_approved_plan(const struct ek_consent_question *question, struct ek_policy *policy,
                             struct ek_plan *ret_plan, struct ek_approval *ret_approval,
                             struct ek_error *err);

/* Somebody's yes to the plan of the file's deployment `index`; all borrowed. */
struct ek_consent_given {
    const struct ek_plan_file *file;
    size_t index;
    const char *who;
    const char *key; /* the public key that signed the file, or NULL */
    int64_t now_ms;  /* wall clock */
};

/* Record it: the document is kept, the approval put, and an event "approved" written. */
int ek_consent_approve(const struct ek_store_handle *store, const struct ek_consent_given *given,
                       struct ek_error *err);

/* An approval is for one rollout: when it is complete, say so, and the approvals of that plan
 * are spent. */
int ek_consent_spend(const struct ek_consent_question *question, const char *plan,
                     struct ek_error *err);

#endif
