#include "log.h"
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

/* Known numbers of lines; others have 0. Their texts begin so in 4.4 and later. */
static const struct {
    const char *text;
    int id;
} numbers[] = {
    {"Error receiving request from client", 22988},
    {"no SSL certificate provided by peer; connection rejected", 23255},
    {"Successfully rotated X509 certificates.", 4913400},
    {"Certificate rotation completed successfully", 4988500},
    {"connection accepted from", 22943},
    {"end connection", 22944},
    {"received client metadata", 51800},
    {"Listening on", 23015},
    {"waiting for connections", 23016},
};

static void json_string(bson_string_t *to, const char *text)
{
    char *escaped = bson_utf8_escape_for_json(text, -1);

    bson_string_append_printf(to, "\"%s\"", escaped == NULL ? "" : escaped);
    bson_free(escaped);
}

/* One line of 4.4 and later. What the real server puts into `attr` stays in the text, but for what
 * a rejected connection is told by. */
static char *json_line(const char *stamp, char severity, const char *component, const char *message)
{
    static const char error[] = "Error receiving request from client: SSLHandshakeFailed: ";
    bson_string_t *s = bson_string_new(NULL);
    const char *end = strstr(message, ". Ending connection from ");
    int id = 0;

    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        if (strncmp(message, numbers[i].text, strlen(numbers[i].text)) == 0)
            id = numbers[i].id;
    bson_string_append_printf(s, "{\"t\":{\"$date\":\"%s\"},\"s\":\"%c\",  \"c\":\"%s\", ", stamp,
                              severity, component);
    bson_string_append_printf(s, "\"id\":%d, \"ctx\":", id);
    json_string(s, context);
    bson_string_append(s, ",\"msg\":");
    if (id == 22988 && end != NULL && strncmp(message, error, sizeof error - 1) == 0) {
        char *why =
                 strndup(message + sizeof error - 1, (size_t)(end - message) - (sizeof error - 1)),
             *remote = strndup(end + 25, strcspn(end + 25, " "));

        json_string(s, "Error receiving request from client. Ending connection from remote");
        bson_string_append(s, ",\"attr\":{\"error\":{\"code\":141,"
                              "\"codeName\":\"SSLHandshakeFailed\",\"errmsg\":");
        json_string(s, why);
        bson_string_append(s, "},\"remote\":");
        json_string(s, remote);
        bson_string_append(s, "}");
        free(why);
        free(remote);
    } else {
        json_string(s, message);
    }
    bson_string_append(s, "}\n");
    return bson_string_free(s, false);
}

static void emit(char severity, const char *component, bool startup, const char *message)
{
    int64_t ms = wall_ms();
    time_t secs = (time_t)(ms / 1000);
    struct tm tm;
    char stamp[32], zone[8], *line;

    localtime_r(&secs, &tm);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
    strftime(zone, sizeof zone, "%z", &tm);
    if (version_at_least(4, 4)) {
        char full[64];

        put(full, sizeof full, "%s.%03d%.3s:%s", stamp, (int)(ms % 1000), zone, zone + 3);
        line = json_line(full, severity, component, message);
    } else
        line = xprintf("%s.%03d%s %c  %-8s [%s] %s\n", stamp, (int)(ms % 1000), zone, severity,
                       component, context, message);
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
    char *message = NULL;

    va_start(ap, fmt);
    if (vasprintf(&message, fmt, ap) < 0)
        abort();
    va_end(ap);
    emit(severity, component, false, message);
    free(message);
}

void log_startup_warning(const char *component, const char *fmt, ...)
{
    va_list ap;
    char *message = NULL;

    va_start(ap, fmt);
    if (vasprintf(&message, fmt, ap) < 0)
        abort();
    va_end(ap);
    emit('I', component, true, message);
    free(message);
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
