/* Law 10: a missing approval holds back every step. */
#include "reconciler/laws/law.h"

static bool is_broken(const struct ek_law_question *q)
{
    return q->policy->consent.approval == EK_AGREEMENT_MISSING &&
           ek_broken(q, "nobody who may has approved the plan");
}

const struct ek_law ek_law_approval = {
    .id = "EK-0214",
    .guards = NULL,
    .is_broken = is_broken,
};
