/* Files of a host that is this machine: shared by the local and the system driver. */
#ifndef EK_DRIVERS_HOST_FILES_H
#define EK_DRIVERS_HOST_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "drivers/host/host.h"
#include "drivers/host/server_configuration.h"
#include "reconciler/base/buffer.h"
#include "reconciler/base/error.h"

/* Who files belong to; (uid_t)-1: whoever makes them. */
struct ek_owner {
    uid_t user;
    gid_t group;
};

/* The host's server_user; nobody in particular for NULL. EK_NOT_FOUND (EK-0419). */
int ek_owner_of(const char *user, struct ek_owner *ret_owner, struct ek_error *err);

/* As the driver's read_file. */
int ek_host_file_read(const struct ek_file_question *question, struct ek_file *ret_file,
                      struct ek_error *err);

/* As the driver's write_file: the new file has its owner and mode before it has its name. */
int ek_host_file_write(const struct ek_file_content *content, const struct ek_owner *owner,
                       struct ek_error *err);

/* Whether a server takes it as its configuration only from a file of its own user's: it has a
 * command
 * (__exec) in it. */
bool ek_host_content_has_command(const struct ek_file_content *content);

/* As the driver's remove_file. */
int ek_host_file_remove(const char *path, struct ek_error *err);

/* Make (0700, owned; `owner` may be NULL) and check a directory in memory for this server's key
 * password. Its name tells apart servers of one name whose host->directory differs. Written into
 * `ret_path`, of `size` bytes. EK-0413, EK-0414. */
int ek_host_volatile_directory(const struct ek_host *host, const struct ek_owner *owner,
                               char *ret_path, size_t size, struct ek_error *err);

/* Where a fence is and whose it is. Borrowed. */
struct ek_fence_place {
    const char *path;
    const struct ek_owner *owner; /* of directories that are made for it, or NULL: ours */
};

/* As the driver's fence, on this file. */
int ek_host_fence(const struct ek_fence_place *place, const struct ek_fence *fence,
                  int64_t deadline, struct ek_fence_hold *ret_hold, struct ek_error *err);

/* The mark of a begun restart. */
int ek_mark_set(const char *path, pid_t old_pid, struct ek_error *err);
int ek_mark_clear(const char *path, struct ek_error *err);
bool ek_mark_is_set(const char *path);

/* The host's configuration file; what can't be read gives the defaults, and EK_NO_MEMORY is all
 * that is an error. */
int ek_host_configuration(const struct ek_host *host,
                          struct ek_server_configuration *ret_configuration, struct ek_error *err);

/* What the command line of the host's server, process `pid` of this machine, has that its next
 * start
 * (`next`: its words, each ended by a NUL) would not; see ek_host_options. EK_NO_MEMORY is all that
 * is an error. */
int ek_host_options_of(const struct ek_host *host, pid_t pid, const struct ek_buffer *next,
                       struct ek_host_options *ret_options, struct ek_error *err);

/* EK_DENIED (EK-0474) unless an address of that name is one of this machine's; errors of
 * ek_resolve. */
int ek_host_is_here(const char *name, int64_t deadline, struct ek_error *err);

/* Whether the directory has any entry. */
bool ek_directory_has_content(const char *path);

/* What a server's log says went wrong from `from` on, as one line for a message: its lines of
 * severity error or fatal, or else its last line ("" when there is none). */
void ek_host_file_tail(const char *path, int64_t from, struct ek_buffer *ret_text);

/* The same of lines that were read already, which are cut up. */
void ek_host_log_errors(char *lines, struct ek_buffer *ret_text);

#endif
