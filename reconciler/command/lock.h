/* One apply at a time per deployment, on this machine. The lock ends with the process. */
#ifndef EK_COMMAND_LOCK_H
#define EK_COMMAND_LOCK_H

#include <stdint.h>

#include "reconciler/base/error.h"
#include "specs/spec.h"

/* Take it, waiting up to timeout_ms; *ret_lock is what ek_lock_release wants. EK_LOCKED
 * (EK-0806) names who holds it. */
int ek_lock_take(const char *state_directory, const struct ek_deployment_spec *spec,
                 const char *operation, int64_t timeout_ms, int *ret_lock, struct ek_error *err);
void ek_lock_release(int lock);

#endif
