/* Safe readers of single BSON fields: a missing field or one of another type is never
 * taken for a value. Paths are dotted ("settings.replicaSetId"). */
#ifndef EK_DRIVERS_MONGODB_BSON_READ_H
#define EK_DRIVERS_MONGODB_BSON_READ_H

#include <bson/bson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/mongodb/mongodb.h"

/* Find a field of any type. */
bool ek_bson_find(const bson_t *document, const char *path, bson_iter_t *ret_field);

/* int32, int64 or a whole double; otherwise `fallback`. */
int64_t ek_bson_int(const bson_t *document, const char *path, int64_t fallback);

/* Any number; otherwise `fallback`. */
double ek_bson_double(const bson_t *document, const char *path, double fallback);

/* A boolean or a number as YES or NO; UNKNOWN when it isn't there. */
enum ek_answer ek_bson_answer(const bson_t *document, const char *path);

/* True only for a boolean or number that says so. */
bool ek_bson_true(const bson_t *document, const char *path);

/* The text, borrowed from the document; NULL when there is none. */
const char *ek_bson_text(const bson_t *document, const char *path);

/* Copy a text, cut to fit; "" when there is none. Returns whether there was one. */
bool ek_bson_copy_text(const bson_t *document, const char *path, char *buffer, size_t size);

/* A date in milliseconds since the epoch; -1 when absent or not after the epoch, which
 * is what servers write for "never". */
int64_t ek_bson_date_ms(const bson_t *document, const char *path);

/* A view of a subdocument or array, valid as long as `document`. */
bool ek_bson_document(const bson_t *document, const char *path, bson_t *ret_view);

/* The same for the element an iterator stands on. */
bool ek_bson_iter_document(const bson_iter_t *element, bson_t *ret_view);

#endif
