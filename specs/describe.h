/* The language described, from the same tables that parse it. */
#ifndef EK_SPECS_DESCRIBE_H
#define EK_SPECS_DESCRIBE_H

#include "reconciler/base/buffer.h"
#include "reconciler/base/error.h"

/* Append the JSON Schema (2020-12) of a document, indented, with a final newline. */
void ek_specs_schema(struct ek_buffer *text);

/* Append the reference page in Markdown. */
void ek_specs_reference(struct ek_buffer *text);

/* Append what is to be said about a key: "spec.sslMode", "Deployment.spec.sslMode",
 * "spec.replicaSet.members[1].host" or the end of a path ("sslMode", "members.host").
 * A key of several kinds is described for each. EK_NOT_FOUND (EK-0360) with a hint. */
int ek_specs_key_doc(const char *path, struct ek_buffer *text, struct ek_error *err);

#endif
