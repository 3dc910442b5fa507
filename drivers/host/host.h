/* host: the machine that a member runs on: its files, its server process.
 *
 * A driver decides nothing; it observes, acts and reports errors (EK-04xx). Every
 * call takes a deadline, a point in ek_monotonic_ms() time. */
#ifndef EK_DRIVERS_HOST_HOST_H
#define EK_DRIVERS_HOST_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/error.h"

/* Which host and which server on it; all borrowed from the specs. */
struct ek_host {
    const char *deployment;        /* "orders" */
    const char *member;            /* "a" */
    const char *directory;         /* local: the member's directory (conf, log, pid, tls/, db/) */
    const char *network_namespace; /* local: or NULL */
    const char *server_binary;     /* local: mongod to start */
    const char *configuration;     /* path of mongod.conf */
    const char *unit;              /* system: systemd unit */
    const char *server_user;       /* system: user that must be able to read keys */
};

enum ek_service_verb { EK_SERVICE_START, EK_SERVICE_STOP, EK_SERVICE_RESTART };

struct ek_host_facts {
    bool running;       /* the member's server process exists */
    int64_t pid;        /* 0 when not running */
    int64_t started_ms; /* when that process started (epoch, from /proc), 0 when not running */
    int64_t age_ms;     /* how long it has run, to the clock tick; 0 when not running */
    bool restart_begun; /* a restart by Evenkeel was begun here and its process never came up (the
                           mark is in the world) */
    bool data_present;  /* the server's dbPath holds data */
    char server_version[32]; /* of the binary, "" when unknown */
};

/* Whose turn it is to act on a host: a lease's token, and its id, which tells apart leases of
 * equal tokens (they come from different stores). Borrowed. */
struct ek_fence {
    int64_t token;
    const char *id;
};

struct ek_host_driver {
    const char *name; /* "local", "system" */

    /* MUST. What the host says about the server process, right now. */
    int (*facts)(const struct ek_host *host, int64_t deadline, struct ek_host_facts *ret_facts,
                 struct ek_error *err);

    /* MUST. Run argv (NULL-terminated, no shell) on the host, in the server's network
     * namespace where there is one, with `input` (may be NULL) on standard input. Output and
     * exit status are returned; a status other than 0 is not an error of this call. */
    int (*run)(const struct ek_host *host, const char *const *argv, const void *input,
               size_t input_length, int64_t deadline, struct ek_buffer *ret_stdout,
               struct ek_buffer *ret_stderr, int *ret_status, struct ek_error *err);

    /* MUST. Read a file of at most `max` bytes. EK_NOT_FOUND when there is none. */
    int (*read_file)(const struct ek_host *host, const char *path, size_t max, int64_t deadline,
                     struct ek_buffer *ret_content, int64_t *ret_modified_ms, struct ek_error *err);

    /* MUST. Replace a file atomically (temporary name, fsync, rename); missing parent
     * directories are made with mode 0750. Readable by the server's user. */
    int (*write_file)(const struct ek_host *host, const char *path, const void *bytes,
                      size_t length, mode_t mode, int64_t deadline, struct ek_error *err);

    /* MUST. Remove a file; EK_NOT_FOUND when there is none. */
    int (*remove_file)(const struct ek_host *host, const char *path, int64_t deadline,
                       struct ek_error *err);

    /* MUST. A directory on the host that lives in memory only (tmpfs), 0700 for the server's
     * user, made when missing: where a key password waits for the server to start. Written
     * into `ret_path` (at least 256 bytes). */
    int (*volatile_directory)(const struct ek_host *host, int64_t deadline, char *ret_path,
                              size_t size, struct ek_error *err);

    /* MUST. Start, stop or restart the server. Before stopping for a restart it leaves the
     * mark that facts() reports as restart_begun, and clears it when the new process is up
     * (start clears it too). `expand_exec` asks that the server be started with
     * --configExpand exec. Returns once the new process exists (not: once it serves), or, for
     * stop, once the old one is gone; EK_CONFLICT with the server's own words when the process
     * ended at once. Stopping sends SIGTERM and never SIGKILL: past the deadline EK_TIMEOUT. */
    int (*service)(const struct ek_host *host, enum ek_service_verb verb, bool expand_exec,
                   int64_t deadline, struct ek_error *err);

    /* MUST. Hold the member's fence for the time of an act: a lock on a file on the host, given
     * back by closing *ret_lock and by the end of this process, not by its being frozen. While
     * somebody else's act is in progress it waits; past the deadline EK_TIMEOUT (EK-1016). The
     * file holds the highest token that ever had its turn; when ours stands behind it, EK_STALE
     * (EK-1015), and *ret_highest tells it (0 else). Ours stands there, durable, on return. */
    int (*fence)(const struct ek_host *host, const struct ek_fence *fence, int64_t deadline,
                 int *ret_lock, int64_t *ret_highest, struct ek_error *err);

    /* MAY be NULL. Open a TCP connection to address:port as a process on that host would
     * (from inside its network namespace). Not needed by any caller yet. */
    int (*connect)(const struct ek_host *host, const char *address, int port, int64_t deadline,
                   int *ret_fd, struct ek_error *err);
};

/* By name; NULL when there is no such driver. One static list in drivers/host/table.c. */
const struct ek_host_driver *ek_host_driver_named(const char *name);

#endif
