/* A set's keyFile, read as the server reads it. */
#ifndef EK_DRIVERS_MONGODB_KEY_FILE_H
#define EK_DRIVERS_MONGODB_KEY_FILE_H

#include <stddef.h>

#include "reconciler/base/error.h"
#include "reconciler/base/secret_bytes.h"

enum { EK_KEYS_MAX = 2 };

/* The keys of a keyFile's text: YAML, a string or a list of at most two, white space inside them of
 * no account. *ret_keys holds them one a line, as struct ek_mongodb_target wants them; the caller
 * frees it. EK_INVALID (EK-0457), with the server's reason, for what a server would not start with.
 */
int ek_key_file_parse(const char *text, size_t length, struct ek_secret **ret_keys,
                      struct ek_error *err);

/* Key number `index`, from 0; NULL when there is none. The caller frees it. EK_NO_MEMORY. */
int ek_key_file_key(const struct ek_secret *keys, size_t index, struct ek_secret **ret_key,
                    struct ek_error *err);

#endif
