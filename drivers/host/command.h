/* Running one program on this machine to its end, with input, output and a deadline. */
#ifndef EK_DRIVERS_HOST_COMMAND_H
#define EK_DRIVERS_HOST_COMMAND_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/host/host.h"
#include "reconciler/base/buffer.h"
#include "reconciler/base/error.h"

/* What a program finds around itself. Borrowed. */
struct ek_command_setting {
    const char *network_namespace; /* or NULL: ours */
    bool whole_environment;        /* ours, else PATH, HOME and LC_ALL=C only */
};

/* As the driver's run, on this machine; `setting` may be NULL: ours, with the small environment.
 * What was printed is wiped whenever a buffer here is given up. */
int ek_command_run(const struct ek_command *command, const struct ek_command_setting *setting,
                   int64_t deadline, struct ek_command_result *ret_result, struct ek_error *err);

/* The program's full path, as execvp would find it. EK_NOT_FOUND under row `id`. */
int ek_program_find(const char *name, const char *id, char ret_path[static PATH_MAX],
                    struct ek_error *err);

/* An open descriptor of a named network namespace; -1 in *ret_fd for NULL. */
int ek_network_namespace_open(const char *name, int *ret_fd, struct ek_error *err);

#endif
