/* The toy's kind of step; it has no arguments. */
#ifndef EK_ASPECTS_TOY_STEPS_H
#define EK_ASPECTS_TOY_STEPS_H

#include "reconciler/kernel/step.h"

extern const struct ek_step_kind ek_step_hang_badge;

/* All of them, NULL last. */
extern const struct ek_step_kind *const ek_toy_steps[];

#endif
