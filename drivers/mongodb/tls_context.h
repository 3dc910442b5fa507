/* What every handshake against the same authorities has in common, kept between handshakes. */
#ifndef EK_DRIVERS_MONGODB_TLS_CONTEXT_H
#define EK_DRIVERS_MONGODB_TLS_CONTEXT_H

#include <openssl/types.h>

#include "reconciler/base/error.h"

/* A client's context that judges certificates by the authorities in ca_file (NULL: by none) and
 * enforces nothing; the caller frees his reference. The file is read again when it was replaced or
 * written. EK_INVALID (EK-0445) when it can't be read. Safe to call from several threads. */
int ek_tls_context_take(const char *ca_file, SSL_CTX **ret_context, struct ek_error *err);

#endif
