#include "reconciler/loop/http_listen.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 128, HOST_MAX = 256, PORT_MAX = 8 };

/* "[::1]:9464" into "::1" and "9464". */
static bool split(const char *where, char host[HOST_MAX], char port[PORT_MAX])
{
    const char *colon = strrchr(where, ':');
    if (!colon || colon == where)
        return false;
    size_t length = (size_t)(colon - where);
    if (where[0] == '[') {
        if (length < 3 || where[length - 1] != ']')
            return false;
        where++;
        length -= 2;
    } else if (memchr(where, ':', length)) {
        return false;
    }
    size_t digits = strlen(colon + 1);
    if (length >= HOST_MAX || digits == 0 || digits > 5 ||
        strspn(colon + 1, "0123456789") != digits || strtoul(colon + 1, NULL, 10) > 65535)
        return false;
    memcpy(host, where, length);
    host[length] = 0;
    memcpy(port, colon + 1, digits + 1);
    return true;
}

static int listener_at(const struct addrinfo *info)
{
    const int on = 1;
    int fd = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int number = errno;
    close(fd);
    errno = number;
    return -1;
}

static void name_of(int fd, char *text, size_t size)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    char host[HOST_MAX] = "?";
    char port[PORT_MAX] = "?";
    if (getsockname(fd, (struct sockaddr *)&address, &length) == 0)
        getnameinfo((const struct sockaddr *)&address, length, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV);
    bool brackets = strchr(host, ':') != NULL;
    snprintf(text, size, "%s%s%s:%s", brackets ? "[" : "", host, brackets ? "]" : "", port);
}

int ek_http_listen(const char *where, int *ret_listener, char *ret_address, size_t size,
                   struct ek_error *err)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char host[HOST_MAX];
    char port[PORT_MAX];
    if (!split(where, host, port)) {
        ek_fail(err, EK_INVALID, "EK-1350", "\"%s\" is not an address and a port", where);
        return ek_hint(err, "127.0.0.1:9464, [::1]:9464 or 0.0.0.0:9464; port 0 takes a free one");
    }
    int problem = getaddrinfo(host, port, &hints, &found);
    if (problem != 0) {
        ek_fail(err, EK_INVALID, "EK-1350", "\"%s\" can't be listened at: no such address", where);
        return ek_cause(err, "%s", gai_strerror(problem));
    }
    int fd = -1;
    for (const struct addrinfo *at = found; at && fd < 0; at = at->ai_next)
        fd = listener_at(at);
    freeaddrinfo(found);
    if (fd < 0)
        return ek_fail_errno(err, "EK-1351", where);
    name_of(fd, ret_address, size);
    *ret_listener = fd;
    return 0;
}
