/* Hashes. SHA-256 is OpenSSL's; where it gives nothing there is no memory, and the process ends in
 * order: a digest that was not made must never look like one. */
#ifndef EK_BASE_HASH_H
#define EK_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

void ek_sha256(const void *bytes, size_t length, uint8_t ret_digest[static 32]);

/* As 64 lower-case hexadecimal digits, NUL-terminated. */
void ek_sha256_hex(const void *bytes, size_t length, char ret_hex[static 65]);

/* Where a text falls in a table of a fixed size (FNV-1a). */
uint64_t ek_hash_text(const char *text);

#endif
