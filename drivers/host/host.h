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

/* How a host is reached by SSH; what is NULL or 0 is left to the client's own configuration.
 * Borrowed from the specs. */
struct ek_ssh {
    const char *host; /* name or address, as the client takes it (an alias of its configuration) */
    const char *user;
    int port;
    const char *identity_file;
    const char *known_hosts;      /* file of known keys, instead of the user's and the system's */
    const char *config;           /* file, instead of the user's and the system's */
    const char *const *host_keys; /* fingerprints (SHA256:…) that are taken, and no others */
    size_t host_key_count;
    bool sudo;       /* act by sudo -n; else the login must be root's */
    int connections; /* at most so many calls at once, to all hosts; 0: 32 */
};

/* Which host and which server on it; all borrowed from the specs. */
struct ek_host {
    const char *account;           /* "acme" */
    const char *deployment;        /* "orders" */
    const char *member;            /* "a" */
    const char *directory;         /* local: the member's directory (conf, log, pid, tls/, db/) */
    const char *network_namespace; /* local: or NULL */
    const char *server_binary;     /* local: mongod to start */
    const char *configuration;     /* path of mongod.conf */
    const char *unit;              /* system, ssh: systemd unit */
    const char *server_user;       /* system, ssh: user that must be able to read keys */
    const struct ek_ssh *ssh;      /* ssh: how to get there */
};

enum { EK_HOST_NAME_SIZE = 3 * 64 }; /* of three names and what joins them, with its NUL */

/* "acme.orders.a": the member's directories on its host. Names have no dots, so it is no other
 * member's. */
void ek_host_name(const struct ek_host *host, char ret_name[static EK_HOST_NAME_SIZE]);

/* "orders-a": how earlier versions called them, which may have been another member's, too. */
void ek_host_old_name(const struct ek_host *host, char ret_name[static EK_HOST_NAME_SIZE]);

enum ek_service_verb { EK_SERVICE_START, EK_SERVICE_STOP, EK_SERVICE_RESTART };

enum { EK_HOST_OPTIONS_SIZE = 512 };
#define EK_HOST_OPTIONS_UNREAD "(its command line, or its unit's, could not be read)"

/* What the command line of a server's process has beside its configuration file. A list that is too
 * long is cut. */
struct ek_host_options {
    char lost[EK_HOST_OPTIONS_SIZE];  /* options that the next start would not have, nor the file:
                                         "--replSet rs0, --auth"; "" none. A command line that can't
                                         be read is lost as a whole */
    char added[EK_HOST_OPTIONS_SIZE]; /* options that only the next start would have */
    char kept[EK_HOST_OPTIONS_SIZE];  /* keys, as files name them, that the command line sets now
                                         and at the next start: "net.port security.keyFile" */
    char key_file[EK_HOST_OPTIONS_SIZE]; /* that the command line names, "" none */
};

struct ek_host_facts {
    bool running;       /* the member's server process exists */
    int64_t pid;        /* 0 when not running */
    int64_t started_ms; /* when that process started (epoch, from /proc), 0 when not running */
    int64_t age_ms;     /* how long it has run, to the clock tick; 0 when not running */
    int64_t now_ms;     /* the host's clock when it was asked (epoch), to the second; 0 not told */
    bool restart_begun; /* a restart by Evenkeel was begun here and its process never came up (the
                           mark is in the world) */
    bool data_present;  /* the server's dbPath holds data */
    struct ek_host_options options; /* of a process that runs */
};

/* A process that runs a server, as its host shows it. */
struct ek_server_process {
    int64_t pid;             /* as the host itself numbers it */
    char *unit;              /* the systemd service that it belongs to, or NULL */
    char *user;              /* whose it is, or NULL */
    char *network_namespace; /* of this machine alone: its name where it is not ours, or NULL */
    char **arguments;        /* its command line */
    size_t argument_count;
};

/* Owned by whoever has it; free by ..._done. */
struct ek_host_servers {
    struct ek_server_process *rows;
    size_t count;
};
void ek_host_servers_done(struct ek_host_servers *servers);
#define EK_HOST_SERVERS EK_CLEANUP(ek_host_servers_done) struct ek_host_servers

/* The value of an option ("--config") in a server's command line, borrowed; NULL: not there. */
const char *ek_server_option(const struct ek_server_process *server, const char *name);

/* Whose turn it is to act on a host: a lease's token, and its id, which tells apart leases of
 * equal tokens (they come from different stores). Borrowed. */
struct ek_fence {
    int64_t token;
    const char *id;
};

/* A fence that is held. */
struct ek_fence_hold {
    int lock;        /* descriptor; closing it, or the end of this process, gives the fence back */
    int64_t highest; /* token that stands there: ours when it is held, who is ahead at EK_STALE */
};

/* A program to run. Borrowed. */
struct ek_command {
    const char *const *argv; /* NULL-terminated; no shell; argv[0] is looked for in PATH */
    const void *input;       /* given to it on standard input, or NULL: an empty one */
    size_t input_length;     /* bytes */
};

#define EK_COMMAND_OUTPUT_MAX ((size_t)1 << 20) /* bytes */

/* What a program that ran to its end left. Owned by whoever has it; free by ..._done, which wipes
 * the texts, since they may be secret. */
struct ek_command_result {
    struct ek_buffer output; /* its standard output */
    struct ek_buffer errors; /* its standard error */
    int status;              /* exit status; 128 + signal when it was killed */
};
void ek_command_result_done(struct ek_command_result *result);
#define EK_COMMAND_RESULT EK_CLEANUP(ek_command_result_done) struct ek_command_result

/* A file to read. Borrowed. */
struct ek_file_question {
    const char *path; /* absolute */
    size_t max;       /* bytes; a longer file is EK_INVALID */
};

/* A file that was read. Owned by whoever has it; free by ..._done, which wipes the content. */
struct ek_file {
    struct ek_buffer content;
    int64_t modified_ms; /* when its content was last written (epoch, by the host's clock) */
};
void ek_file_done(struct ek_file *file);
#define EK_FILE EK_CLEANUP(ek_file_done) struct ek_file

/* A file to write. Borrowed. */
struct ek_file_content {
    const char *path; /* absolute */
    const void *bytes;
    size_t length; /* bytes */
    mode_t mode;   /* permission bits */
    bool keep;     /* a file that is there, also behind links that root or we made, keeps owner,
                      group, mode and labels; one that can't be replaced is written over. A
                      configuration with a command in it becomes the server's user's all the same:
                      no server takes it from others */
};

/* Every slot: what is borrowed stays the caller's and is not kept; what comes back by ret_... is
 * the caller's, and untouched on failure. Past `deadline` (ek_monotonic_ms() time) EK_TIMEOUT. */
struct ek_host_driver {
    const char *name; /* "local", "system", "ssh" */

    /* MUST. What the host says about the server process, right now. Times are the host's own.
     * EK_NOT_FOUND (EK-0417) when the host knows no such unit. */
    int (*facts)(const struct ek_host *host, int64_t deadline, struct ek_host_facts *ret_facts,
                 struct ek_error *err);

    /* MUST. Every process of the host whose program is called mongod, or mongod-something. Asks
     * nothing of the host's own server: `unit` and `server_user` may be NULL. */
    int (*servers)(const struct ek_host *host, int64_t deadline,
                   struct ek_host_servers *ret_servers, struct ek_error *err);

    /* MUST. Run a program on the host, in the server's network namespace where there is one, to its
     * end. An exit status other than 0 is no error of this call. EK_NOT_FOUND (EK-0406): no such
     * program; EK_TIMEOUT (EK-0407): it was killed with its children; EK_INVALID (EK-0408): it
     * printed more than 1 MiB. */
    int (*run)(const struct ek_host *host, const struct ek_command *command, int64_t deadline,
               struct ek_command_result *ret_result, struct ek_error *err);

    /* MUST. Read a regular file; links count that nobody but root or we could have made, else
     * EK_DENIED (EK-0427). EK_NOT_FOUND (EK-0415) when there is none; EK_INVALID (EK-0415)
     * when it is longer than asked for or something else than a file; EK_DENIED. */
    int (*read_file)(const struct ek_host *host, const struct ek_file_question *question,
                     int64_t deadline, struct ek_file *ret_file, struct ek_error *err);

    /* MUST. Replace a file atomically (temporary name, fsync, rename) or make it, readable by the
     * server's user; missing parent directories are made with mode 0750, where the server's user
     * can't change what stands in them. EK-0415, EK-0419; EK_DENIED (EK-0427): a link on the way
     * that others could have put there. */
    int (*write_file)(const struct ek_host *host, const struct ek_file_content *content,
                      int64_t deadline, struct ek_error *err);

    /* MUST. Remove a file; EK_NOT_FOUND (EK-0415) when there is none. */
    int (*remove_file)(const struct ek_host *host, const char *path, int64_t deadline,
                       struct ek_error *err);

    /* MUST. A directory on the host that lives in memory only (tmpfs), 0700 for the server's
     * user, made when missing: where a key password waits for the server to start. Written
     * into `ret_path`, which has room for `size` bytes (at least 256). EK_UNSUPPORTED (EK-0413):
     * the host has no such place; EK_DENIED (EK-0414): somebody else has it. */
    int (*volatile_directory)(const struct ek_host *host, int64_t deadline, char *ret_path,
                              size_t size, struct ek_error *err);

    /* MUST. Start, stop or restart the server. Before stopping for a restart it leaves the
     * mark that facts() reports as restart_begun, and clears it when the new process is up
     * (start clears it too). `expand_exec` asks that the server be started with
     * --configExpand exec. Returns once the new process exists (not: once it serves), or, for
     * stop, once the old one is gone; EK_EXISTS (EK-0402) when one is to be started that runs;
     * EK_CONFLICT (EK-0404) with the server's own words when the process ended at once. Stopping
     * sends SIGTERM and never SIGKILL: past the deadline EK_TIMEOUT. */
    int (*service)(const struct ek_host *host, enum ek_service_verb verb, bool expand_exec,
                   int64_t deadline, struct ek_error *err);

    /* MUST. Hold the member's fence for the time of an act: a lock on a file on the host, not given
     * back by this process's being frozen. While somebody else's act is in progress it waits; past
     * the deadline EK_TIMEOUT (EK-1016). The file holds the highest token that ever had its turn;
     * when ours stands behind it, EK_STALE (EK-1015), and ret_hold->highest alone tells it (it is
     * 0 after every other failure). Ours stands there, durable, on return. */
    int (*fence)(const struct ek_host *host, const struct ek_fence *fence, int64_t deadline,
                 struct ek_fence_hold *ret_hold, struct ek_error *err);
};

/* By name; NULL when there is no such driver. One static list in drivers/host/table.c. */
const struct ek_host_driver *ek_host_driver_named(const char *name);

#endif
