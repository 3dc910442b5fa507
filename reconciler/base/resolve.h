/* Names of hosts, as this machine resolves them, within a deadline. */
#ifndef EK_BASE_RESOLVE_H
#define EK_BASE_RESOLVE_H

#include <netdb.h>
#include <stdint.h>

#include "reconciler/base/error.h"

/* The stream addresses of host:port; the caller frees them by freeaddrinfo. `deadline` is a point
 * in ek_monotonic_ms() time; the resolver of the system knows none, so that it is left to itself
 * when it is late. EK_NOT_FOUND: there is no such name, or it has no address; EK_TIMEOUT,
 * EK_UNREACHABLE: not known, since nobody who would know answered. All are EK-0424, with the
 * resolver's words as the cause. */
int ek_resolve(const char *host, int port, int64_t deadline, struct addrinfo **ret_addresses,
               struct ek_error *err);

#endif
