/* The master key that every seal is made from. */
#ifndef EK_DRIVERS_SECRET_MASTER_KEY_H
#define EK_DRIVERS_SECRET_MASTER_KEY_H

#include "drivers/secret/secret.h"

enum { EK_MASTER_KEY_BYTES = 32 };

/* From the store's key file, or else its key command: always EK_MASTER_KEY_BYTES bytes.
 * EK_NOT_FOUND (EK-0701), EK_DENIED (EK-0702: too open), EK_INVALID (EK-0704: malformed),
 * EK_SYSTEM (EK-0708: the command failed). */
int ek_master_key_read(const struct ek_secret_store *store, struct ek_secret **ret_key,
                       struct ek_error *err);

#endif
