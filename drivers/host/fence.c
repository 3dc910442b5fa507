/* A member's fence: a small file that is locked for the time of an act and holds the highest
 * token that ever had its turn. It is written in place: a lock is on the file, not on its name. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/host/files.h"
#include "drivers/host/place.h"
#include "reconciler/base/file.h"
#include "reconciler/base/lock.h"
#include "reconciler/lease/decide.h"

/* One line of a fixed length, so that writing it anew needs no room on the disk. */
enum { LINE = 160 };

struct line {
    struct ek_fence_mark mark;
    int64_t pid; /* of who had the last turn, and its host: for people */
    char host[65];
};

static int broken(const char *path, struct ek_error *err)
{
    ek_fail(err, EK_INVALID, "EK-1017", "the fence %s is damaged", path);
    return ek_hint(err,
                   "make sure that no other Evenkeel acts on this deployment, remove the file, "
                   "and run the command again");
}

/* The word behind `before`, cut to fit; false when it does not stand there. */
static bool take_word(const char **at, const char *before, char *word, size_t size)
{
    size_t length = strlen(before);
    if (strncmp(*at, before, length) != 0)
        return false;
    *at += length;
    length = strcspn(*at, " \n");
    snprintf(word, size, "%.*s", (int)(length < size ? length : size - 1), *at);
    *at += length;
    return word[0] != 0;
}

static bool take_number(const char **at, const char *before, int64_t *ret_number)
{
    char word[32];
    char *end = NULL;
    if (!take_word(at, before, word, sizeof word))
        return false;
    errno = 0;
    *ret_number = strtoll(word, &end, 10);
    return errno == 0 && !*end && *ret_number >= 0;
}

static int read_line(int fd, const char *path, struct line *ret_line, struct ek_error *err)
{
    char text[LINE + 1];
    struct line line = {0};
    ssize_t length = pread(fd, text, LINE, 0);
    if (length < 0)
        return ek_fail_errno(err, "EK-1017", path);
    text[length] = 0;
    const char *at = text;
    bool good = take_number(&at, "evenkeel fence ", &line.mark.token) &&
                take_word(&at, " ", line.mark.id, sizeof line.mark.id) &&
                take_number(&at, " process ", &line.pid) &&
                take_word(&at, " on ", line.host, sizeof line.host);
    if (length > 0 && !good)
        return broken(path, err);
    *ret_line = line;
    return 0;
}

static int write_line(int fd, const char *path, const struct ek_fence_mark *mine,
                      struct ek_error *err)
{
    char text[LINE + 1];
    char host[65] = "";
    gethostname(host, sizeof host - 1);
    snprintf(text, sizeof text, "evenkeel fence %" PRId64 " %s process %d on %s", mine->token,
             mine->id, (int)getpid(), host[0] ? host : "-");
    size_t used = strlen(text);
    memset(text + used, ' ', sizeof text - used);
    text[LINE - 1] = '\n';
    if (pwrite(fd, text, LINE, 0) != LINE || fsync(fd) != 0 || ek_directory_sync_of(path) != 0)
        return ek_fail_errno(err, "EK-1017", path);
    return 0;
}

/* Whoever holds it wrote who it is, or is about to. */
static int in_progress(const char *path, struct ek_error *err)
{
    struct line line = {0};
    int fd;
    if (ek_host_file_open(path, &fd, NULL) == 0) {
        (void)read_line(fd, path, &line, NULL);
        close(fd);
    }
    ek_fail(err, EK_TIMEOUT, "EK-1016",
            "an act of another Evenkeel is still in progress on it: process %lld on %s",
            (long long)line.pid, line.host);
    return ek_hint(err, "it may be frozen (state T in ps); once it goes on or is killed, run the "
                        "command again");
}

static int behind(const struct line *seen, const struct ek_fence *mine, struct ek_error *err)
{
    ek_fail(
        err, EK_STALE, "EK-1015",
        "another Evenkeel had its turn on it since: process %lld on %s, token %lld (ours: %lld)",
        (long long)seen->pid, seen->host, (long long)seen->mark.token, (long long)mine->token);
    return ek_hint(err, "if it uses another store, give both the same --store");
}

int ek_host_fence(const struct ek_fence_place *place, const struct ek_fence *fence,
                  int64_t deadline, struct ek_fence_hold *ret_hold, struct ek_error *err)
{
    const char *path = place->path;
    struct line seen = {0};
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
        result = behind(&seen, fence, err);
    }
    if (result == 0 && (seen.mark.token != mine.token || seen.pid != getpid()))
        result = write_line(fd, path, &mine, err);
    if (result == 0)
        *ret_hold = (struct ek_fence_hold){.lock = fd, .highest = mine.token};
    else
        close(fd);
    return result;
}
