/* Ed25519 public keys as people write them down. */
#ifndef EK_BASE_PUBLIC_KEY_H
#define EK_BASE_PUBLIC_KEY_H

#include <stdbool.h>
#include <stddef.h>

struct evp_pkey_st;

/* A public key in its one canonical form: base64 of its SubjectPublicKeyInfo. */
#define EK_PUBLIC_KEY_SIZE 61

/* Understand an Ed25519 public key: PEM, or base64 of its SubjectPublicKeyInfo or of its 32
 * bytes. False when it is none. */
bool ek_public_key_parse(const char *text, char ret_key[EK_PUBLIC_KEY_SIZE]);

/* The same as OpenSSL's key, which is the caller's (EVP_PKEY_free); NULL when it is none. */
struct evp_pkey_st *ek_public_key_read(const char *text);

/* The canonical form of a key's public half; false when it is no Ed25519 key. */
bool ek_public_key_print(struct evp_pkey_st *key, char ret_key[EK_PUBLIC_KEY_SIZE]);

/* Exactly `size` bytes, 96 at most, from canonical base64; false when the text is anything else. */
bool ek_base64_exactly(const char *text, unsigned char *bytes, size_t size);

#endif
