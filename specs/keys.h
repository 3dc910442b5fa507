/* The key tables: one row per key of the language. The parser, the schema, the reference
 * page, `explain` and the digest all come from these rows. */
#ifndef EK_SPECS_KEYS_H
#define EK_SPECS_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reconciler/base/buffer.h"
#include "specs/arena.h"

#define EK_API_VERSION "evenkeel/v1"

enum ek_type {
    EK_TYPE_LATER, /* a key of the language that this version does not serve yet */
    EK_TYPE_MAP,
    EK_TYPE_LIST,     /* of maps */
    EK_TYPE_SCALARS,  /* a list of what `item` says, kept as an array of texts */
    EK_TYPE_LABELS,   /* a map of free names and texts */
    EK_TYPE_CONSTANT, /* exactly `initial` */
    EK_TYPE_NAME,
    EK_TYPE_SET_NAME,
    EK_TYPE_HOST,
    EK_TYPE_DOMAIN,
    EK_TYPE_ADDRESS,
    EK_TYPE_PATH,
    EK_TYPE_PROGRAM,
    EK_TYPE_USER,
    EK_TYPE_PROTOCOLS,
    EK_TYPE_CIPHERS,
    EK_TYPE_UNIT,
    EK_TYPE_NAMESPACE,
    EK_TYPE_EMAIL,
    EK_TYPE_TITLE,
    EK_TYPE_URL,
    EK_TYPE_INTEGER,
    EK_TYPE_NUMBER,
    EK_TYPE_BOOLEAN,
    EK_TYPE_CHOICE,
    EK_TYPE_WORD,
    EK_TYPE_DURATION,
    EK_TYPE_WINDOW,
    EK_TYPE_PLAN_KEY,
    EK_TYPE_COMMIT_KEY,
    EK_TYPE_FINGERPRINT,
    EK_TYPE_COUNT
};

enum ek_sensitivity { EK_SENSITIVITY_PUBLIC, EK_SENSITIVITY_PERSONAL, EK_SENSITIVITY_SECRET };

/* An allowed word of EK_TYPE_WORD; the last row has no word. */
struct ek_word {
    const char *word;
    int value;
    bool later; /* known, but this version does not serve it yet */
};

struct ek_keys;

struct ek_key {
    const char *key;
    enum ek_type type;
    bool required;
    bool stored;   /* the value goes to the struct, at `offset` */
    bool planless; /* does not matter for planning: not in the digest */
    size_t offset;
    size_t offset_count;       /* of a list: where its count goes (size_t) */
    const char *initial;       /* the default as it would be written; NULL: none */
    const char *initial_words; /* a default that depends on other keys, for people */
    int64_t least, most;       /* of numbers, durations (seconds), texts (characters), lists */
    const struct ek_word *words;
    const struct ek_keys *children;
    const struct ek_key *item; /* of EK_TYPE_SCALARS: a type whose values are texts */
    const char *doc;           /* one sentence */
    const char *not_yet;       /* nothing reads the value yet: what is not done, in a few words */
    enum ek_sensitivity sensitivity;
    const char *since;
};

struct ek_keys {
    const struct ek_key *rows;
    size_t count;
    size_t item_size; /* of the struct of a list's item */
};

/* A kind of document. */
struct ek_kind {
    const char *name;
    bool later;
    const struct ek_keys *keys;                    /* NULL when later */
    size_t size;                                   /* of the struct */
    size_t at_offset, name_offset, account_offset; /* account_offset 0: belongs to none */
    const char *doc;
};

enum ek_kind_index {
    EK_KIND_ACCOUNT,
    EK_KIND_AUTHORITY,
    EK_KIND_DEPLOYMENT,
    EK_KIND_CONTROLLER,
    EK_KIND_COUNT_SERVED
};
extern const struct ek_kind ek_kinds[];
extern const size_t ek_kind_count;

extern const struct ek_keys ek_account_keys, ek_authority_keys, ek_deployment_keys,
    ek_controller_keys;

/* The row for `key`, or NULL. */
const struct ek_key *ek_keys_find(const struct ek_keys *keys, const char *key);

/* Why a text is not a value of a key. */
struct ek_problem {
    const char *id;
    size_t offset, length; /* bytes of the text that are wrong; length 0: all of it */
    char sentence[256];
    char hint[256];
};

/* What the types have in common; one row per type. */
struct ek_value_type {
    const char *people;  /* "a duration such as 30d" */
    const char *schema;  /* JSON Schema's type */
    const char *pattern; /* JSON Schema's pattern, or NULL */
    /* Scalars only: text to value at `slot` (of the struct; strings in the arena). False with
     * *problem filled when the text is no such value. */
    bool (*parse)(const struct ek_key *key, const char *text, struct ek_arena *arena, void *slot,
                  struct ek_problem *problem);
    /* Scalars only: the value in its one canonical form. */
    void (*print)(const struct ek_key *key, const void *slot, struct ek_buffer *text);
};
extern const struct ek_value_type ek_value_types[EK_TYPE_COUNT];

/* Visit every row of a kind, parents first. `path` is "spec.replicaSet.members[].host". */
typedef void (*ek_key_visitor)(const char *path, const struct ek_key *key, void *context);
void ek_keys_visit(const struct ek_keys *keys, ek_key_visitor visitor, void *context);

/* ---- what the tables of several kinds share ---- */

#define EK_APPROVERS_MAX 16
extern const struct ek_keys ek_ssh_keys, ek_member_ssh_keys, ek_tls_keys;
extern const struct ek_word ek_algorithm_words[], ek_approval_words[];
extern const struct ek_key ek_window_item, ek_plan_key_item, ek_commit_key_item;

/* What every document begins with. */
#define EK_DOCUMENT_ROWS(kind_name, metadata_keys, metadata_doc)                                   \
    {.key = "apiVersion",                                                                          \
     .type = EK_TYPE_CONSTANT,                                                                     \
     .required = true,                                                                             \
     .initial = EK_API_VERSION,                                                                    \
     .since = "0.1",                                                                               \
     .doc = "The version of the language."},                                                       \
        {.key = "kind",                                                                            \
         .type = EK_TYPE_CONSTANT,                                                                 \
         .required = true,                                                                         \
         .initial = (kind_name),                                                                   \
         .since = "0.1",                                                                           \
         .doc = "The kind of the document."},                                                      \
    {                                                                                              \
        .key = "metadata", .type = EK_TYPE_MAP, .required = true, .children = (metadata_keys),     \
        .since = "0.1", .doc = (metadata_doc)                                                      \
    }

/* Of every kind's metadata. */
#define EK_LABELS_ROW                                                                              \
    {                                                                                              \
        .key = "labels", .type = EK_TYPE_LABELS, .since = "0.1",                                   \
        .doc = "Free names and texts for people and other tools; Evenkeel does not act on them."   \
    }

/* Of the struct's maintenance.approvers. */
#define EK_APPROVER_ROWS(spec, default_words)                                                      \
    {.key = "planKeys",                                                                            \
     .type = EK_TYPE_SCALARS,                                                                      \
     EK_STORED(spec, maintenance.approvers.plan_keys),                                             \
     .offset_count = offsetof(spec, maintenance.approvers.plan_key_count),                         \
     .most = EK_APPROVERS_MAX,                                                                     \
     .item = &ek_plan_key_item,                                                                    \
     .planless = true,                                                                             \
     .initial_words = (default_words),                                                             \
     .since = "0.1",                                                                               \
     .doc = "The Ed25519 public keys whose signature on a plan counts."},                          \
    {                                                                                              \
        .key = "commitKeys", .type = EK_TYPE_SCALARS,                                              \
        EK_STORED(spec, maintenance.approvers.commit_keys),                                        \
        .offset_count = offsetof(spec, maintenance.approvers.commit_key_count),                    \
        .most = EK_APPROVERS_MAX, .item = &ek_commit_key_item, .planless = true,                   \
        .initial_words = (default_words), .since = "0.1",                                          \
        .doc = "The OpenSSH public keys whose signature on a commit approves what it changes."     \
    }

#define EK_ROWS(array) .rows = (array), .count = sizeof(array) / sizeof *(array)
#define EK_STORED(type, field) .stored = true, .offset = offsetof(type, field)
#define EK_HOURS(n) ((int64_t)(n)*3600)
#define EK_DAYS(n) ((int64_t)(n)*86400)

#endif
