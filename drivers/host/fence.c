/* A member's fence: a small file that is locked for the time of an act and holds the highest
 * token that ever had its turn. It is written in place: a lock is on the file, not on its name. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/host/fence_line.h"
#include "drivers/host/files.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/file.h"

enum { POLL_MS = 20 };

static int read_line(int fd, const char *path, struct ek_fence_line *ret_line, struct ek_error *err)
{
    char text[EK_FENCE_LINE];
    ssize_t length = pread(fd, text, sizeof text, 0);
    if (length < 0)
        return ek_fail_errno(err, "EK-1017", path);
    return ek_fence_line_read(text, (size_t)length, path, ret_line, err);
}

static int write_line(int fd, const char *path, const struct ek_fence_mark *mine,
                      struct ek_error *err)
{
    char text[EK_FENCE_LINE + 1];
    ek_fence_line_write(mine, text);
    if (pwrite(fd, text, EK_FENCE_LINE, 0) != EK_FENCE_LINE || fsync(fd) != 0 ||
        ek_directory_sync_of(path) != 0)
        return ek_fail_errno(err, "EK-1017", path);
    return 0;
}

static int in_progress(int fd, const char *path, struct ek_error *err)
{
    struct ek_fence_line line = {0};
    (void)read_line(fd, path, &line, NULL);
    return ek_fence_in_progress(&line, err);
}

/* A file that was removed while we waited for it is nobody's fence any more. */
static bool has_its_name(int fd, const char *path)
{
    struct stat ours;
    struct stat named;
    return fstat(fd, &ours) == 0 && stat(path, &named) == 0 && ours.st_ino == named.st_ino &&
           ours.st_dev == named.st_dev;
}

static int lock(const char *path, int64_t deadline, int *ret_fd, struct ek_error *err)
{
    for (;;) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
            return ek_fail_errno(err, "EK-1017", path);
        bool locked = false;
        while (!(locked = flock(fd, LOCK_EX | LOCK_NB) == 0) &&
               (errno == EWOULDBLOCK || errno == EINTR) && ek_time_left_ms(deadline) > 0)
            ek_sleep_ms(POLL_MS);
        if (locked && has_its_name(fd, path)) {
            *ret_fd = fd;
            return 0;
        }
        int result = 0;
        if (!locked)
            result = errno == EWOULDBLOCK || errno == EINTR ? in_progress(fd, path, err)
                                                            : ek_fail_errno(err, "EK-1017", path);
        close(fd);
        if (result != 0)
            return result;
    }
}

int ek_host_fence(const struct ek_fence_place *place, const struct ek_fence *fence,
                  int64_t deadline, struct ek_fence_hold *ret_hold, struct ek_error *err)
{
    const char *path = place->path;
    struct ek_fence_line seen = {0};
    struct ek_fence_mark mine = {.token = fence->token};
    int fd = -1;
    ret_hold->highest = 0;
    snprintf(mine.id, sizeof mine.id, "%s", fence->id);
    int result = ek_host_parents_make(path, place->owner, err);
    if (result == 0)
        result = lock(path, deadline, &fd, err);
    if (result != 0)
        return result;
    result = read_line(fd, path, &seen, err);
    if (result == 0 && !ek_fence_passes(&seen.mark, &mine)) {
        ret_hold->highest = seen.mark.token;
        result = ek_fence_behind(&seen, fence, err);
    }
    if (result == 0 && (seen.mark.token != mine.token || seen.pid != getpid()))
        result = write_line(fd, path, &mine, err);
    if (result == 0)
        *ret_hold = (struct ek_fence_hold){.lock = fd, .highest = mine.token};
    else
        close(fd);
    return result;
}
