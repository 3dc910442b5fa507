/* What a step has cost, read off the world and never off return codes: process ids, start times and
 * election terms. Pure. */
#ifndef EK_EXECUTE_COST_H
#define EK_EXECUTE_COST_H

#include "reconciler/kernel/step.h"

struct ek_cost {
    int restarts;
    int elections;
};

/* Whether another process of the step's member stands where one stood. */
bool ek_process_replaced(const struct ek_step *step, const struct ek_state *before,
                         const struct ek_state *after);

/* What happened to the set between two observations by a step of that kind: the process of its
 * member that is gone, elections since. Nothing that such a step never does is counted. */
void ek_cost_of(const struct ek_step *step, const struct ek_state *before,
                const struct ek_state *after, struct ek_cost *ret_cost);

#endif
