/* The users' kinds of steps; none has arguments. */
#ifndef EK_ASPECTS_USERS_STEPS_H
#define EK_ASPECTS_USERS_STEPS_H

#include "reconciler/kernel/step.h"

extern const struct ek_step_kind ek_step_install_key_file, ek_step_create_user;

/* All of them, NULL last. */
extern const struct ek_step_kind *const ek_users_steps[];

#endif
