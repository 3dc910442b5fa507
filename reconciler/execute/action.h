/* One step being done. Each aspect does its own, in its act.c; a function may run again after a
 * crash in its middle. */
#ifndef EK_EXECUTE_ACTION_H
#define EK_EXECUTE_ACTION_H

#include "reconciler/execute/world_internal.h"

enum { EK_PASSWORD_BYTES = 32 };

/* Borrowed. */
struct ek_action {
    struct ek_world *world;
    const struct ek_state *observed; /* that the step was permitted on */
    const struct ek_step *step;
    int64_t deadline; /* in ek_monotonic_ms() time */
};

/* A member's server as the step has to talk to it; `name` is what the target borrows. */
struct ek_action_target {
    struct ek_mongodb_target target;
    char name[EK_DOMAIN_NAME_SIZE];
};

/* The host of the member that the step acts on. */
const struct ek_host *ek_action_host(const struct ek_action *a);

/* How to talk to a member. */
void ek_action_target(const struct ek_action *a, int member, struct ek_action_target *ret_target);

/* How to talk to the primary. EK_CONFLICT (EK-0112) when there is none. */
int ek_action_primary(const struct ek_action *a, struct ek_action_target *ret_target,
                      struct ek_error *err);

/* Bring the member's configuration file to that sslMode, everything else as it is; written only
 * when it differs. Files that it names at the old place (struct ek_old_paths) come to the new one
 * before. Errors as the host's driver, and EK-041x for a file that is not understood. */
int ek_action_configure(const struct ek_action *a, enum ek_ssl_mode mode, struct ek_error *err);

/* The same in the sslMode that it has, where it names files at the old place; else nothing. */
int ek_action_leave_old_place(const struct ek_action *a, struct ek_error *err);

#endif
