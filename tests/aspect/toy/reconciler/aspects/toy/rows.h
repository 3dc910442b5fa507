/* What the rows of steps.c name. */
#ifndef EK_ASPECTS_TOY_ROWS_H
#define EK_ASPECTS_TOY_ROWS_H

#include "reconciler/aspects/toy/steps.h"

int ek_effect_hang_badge(struct ek_effect *e, struct ek_error *err);
bool ek_seen_hang_badge(const struct ek_confirmation *c);
int ek_act_hang_badge(const struct ek_action *a, struct ek_error *err);

#endif
