/* One deployment observed and planned: what plan shows, apply agrees on and run goes by. */
#ifndef EK_EXECUTE_ASSESS_H
#define EK_EXECUTE_ASSESS_H

#include "reconciler/base/hash.h"
#include "reconciler/document/planned.h"
#include "reconciler/execute/world.h"

struct ek_assessment {
    const struct ek_deployment_spec *spec;
    const struct ek_controller *controller;
    struct ek_world *world;
    struct ek_observation *observation;
    struct ek_policy policy;
    struct ek_plan plan;
    int64_t observed_ms;
    uint8_t spec_digest[EK_SHA256_SIZE];
    char less_consent[400]; /* how the specs ask for less consent than before, "" they don't */
    struct ek_error error;  /* code 0: none */
};

/* Prepare to look; nothing is touched yet. What is passed in must outlive it. Errors as
 * ek_world_open. */
int ek_assessment_open(const struct ek_specs *specs, const struct ek_deployment_spec *spec,
                       const struct ek_controller *controller, struct ek_assessment *ret_assessment,
                       struct ek_error *err);
void ek_assessment_done(struct ek_assessment *assessment);

/* Observe again, with the policy as it is. Errors as ek_observe. */
int ek_assessment_observe(struct ek_assessment *assessment, struct ek_error *err);

/* The policy where nobody says otherwise: the time of the observation, the primary to reinstate,
 * the label of an SSL domain that has none. EK-0503. */
int ek_assessment_policy(struct ek_assessment *assessment, struct ek_error *err);

/* Plan from the latest observation, with the policy as it is. EK-0722 where the state directory
 * is plainly another one than the fleet was set up with; else as ek_plan_make. */
int ek_assessment_plan(struct ek_assessment *assessment, struct ek_error *err);

/* All of that at once; while something passing is in the way, again, for at most
 * `patience_ms`. Never fails: see error. */
void ek_assess(const struct ek_specs *specs, const struct ek_deployment_spec *spec,
               const struct ek_controller *controller, int64_t patience_ms,
               struct ek_assessment *ret_assessment);

/* Fill in the digest of its spec. */
int ek_assessment_digest(struct ek_assessment *assessment, struct ek_error *err);

/* As the reports want it; borrows. */
struct ek_planned ek_assessment_planned(const struct ek_assessment *assessment);

#endif
