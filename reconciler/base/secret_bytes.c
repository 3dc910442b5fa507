#include "reconciler/base/secret_bytes.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "reconciler/base/memory.h"

struct ek_secret {
    size_t mapped;
    size_t length;
    char bytes[];
};

struct ek_secret *ek_secret_new(const void *bytes, size_t length)
{
    /* Its own mapping, so that madvise() covers it and nothing else. */
    size_t mapped = (sizeof(struct ek_secret) + length + 1 + 4095) & ~(size_t)4095;
    struct ek_secret *secret =
        mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (secret == MAP_FAILED)
        return NULL;
    madvise(secret, mapped, MADV_DONTDUMP);
    mlock(secret, mapped); /* best effort: the limit may be small */
    secret->mapped = mapped;
    secret->length = length;
    if (length)
        memcpy(secret->bytes, bytes, length);
    secret->bytes[length] = 0;
    return secret;
}

int ek_secret_make(const void *bytes, size_t length, struct ek_secret **ret_secret,
                   struct ek_error *err)
{
    struct ek_secret *secret = ek_secret_new(bytes, length);
    if (!secret)
        return ek_no_memory(err);
    *ret_secret = secret;
    return 0;
}

int ek_secret_random(size_t bytes, struct ek_secret **ret_secret, struct ek_error *err)
{
    unsigned char raw[64];
    char text[(sizeof raw / 3 + 1) * 4 + 1];
    if (bytes > sizeof raw)
        return ek_fail(err, EK_BUG, "EK-0599", "a random secret of %zu bytes was asked for", bytes);
    if (RAND_priv_bytes(raw, (int)bytes) != 1)
        return ek_fail(err, EK_SYSTEM, "EK-0503", "the system's random generator gave nothing");
    int length = EVP_EncodeBlock((unsigned char *)text, raw, (int)bytes);
    while (length > 0 && text[length - 1] == '=')
        length--;
    for (int i = 0; i < length; i++)
        if (text[i] == '+')
            text[i] = '-';
        else if (text[i] == '/')
            text[i] = '_';
    int result = ek_secret_make(text, (size_t)length, ret_secret, err);
    OPENSSL_cleanse(raw, sizeof raw);
    OPENSSL_cleanse(text, sizeof text);
    return result;
}

const char *ek_secret_reveal(const struct ek_secret *secret)
{
    return secret->bytes;
}

size_t ek_secret_length(const struct ek_secret *secret)
{
    return secret->length;
}

void ek_secret_free(struct ek_secret *secret)
{
    if (!secret)
        return;
    size_t mapped = secret->mapped;
    OPENSSL_cleanse(secret, mapped);
    munmap(secret, mapped);
}

void ek_secret_cleanup(struct ek_secret **secret)
{
    ek_secret_free(*secret);
}
