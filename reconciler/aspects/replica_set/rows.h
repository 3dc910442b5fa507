/* What the rows of steps.c name: effects (pure), confirmations (pure), acts, notes for plans. */
#ifndef EK_ASPECTS_REPLICA_SET_ROWS_H
#define EK_ASPECTS_REPLICA_SET_ROWS_H

#include "reconciler/aspects/replica_set/steps.h"

int ek_effect_start(struct ek_effect *e, struct ek_error *err);
int ek_effect_restart(struct ek_effect *e, struct ek_error *err);
int ek_effect_initiate(struct ek_effect *e, struct ek_error *err);
int ek_effect_reconfigure(struct ek_effect *e, struct ek_error *err);
int ek_effect_step_down(struct ek_effect *e, struct ek_error *err);
int ek_effect_reinstate(struct ek_effect *e, struct ek_error *err);

bool ek_seen_start(const struct ek_confirmation *c);
bool ek_seen_restart(const struct ek_confirmation *c);
bool ek_seen_initiate(const struct ek_confirmation *c);
bool ek_seen_reconfigure(const struct ek_confirmation *c);
bool ek_seen_step_down(const struct ek_confirmation *c);
bool ek_seen_reinstate(const struct ek_confirmation *c);

int ek_act_start(const struct ek_action *a, struct ek_error *err);
int ek_act_restart(const struct ek_action *a, struct ek_error *err);
int ek_act_initiate(const struct ek_action *a, struct ek_error *err);
int ek_act_reconfigure(const struct ek_action *a, struct ek_error *err);
int ek_act_step_down(const struct ek_action *a, struct ek_error *err);
int ek_act_reinstate(const struct ek_action *a, struct ek_error *err);

void ek_note_start(struct ek_note *note);
void ek_note_restart(struct ek_note *note);
void ek_note_reconfigure(struct ek_note *note);
void ek_note_election(struct ek_note *note);

#endif
