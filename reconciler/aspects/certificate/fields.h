/* The rows of the certificates' facts; see reconciler/kernel/field.h. */
#ifndef EK_ASPECTS_CERTIFICATE_FIELDS_H
#define EK_ASPECTS_CERTIFICATE_FIELDS_H

#include "reconciler/kernel/field.h"

extern const struct ek_field ek_field_authority, ek_field_certificate_installed,
    ek_field_key_password, ek_field_trust_installed;

/* All of them, NULL last. */
extern const struct ek_field *const ek_certificate_fields[];

#endif
