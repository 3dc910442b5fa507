/* A secret has its own type: its own allocation, wiped when freed, never in a core
 * dump (MADV_DONTDUMP), never printable: no function turns it into a log line. */
#ifndef EK_BASE_SECRET_BYTES_H
#define EK_BASE_SECRET_BYTES_H

#include <stddef.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/error.h"

struct ek_secret; /* opaque */

/* Copy `length` bytes into a new secret, the caller's (who wipes the copy that it had). NULL
 * without memory; _make: EK_NO_MEMORY (EK-0599) then. */
struct ek_secret *ek_secret_new(const void *bytes, size_t length);
int ek_secret_make(const void *bytes, size_t length, struct ek_secret **ret_secret,
                   struct ek_error *err);

/* A new random secret: `bytes` cryptographically random bytes written as base64url
 * text (no padding), so that it can stand in a configuration or a URI. */
int ek_secret_random(size_t bytes, struct ek_secret **ret_secret, struct ek_error *err);

/* The bytes, NUL-terminated; borrowed. Use only to hand it to a library. */
const char *ek_secret_reveal(const struct ek_secret *secret);
size_t ek_secret_length(const struct ek_secret *secret);

/* Wipe and free; safe on NULL. */
void ek_secret_free(struct ek_secret *secret);
void ek_secret_cleanup(struct ek_secret **secret);

#define EK_SECRET EK_CLEANUP(ek_secret_cleanup) struct ek_secret

#endif
