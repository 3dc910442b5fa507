#include "reconciler/base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reconciler/base/clock.h"

enum { POLL_MS = 10 };

/* A file that was removed while we waited for it is nobody's lock any more. */
static bool has_its_name(int fd, const struct ek_lock_place *place)
{
    struct stat ours;
    struct stat named;
    return fstat(fd, &ours) == 0 &&
           fstatat(place->directory, place->name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           ours.st_ino == named.st_ino && ours.st_dev == named.st_dev;
}

static int wait_for(int fd, const char *path, const char *id, int64_t deadline,
                    struct ek_error *err)
{
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return ek_fail_errno(err, id, path);
        if (ek_time_left_ms(deadline) == 0)
            return ek_fail(err, EK_LOCKED, id, "%s is locked by another process", path);
        ek_sleep_ms(POLL_MS);
    }
    return 0;
}

int ek_lock_take(const char *path, const char *id, int64_t deadline, int *ret_fd,
                 struct ek_error *err)
{
    return ek_lock_take_at(&(struct ek_lock_place){AT_FDCWD, path, path}, id, deadline, ret_fd,
                           err);
}

int ek_lock_take_at(const struct ek_lock_place *place, const char *id, int64_t deadline,
                    int *ret_fd, struct ek_error *err)
{
    for (;;) {
        int fd = openat(place->directory, place->name,
                        O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
        if (fd < 0)
            return ek_fail_errno(err, id, place->path);
        int result = wait_for(fd, place->path, id, deadline, err);
        if (result == 0 && has_its_name(fd, place)) {
            *ret_fd = fd;
            return 0;
        }
        close(fd);
        if (result != 0)
            return result;
    }
}
