#include "reconciler/loop/systemd.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "reconciler/base/clock.h"

enum { STATUS_MAX = 512 };

struct ek_systemd {
    int socket; /* -1: nobody listens */
    struct sockaddr_un address;
    socklen_t address_length;
    int64_t watchdog_ms;
    int64_t fed_ms;
    char status[STATUS_MAX]; /* the latest that was told */
    pthread_mutex_t lock;
};

/* A path, or "@…" for an abstract socket. Others (vsock) are for virtual machines. */
static bool read_address(const char *name, struct ek_systemd *systemd)
{
    size_t length = name ? strlen(name) : 0;
    if (length < 2 || length >= sizeof systemd->address.sun_path ||
        (name[0] != '/' && name[0] != '@'))
        return false;
    systemd->address.sun_family = AF_UNIX;
    memcpy(systemd->address.sun_path, name, length);
    systemd->address_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    if (name[0] == '@')
        systemd->address.sun_path[0] = 0;
    else
        systemd->address_length++;
    return true;
}

static int64_t read_number(const char *text)
{
    char *end = NULL;
    if (!text || *text < '0' || *text > '9')
        return 0;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    return errno == 0 && *end == 0 ? value : 0;
}

struct ek_systemd *ek_systemd_new(void)
{
    struct ek_systemd *systemd = calloc(1, sizeof *systemd);
    const char *pid = getenv("WATCHDOG_PID");
    if (!systemd)
        return NULL;
    systemd->socket = -1;
    pthread_mutex_init(&systemd->lock, NULL);
    const struct timeval patience = {.tv_sec = 1};
    if (read_address(getenv("NOTIFY_SOCKET"), systemd))
        systemd->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (systemd->socket >= 0)
        setsockopt(systemd->socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (!pid || read_number(pid) == getpid())
        systemd->watchdog_ms = read_number(getenv("WATCHDOG_USEC")) / 1000;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    return systemd;
}

void ek_systemd_free(struct ek_systemd *systemd)
{
    if (!systemd)
        return;
    if (systemd->socket >= 0)
        close(systemd->socket);
    pthread_mutex_destroy(&systemd->lock);
    free(systemd);
}

/* A manager that does not listen is no reason to stop; one that is busy is waited for a little,
 * where the message matters. False: it did not get there. */
static bool tell(const struct ek_systemd *systemd, const char *message, int flags)
{
    if (systemd->socket < 0)
        return false;
    const struct sockaddr *address = (const struct sockaddr *)&systemd->address;
    ssize_t sent;
    do {
        sent = sendto(systemd->socket, message, strlen(message), MSG_NOSIGNAL | flags, address,
                      systemd->address_length);
    } while (sent < 0 && errno == EINTR);
    return sent >= 0;
}

void ek_systemd_ready(struct ek_systemd *systemd)
{
    tell(systemd, "READY=1", 0);
}

void ek_systemd_reloading(struct ek_systemd *systemd)
{
    char message[64];
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t usec = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    snprintf(message, sizeof message, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, usec);
    tell(systemd, message, 0);
}

void ek_systemd_stopping(struct ek_systemd *systemd)
{
    tell(systemd, "STOPPING=1", 0);
}

void ek_systemd_status(struct ek_systemd *systemd, const char *format, ...)
{
    char message[STATUS_MAX] = "STATUS=";
    const size_t prefix = strlen(message);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message + prefix, sizeof message - prefix, format, arguments);
    va_end(arguments);
    for (char *c = message + prefix; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' '; /* a newline would begin another assignment */
    pthread_mutex_lock(&systemd->lock);
    if (strcmp(message, systemd->status) != 0 && tell(systemd, message, MSG_DONTWAIT))
        memcpy(systemd->status, message, sizeof message);
    pthread_mutex_unlock(&systemd->lock);
}

void ek_systemd_progress(struct ek_systemd *systemd)
{
    if (systemd->watchdog_ms <= 0)
        return;
    int64_t now_ms = ek_monotonic_ms();
    pthread_mutex_lock(&systemd->lock);
    bool due = systemd->fed_ms == 0 || now_ms - systemd->fed_ms >= systemd->watchdog_ms / 4;
    if (due && tell(systemd, "WATCHDOG=1", MSG_DONTWAIT))
        systemd->fed_ms = now_ms;
    pthread_mutex_unlock(&systemd->lock);
}

void ek_systemd_extend(struct ek_systemd *systemd, int64_t ms)
{
    char message[64];
    snprintf(message, sizeof message, "EXTEND_TIMEOUT_USEC=%" PRId64, ms * 1000);
    tell(systemd, message, 0);
}

int64_t ek_systemd_watchdog_ms(const struct ek_systemd *systemd)
{
    return systemd->watchdog_ms;
}
