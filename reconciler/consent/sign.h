/* Signed plans: Ed25519 over a plan file's canonical JSON, and the keys for it. */
#ifndef EK_CONSENT_SIGN_H
#define EK_CONSENT_SIGN_H

#include <stdbool.h>
#include <stddef.h>

#include "reconciler/base/error.h"
#include "reconciler/base/public_key.h"

struct json_t;

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
