/* Running one program on this machine to its end, with input, output and a deadline. */
#ifndef EK_DRIVERS_HOST_COMMAND_H
#define EK_DRIVERS_HOST_COMMAND_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/error.h"

struct ek_command {
    const char *const *argv; /* NULL-terminated; argv[0] is looked for in PATH */
    const void *input;       /* or NULL */
    size_t input_length;
    const char *network_namespace; /* or NULL */
    bool whole_environment;        /* else PATH, HOME and LC_ALL=C only */
    int64_t deadline;
};

/* Exit status in *ret_status (128 + signal when killed); a status other than 0 is no error.
 * EK_NOT_FOUND (EK-0406) without such a program, EK_TIMEOUT (EK-0407) past the deadline (the
 * program's process group is killed), EK_INVALID (EK-0408) on more than 1 MiB of output. What
 * was printed is wiped whenever a buffer here is given up. */
int ek_command_run(const struct ek_command *command, struct ek_buffer *ret_stdout,
                   struct ek_buffer *ret_stderr, int *ret_status, struct ek_error *err);

/* The program's full path, as execvp would find it. EK_NOT_FOUND under row `id`. */
int ek_program_find(const char *name, const char *id, char ret_path[static PATH_MAX],
                    struct ek_error *err);

/* An open descriptor of a named network namespace; -1 in *ret_fd for NULL. */
int ek_network_namespace_open(const char *name, int *ret_fd, struct ek_error *err);

#endif
