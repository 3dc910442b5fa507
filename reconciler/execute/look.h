/* One deployment observed and planned: what plan shows, apply agrees on and run goes by. */
#ifndef EK_EXECUTE_LOOK_H
#define EK_EXECUTE_LOOK_H

#include "reconciler/document/planned.h"
#include "reconciler/execute/world.h"

struct ek_looked {
    const struct ek_deployment_spec *spec;
    const struct ek_controller *controller;
    struct ek_world *world;
    struct ek_observation *observation;
    struct ek_policy policy;
    struct ek_plan plan;
    int64_t observed_ms;
    uint8_t spec_digest[32];
    char less_consent[400]; /* how the specs ask for less consent than before, "" they don't */
    struct ek_error error;  /* code 0: none */
};

/* Prepare to look; nothing is touched yet. What is passed in must outlive it. Errors as
 * ek_world_open. */
int ek_looked_open(const struct ek_specs *specs, const struct ek_deployment_spec *spec,
                   const struct ek_controller *controller, struct ek_looked *ret_looked,
                   struct ek_error *err);
void ek_looked_done(struct ek_looked *looked);

/* Observe again, with the policy as it is. Errors as ek_observe. */
int ek_look_again(struct ek_looked *looked, struct ek_error *err);

/* The policy where nobody says otherwise: the time of the observation, the primary to reinstate,
 * the label of an SSL domain that has none. EK-0503. */
int ek_looked_policy(struct ek_looked *looked, struct ek_error *err);

/* Plan from the latest observation, with the policy as it is. EK-0722 where the state directory
 * is plainly another one than the fleet was set up with; else as ek_plan_make. */
int ek_looked_plan(struct ek_looked *looked, struct ek_error *err);

/* All of that at once; while something passing is in the way, again, for at most
 * `patience_ms`. Never fails: see error. */
void ek_look(const struct ek_specs *specs, const struct ek_deployment_spec *spec,
             const struct ek_controller *controller, int64_t patience_ms,
             struct ek_looked *ret_looked);

/* Fill in the digest of its spec. */
int ek_looked_digest(struct ek_looked *looked, struct ek_error *err);

/* As the reports want it; borrows. */
struct ek_planned ek_looked_planned(const struct ek_looked *looked);

#endif
