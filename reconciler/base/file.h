/* Files of the machine Evenkeel itself runs on. */
#ifndef EK_BASE_FILE_H
#define EK_BASE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/error.h"

/* Read a whole file of at most `max` bytes (longer: EK_INVALID) into *ret_content,
 * which is the caller's; ret_modified_ms (may be NULL) gets its modification time in
 * milliseconds since the epoch. EK_NOT_FOUND when there is none; EK_INVALID when it is no
 * regular file: nobody can make us wait by putting a pipe in its place. EK-0501. */
int ek_file_read(const char *path, size_t max, struct ek_buffer *ret_content,
                 int64_t *ret_modified_ms, struct ek_error *err);

/* The same of whatever a person named on the command line: a pipe too, to its end. */
int ek_input_read(const char *path, size_t max, struct ek_buffer *ret_content,
                  struct ek_error *err);

/* Open a regular file for reading, without ever waiting for it: a pipe, a device, a socket or a
 * directory in its place is EK_INVALID. The caller closes *ret_fd. Errors under row `id`. */
int ek_file_open(const char *path, const char *id, int *ret_fd, struct ek_error *err);

/* What is read, how much of it at most, and under which row of the catalogue it fails. */
struct ek_file_limit {
    const char *path;
    size_t max;
    const char *id;
};

/* Read an open file to its end and close it, whether that works or not. */
int ek_file_read_all(int fd, const struct ek_file_limit *limit, struct ek_buffer *ret_content,
                     struct ek_error *err);

/* Replace or create a file: temporary name in the same directory, mode, fsync, rename,
 * fsync of the directory. The old content stays until the new one is complete. */
int ek_file_write(const char *path, const void *bytes, size_t length, mode_t mode,
                  struct ek_error *err);

/* Write all of it, going on after signals and short writes; -1 with errno set on failure. */
int ek_fd_write_all(int fd, const char *bytes, size_t length);

/* fsync the directory that `path` is in, so that a rename there lasts; -1 with errno set. */
int ek_directory_sync_of(const char *path);

/* Make a directory and its missing parents (mode for those created). */
int ek_directory_make(const char *path, mode_t mode, struct ek_error *err);

#endif
