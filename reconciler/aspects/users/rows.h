/* What the rows of steps.c name: effects (pure), confirmations (pure), acts, notes for plans. */
#ifndef EK_ASPECTS_USERS_ROWS_H
#define EK_ASPECTS_USERS_ROWS_H

#include "reconciler/aspects/users/steps.h"

int ek_effect_install_key_file(struct ek_effect *e, struct ek_error *err);
int ek_effect_create_user(struct ek_effect *e, struct ek_error *err);

bool ek_seen_install_key_file(const struct ek_confirmation *c);
bool ek_seen_create_user(const struct ek_confirmation *c);

int ek_act_install_key_file(const struct ek_action *a, struct ek_error *err);
int ek_act_create_user(const struct ek_action *a, struct ek_error *err);

#endif
