/* A systemd unit, through systemctl(1). */
#ifndef EK_DRIVERS_HOST_SYSTEM_UNIT_H
#define EK_DRIVERS_HOST_SYSTEM_UNIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/error.h"

struct ek_unit {
    pid_t main_pid; /* 0: none */
    char active[32];
};

/* EK_NOT_FOUND (EK-0417) for a unit that systemd does not know. */
int ek_unit_observe(const char *name, int64_t deadline, struct ek_unit *ret_unit,
                    struct ek_error *err);

/* The same, and the words of the command line that it would start next, each ended by a NUL. */
int ek_unit_look_at_words(const char *name, int64_t deadline, struct ek_unit *ret_unit,
                          struct ek_buffer *ret_words, struct ek_error *err);

/* Make the unit start its server with --configExpand exec, by a drop-in that repeats the
 * unit's own command line with the option, or remove that drop-in where it is not needed. */
int ek_unit_expansion(const char *name, bool wanted, int64_t deadline, struct ek_error *err);

/* EK_CONFLICT (EK-0404) with the end of the server's log when it ended at once. */
int ek_unit_start(const char *name, const char *log_path, int64_t deadline, struct ek_error *err);

/* Stop without systemd's own SIGKILL: it waits as long as we do. */
int ek_unit_stop(const char *name, pid_t main_pid, int64_t deadline, struct ek_error *err);

/* The effective ExecStart= of `systemctl cat` output, Evenkeel's own drop-in left out.
 * EK_UNSUPPORTED (EK-0418) unless there is exactly one. */
int ek_unit_command_line(const char *cat_output, const char *own_drop_in,
                         struct ek_buffer *ret_line, struct ek_error *err);

#endif
