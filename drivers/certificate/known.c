#include "drivers/certificate/known.h"

#include <pthread.h>
#include <string.h>

#include "reconciler/base/hash.h"

enum { PLACES = 2048 }; /* what falls on a place that is taken replaces what was there */

static struct {
    pthread_mutex_t lock;
    struct {
        struct ek_known_key key;
        struct ek_certificate_facts facts;
    } facts[PLACES];
    struct ek_known_key is_signed[PLACES];
} known = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct ek_known_key ek_known_key(const char *text, size_t length, const char *more,
                                 size_t more_length)
{
    struct ek_known_key digests[2];
    struct ek_known_key key;
    ek_sha256(text, length, digests[0].sha256);
    ek_sha256(more, more_length, digests[1].sha256);
    ek_sha256(digests, sizeof digests, key.sha256);
    return key;
}

static size_t place_of(const struct ek_known_key *key)
{
    return (size_t)(key->sha256[0] << 8 | key->sha256[1]) % PLACES;
}

/* No digest is the zeros that an empty place holds. */
static bool is_key(const struct ek_known_key *key, const struct ek_known_key *found)
{
    return memcmp(key, found, sizeof *key) == 0;
}

bool ek_known_facts(const struct ek_known_key *key, struct ek_certificate_facts *ret_facts)
{
    size_t place = place_of(key);
    pthread_mutex_lock(&known.lock);
    bool found = is_key(key, &known.facts[place].key);
    if (found)
        *ret_facts = known.facts[place].facts;
    pthread_mutex_unlock(&known.lock);
    return found;
}

void ek_known_facts_add(const struct ek_known_key *key, const struct ek_certificate_facts *facts)
{
    size_t place = place_of(key);
    pthread_mutex_lock(&known.lock);
    known.facts[place].key = *key;
    known.facts[place].facts = *facts;
    pthread_mutex_unlock(&known.lock);
}

bool ek_known_signed(const struct ek_known_key *key)
{
    pthread_mutex_lock(&known.lock);
    bool found = is_key(key, &known.is_signed[place_of(key)]);
    pthread_mutex_unlock(&known.lock);
    return found;
}

void ek_known_signed_add(const struct ek_known_key *key)
{
    pthread_mutex_lock(&known.lock);
    known.is_signed[place_of(key)] = *key;
    pthread_mutex_unlock(&known.lock);
}
