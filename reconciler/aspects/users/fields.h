/* The rows of the users' facts; see reconciler/kernel/field.h. */
#ifndef EK_ASPECTS_USERS_FIELDS_H
#define EK_ASPECTS_USERS_FIELDS_H

#include "reconciler/kernel/field.h"

extern const struct ek_field ek_field_own_user, ek_field_key_file;

/* All of them, NULL last. */
extern const struct ek_field *const ek_users_fields[];

#endif
