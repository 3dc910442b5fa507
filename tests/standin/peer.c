#include "peer.h"
#include "keyfile.h"
#include "log.h"
#include "scram.h"
#include "tls.h"
#include "x509.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST_UNREACHABLE 6
#define AUTHENTICATION_FAILED 18
#define TIME_LIMIT 202

void host_split(const char *text, char *host, size_t size, char *port, size_t port_size)
{
    const char *colon = strrchr(text, ':');

    if (colon == NULL) {
        put(host, size, "%s", text);
        put(port, port_size, "27017");
    } else {
        put(host, size, "%.*s", (int)(colon - text), text);
        put(port, port_size, "%s", colon + 1);
    }
}

/* How often the connections to each host were dropped. */
static struct {
    char host[300];
    unsigned int n;
} dropped[64];
static pthread_mutex_t dropped_lock = PTHREAD_MUTEX_INITIALIZER;

void peers_drop(const char *host)
{
    size_t i = 0;

    pthread_mutex_lock(&dropped_lock);
    while (i < COUNT_OF(dropped) - 1 && dropped[i].n > 0 && strcmp(dropped[i].host, host) != 0)
        i++;
    put(dropped[i].host, sizeof dropped[i].host, "%s", host);
    dropped[i].n++;
    pthread_mutex_unlock(&dropped_lock);
}

static unsigned int drops_of(const char *host)
{
    unsigned int n = 0;

    pthread_mutex_lock(&dropped_lock);
    for (size_t i = 0; i < COUNT_OF(dropped); i++)
        if (dropped[i].n > 0 && strcmp(dropped[i].host, host) == 0)
            n = dropped[i].n;
    pthread_mutex_unlock(&dropped_lock);
    return n;
}

void peer_init(struct peer *p, const char *host)
{
    memset(p, 0, sizeof *p);
    put(p->host, sizeof p->host, "%s", host);
    p->stream.fd = -1;
}

void peer_close(struct peer *p)
{
    if (p->open || p->stream.fd >= 0)
        stream_close(&p->stream);
    p->open = false;
}

static void set_timeout(int fd, int64_t ms)
{
    struct timeval t = {ms / 1000, (ms % 1000) * 1000};

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
}

/* Connects within the time; the socket or -1 with errno. */
static int dial(const struct addrinfo *to, int64_t timeout_ms)
{
    int fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error = 0,
        one = 1;
    socklen_t len = sizeof error;
    struct pollfd poll_fd = {fd, POLLOUT, 0};

    if (fd < 0)
        return -1;
    if (connect(fd, to->ai_addr, to->ai_addrlen) != 0 && errno != EINPROGRESS) {
        error = errno;
    } else {
        if (poll(&poll_fd, 1, (int)timeout_ms) <= 0)
            error = ETIMEDOUT;
        else
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
    }
    if (error != 0) {
        close(fd);
        errno = error;
        return -1;
    }
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static int connect_to(struct peer *p, int64_t timeout_ms, struct failure *failure)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *list = NULL;
    char host[256], port[16], ip[64] = "", why[512];
    int rc;

    host_split(p->host, host, sizeof host, port, sizeof port);
    rc = getaddrinfo(host, port, &hints, &list);
    failure->code = HOST_UNREACHABLE;
    if (rc != 0) {
        put(failure->text, sizeof failure->text,
            "Error connecting to %s :: caused by :: Could not find address for %s: "
            "SocketException: Host not found "
            "(authoritative)",
            p->host, p->host);
        return -1;
    }
    inet_ntop(AF_INET, &((struct sockaddr_in *)(void *)list->ai_addr)->sin_addr, ip, sizeof ip);
    p->stream.fd = dial(list, timeout_ms);
    freeaddrinfo(list);
    if (p->stream.fd < 0) {
        put(failure->text, sizeof failure->text,
            "Error connecting to %s (%s:%s) :: caused by :: %s", p->host, ip, port,
            strerror(errno));
        return -1;
    }
    set_timeout(p->stream.fd, timeout_ms);
    p->open = true;
    if (tls_mode_now() >= TLS_PREFER && tls_connect(&p->stream, host, why, sizeof why) != 0) {
        put(failure->text, sizeof failure->text,
            "Error connecting to %s (%s:%s) :: caused by :: %s", p->host, ip, port, why);
        peer_close(p);
        return -1;
    }
    return 0;
}

static int transport_failure(struct peer *p, int rc, struct failure *failure)
{
    failure->code = rc == STREAM_TIMEOUT ? TIME_LIMIT : HOST_UNREACHABLE;
    put(failure->text, sizeof failure->text, "%s",
        rc == STREAM_TIMEOUT    ? "Couldn't get a connection within the time limit"
        : rc == STREAM_FAILED   ? strerror(errno)
        : p->stream.ssl != NULL ? "stream truncated"
                                : "Connection closed by peer");
    peer_close(p);
    return -1;
}

static int exchange(struct peer *p, const bson_t *command, bson_t *ret_reply,
                    struct failure *failure)
{
    int rc = request_write(&p->stream, ++p->next_id, command);

    if (rc == 0)
        rc = response_read(&p->stream, ret_reply);
    return rc == 0 ? 0 : transport_failure(p, rc, failure);
}

/* One message of a login: the text to send, the text that came back. NULL when it was refused. */
static char *sasl_step(struct peer *p, bson_t *command, const char *payload,
                       struct failure *failure)
{
    bson_t reply;
    bson_iter_t it;
    char *text = NULL;

    add_bin(command, "payload", BSON_SUBTYPE_BINARY, payload, strlen(payload));
    add_str(command, "$db", "local");
    if (exchange(p, command, &reply, failure) != 0)
        return NULL;
    if (doc_int(&reply, "ok", 0) == 1 && doc_find(&reply, "payload", &it) &&
        BSON_ITER_HOLDS_BINARY(&it)) {
        const uint8_t *data;
        uint32_t len;

        bson_iter_binary(&it, NULL, &len, &data);
        text = strndup((const char *)data, len);
    } else {
        failure->code = (int)doc_int(&reply, "code", AUTHENTICATION_FAILED);
        put(failure->text, sizeof failure->text, "%s",
            doc_str(&reply, "errmsg", "Authentication failed."));
    }
    bson_destroy(&reply);
    return text;
}

static bool login_with(struct peer *p, const char *key, struct failure *failure)
{
    /* as a client does that was told no mechanism */
    enum scram_kind kind = p->knows_no_key ? SCRAM_SHA_1 : SCRAM_SHA_256;
    struct scram_client c = {.kind = kind, .user = "__system", .password = key};
    char *out = scram_client_first(&c), *in = NULL;
    bool ok = false;
    bson_t command = BSON_INITIALIZER;

    add_int(&command, "saslStart", 1);
    add_str(&command, "mechanism", scram_name(kind));
    for (int step = 0; step < 3; step++) {
        in = sasl_step(p, &command, out, failure);
        free(out);
        out = NULL;
        if (in == NULL)
            break;
        if (step == 0)
            out = scram_client_final(&c, in);
        else if (step == 1)
            out = scram_client_check(&c, in) ? xstrdup("") : NULL;
        else
            ok = true;
        free(in);
        if (out == NULL)
            break;
        bson_reinit(&command);
        add_int(&command, "saslContinue", 1);
        add_int(&command, "conversationId", 1);
    }
    free(out);
    bson_destroy(&command);
    scram_client_done(&c);
    return ok;
}

static int log_in_by_certificate(struct peer *p, struct failure *failure)
{
    bson_t *command = x509_login(&p->stream), reply;
    int rc = -1;

    if (command == NULL)
        return -1;
    if (exchange(p, command, &reply, failure) == 0) {
        if (doc_int(&reply, "ok", 0) == 1)
            rc = 0;
        else
            put(failure->text, sizeof failure->text, "%s", doc_str(&reply, "errmsg", ""));
        bson_destroy(&reply);
    }
    bson_destroy(command);
    return rc;
}

/* On the way to authentication, whoever doesn't take the login is spoken to without. */
static int go_without(struct peer *p, const struct failure *failure)
{
    if (!options.transition_to_auth || !p->open || failure->code != AUTHENTICATION_FAILED) {
        peer_close(p);
        return -1;
    }
    log_line('I', "ACCESS",
             "Failed to authenticate in transitionToAuth, falling back to no authentication.");
    return 0;
}

static int log_in(struct peer *p, struct failure *failure)
{
    failure->code = AUTHENTICATION_FAILED;
    put(failure->text, sizeof failure->text, "Authentication failed.");
    if (x509_sent())
        return log_in_by_certificate(p, failure) == 0 ? 0 : go_without(p, failure);
    for (int i = 0; i < keyfile.n && p->open; i++) {
        if (login_with(p, keyfile.key[i], failure))
            return 0;
        if (failure->code != AUTHENTICATION_FAILED)
            break;
    }
    return go_without(p, failure);
}

/* As every member does first; a wrong transport shows here. */
static int greet(struct peer *p, struct failure *failure)
{
    bson_t command = BSON_INITIALIZER, reply;
    int rc;

    add_int(&command, "isMaster", 1);
    add_str(&command, "saslSupportedMechs", "local.__system");
    add_str(&command, "$db", "admin");
    rc = exchange(p, &command, &reply, failure);
    if (rc == 0) {
        p->knows_no_key = !doc_has(&reply, "saslSupportedMechs");
        bson_destroy(&reply);
    }
    bson_destroy(&command);
    return rc;
}

int peer_call(struct peer *p, const bson_t *command, int64_t timeout_ms, bson_t *ret_reply,
              struct failure *failure)
{
    memset(failure, 0, sizeof *failure);
    if (p->open && p->drops != drops_of(p->host))
        peer_close(p);
    if (!p->open) {
        p->drops = drops_of(p->host);
        if (connect_to(p, timeout_ms, failure) != 0 || greet(p, failure) != 0)
            return -1;
        if ((keyfile.n > 0 || x509_sent()) && log_in(p, failure) != 0)
            return -1;
    }
    set_timeout(p->stream.fd, timeout_ms);
    return exchange(p, command, ret_reply, failure);
}
