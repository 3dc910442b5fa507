/* How long a client may take over one request: the library's own limit is for silence, and who
 * sends a byte now and then is never silent. For http.c only. */
#ifndef EK_LOOP_HTTP_PATIENCE_H
#define EK_LOOP_HTTP_PATIENCE_H

#include <stdint.h>

#include "reconciler/base/error.h"

struct ek_patience; /* opaque; used by several threads at once */
struct ek_patient;  /* one connection */

/* Begin to end connections that had no request answered for `ms`. */
int ek_patience_new(int64_t ms, struct ek_patience **ret_patience, struct ek_error *err);

/* After all connections were forgotten. NULL is fine. */
void ek_patience_free(struct ek_patience *patience);

/* A connection began; NULL when there is no memory. */
struct ek_patient *ek_patience_begin(struct ek_patience *patience, int socket);

/* A request of it was answered. NULL is fine, here and below. */
void ek_patience_answered(struct ek_patience *patience, struct ek_patient *patient);

/* It is about to be closed. */
void ek_patience_forget(struct ek_patience *patience, struct ek_patient *patient);

#endif
