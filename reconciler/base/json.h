/* Trees of JSON that are built part by part (jansson).
 *
 * A tree is whole or it is NULL: where a part can't be added, for want of memory, the whole is let
 * go of and the caller's pointer becomes NULL; adding to NULL, or adding NULL, gives NULL. So trees
 * are built without asking, and asked about once, at the end. */
#ifndef EK_BASE_JSON_H
#define EK_BASE_JSON_H

#include <jansson.h>

#include "reconciler/base/buffer.h"

/* Add a member to an object, an item to an array; the value is taken in any case. */
void ek_json_set(json_t **object, const char *key, json_t *value);
void ek_json_append(json_t **array, json_t *value);

/* A text of JSON, what is no UTF-8 in it replaced by U+FFFD; NULL without memory. _or_null: JSON's
 * null where there is no text or an empty one. */
json_t *ek_json_text(const char *text);
json_t *ek_json_text_or_null(const char *text);

/* An object with the same members (json_copy leaves out what there is no memory for). */
json_t *ek_json_copy(const json_t *object);

/* Read a text of JSON; the caller owns the tree. EK_INVALID when it is none (*ret_problem, which
 * may be NULL, says where), EK_NO_MEMORY. */
int ek_json_read(const char *text, size_t length, size_t flags, json_t **ret_json,
                 json_error_t *ret_problem);

/* Append a tree as text, and let go of it: `layout` as for json_dumps. Without a tree, or without
 * memory for its text, the buffer fails. */
void ek_json_print(json_t *json, size_t layout, struct ek_buffer *text);

#endif
