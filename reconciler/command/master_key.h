/* The master key that seals every secret. */
#ifndef EK_COMMAND_MASTER_KEY_H
#define EK_COMMAND_MASTER_KEY_H

#include "reconciler/base/error.h"
#include "reconciler/execute/world.h"

/* Make one where there is none, nothing was sealed yet, and no command gives it; ret_notice then
 * says so, which its owner must read, and is left alone otherwise. Errors as
 * ek_secret_master_key_create. */
int ek_master_key_ensure(const struct ek_controller *controller, char *ret_notice, size_t size,
                         struct ek_error *err);

#endif
