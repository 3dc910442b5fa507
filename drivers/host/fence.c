/* A member's fence: a small file that is locked for the time of an act and holds the highest
 * token that ever had its turn. It is written in place: a lock is on the file, not on its name. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "drivers/host/fence_line.h"
#include "drivers/host/fence_mark.h"
#include "drivers/host/files.h"
#include "drivers/host/place.h"
#include "reconciler/base/file.h"
#include "reconciler/base/lock.h"

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

/* Whoever holds it wrote who it is, or is about to. */
static int in_progress(const char *path, struct ek_error *err)
{
    struct ek_fence_line line = {0};
    int fd;
    if (ek_host_file_open(path, &fd, NULL) == 0) {
        (void)read_line(fd, path, &line, NULL);
        close(fd);
    }
    return ek_fence_in_progress(&line, err);
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
    const struct ek_host_way way = {.make = true, .owner = place->owner};
    EK_HOST_PLACE there = {.directory = -1};
    int result = ek_host_place_find(path, &way, &there, err);
    if (result == 0)
        result = ek_lock_take_at(&(struct ek_lock_place){there.directory, there.name, path},
                                 "EK-1017", deadline, &fd, err);
    if (result == EK_LOCKED)
        return in_progress(path, err);
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
