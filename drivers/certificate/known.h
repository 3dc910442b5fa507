/* What a certificate says never changes, and finding out takes a while: it is remembered by the
 * SHA-256 of the text, in a table of a fixed size. Safe to call from several threads. */
#ifndef EK_DRIVERS_CERTIFICATE_KNOWN_H
#define EK_DRIVERS_CERTIFICATE_KNOWN_H

#include "drivers/certificate/certificate.h"
#include "reconciler/base/hash.h"

/* What a text is remembered by; `more` (or NULL) is a second text that belongs to it. */
struct ek_known_key {
    uint8_t sha256[EK_SHA256_SIZE];
};
struct ek_known_key ek_known_key(const char *text, size_t length, const char *more,
                                 size_t more_length);

/* The facts of the first certificate of a text; false: not known. */
bool ek_known_facts(const struct ek_known_key *key, struct ek_certificate_facts *ret_facts);
void ek_known_facts_add(const struct ek_known_key *key, const struct ek_certificate_facts *facts);

/* Whether the first of two texts is known to be signed by the second. */
bool ek_known_signed(const struct ek_known_key *key);
void ek_known_signed_add(const struct ek_known_key *key);

#endif
