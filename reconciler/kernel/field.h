/* Fields: one row per fact of a state.
 *
 * From the rows come observed JSON (both ways), the digests, the difference between two states,
 * drift by field, and the law that what could not be read is not replaced. An aspect lists its
 * rows in its fields.def. */
#ifndef EK_KERNEL_FIELD_H
#define EK_KERNEL_FIELD_H

#include "reconciler/base/buffer.h"
#include "reconciler/base/error.h"
#include "reconciler/base/hash.h"
#include "reconciler/kernel/situation.h"

struct json_t;
struct ek_field;

/* What a value is read for: names of members stand for bits; the path is for messages. */
struct ek_field_scope {
    struct ek_state **state; /* where a text is added, it may move; NULL: of no state */
    const char *path;
    struct ek_error *err;
};

/* How a kind of value is written, read and looked at. Static tables. */
struct ek_field_kind {
    /* MUST. Set the value as JSON under the field's key of *object, as ek_json_set does; one that
     * is not known or empty is left out. */
    void (*write)(const struct ek_state *state, const struct ek_field *field, const void *value,
                  struct json_t **object);
    /* MUST. Read what write wrote, into *ret_value, which is not in the state itself.
     * EK_INVALID (EK-0819), EK_NO_MEMORY (EK-0599). */
    int (*read)(const struct ek_field_scope *scope, const struct ek_field *field,
                const struct json_t *json, void *ret_value);
    /* MUST. The value in words that compare as the value does, appended: for digests and for
     * people. */
    void (*words)(const struct ek_state *state, const struct ek_field *field, const void *value,
                  struct ek_buffer *text);
    /* MAY be NULL: always known. Whether the value is unknown. */
    bool (*unknown)(const struct ek_field *field, const void *value);
};

/* What a field is to a plan. */
enum ek_field_role {
    EK_FIELD_TOLD,    /* nothing: it is shown */
    EK_FIELD_PASSING, /* the planner looks at it, and waits or refuses by it; it comes and goes
                         while the plan stays the same */
    EK_FIELD_PLANNED, /* it is part of a plan's identity */
};

/* Of whom a fact is told. */
struct ek_fact_question {
    const struct ek_situation *situation;
    size_t member; /* fields of members; else 0 */
    const void *value;
};

struct ek_field {
    const char *key;   /* in JSON: "ssl_mode_running" */
    const char *label; /* for people: "sslMode running" */
    const struct ek_field_kind *kind;
    enum ek_part_id part;
    uint32_t offset;              /* in an element of the part, in bytes */
    uint32_t size;                /* in bytes */
    int64_t unknown;              /* numbers: the value that stands for not known */
    const struct ek_field *parts; /* objects: their fields, ended by one without a key */
    enum ek_field_role role;
    int drift;           /* enum ek_drift_field under which it is reported; -1: under none */
    bool unread_forbids; /* a step that touches it is forbidden while it is unknown */
    /* What of the value matters to a plan, in words appended to text; "": nothing. NULL: the
     * value as it is. What a plan can't know beforehand (a fingerprint) and what time alone
     * changes must not be in it. */
    void (*fact)(const struct ek_fact_question *question, struct ek_buffer *text);
};

/* The beginning of a row: kind, offset and size of a member of the part's struct. */
#define EK_FIELD(type, member, kind_)                                                              \
    .kind = &ek_##kind_##_kind, .offset = offsetof(type, member), .size = sizeof((type *)0)->member

/* A row that is told under no key of the specs. */
enum { EK_NO_DRIFT = -1 };

/* A list of fields, NULL last: EK_FIELDS(&ek_field_host, …). */
#define EK_FIELDS(...) ((const struct ek_field *const[]){__VA_ARGS__, NULL})

extern const struct ek_field_kind ek_text_kind, ek_tri_kind, ek_flag_kind, ek_long_kind,
    ek_int_kind, ek_number_kind;
extern const struct ek_field_kind ek_text_ref_kind; /* a text among those of the state */
extern const struct ek_field_kind ek_digest_kind, ek_version_kind;
extern const struct ek_field_kind ek_members_kind; /* a bit for each member */
extern const struct ek_field_kind ek_object_kind;  /* unknown as its first part is */

/* Part of messages of the kinds: EK_INVALID (EK-0819), "PATHkey must be WANTED". */
int ek_field_wrong(const struct ek_field_scope *scope, const struct ek_field *field,
                   const char *wanted);

/* Hex of 32 bytes, as every digest is written and read: in lower case, one spelling each; NULL
 * without memory. */
struct json_t *ek_field_hex(const uint8_t digest[EK_SHA256_SIZE]);
bool ek_field_hex_read(const struct json_t *json, uint8_t ret_digest[EK_SHA256_SIZE]);

/* Whether the field is one of each member (else of the deployment, or of a list). */
bool ek_field_of_member(const struct ek_field *field);

/* Where the value lies in a state; the index is that of the member or element, 0 for the
 * deployment's. */
const void *ek_field_value(const struct ek_field *field, const struct ek_state *state,
                           size_t index);

/* Whether the value is unknown there. */
bool ek_field_unknown(const struct ek_field *field, const struct ek_state *state, size_t index);

/* Set what is "unknown" by another value than 0, in each element. `fields`: pointers, NULL last. */
void ek_fields_begin(const struct ek_field *const *fields, struct ek_state *state);

/* The fields that are known, as an object that the caller owns; NULL without memory. `fields` is
 * ended by one without a key. */
struct json_t *ek_fields_write(const struct ek_state *state, const struct ek_field *fields,
                               const void *base);

/* Read an object's fields into `base`, which is not in the state itself. A key that is no field is
 * EK_INVALID (EK-0819). */
int ek_fields_read(const struct ek_field_scope *scope, const struct ek_field *fields,
                   const struct json_t *json, void *base);

/* Index of the member of that name, or -1. */
int ek_fields_member(const struct ek_state *state, const char *name);

#endif
