/* Which clients that a server still names have no socket on its host any more: they are gone, and
 * nothing can shut them out. */
#ifndef EK_ASPECTS_TRANSPORT_OBSERVE_SOCKETS_H
#define EK_ASPECTS_TRANSPORT_OBSERVE_SOCKETS_H

#include "drivers/host/host.h"
#include "drivers/mongodb/mongodb.h"

/* A server process whose clients are asked about. Borrowed. */
struct ek_socket_question {
    const struct ek_host_driver *hosts;
    const struct ek_host *host;
    int64_t pid;
    int64_t deadline; /* ek_monotonic_ms() time */
};

/* How many of the server's doubtful clients are gone; 0 when nobody can tell. EK_NO_MEMORY. */
int ek_sockets_gone(const struct ek_socket_question *question, const struct ek_mongodb_seen *seen,
                    int64_t *ret_gone, struct ek_error *err);

/* Whether a table, as the kernel prints it (/proc/net/tcp and tcp6 in a row), may have a socket
 * with this other end: true for an address that can't be looked for. Pure. */
bool ek_sockets_may_have(const char *table, const struct ek_mongodb_address *end);

#endif
