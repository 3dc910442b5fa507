#include "reconciler/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int check_regular(int fd, const char *path, const char *id, struct ek_error *err)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return ek_fail_errno(err, id, path);
    if (!S_ISREG(status.st_mode))
        return ek_fail(err, EK_INVALID, id, "%s is not a regular file", path);
    return 0;
}

int ek_file_open(const char *path, const char *id, int *ret_fd, struct ek_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 && errno == ENXIO) /* a socket, or a device that nothing serves */
        return ek_fail(err, EK_INVALID, id, "%s is not a regular file", path);
    if (fd < 0)
        return ek_fail_errno(err, id, path);
    int result = check_regular(fd, path, id, err);
    if (result == 0)
        *ret_fd = fd;
    else
        close(fd);
    return result;
}

int ek_file_read_all(int fd, const struct ek_file_limit *limit, struct ek_buffer *ret_content,
                     struct ek_error *err)
{
    int result = 0;
    EK_SECRET_BUFFER content = {0};
    char chunk[16384];
    while (result == 0) {
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            result = ek_fail_errno(err, limit->id, limit->path);
        if (got <= 0)
            break;
        ek_buffer_add(&content, chunk, (size_t)got);
        if (content.length > limit->max)
            result = ek_fail(err, EK_INVALID, limit->id, "%s: larger than %zu bytes", limit->path,
                             limit->max);
    }
    close(fd);
    if (result == 0)
        result = ek_buffer_check(&content, err);
    if (result != 0)
        return result;
    *ret_content = content;
    content = (struct ek_buffer){0};
    return 0;
}

int ek_file_read(const char *path, size_t max, struct ek_buffer *ret_content,
                 int64_t *ret_modified_ms, struct ek_error *err)
{
    int fd = -1;
    struct stat status = {0};
    int result = ek_file_open(path, "EK-0501", &fd, err);
    if (result != 0)
        return result;
    (void)fstat(fd, &status);
    result = ek_file_read_all(fd, &(struct ek_file_limit){path, max, "EK-0501"}, ret_content, err);
    if (result == 0 && ret_modified_ms)
        *ret_modified_ms =
            (int64_t)status.st_mtim.tv_sec * 1000 + (int64_t)(status.st_mtim.tv_nsec / 1000000);
    return result;
}

int ek_input_read(const char *path, size_t max, struct ek_buffer *ret_content, struct ek_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? ek_fail_errno(err, "EK-0501", path)
                  : ek_file_read_all(fd, &(struct ek_file_limit){path, max, "EK-0501"}, ret_content,
                                     err);
}

int ek_fd_write_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t wrote = write(fd, bytes, length);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return -1;
        bytes += wrote;
        length -= (size_t)wrote;
    }
    return 0;
}

int ek_directory_sync_of(const char *path)
{
    char directory[PATH_MAX];
    snprintf(directory, sizeof directory, "%s", path);
    char *slash = strrchr(directory, '/');
    if (!slash)
        snprintf(directory, sizeof directory, ".");
    else if (slash == directory)
        slash[1] = 0;
    else
        *slash = 0;
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int result = fsync(fd);
    close(fd);
    return result;
}

int ek_file_write(const char *path, const void *bytes, size_t length, mode_t mode,
                  struct ek_error *err)
{
    char temporary[PATH_MAX];
    int used = snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    if (used < 0 || (size_t)used >= sizeof temporary)
        return ek_fail(err, EK_INVALID, "EK-0502", "%s: name too long", path);
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return ek_fail_errno(err, "EK-0502", path);
    int result = 0;
    if (fchmod(fd, mode) != 0 || ek_fd_write_all(fd, bytes, length) != 0 || fsync(fd) != 0)
        result = ek_fail_errno(err, "EK-0502", path);
    if (close(fd) != 0 && result == 0)
        result = ek_fail_errno(err, "EK-0502", path);
    if (result == 0 && rename(temporary, path) != 0)
        result = ek_fail_errno(err, "EK-0502", path);
    if (result != 0) {
        unlink(temporary);
        return result;
    }
    if (ek_directory_sync_of(path) != 0)
        return ek_fail_errno(err, "EK-0502", path);
    return 0;
}

int ek_directory_make(const char *path, mode_t mode, struct ek_error *err)
{
    char partial[PATH_MAX];
    int used = snprintf(partial, sizeof partial, "%s", path);
    if (used < 0 || (size_t)used >= sizeof partial)
        return ek_fail(err, EK_INVALID, "EK-0502", "%s: name too long", path);
    for (char *c = partial + 1;; c++) {
        if (*c != '/' && *c != 0)
            continue;
        char kept = *c;
        *c = 0;
        if (mkdir(partial, mode) != 0 && errno != EEXIST)
            return ek_fail_errno(err, "EK-0502", partial);
        *c = kept;
        if (!kept)
            return 0;
    }
}
