/* secret: what must be kept, sealed, where the hosts can't read it. */
#ifndef EK_DRIVERS_SECRET_SECRET_H
#define EK_DRIVERS_SECRET_SECRET_H

#include <stddef.h>

#include "reconciler/base/error.h"
#include "reconciler/base/secret_bytes.h"

/* Where the sealed files are and where the master key comes from; borrowed strings. */
struct ek_secret_store {
    const char *directory; /* sealed files, one per name, mode 0600, below <directory>/secrets/ */
    const char
        *key_file; /* file of mode 0600 or stricter with 64 hex digits or 32 raw bytes, or NULL */
    const char *key_command; /* command line run without a shell word-splitting surprise: argv split
                                at blanks, or NULL */
};

/* Store, name and secret are borrowed; EK-0701…: the master key is missing, too open, of the wrong
 * size; EK-0709: no seal, or a secret that is too large. */
struct ek_secret_driver {
    const char *name; /* "sealed-files" */

    /* MUST. Seal `secret` under `name` ("acme/orders/a/key-password": segments of
     * [A-Za-z0-9._-], none starting with a dot), replacing what was there, atomically. The name is
     * bound into the seal (AAD), so that files can't be swapped. */
    int (*seal)(const struct ek_secret_store *store, const char *name,
                const struct ek_secret *secret, struct ek_error *err);

    /* MUST. The caller frees *ret_secret. EK_NOT_FOUND (EK-0706) when there is none; EK_DENIED when
     * the master key is missing (EK-0701) or does not open it (EK-0703). */
    int (*unseal)(const struct ek_secret_store *store, const char *name,
                  struct ek_secret **ret_secret, struct ek_error *err);

    /* MUST. 0 when there is a sealed secret of that name, EK_NOT_FOUND (EK-0706) when not; EK-0501
     * when nobody can tell; whether it can be opened is not looked at. */
    int (*find)(const struct ek_secret_store *store, const char *name, struct ek_error *err);
};

const struct ek_secret_driver *ek_secret_driver_named(const char *name);

/* Make a new random master key in `path` (mode 0600, 64 hex digits); EK_EXISTS when there is one.
 */
int ek_secret_master_key_create(const char *path, struct ek_error *err);

#endif
