/* What a state says, fact by fact: a plan's identity, and what moved between two states. */
#ifndef EK_KERNEL_FACTS_H
#define EK_KERNEL_FACTS_H

#include "reconciler/base/hash.h"
#include "reconciler/kernel/field.h"

enum { EK_FACT_KEY_SIZE = 160 };

/* One fact; borrowed for the time of the call. */
struct ek_fact {
    const struct ek_field *field;
    size_t member;    /* fields of members */
    const char *key;  /* "initiated", or with the member's name "a.ssl_mode_running" */
    const char *text; /* its value in words */
};

typedef void ek_fact_visit(void *context, const struct ek_fact *fact);

/* Visit every fact whose field has at least this role, in an order that is always the same.
 * EK_NO_MEMORY (EK-0599). */
int ek_facts_visit(const struct ek_situation *situation, enum ek_field_role role,
                   ek_fact_visit *visit, void *context, struct ek_error *err);

/* SHA-256 over the facts that are part of a plan's identity: everything that steps change, nothing
 * that comes and goes by itself. With the same specs and policy two states with the same digest
 * have the same plan; they may differ in what it waits for. Written as 64 hex digits and NUL.
 * EK_NO_MEMORY (EK-0599). */
int ek_state_digest(const struct ek_situation *situation, char ret_hex[EK_SHA256_HEX_SIZE],
                    struct ek_error *err);

/* The same over everything that the planner looks at: with the same specs and policy it says the
 * same of two states with the same one. */
int ek_state_digest_whole(const struct ek_situation *situation, char ret_hex[EK_SHA256_HEX_SIZE],
                          struct ek_error *err);

/* The facts of a plan's identity as an object, key to value in words, that the caller owns.
 * EK_NO_MEMORY (EK-0599). */
int ek_facts_json(const struct ek_situation *situation, struct json_t **ret_facts,
                  struct ek_error *err);

/* The same in words, a line for each fact: "a sslMode running: preferSSL"; appended.
 * EK_NO_MEMORY (EK-0599). */
int ek_facts_words(const struct ek_situation *situation, struct ek_buffer *text,
                   struct ek_error *err);

/* What is otherwise than `before` (from ek_facts_json, maybe of another version) says, as lines
 * "- a sslMode running: preferSSL" and "+ a sslMode running: …" appended to text: first what was,
 * then what is. ret_drift (or NULL): a bit for each enum ek_drift_field that they belong to.
 * EK_NO_MEMORY (EK-0599). */
int ek_facts_moved(const struct json_t *before, const struct ek_situation *situation,
                   struct ek_buffer *text, unsigned *ret_drift, struct ek_error *err);

#endif
