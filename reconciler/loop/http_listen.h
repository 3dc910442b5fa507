/* A socket that listens where the configuration says; for http.c only. */
#ifndef EK_LOOP_HTTP_LISTEN_H
#define EK_LOOP_HTTP_LISTEN_H

#include <stddef.h>

#include "reconciler/base/error.h"

/* Listen at "ADDRESS:PORT" (an IPv6 address in brackets, port 0 for any). The caller closes
 * *ret_listener; where it really listens is written as "ADDRESS:PORT". EK-1350, EK-1351. */
int ek_http_listen(const char *where, int *ret_listener, char *ret_address, size_t size,
                   struct ek_error *err);

#endif
