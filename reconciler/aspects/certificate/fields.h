/* The rows of the certificates' facts; see reconciler/kernel/field.h. */
#ifndef EK_ASPECTS_CERTIFICATE_FIELDS_H
#define EK_ASPECTS_CERTIFICATE_FIELDS_H

#include "reconciler/kernel/field.h"

extern const struct ek_field ek_field_authority, ek_field_certificate_installed,
    ek_field_key_password, ek_field_trust_installed, ek_field_old_files,
    ek_field_old_files_configured;

/* All of them, NULL last. */
extern const struct ek_field *const ek_certificate_fields[];

#endif
