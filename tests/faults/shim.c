/* Preloaded into a server (LD_PRELOAD): a slow or full disk and a clock that is wrong, turned on
 * and off while it runs through the small file that FAULTS_FILE names. Works with the stand-in and
 * with a real server. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct faults {
    int64_t sync_ms;  /* each fsync takes that much longer */
    int64_t clock_ms; /* what the wall clock is ahead */
    int64_t
        full_from; /* not 0: writing behind that offset of a file fails with ENOSPC; -1: nowhere */
    int64_t start_ms; /* the process begins that much later */
};
static struct faults *faults, none;

static void pause_ms(int64_t ms)
{
    struct timespec t = {ms / 1000, (ms % 1000) * 1000000};

    while (ms > 0 && nanosleep(&t, &t) != 0 && errno == EINTR)
        ;
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("FAULTS_FILE");
    int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    void *map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *faults, PROT_READ, MAP_SHARED, fd, 0);

    if (fd >= 0)
        close(fd);
    faults = map == MAP_FAILED ? &none : map;
    pause_ms(faults->start_ms);
}

#define REAL(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

int fsync(int fd)
{
    pause_ms(faults->sync_ms);
    return REAL(fsync)(fd);
}

int fdatasync(int fd)
{
    pause_ms(faults->sync_ms);
    return REAL(fdatasync)(fd);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
    int64_t limit = faults->full_from;

    if (limit != 0 && (limit < 0 || at + (off_t)size > limit)) {
        errno = ENOSPC;
        return -1;
    }
    return REAL(pwrite)(fd, data, size, at);
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
    int rc = REAL(clock_gettime)(clock, t);

    if (rc == 0 && clock == CLOCK_REALTIME)
        t->tv_sec += faults == NULL ? 0 : faults->clock_ms / 1000;
    return rc;
}

time_t time(time_t *t)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (t != NULL)
        *t = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
    int rc = REAL(gettimeofday)(t, zone);

    if (rc == 0)
        t->tv_sec += faults == NULL ? 0 : faults->clock_ms / 1000;
    return rc;
}
