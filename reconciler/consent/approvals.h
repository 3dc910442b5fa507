/* Approvals in the store: put there, found again, spent. */
#ifndef EK_CONSENT_APPROVALS_H
#define EK_CONSENT_APPROVALS_H

#include "reconciler/consent/consent.h"

/* A plan that was approved, and what it fixes of the policy. */
struct ek_approved {
    struct ek_plan plan; /* ek_plan_done */
    struct ek_policy policy;
};

/* The newest approval that holds: for question->plan by its name, else one whose plan was made
 * for this spec and goes through this state. Where question->demand is for signed plans, the kept
 * document must carry a signature by one of its keys. ret_approved may be NULL; when it is
 * not, only plans that fit the state count. EK_NOT_FOUND (no error set): none. */
int ek_approval_find(const struct ek_consent_question *question, const struct ek_policy *policy,
                     struct ek_approved *ret_approved, struct ek_approval *ret_approval,
                     struct ek_error *err);

#endif
