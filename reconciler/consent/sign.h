/* Signed plans: Ed25519 over a plan file's canonical JSON, and the keys for it. */
#ifndef EK_CONSENT_SIGN_H
#define EK_CONSENT_SIGN_H

#include <stdbool.h>
#include <stddef.h>

#include "reconciler/base/error.h"

struct json_t;

/* A public key in its one canonical form: base64 of its SubjectPublicKeyInfo. */
#define EK_PUBLIC_KEY_SIZE 61

/* Understand an Ed25519 public key: PEM, or base64 of its SubjectPublicKeyInfo or of its 32
 * bytes. False when it is none. */
bool ek_public_key_parse(const char *text, char ret_key[EK_PUBLIC_KEY_SIZE]);

/* Make a private key in a new file (PEM, mode 0600; EK_EXISTS when there is one) and tell its
 * public key. */
int ek_sign_key_create(const char *path, char ret_public[EK_PUBLIC_KEY_SIZE], struct ek_error *err);

/* Put a signature into a plan's document, in place of another. EK_DENIED (EK-1122) when others
 * than its owner may read the key file. */
int ek_plan_sign(struct json_t *document, const char *key_path, struct ek_error *err);

/* Which of the keys (in any form) signed the document: its canonical form. EK_NOT_FOUND
 * (EK-1120): it is not signed; EK_DENIED (EK-1121): by another key, or something in it was
 * changed after it was signed. */
int ek_plan_verify(const struct json_t *document, const char *const *keys, size_t count,
                   char ret_key[EK_PUBLIC_KEY_SIZE], struct ek_error *err);

#endif
