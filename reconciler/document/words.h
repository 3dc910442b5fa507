/* Words that plans, documents and reports share. */
#ifndef EK_DOCUMENT_WORDS_H
#define EK_DOCUMENT_WORDS_H

#include "reconciler/document/planned.h"
#include "specs/arena.h"

/* "preferSSL", or "preferTLS" where the specs are written so. */
const char *ek_mode_word(const struct ek_deployment_spec *spec, enum ek_ssl_mode mode);

/* The connection string of the members' hosts as they are, or with `wanted` as they will be
 * under `label`. */
void ek_connection_string(const struct ek_deployment_spec *spec, const struct ek_state *state,
                          const char *label, bool wanted, struct ek_buffer *text);

/* The label that the SSL domain has or will have by this plan, "" for none. */
const char *ek_planned_label(const struct ek_planned *planned);

/* Append "3f2c1ab..9d8e7f6 touches 2 of 98 deployments (1 new)." and the like, for a set that has a
 * change. */
void ek_plan_change_words(const struct ek_plan_set *set, struct ek_buffer *text);

/* Append a word as a shell wants it: as it is, or in quotes. */
void ek_shell_word(struct ek_buffer *text, const char *word);

/* "+", "~", "-/+" or "-", and what each means: "add", "change in place"… */
const char *ek_change_symbol(enum ek_change change);
const char *ek_change_meaning(enum ek_change change);

/* "1 restart", "3 restarts"; owned by the arena. */
const char *ek_counted(struct ek_arena *arena, int count, const char *one, const char *many);

#endif
