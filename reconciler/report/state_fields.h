/* Inside reconciler/report: fields of a state and how each kind of value is written and read. */
#ifndef EK_REPORT_STATE_FIELDS_H
#define EK_REPORT_STATE_FIELDS_H

#include <stddef.h>

#include "reconciler/aspects/certificate/state.h"
#include "reconciler/aspects/replica_set/state.h"
#include "reconciler/aspects/transport/state.h"
#include "reconciler/aspects/users/state.h"
#include "reconciler/base/error.h"
#include "reconciler/kernel/policy.h"

struct json_t;
struct ek_field;

/* What a value belongs to: names of members stand for bits; the path is for messages. */
struct ek_field_scope {
    struct ek_state *state;
    const char *path;
    struct ek_error *err;
};

/* How a kind of value is written (NULL: not known, left out) and read. */
struct ek_field_kind {
    struct json_t *(*write)(const struct ek_state *state, const struct ek_field *field,
                            const void *value);
    int (*read)(const struct ek_field_scope *scope, const struct ek_field *field,
                const struct json_t *json, void *ret_value);
};

struct ek_field {
    const char *key;
    const struct ek_field_kind *kind;
    size_t offset;
    size_t size;
    int64_t unknown;              /* numbers: the value that stands for not known */
    const struct ek_field *parts; /* objects: their fields, ended by one without a key */
};

extern const struct ek_field_kind ek_text_kind, ek_tri_kind, ek_flag_kind, ek_long_kind,
    ek_int_kind, ek_number_kind;
extern const struct ek_field_kind ek_mode_kind, ek_member_state_kind, ek_digest_kind,
    ek_version_kind;
extern const struct ek_field_kind ek_members_kind; /* a bit for each member */
extern const struct ek_field_kind
    ek_trusted_kind; /* count and fingerprints of struct ek_trust_state */
extern const struct ek_field_kind ek_object_kind;

/* The fields that are known, as an object that the caller owns. */
struct json_t *ek_fields_write(const struct ek_state *state, const struct ek_field *fields,
                               const void *base);

/* Read an object's fields into `base`. A key that is neither a field nor in `beside` (ended by
 * NULL) is EK_INVALID (EK-0819). */
int ek_fields_read(const struct ek_field_scope *scope, const struct ek_field *fields,
                   const struct json_t *json, const char *const *beside, void *base);

/* Index of the member of that name, or -1. */
int ek_fields_member(const struct ek_state *state, const char *name);

#endif
