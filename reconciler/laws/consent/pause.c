/* Law 10: a pause holds back every step. */
#include "reconciler/laws/law.h"

static bool is_broken(const struct ek_law_question *q)
{
    return q->policy->paused && ek_broken(q, "the deployment is paused");
}

const struct ek_law ek_law_pause = {
    .id = "EK-0212",
    .guards = NULL,
    .is_broken = is_broken,
};
