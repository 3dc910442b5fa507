#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "reconciler/base/clock.h"
#include "reconciler/loop/metrics_internal.h"

enum { FIELDS_MAX = 24 };

/* /proc/self/stat's fields, counted from 1 as in proc(5), after the name in parentheses. */
static bool read_stat(long long ret_fields[FIELDS_MAX + 1])
{
    char line[1024];
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, line, sizeof line - 1) : -1;
    if (fd >= 0)
        close(fd);
    if (got <= 0)
        return false;
    line[got] = 0;
    const char *at = strrchr(line, ')');
    if (!at || !at[1] || !at[2] || !at[3])
        return false;
    at += 3; /* ") S": the state is field 3 */
    for (int i = 4; i <= FIELDS_MAX; i++) {
        char *end = NULL;
        ret_fields[i] = strtoll(at, &end, 10);
        if (end == at)
            return false;
        at = end;
    }
    return true;
}

static size_t open_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    size_t count = 0;
    if (!directory)
        return 0;
    while (readdir(directory))
        count++;
    closedir(directory);
    return count > 3 ? count - 3 : 0; /* not ".", ".." and the one that is read from */
}

static double boot_to_wall_s(void)
{
    struct timespec wall;
    struct timespec boot;
    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_BOOTTIME, &boot);
    return (double)(wall.tv_sec - boot.tv_sec) + (double)(wall.tv_nsec - boot.tv_nsec) / 1e9;
}

void ek_metrics_process(struct ek_metrics *metrics)
{
    enum { THREADS = 20, STARTED = 22, RESIDENT = 24 };
    long long fields[FIELDS_MAX + 1] = {0};
    struct rusage used;
    struct rlimit limit;
    if (read_stat(fields)) {
        double ticks = (double)sysconf(_SC_CLK_TCK);
        double started = boot_to_wall_s() + (double)fields[STARTED] / ticks;
        ek_metrics_set(metrics, EK_METRIC_PROCESS_START, EK_NO_LABELS,
                       (double)(long long)(started * 100 + 0.5) / 100);
        ek_metrics_set(metrics, EK_METRIC_PROCESS_MEMORY, EK_NO_LABELS,
                       (double)fields[RESIDENT] * (double)sysconf(_SC_PAGESIZE));
        ek_metrics_set(metrics, EK_METRIC_PROCESS_THREADS, EK_NO_LABELS, (double)fields[THREADS]);
    }
    if (getrusage(RUSAGE_SELF, &used) == 0)
        ek_metrics_set(metrics, EK_METRIC_PROCESS_CPU, EK_NO_LABELS,
                       (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        ek_metrics_set(metrics, EK_METRIC_PROCESS_MAX_FDS, EK_NO_LABELS, (double)limit.rlim_cur);
    size_t descriptors = open_descriptors();
    if (descriptors)
        ek_metrics_set(metrics, EK_METRIC_PROCESS_FDS, EK_NO_LABELS, (double)descriptors);
}
