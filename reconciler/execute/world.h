/* One deployment in the real world: which drivers reach it, what they see, what they do. */
#ifndef EK_EXECUTE_WORLD_H
#define EK_EXECUTE_WORLD_H

#include "reconciler/aspects/certificate/state.h"
#include "reconciler/aspects/replica_set/state.h"
#include "reconciler/aspects/transport/state.h"
#include "reconciler/aspects/users/state.h"
#include "reconciler/base/buffer.h"
#include "reconciler/base/error.h"
#include "reconciler/kernel/policy.h"
#include "reconciler/kernel/step.h"
#include "specs/spec.h"

struct ek_store_handle;

/* Settings of this controller; borrowed strings. */
struct ek_controller {
    const char *state_directory; /* sealed secrets, authorities, the store */
    const char *secret_key_file; /* master key; made on first need when it is the default place */
    const char *secret_key_command;      /* or NULL */
    const struct ek_store_handle *store; /* what was seen of clients in plaintext lasts there, over
                                            the end of this process; or NULL */
    bool keeps;                          /* what is seen is written to it, too */
};

struct ek_world; /* opaque */

/* Prepare to reach `spec`'s deployment; touches nothing yet. specs and controller must
 * outlive the world. EK_UNSUPPORTED (EK-0480) for a provider without drivers. */
int ek_world_open(const struct ek_specs *specs, const struct ek_deployment_spec *spec,
                  const struct ek_controller *controller, struct ek_world **ret_world,
                  struct ek_error *err);
void ek_world_close(struct ek_world *world);

/* Whose log: borrowed. */
struct ek_world_log {
    struct ek_world *world;
    const struct ek_state *state; /* as observed */
    size_t member;
};

/* The latest lines of that member's log, appended to *ret_lines. Errors as ek_act. */
int ek_world_recent_log(const struct ek_world_log *log, int64_t deadline,
                        struct ek_buffer *ret_lines, struct ek_error *err);

/* Why parts of an observation stayed unknown: one sentence per member, "" when nothing did;
 * problems[member_count] is the deployment's own. */
struct ek_observation {
    struct ek_state *state; /* owned */
    char problems[EK_MEMBERS_MAX + 1][EK_PROBLEM_SIZE];
};

/* An observation in which nothing was seen yet; the caller's, given back by ek_observation_free
 * (NULL is fine). EK_NO_MEMORY (EK-0599). */
int ek_observation_new(size_t member_count, struct ek_observation **ret_observation,
                       struct ek_error *err);
void ek_observation_free(struct ek_observation *observation);

/* Look at everything, the members in parallel; at most until `deadline` (ek_monotonic_ms).
 * What could not be seen is unknown, with the reason in problems; fails only when the
 * controller itself can't work (EK-05xx, EK-07xx), and leaves the observation as it was. */
int ek_observe(struct ek_world *world, int64_t deadline, struct ek_observation *observation,
               struct ek_error *err);

/* Do one step. `observed` is the fresh observation that it was permitted on. Returns when
 * the act was done, not when its effect is seen. Doing a step again after a crash in its
 * middle is safe. EK_UNREACHABLE, EK_TIMEOUT: the effect is unknown, look again. */
int ek_act(struct ek_world *world, const struct ek_state *observed, const struct ek_step *step,
           int64_t deadline, struct ek_error *err);

#endif
