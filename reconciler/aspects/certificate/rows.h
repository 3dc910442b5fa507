/* What the rows of steps.c name: effects (pure), confirmations (pure), acts, notes for plans. */
#ifndef EK_ASPECTS_CERTIFICATE_ROWS_H
#define EK_ASPECTS_CERTIFICATE_ROWS_H

#include "reconciler/aspects/certificate/steps.h"

int ek_effect_create_authority(struct ek_effect *e, struct ek_error *err);
int ek_effect_install_trust(struct ek_effect *e, struct ek_error *err);
int ek_effect_issue_certificate(struct ek_effect *e, struct ek_error *err);

int ek_effect_remove_old_files(struct ek_effect *e, struct ek_error *err);

bool ek_seen_create_authority(const struct ek_confirmation *c);
bool ek_seen_install_trust(const struct ek_confirmation *c);
bool ek_seen_issue_certificate(const struct ek_confirmation *c);
bool ek_seen_remove_old_files(const struct ek_confirmation *c);

int ek_act_create_authority(const struct ek_action *a, struct ek_error *err);
int ek_act_install_trust(const struct ek_action *a, struct ek_error *err);
int ek_act_issue_certificate(const struct ek_action *a, struct ek_error *err);
int ek_act_remove_old_files(const struct ek_action *a, struct ek_error *err);

void ek_note_issue(struct ek_note *note);

#endif
