/* What every question to the planner and to the laws is about: what is wanted, what is, and what
 * people and the moment say. */
#ifndef EK_KERNEL_SITUATION_H
#define EK_KERNEL_SITUATION_H

#include "reconciler/kernel/policy.h"
#include "reconciler/kernel/state.h"
#include "specs/spec.h"

/* Borrowed; plain data, copied by assignment. */
struct ek_situation {
    const struct ek_deployment_spec *spec;
    const struct ek_state *state;
    const struct ek_policy *policy;
};

/* A situation for the time of the enclosing block. */
#define EK_SITUATION(spec_, state_, policy_)                                                       \
    (&(const struct ek_situation){.spec = (spec_), .state = (state_), .policy = (policy_)})

#endif
