/* permit: the safety rules. Written without looking at the planner; asked on a fresh
 * observation right before each act, and everywhere by the model checker. */
#ifndef EK_PERMIT_H
#define EK_PERMIT_H

#include "reconciler/step.h"

struct ek_broken_law {
    char id[12];        /* EK-02xx, row of the catalogue */
    char sentence[384]; /* what the step would have broken, with the members' names */
};

/* How many laws the step would break in this state; the first one is written to *ret_first
 * (may be NULL). 0: permitted. */
int ek_permit(const struct ek_deployment_spec *spec, const struct ek_state *state,
              const struct ek_step *step, const struct ek_policy *policy,
              struct ek_broken_law *ret_first);

#endif
