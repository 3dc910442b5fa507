/* What the rows of steps.c name: effects (pure), confirmations (pure), acts, notes for plans. */
#ifndef EK_ASPECTS_TRANSPORT_ROWS_H
#define EK_ASPECTS_TRANSPORT_ROWS_H

#include "reconciler/aspects/transport/steps.h"

int ek_effect_bind_name(struct ek_effect *e, struct ek_error *err);
int ek_effect_write_configuration(struct ek_effect *e, struct ek_error *err);
int ek_effect_set_ssl_mode(struct ek_effect *e, struct ek_error *err);

/* Part of an effect: its server takes clients in another mode, or a new process of it does. Who was
 * seen in plaintext comes back so; others are known, and watched, from now on. */
void ek_clients_come_anew(struct ek_member_transport *transport);

bool ek_seen_bind_name(const struct ek_confirmation *c);
bool ek_seen_write_configuration(const struct ek_confirmation *c);
bool ek_seen_set_ssl_mode(const struct ek_confirmation *c);

int ek_act_bind_name(const struct ek_action *a, struct ek_error *err);
int ek_act_write_configuration(const struct ek_action *a, struct ek_error *err);
int ek_act_set_ssl_mode(const struct ek_action *a, struct ek_error *err);

void ek_note_mode(struct ek_note *note);
void ek_detail_mode(const struct ek_deployment_spec *spec, const struct ek_step *step,
                    struct ek_buffer *text);

#endif
