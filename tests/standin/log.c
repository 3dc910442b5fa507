#include "log.h"
#include "log_json.h"
#include "version.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define KEPT 1024

struct ring {
    char *line[KEPT];
    uint32_t next;
    int32_t total;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct ring global_ring, startup_ring, rs_ring;
static char *log_path;
static int log_fd = STDOUT_FILENO;
static _Thread_local char context[40] = "main";
static _Thread_local const bson_t *attached;

void log_context(const char *name)
{
    put(context, sizeof context, "%s", name);
}

const char *log_context_name(void)
{
    return context;
}

static void remember(struct ring *ring, const char *line)
{
    char **slot = &ring->line[ring->next];

    free(*slot);
    *slot = strndup(line, 1023);
    ring->next = (ring->next + 1) % KEPT;
    ring->total++;
}

static void write_all(const char *text, size_t n)
{
    while (n > 0) {
        ssize_t done = write(log_fd, text, n);

        if (done < 0 && errno != EINTR)
            return;
        if (done > 0) {
            text += done;
            n -= (size_t)done;
        }
    }
}

void log_attach(const bson_t *doc)
{
    attached = doc;
}

static char *text_line(const char *stamp, char severity, const char *component, const char *fmt,
                       va_list ap)
{
    char *message = xvprintf(fmt, ap);
    char *line = xprintf("%s %c  %-8s [%s] %s\n", stamp, severity, component, context, message);
    free(message);
    return line;
}

static void emit(char severity, const char *component, bool startup, const char *fmt, va_list ap)
{
    int64_t ms = wall_ms();
    time_t secs = (time_t)(ms / 1000);
    struct tm tm;
    char date[32], zone[8], stamp[64], *line;

    localtime_r(&secs, &tm);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
    strftime(zone, sizeof zone, "%z", &tm);
    if (version_at_least(4, 4)) {
        put(stamp, sizeof stamp, "%s.%03d%.3s:%s", date, (int)(ms % 1000), zone, zone + 3);
        line = log_json(&(struct log_place){stamp, component, context, severity, startup, attached},
                        fmt, ap);
    } else {
        put(stamp, sizeof stamp, "%s.%03d%s", date, (int)(ms % 1000), zone);
        line = text_line(stamp, severity, component, fmt, ap);
    }
    attached = NULL;
    pthread_mutex_lock(&lock);
    write_all(line, strlen(line));
    line[strlen(line) - 1] = '\0';
    remember(&global_ring, line);
    if (startup)
        remember(&startup_ring, line);
    if (strncmp(component, "REPL", 4) == 0 || strcmp(component, "ELECTION") == 0)
        remember(&rs_ring, line);
    pthread_mutex_unlock(&lock);
    free(line);
}

void log_line(char severity, const char *component, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    emit(severity, component, false, fmt, ap);
    va_end(ap);
}

void log_startup_warning(const char *component, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    emit('I', component, true, fmt, ap);
    va_end(ap);
}

void log_and_exit(int status)
{
    log_line('I', "NETWORK", "shutdown: going to close listening sockets...");
    log_line('I', "CONTROL", "now exiting");
    log_line('I', "CONTROL", "shutting down with code:%d", status);
    exit(status);
}

static int open_log(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

bool log_to_file(const char *path, bool append)
{
    int fd;

    if (!append && access(path, F_OK) == 0) {
        char *old = xprintf("%s.%lld", path, (long long)wall_ms());

        (void)rename(path, old);
        free(old);
    }
    fd = open_log(path);
    if (fd < 0)
        return false;
    pthread_mutex_lock(&lock);
    log_fd = fd;
    log_path = xstrdup(path);
    pthread_mutex_unlock(&lock);
    return true;
}

void log_rotate(void)
{
    pthread_mutex_lock(&lock);
    if (log_path != NULL) {
        time_t secs = time(NULL);
        struct tm tm;
        char stamp[32], *old;
        int fd;

        gmtime_r(&secs, &tm);
        strftime(stamp, sizeof stamp, "%Y-%m-%dT%H-%M-%S", &tm);
        old = xprintf("%s.%s", log_path, stamp);
        (void)rename(log_path, old);
        free(old);
        fd = open_log(log_path);
        if (fd >= 0) {
            close(log_fd);
            log_fd = fd;
        }
    }
    pthread_mutex_unlock(&lock);
}

bool log_recent(const char *which, bson_t *reply)
{
    const struct ring *ring;
    bson_t arr = BSON_INITIALIZER;
    uint32_t n = 0;

    if (strcmp(which, "global") == 0)
        ring = &global_ring;
    else if (strcmp(which, "startupWarnings") == 0)
        ring = &startup_ring;
    else if (strcmp(which, "rs") == 0)
        ring = &rs_ring;
    else
        return false;
    pthread_mutex_lock(&lock);
    for (uint32_t i = 0; i < KEPT; i++) {
        const char *line = ring->line[(ring->next + i) % KEPT];

        if (line != NULL)
            push_str(&arr, &n, line);
    }
    add_int(reply, "totalLinesWritten", ring->total);
    pthread_mutex_unlock(&lock);
    add_arr(reply, "log", &arr);
    bson_destroy(&arr);
    return true;
}
