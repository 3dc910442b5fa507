#include "server.h"
#include "log.h"
#include "node.h"
#include "options.h"
#include "repl.h"
#include "tls.h"
#include "version.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_LISTENERS 16

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct conn *connections;
static int n_open, n_created;
static atomic_long bytes_in, bytes_out, requests;
static int listeners[MAX_LISTENERS];
static nfds_t n_listeners;

static const char *plural(int n)
{
    return n == 1 ? "connection" : "connections";
}

void server_each(void (*visit)(const struct conn *conn, void *arg), void *arg)
{
    pthread_mutex_lock(&list_lock);
    for (const struct conn *c = connections; c != NULL; c = c->next)
        visit(c, arg);
    pthread_mutex_unlock(&list_lock);
}

/* Nothing is ever compressed here. */
static void add_compression(bson_t *network)
{
    static const char *const names[] = {"snappy", "zstd", "zlib"};
    static const char *const ways[] = {"compressor", "decompressor"};
    bson_t all, one, way;

    bson_append_document_begin(network, "compression", -1, &all);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        bson_append_document_begin(&all, names[i], -1, &one);
        for (size_t k = 0; k < COUNT_OF(ways); k++) {
            bson_append_document_begin(&one, ways[k], -1, &way);
            add_long(&way, "bytesIn", 0);
            add_long(&way, "bytesOut", 0);
            bson_append_document_end(&one, &way);
        }
        bson_append_document_end(&all, &one);
    }
    bson_append_document_end(network, &all);
}

void server_status(bson_t *conns, bson_t *network)
{
    bson_t sub;
    int open_now;

    pthread_mutex_lock(&list_lock);
    open_now = n_open;
    add_int(conns, "current", n_open);
    add_int(conns, "available", 16000 - n_open);
    add_int(conns, "totalCreated", n_created);
    add_int(conns, "active", 1);
    pthread_mutex_unlock(&list_lock);
    add_long(network, "bytesIn", (int64_t)atomic_load(&bytes_in));
    add_long(network, "bytesOut", (int64_t)atomic_load(&bytes_out));
    add_long(network, "physicalBytesIn", (int64_t)atomic_load(&bytes_in));
    add_long(network, "physicalBytesOut", (int64_t)atomic_load(&bytes_out));
    add_long(network, "numRequests", (int64_t)atomic_load(&requests));
    add_compression(network);
    bson_append_document_begin(network, "serviceExecutorTaskStats", -1, &sub);
    add_str(&sub, "executor", "passthrough");
    add_int(&sub, "threadsRunning", open_now);
    bson_append_document_end(network, &sub);
}

static void rejected(const struct conn *c, const char *why)
{
    log_line('I', "NETWORK",
             "Error receiving request from client: SSLHandshakeFailed: %s. Ending connection from "
             "%s (connection id: %d)",
             why, c->remote, c->id);
}

/* Looks at the first bytes: a plain request has 0 or -1 where a TLS hello has anything but. False:
 * close. */
static bool negotiate(struct conn *c)
{
    enum tls_mode mode;
    uint8_t head[16];
    int32_t response_to;
    char why[600];

    if (recv(c->stream.fd, head, sizeof head, MSG_PEEK | MSG_WAITALL) != (ssize_t)sizeof head)
        return false;
    mode = tls_mode_now();
    if (memcmp(head, "GET ", 4) == 0) {
        static const char text[] =
            "HTTP/1.0 200 OK\r\nConnection: close\r\nContent-Type: text/plain\r\n"
            "Content-Length: 85\r\n\r\nIt looks like you are trying to access MongoDB over "
            "HTTP on the native driver port.\r\n";

        (void)stream_write(&c->stream, text, sizeof text - 1);
        return false;
    }
    memcpy(&response_to, head + 8, 4);
    if (response_to != 0 && response_to != -1) {
        if (mode == TLS_DISABLED) {
            rejected(c, "SSL handshake received but server is started without SSL support");
            return false;
        }
        if (tls_accept(&c->stream, why, sizeof why) == 0)
            return true;
        if (why[0] != '\0')
            rejected(c, why);
        return false;
    }
    if (mode == TLS_REQUIRE) {
        rejected(c, "The server is configured to only allow SSL connections");
        return false;
    }
    if (mode == TLS_PREFER && !options.plaintext_unlogged)
        log_line('I', "NETWORK",
                 "SSL mode is set to 'preferred' and connection %d to %s is not using SSL.", c->id,
                 c->remote);
    return true;
}

/* The question again, as if the client asked it knowing what it was told last. */
static void ask_again(struct message *m, const bson_t *reply)
{
    bson_t next = BSON_INITIALIZER;
    bson_iter_t it, told;

    bson_iter_init(&it, &m->command);
    while (bson_iter_next(&it))
        if (strcmp(bson_iter_key(&it), "topologyVersion") == 0 &&
            doc_find(reply, "topologyVersion", &told))
            bson_append_iter(&next, NULL, 0, &told);
        else if (strcmp(bson_iter_key(&it), "client") != 0)
            bson_append_iter(&next, NULL, 0, &it);
    bson_destroy(&m->command);
    bson_steal(&m->command, &next);
}

/* One request, and its answers. False when the connection is to be closed. */
static bool answer(struct conn *c, struct message *m)
{
    enum command_end end;

    do {
        bson_t reply = BSON_INITIALIZER;

        end = command_do(c, m, &reply);
        if (end != COMMAND_CLOSE && (m->flags & MSG_MORE_TO_COME) == 0) {
            int64_t sent = reply_write(&c->stream, m, &reply, end == COMMAND_MORE);

            if (sent < 0)
                end = COMMAND_CLOSE;
            else
                atomic_fetch_add(&bytes_out, (long)sent);
        }
        if (end == COMMAND_MORE)
            ask_again(m, &reply);
        bson_destroy(&reply);
    } while (end == COMMAND_MORE);
    return end != COMMAND_CLOSE;
}

static void serve(struct conn *c)
{
    struct message m;
    bool go_on = true;

    while (go_on && message_read(&c->stream, &m) == 0) {
        atomic_fetch_add(&bytes_in, (long)m.size);
        atomic_fetch_add(&requests, 1);
        go_on = answer(c, &m);
        message_done(&m);
    }
}

static void *conn_thread(void *arg)
{
    struct conn *c = arg;
    char name[32];
    int left;

    put(name, sizeof name, "conn%d", c->id);
    log_context(name);
    if (negotiate(c))
        serve(c);
    pthread_mutex_lock(&list_lock);
    for (struct conn **link = &connections; *link != NULL; link = &(*link)->next) {
        if (*link == c) {
            *link = c->next;
            break;
        }
    }
    left = --n_open;
    pthread_mutex_unlock(&list_lock);
    log_line('I', "NETWORK", "end connection %s (%d %s now open)", c->remote, left, plural(left));
    stream_close(&c->stream);
    scram_server_done(&c->scram);
    if (c->metadata != NULL)
        bson_destroy(c->metadata);
    free(c);
    return NULL;
}

static void accept_one(int listener)
{
    struct sockaddr_in from = {0};
    socklen_t len = sizeof from;
    int fd = accept4(listener, (struct sockaddr *)&from, &len, SOCK_CLOEXEC), one = 1, open_now;
    struct conn *c;
    char ip[64];

    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c = xalloc(sizeof *c);
    c->stream.fd = fd;
    inet_ntop(AF_INET, &from.sin_addr, ip, sizeof ip);
    put(c->remote, sizeof c->remote, "%s:%d", ip, ntohs(from.sin_port));
    c->localhost = strncmp(ip, "127.", 4) == 0;
    pthread_mutex_lock(&list_lock);
    c->id = ++n_created;
    open_now = ++n_open;
    c->next = connections;
    connections = c;
    pthread_mutex_unlock(&list_lock);
    /* currentOp may name it before the log does, as with mongod; it is read from afterwards. */
    log_line('I', "NETWORK", "connection accepted from %s #%d (%d %s now open)", c->remote, c->id,
             open_now, plural(open_now));
    spawn(conn_thread, c);
}

static void *listen_thread(void *arg)
{
    struct pollfd fds[MAX_LISTENERS];

    (void)arg;
    log_context("listener");
    for (nfds_t i = 0; i < n_listeners; i++)
        fds[i] = (struct pollfd){listeners[i], POLLIN, 0};
    for (;;) {
        if (poll(fds, n_listeners, -1) < 0 && errno != EINTR)
            return NULL;
        for (nfds_t i = 0; i < n_listeners; i++) {
            if ((fds[i].revents & (POLLNVAL | POLLHUP)) != 0)
                return NULL;
            if ((fds[i].revents & POLLIN) != 0)
                accept_one(listeners[i]);
        }
    }
}

static bool listen_on(const char *ip)
{
    struct addrinfo hints = {.ai_family = AF_INET,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE},
                    *res = NULL;
    char port[16];
    int fd, rc, one = 1;

    put(port, sizeof port, "%d", options.port);
    if (strcmp(ip, "*") == 0 || strcmp(ip, "::") == 0)
        ip = "0.0.0.0";
    if (strcmp(ip, "::1") == 0)
        return true;
    rc = n_listeners == MAX_LISTENERS ? EAI_MEMORY : getaddrinfo(ip, port, &hints, &res);
    if (rc != 0) {
        log_line('W', "STORAGE",
                 "Found no addresses for HostNotFound: Could not find address for %s:%d: "
                 "SocketException: Host not found (authoritative)",
                 ip, options.port);
        return true; /* the others may do */
    }
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, res->ai_addr, res->ai_addrlen) != 0 || listen(fd, 1024) != 0) {
        log_line('E', "STORAGE", "Failed to set up listener: SocketException: %s", strerror(errno));
        freeaddrinfo(res);
        close(fd);
        return false;
    }
    freeaddrinfo(res);
    listeners[n_listeners++] = fd;
    return true;
}

bool server_listen(void)
{
    char *list = xstrdup(options.bind_ip), *save = NULL;
    bool ok = true;

    for (char *w = strtok_r(list, ", ", &save); w != NULL && ok; w = strtok_r(NULL, ", ", &save))
        ok = listen_on(w);
    free(list);
    if (ok && n_listeners == 0) {
        log_line('E', "STORAGE",
                 "Failed to set up listener: SocketException: No available addresses/ports to bind "
                 "to");
        ok = false;
    }
    if (!ok)
        return false;
    spawn(listen_thread, NULL);
    log_context("listener");
    log_line('I', "NETWORK", "Listening on %s", options.bind_ip);
    log_line('I', "NETWORK", "waiting for connections on port %d%s", options.port,
             options.tls_mode != TLS_DISABLED ? " ssl" : "");
    return true;
}

void server_stop(void)
{
    for (nfds_t i = 0; i < n_listeners; i++)
        shutdown(listeners[i], SHUT_RDWR);
}

/* 5.0 and later: a secondary tells clients to go elsewhere for the rest of the time (15 s). */
static void quiesce(int64_t until)
{
    node_lock();
    if (version_at_least(5, 0) && repl_active())
        log_line('I', "REPL", "Attempting to enter quiesce mode");
    if (version_at_least(5, 0) && repl_active() && node.state == S_SECONDARY) {
        log_line('I', "REPL", "Entering quiesce mode: %lld", (long long)(until - mono_ms()));
        node.quiesce_until = until;
        node_changed();
        while (mono_ms() < until)
            node_wait(until);
        log_line('I', "REPL", "Exiting quiesce mode");
    }
    node_unlock();
}

bool server_shut_down(bool force, int64_t wait_ms, char *why, size_t size, int *ret_code)
{
    int64_t began = mono_ms();
    bool primary;
    int code = 0;

    node_lock();
    primary = repl_active() && node.state == S_PRIMARY;
    node_unlock();
    if (primary) {
        code = step_down(120, wait_ms, false, why, size);
        if (code != 0 && !force) {
            *ret_code = code;
            return false;
        }
        if (code != 0)
            log_line('I', "STORAGE",
                     "Failed to stepDown in non-command initiated shutdown path %s: %s",
                     code_name(code), why);
    }
    node_lock();
    for (int64_t until = mono_ms() + 2000; node.handing_off && node_wait(until);)
        ;
    node_unlock();
    quiesce(began + wait_ms);
    log_line('I', "NETWORK", "shutdown: going to close listening sockets...");
    server_stop();
    node_lock();
    node.stopping = true;
    sync_end();
    node_changed();
    node_unlock();
    log_line('I', "CONTROL", "now exiting");
    log_line('I', "CONTROL", "shutting down with code:%d", 0);
    return true;
}
