/* The text that acts on a host reached by SSH, and how it gets to run there. */
#ifndef EK_DRIVERS_HOST_SSH_HELPER_H
#define EK_DRIVERS_HOST_SSH_HELPER_H

#include <stdbool.h>
#include <stddef.h>

#include "reconciler/base/buffer.h"

/* drivers/host/ssh_helper.sh without its last line end; static storage. */
const char *ek_ssh_helper(size_t *ret_length);

/* Appends the one command that is run on a host: it takes the helper from its input, makes sure
 * that it is this very text, and becomes it. Any login shell reads it alike (sh, csh, fish). */
void ek_ssh_remote_command(bool sudo, struct ek_buffer *ret_command);

/* Appends the same as sudoers(5) writes it: what contrib/sudoers allows. */
void ek_ssh_sudoers_command(struct ek_buffer *ret_command);

#endif
