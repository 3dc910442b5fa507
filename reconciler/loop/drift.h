/* Drift (G18): the fleet moved away from specs that had not changed. Pure. */
#ifndef EK_LOOP_DRIFT_H
#define EK_LOOP_DRIFT_H

#include "reconciler/base/buffer.h"
#include "reconciler/base/hash.h"
#include "reconciler/kernel/plan.h"

struct json_t;

/* What a deployment was when it last was as its specs say. */
struct ek_synced {
    bool known; /* it ever was, under these specs, and nothing of ours is unfinished */
    uint8_t spec_digest[EK_SHA256_SIZE];
    int64_t at_s;
    struct json_t *facts; /* as ek_facts_json says; owned */
};

/* Take down that the deployment is as its specs say. EK_NO_MEMORY (EK-0599): what was taken down
 * before stays. */
int ek_synced_note(struct ek_synced *synced, const struct ek_situation *situation,
                   const uint8_t spec_digest[EK_SHA256_SIZE], struct ek_error *err);

/* Take down that a difference is wanted from now on: an act of ours was begun. */
void ek_synced_forget(struct ek_synced *synced);
void ek_synced_done(struct ek_synced *synced);

struct ek_drift {
    bool present;
    unsigned fields;         /* bit (1 << enum ek_drift_field) */
    struct ek_buffer change; /* lines beginning with "- " and "+ ": before and after */
};

/* Borrowed. */
struct ek_drift_question {
    const struct ek_situation *situation;
    const uint8_t *spec_digest; /* 32 bytes */
    const struct ek_plan *plan; /* from there */
};

/* Whether the plan at hand is there because the fleet moved: it was in sync under the same specs,
 * and it is not merely time that made something due. The caller ends ret_drift with
 * ek_drift_done. Errors as ek_plan_make. */
int ek_drift_find(const struct ek_synced *synced, const struct ek_drift_question *question,
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
