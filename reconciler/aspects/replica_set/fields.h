/* The rows of the replica set's facts; see reconciler/kernel/field.h. */
#ifndef EK_ASPECTS_REPLICA_SET_FIELDS_H
#define EK_ASPECTS_REPLICA_SET_FIELDS_H

#include "reconciler/kernel/field.h"

extern const struct ek_field ek_field_initiated, ek_field_config_version, ek_field_process,
    ek_field_member_state, ek_field_configuration, ek_field_host;

/* All of them, NULL last. */
extern const struct ek_field *const ek_replica_set_fields[];

extern const struct ek_field_kind ek_member_state_kind;

#endif
