/* The functions that need no memory are the old ones, in libcrypto itself. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "reconciler/base/hash.h"

#include <openssl/sha.h>

#include "reconciler/base/hex.h"

void ek_sha256(const void *bytes, size_t length, uint8_t ret_digest[static EK_SHA256_SIZE])
{
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, bytes ? bytes : "", length);
    SHA256_Final(ret_digest, &context);
}

void ek_sha256_hex(const void *bytes, size_t length, char ret_hex[static EK_SHA256_HEX_SIZE])
{
    uint8_t digest[EK_SHA256_SIZE];
    ek_sha256(bytes, length, digest);
    ek_hex(digest, sizeof digest, ret_hex);
}

int ek_sha256_of(const struct ek_buffer *buffer, uint8_t ret_digest[static EK_SHA256_SIZE],
                 struct ek_error *err)
{
    int result = ek_buffer_check(buffer, err);
    if (result == 0)
        ek_sha256(buffer->bytes, buffer->length, ret_digest);
    return result;
}

int ek_sha256_hex_of(const struct ek_buffer *buffer, char ret_hex[static EK_SHA256_HEX_SIZE],
                     struct ek_error *err)
{
    int result = ek_buffer_check(buffer, err);
    if (result == 0)
        ek_sha256_hex(buffer->bytes, buffer->length, ret_hex);
    return result;
}

uint64_t ek_hash_text(const char *text)
{
    uint64_t hash = 14695981039346656037U;
    for (const char *at = text; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 1099511628211U;
    return hash;
}
