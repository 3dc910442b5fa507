#include "reconciler/base/hash.h"

#include <openssl/evp.h>

#include "reconciler/base/hex.h"
#include "reconciler/base/memory.h"

void ek_sha256(const void *bytes, size_t length, uint8_t ret_digest[static 32])
{
    unsigned int written = 0;
    if (EVP_Digest(bytes ? bytes : "", length, ret_digest, &written, EVP_sha256(), NULL) != 1 ||
        written != 32)
        ek_memory_exhausted();
}

void ek_sha256_hex(const void *bytes, size_t length, char ret_hex[static 65])
{
    uint8_t digest[32];
    ek_sha256(bytes, length, digest);
    ek_hex(digest, sizeof digest, ret_hex);
}

uint64_t ek_hash_text(const char *text)
{
    uint64_t hash = 14695981039346656037U;
    for (const char *at = text; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 1099511628211U;
    return hash;
}
