/* A plan as a JSON document, and the names that follow from it. */
#ifndef EK_DOCUMENT_PLAN_JSON_H
#define EK_DOCUMENT_PLAN_JSON_H

#include "reconciler/base/hash.h"
#include "reconciler/document/planned.h"

/* The document that is printed as JSON and stored as a plan file; the caller owns it. It
 * carries "sha256", the plan's name: the digest of all the rest but the time and what the plan
 * waits for. NULL without memory, which is also all that the names and digests below fail for. */
struct json_t *ek_plan_json(const struct ek_plan_set *set);

/* The digest of a document as above, whatever its "sha256" says. */
int ek_plan_json_digest(const struct json_t *document, char ret_hex[EK_SHA256_HEX_SIZE],
                        struct ek_error *err);

/* What the plan waits for, as the document has it; the caller owns it. */
struct json_t *ek_plan_waits_json(const struct ek_planned *planned);

/* The name of one deployment's plan (ek_planned_name) from its part of the document. */
int ek_plan_json_name(const struct json_t *deployment, char ret_hex[EK_SHA256_HEX_SIZE],
                      struct ek_error *err);

/* The name of the plans together: 64 hex digits, the "sha256" of their document. */
int ek_plan_name(const struct ek_plan_set *set, char ret_hex[EK_SHA256_HEX_SIZE],
                 struct ek_error *err);

/* The name of one deployment's plan: 64 hex digits. The same for the same spec and the same
 * observed state, whatever the commit and whenever; what people approve. */
int ek_planned_name(const struct ek_planned *planned, char ret_hex[EK_SHA256_HEX_SIZE],
                    struct ek_error *err);

/* Set the arguments of a step as keys of an object, as ek_json_set does: those that any kind of
 * step has, null (or false) where this step's kind has none such. */
void ek_step_arguments_json(const struct ek_step *step, struct json_t **object);

#endif
