/* The rows of transport's facts; see reconciler/kernel/field.h. */
#ifndef EK_ASPECTS_TRANSPORT_FIELDS_H
#define EK_ASPECTS_TRANSPORT_FIELDS_H

#include "reconciler/kernel/field.h"

extern const struct ek_field ek_field_domain_label, ek_field_mode_configured, ek_field_mode_running,
    ek_field_options_configured, ek_field_domain_name_bound;

/* All of them, NULL last. */
extern const struct ek_field *const ek_transport_fields[];

extern const struct ek_field_kind ek_mode_kind;

#endif
