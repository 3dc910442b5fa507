/* Writing and removing files of a host that is this machine. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "drivers/host/place.h"
#include "reconciler/base/file.h"
#include "reconciler/base/hex.h"

enum { RANDOM_BYTES = 3, TRIES = 100, LABEL_MAX = 4096, PERMISSIONS = 0777 };

/* A file that is being written: what stands there now, and what takes its place. */
struct writing {
    const struct ek_file_content *content;
    const struct ek_owner *owner; /* or NULL */
    struct ek_host_place place;
    int old; /* what stands there, to keep its ways; -1: nothing, or it does not matter */
    char temporary[NAME_MAX + 1];
};

static int fail(const struct writing *writing, struct ek_error *err)
{
    return ek_fail_errno(err, "EK-0415", writing->content->path);
}

/* A name that nobody has; ours until it gets the real one. -1 with errno. */
static int make_temporary(struct writing *writing)
{
    for (int i = 0; i < TRIES; i++) {
        uint8_t bytes[RANDOM_BYTES];
        char digits[2 * RANDOM_BYTES + 1];
        if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
            return -1;
        ek_hex(bytes, sizeof bytes, digits);
        int used = snprintf(writing->temporary, sizeof writing->temporary, "%s.%s",
                            writing->place.name, digits);
        if (used < 0 || (size_t)used >= sizeof writing->temporary)
            return errno = ENAMETOOLONG, -1;
        int fd = openat(writing->place.directory, writing->temporary,
                        O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

/* What access is decided by beside owner and mode: where the file system has it, it is kept. */
static int keep_labels(int old, int fd)
{
    static const char *const names[] = {"security.selinux", "system.posix_acl_access"};
    char value[LABEL_MAX];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        ssize_t length = fgetxattr(old, names[i], value, sizeof value);
        if (length >= 0 && fsetxattr(fd, names[i], value, (size_t)length, 0) != 0)
            return -1;
        if (length < 0 && errno != ENODATA && errno != ENOTSUP)
            return -1;
    }
    return 0;
}

static int keep_ways(int old, int fd)
{
    struct stat was;
    struct stat is;
    if (fstat(old, &was) != 0 || fstat(fd, &is) != 0)
        return -1;
    if ((was.st_uid != is.st_uid || was.st_gid != is.st_gid) &&
        fchown(fd, was.st_uid, was.st_gid) != 0)
        return -1;
    return fchmod(fd, was.st_mode & PERMISSIONS) == 0 ? keep_labels(old, fd) : -1;
}

static int give_ways(const struct writing *writing, int fd)
{
    const struct ek_owner *owner = writing->owner;
    if (writing->old >= 0)
        return keep_ways(writing->old, fd);
    if (owner && owner->user != (uid_t)-1 && fchown(fd, owner->user, owner->group) != 0)
        return -1;
    return fchmod(fd, writing->content->mode);
}

static int sync_directory(const struct writing *writing)
{
    int fd = openat(writing->place.directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = fd < 0 ? -1 : fsync(fd);
    if (fd >= 0)
        close(fd);
    return result;
}

static bool fill(const struct writing *writing, int fd)
{
    const struct ek_file_content *content = writing->content;
    return give_ways(writing, fd) == 0 &&
           ek_fd_write_all(fd, content->bytes, content->length) == 0 && fsync(fd) == 0;
}

/* The new file has its owner and mode before its content, and all of that before its name. 0, or
 * the errno of what failed. */
static int replace(struct writing *writing)
{
    int directory = writing->place.directory;
    int fd = make_temporary(writing);
    if (fd < 0)
        return errno;
    int number = fill(writing, fd) ? 0 : errno;
    if (close(fd) != 0 && number == 0)
        number = errno;
    if (number == 0 && renameat(directory, writing->temporary, directory, writing->place.name) != 0)
        number = errno;
    if (number != 0)
        unlinkat(directory, writing->temporary, 0);
    else if (sync_directory(writing) != 0)
        number = errno;
    return number;
}

/* A file that is a mount of its own, or stands in a directory that can't be written, has no other
 * way than this one, which a crash may cut in two. */
static int write_over(const struct writing *writing, struct ek_error *err)
{
    const struct ek_file_content *content = writing->content;
    int fd = openat(writing->place.directory, writing->place.name,
                    O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return fail(writing, err);
    bool good = ek_fd_write_all(fd, content->bytes, content->length) == 0 &&
                ftruncate(fd, (off_t)content->length) == 0 && fsync(fd) == 0;
    int result = good ? 0 : fail(writing, err);
    close(fd);
    return result;
}

static bool can_not_be_renamed_over(int number)
{
    return number == EBUSY || number == EXDEV || number == EROFS || number == EACCES ||
           number == EPERM;
}

/* The file whose ways are kept, if there is one. */
static int open_old(struct writing *writing, struct ek_error *err)
{
    struct stat status;
    if (!writing->content->keep)
        return 0;
    writing->old = openat(writing->place.directory, writing->place.name,
                          O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (writing->old < 0)
        return errno == ENOENT ? 0 : fail(writing, err);
    if (fstat(writing->old, &status) != 0 || !S_ISREG(status.st_mode))
        return ek_fail(err, EK_INVALID, "EK-0415", "%s is not a regular file",
                       writing->content->path);
    return 0;
}

int ek_host_file_write(const struct ek_file_content *content, const struct ek_owner *owner,
                       struct ek_error *err)
{
    const struct ek_host_way way = {.follow = content->keep, .make = true, .owner = owner};
    struct writing writing = {
        .content = content, .owner = owner, .place = {.directory = -1}, .old = -1};
    int result = ek_host_place_find(content->path, &way, &writing.place, err);
    if (result == 0)
        result = open_old(&writing, err);
    if (result == 0) {
        int number = replace(&writing);
        errno = number;
        if (number != 0)
            result = writing.old >= 0 && can_not_be_renamed_over(number) ? write_over(&writing, err)
                                                                         : fail(&writing, err);
    }
    if (writing.old >= 0)
        close(writing.old);
    ek_host_place_done(&writing.place);
    return result;
}

int ek_host_file_remove(const char *path, struct ek_error *err)
{
    static const struct ek_host_way way = {0};
    struct writing writing = {.place = {.directory = -1}};
    int result = ek_host_place_find(path, &way, &writing.place, err);
    if (result != 0)
        return result;
    if (unlinkat(writing.place.directory, writing.place.name, 0) != 0 ||
        sync_directory(&writing) != 0)
        result = ek_fail_errno(err, "EK-0415", path);
    ek_host_place_done(&writing.place);
    return result;
}
