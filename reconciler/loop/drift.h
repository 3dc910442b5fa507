/* Drift (G18): the fleet moved away from specs that had not changed. Pure. */
#ifndef EK_LOOP_DRIFT_H
#define EK_LOOP_DRIFT_H

#include "reconciler/base/buffer.h"
#include "reconciler/plan.h"

/* What a deployment was when it last was as its specs say. */
struct ek_synced {
    bool known; /* it ever was, under these specs, and nothing of ours is unfinished */
    uint8_t spec_digest[32];
    int64_t at_s;
    struct ek_buffer facts; /* as ek_state_facts says */
};

/* Take down that the deployment is as its specs say. */
void ek_synced_note(struct ek_synced *synced, const struct ek_deployment_spec *spec,
                    const uint8_t spec_digest[32], const struct ek_state *state,
                    const struct ek_policy *policy);

/* Take down that a difference is wanted from now on: an act of ours was begun. */
void ek_synced_forget(struct ek_synced *synced);
void ek_synced_done(struct ek_synced *synced);

struct ek_drift {
    bool present;
    unsigned fields;         /* bit (1 << enum ek_drift_field) */
    struct ek_buffer change; /* lines beginning with "- " and "+ ": before and after */
};

/* Whether the plan at hand is there because the fleet moved: it was in sync under the same specs,
 * and it is not merely time that made something due. */
int ek_drift_find(const struct ek_synced *synced, const struct ek_deployment_spec *spec,
                  const uint8_t spec_digest[32], const struct ek_state *state,
                  const struct ek_policy *policy, const struct ek_plan *plan,
                  struct ek_drift *ret_drift, struct ek_error *err);
void ek_drift_done(struct ek_drift *drift);

/* "sslMode, certificates"; for events and metrics. */
void ek_drift_words(unsigned fields, struct ek_buffer *text);
const char *ek_drift_word(enum ek_drift_field field);

/* What the spec says is done about these fields together. A plan can't be carried out in part: one
 * field that is not enforced holds back the others, which is reported; only when every one of
 * them is ignored nothing is said. */
enum ek_drift_policy ek_drift_policy_of(const struct ek_deployment_spec *spec, unsigned fields);

#endif
