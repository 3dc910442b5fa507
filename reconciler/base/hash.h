/* Hashes. SHA-256 is OpenSSL's, by the calls of it that need no memory and so can't fail. */
#ifndef EK_BASE_HASH_H
#define EK_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/error.h"

enum {
    EK_SHA256_SIZE = 32,     /* bytes of a digest */
    EK_SHA256_HEX_SIZE = 65, /* the same as text, with its NUL */
};

void ek_sha256(const void *bytes, size_t length, uint8_t ret_digest[static EK_SHA256_SIZE]);

/* As 64 lower-case hexadecimal digits, NUL-terminated. */
void ek_sha256_hex(const void *bytes, size_t length, char ret_hex[static EK_SHA256_HEX_SIZE]);

/* The same of a buffer's content; a buffer that failed has no digest: EK_NO_MEMORY (EK-0599), and
 * the output is untouched. */
int ek_sha256_of(const struct ek_buffer *buffer, uint8_t ret_digest[static EK_SHA256_SIZE],
                 struct ek_error *err);
int ek_sha256_hex_of(const struct ek_buffer *buffer, char ret_hex[static EK_SHA256_HEX_SIZE],
                     struct ek_error *err);

/* Where a text falls in a table of a fixed size (FNV-1a). */
uint64_t ek_hash_text(const char *text);

#endif
