/* Where a text falls in a table of a fixed size (FNV-1a, 64 bits). Not for secrets. */
#ifndef EK_RECONCILER_BASE_HASH_H
#define EK_RECONCILER_BASE_HASH_H

#include <stdint.h>

static inline uint64_t ek_hash_text(const char *text)
{
    uint64_t hash = 14695981039346656037U;
    for (const char *at = text; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 1099511628211U;
    return hash;
}

#endif
