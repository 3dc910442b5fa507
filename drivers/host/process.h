/* Processes of this machine, recognised so that a recycled pid is never taken for one. */
#ifndef EK_DRIVERS_HOST_PROCESS_H
#define EK_DRIVERS_HOST_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "drivers/host/host.h"
#include "reconciler/base/error.h"

struct ek_process {
    pid_t pid;          /* 0: none */
    uint64_t ticks;     /* start, in clock ticks since boot: with the pid, its identity */
    int64_t started_ms; /* the same since the epoch, to the second: the kernel keeps no better */
    int64_t age_ms;     /* how long it has run, to the clock tick */
};

/* The live process of that pid; EK_NOT_FOUND (EK-0401) when there is none or it is a zombie. */
int ek_process_observe(pid_t pid, struct ek_process *ret_process, struct ek_error *err);

/* The same, but where none lives (or pid is 0) 0 with ret_process->pid 0. */
int ek_process_if_alive(pid_t pid, struct ek_process *ret_process, struct ek_error *err);

/* Whether the process was started with `--config <configuration>` (or -f) as it is written. One
 * that is gone was not; EK_NO_MEMORY is all that can go wrong. */
int ek_process_serves(pid_t pid, const char *configuration, bool *ret_serves, struct ek_error *err);

/* The words of its command line, each ended by a NUL; EK_NOT_FOUND when it is gone, EK_DENIED when
 * it may not be read. */
int ek_process_command_line(pid_t pid, struct ek_buffer *ret_words);

/* The oldest live process that serves the configuration; pid 0 when there is none. */
int ek_process_find(const char *configuration, struct ek_process *ret_process,
                    struct ek_error *err);

/* Send SIGTERM to exactly this process and wait until it has ended; never SIGKILL. 0 when it
 * is gone already, EK_TIMEOUT (EK-0405) past the deadline, EK_DENIED (EK-0426). */
int ek_process_stop(const struct ek_process *process, int64_t deadline, struct ek_error *err);

/* Wait until the process has ended; EK_TIMEOUT (EK-0405) past the deadline. */
int ek_process_wait(const struct ek_process *process, int64_t deadline, struct ek_error *err);

/* Whether the process has a listening TCP socket. */
bool ek_process_listens(pid_t pid);

/* What is needed to start a server that outlives us. */
struct ek_launch {
    const char *directory;         /* its working directory */
    const char *output;            /* its stdout and stderr are appended to this file */
    const char *program;           /* as argv[0] is found */
    const char *const *argv;       /* NULL-terminated */
    const char *network_namespace; /* or NULL */
};

/* Start it, detached (own session, no descriptors of ours, reaped by init), with an environment of
 * PATH (the system's usual one), LANG=C.UTF-8 and HOME (its directory), and nothing else. */
int ek_process_launch(const struct ek_launch *launch, struct ek_process *ret_process,
                      struct ek_error *err);

#endif
