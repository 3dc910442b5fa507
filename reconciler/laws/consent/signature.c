/* Law 10: a missing signature holds back every step. */
#include "reconciler/laws/law.h"

static bool is_broken(const struct ek_law_question *q)
{
    return q->policy->consent.signature == EK_AGREEMENT_MISSING &&
           ek_broken(q, "the plan is not signed by a key that the specs name");
}

const struct ek_law ek_law_signature = {
    .id = "EK-0215",
    .guards = NULL,
    .is_broken = is_broken,
};
