/* The rows of the toy's facts; see reconciler/kernel/field.h. */
#ifndef EK_ASPECTS_TOY_FIELDS_H
#define EK_ASPECTS_TOY_FIELDS_H

#include "reconciler/kernel/field.h"

extern const struct ek_field ek_field_badge;

/* All of them, NULL last. */
extern const struct ek_field *const ek_toy_fields[];

#endif
