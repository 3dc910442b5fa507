/* One multiplexed SSH connection to each host, kept by the OpenSSH client for a minute after its
 * last use. */
#ifndef EK_DRIVERS_HOST_SSH_CONNECTION_H
#define EK_DRIVERS_HOST_SSH_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/host/host.h"
#include "reconciler/base/buffer.h"
#include "reconciler/base/error.h"

struct ek_ssh_connection; /* opaque; lives until the process ends */

/* Room for ek_ssh_arguments. */
#define EK_SSH_ARGUMENTS 64

/* Wait for a turn (at most ssh->connections at once, and as many on one host as sshd takes) and
 * make sure that the connection is up. *ret_new: it was not known to this process to be up.
 * EK_UNREACHABLE (EK-0460), EK_DENIED (EK-0461 to EK-0464), EK_SYSTEM (EK-0472), EK_TIMEOUT
 * (EK-0407). Given back by ek_ssh_leave. */
int ek_ssh_enter(const struct ek_host *host, int64_t deadline,
                 struct ek_ssh_connection **ret_connection, bool *ret_new, struct ek_error *err);
void ek_ssh_leave(struct ek_ssh_connection *connection);

/* Now it is known to be up, and its host to have what it needs. */
void ek_ssh_greeted(struct ek_ssh_connection *connection);

/* The client's command line for `command` over the connection; NULL-terminated. Borrows both. */
void ek_ssh_arguments(const struct ek_ssh_connection *connection, const char *command,
                      const char *ret_arguments[static EK_SSH_ARGUMENTS]);

/* What the client's words about a failed connection mean; returns the code. */
int ek_ssh_refusal(const struct ek_host *host, const char *words, struct ek_error *err);

#endif
