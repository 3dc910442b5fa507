/* One TLS handshake with a server, to see which certificate it presents and whether that
 * holds. The handshake itself is never broken off because of the certificate: what was
 * presented is seen also when it does not verify.
 *
 * A server without TLS closes the connection as soon as it has read the ClientHello. A
 * server that wants a client certificate completes the handshake and closes afterwards. */
#include "drivers/mongodb/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "drivers/mongodb/tls_context.h"
#include "reconciler/base/buffer.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/resolve.h"

void ek_mongodb_handshake_done(struct ek_mongodb_handshake *handshake)
{
    free(handshake->certificate_pem);
    memset(handshake, 0, sizeof *handshake);
}

static void close_fd(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static void free_tls(SSL **tls)
{
    SSL_free(*tls);
}

static void free_context(SSL_CTX **context)
{
    SSL_CTX_free(*context);
}

static void free_addresses(struct addrinfo **addresses)
{
    if (*addresses)
        freeaddrinfo(*addresses);
}

#define EK_TLS EK_CLEANUP(free_tls) SSL
#define EK_TLS_CONTEXT EK_CLEANUP(free_context) SSL_CTX

static void __attribute__((format(printf, 2, 3)))
set_problem(struct ek_mongodb_handshake *handshake, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(handshake->problem, sizeof handshake->problem, format, args);
    va_end(args);
}

static bool wait_for(int fd, short events, int64_t deadline)
{
    for (;;) {
        int64_t left = ek_time_left_ms(deadline);
        struct pollfd at = {.fd = fd, .events = events};
        int ready = poll(&at, 1, left > INT32_MAX ? INT32_MAX : (int)left);
        if (ready > 0)
            return true;
        if (ready == 0 || errno != EINTR)
            return false;
    }
}

/* Returns a connected non-blocking socket, or -1 with errno. */
static int connect_to(const struct addrinfo *address, int64_t deadline)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int failure = 0;
    socklen_t size = sizeof failure;
    if (fd < 0)
        return -1;
    if (connect(fd, address->ai_addr, address->ai_addrlen) == 0)
        return fd;
    if (errno != EINPROGRESS)
        failure = errno;
    else if (!wait_for(fd, POLLOUT, deadline))
        failure = ETIMEDOUT;
    else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) < 0)
        failure = errno;
    if (!failure)
        return fd;
    close(fd);
    errno = failure;
    return -1;
}

static int dial(const char *host, int port, int64_t deadline,
                struct ek_mongodb_handshake *handshake)
{
    EK_CLEANUP(free_addresses) struct addrinfo *addresses = NULL;
    struct ek_error unresolved = {0};
    if (ek_resolve(host, port, deadline, &addresses, &unresolved) != 0) {
        set_problem(handshake, "%s: %.200s", host, unresolved.cause);
        return -1;
    }
    for (const struct addrinfo *address = addresses; address; address = address->ai_next) {
        int fd = connect_to(address, deadline);
        if (fd >= 0)
            return fd;
    }
    char text[128];
    set_problem(handshake, "%s:%d: %s", host, port, strerror_r(errno, text, sizeof text));
    return -1;
}

static bool is_address(const char *host)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

/* The certificate is judged while the handshake goes on (SSL_VERIFY_NONE: judged, not
 * enforced); the verdict is read afterwards. */
static SSL *new_tls(SSL_CTX *context, const char *host, int fd)
{
    SSL *tls = SSL_new(context);
    if (!tls)
        return NULL;
    X509_VERIFY_PARAM *wanted = SSL_get0_param(tls);
    bool named;
    if (is_address(host)) {
        named = X509_VERIFY_PARAM_set1_ip_asc(wanted, host) == 1;
    } else {
        X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        named = X509_VERIFY_PARAM_set1_host(wanted, host, 0) == 1 &&
                SSL_set_tlsext_host_name(tls, host) == 1;
    }
    if (named && SSL_set_fd(tls, fd) == 1)
        return tls;
    SSL_free(tls);
    return NULL;
}

/* False without memory. */
static bool read_certificate(X509 *certificate, struct ek_mongodb_handshake *handshake)
{
    if (X509_digest(certificate, EVP_sha256(), handshake->certificate_sha256, NULL) != 1)
        return false;
    struct tm end;
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) == 1)
        handshake->not_after_s = timegm(&end);
    BIO *text = BIO_new(BIO_s_mem());
    char *bytes = NULL;
    if (text && PEM_write_bio_X509(text, certificate) == 1) {
        long length = BIO_get_mem_data(text, &bytes);
        handshake->certificate_pem = strndup(bytes, (size_t)length);
    }
    BIO_free(text);
    return handshake->certificate_pem != NULL;
}

static void read_verdict(SSL *tls, bool ca_given, struct ek_mongodb_handshake *handshake)
{
    X509 *certificate = SSL_get0_peer_certificate(tls);
    handshake->tls = EK_ANSWER_YES;
    if (!certificate) {
        set_problem(handshake, "the server presented no certificate");
        return;
    }
    if (!read_certificate(certificate, handshake)) {
        set_problem(handshake, "there is no memory for the server's certificate");
        return;
    }
    long verdict = SSL_get_verify_result(tls);
    if (!ca_given)
        set_problem(handshake, "no certificate authority is known yet to verify it against");
    else if (verdict != X509_V_OK)
        set_problem(handshake, "%s", X509_verify_cert_error_string(verdict));
    else
        handshake->verified = true;
}

/* What a broken-off handshake tells: an alert is TLS too; anything else that the peer
 * did after it got our hello means that it doesn't speak TLS; silence means nothing. */
static void read_refusal(int result, struct ek_mongodb_handshake *handshake)
{
    unsigned long code = ERR_peek_last_error();
    int reason = ERR_GET_REASON(code);
    char text[160] = "the server closed the connection";
    if (result == SSL_ERROR_SSL && reason != SSL_R_UNEXPECTED_EOF_WHILE_READING)
        ERR_error_string_n(code, text, sizeof text);
    handshake->tls =
        reason >= SSL_AD_REASON_OFFSET && result == SSL_ERROR_SSL ? EK_ANSWER_YES : EK_ANSWER_NO;
    set_problem(handshake, "%s", text);
}

/* Writing to a peer that has gone raises SIGPIPE, and OpenSSL doesn't suppress it. The
 * signal is held back in this thread alone, and taken away if it came. */
struct pipe_guard {
    sigset_t before;
    bool was_pending;
};

static struct pipe_guard hold_back_pipe(void)
{
    struct pipe_guard guard;
    sigset_t pipe, pending;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigpending(&pending);
    guard.was_pending = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe, &guard.before);
    return guard;
}

static void let_go_pipe(const struct pipe_guard *guard)
{
    sigset_t pipe;
    const struct timespec now = {0};
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    if (!guard->was_pending)
        while (sigtimedwait(&pipe, NULL, &now) < 0 && errno == EINTR)
            ;
    pthread_sigmask(SIG_SETMASK, &guard->before, NULL);
}

static void shake_hands(SSL *tls, int fd, bool ca_given, int64_t deadline,
                        struct ek_mongodb_handshake *handshake)
{
    for (;;) {
        ERR_clear_error();
        int done = SSL_connect(tls);
        if (done == 1) {
            read_verdict(tls, ca_given, handshake);
            SSL_shutdown(tls);
            return;
        }
        int result = SSL_get_error(tls, done);
        if (result != SSL_ERROR_WANT_READ && result != SSL_ERROR_WANT_WRITE) {
            read_refusal(result, handshake);
            return;
        }
        if (!wait_for(fd, result == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline)) {
            set_problem(handshake, "no answer to the TLS handshake in time");
            return;
        }
    }
}

int ek_mongodb_handshake(const struct ek_mongodb_tls_question *question, int64_t deadline,
                         struct ek_mongodb_handshake *ret_handshake, struct ek_error *err)
{
    const char *host = question->host;
    struct ek_mongodb_handshake seen = {0};
    EK_TLS_CONTEXT *context = NULL;
    int result = ek_tls_context_take(question->ca_file, &context, err);
    if (result != 0)
        return result;
    EK_CLEANUP(close_fd) int fd = dial(host, question->port, deadline, &seen);
    if (fd >= 0) {
        EK_TLS *tls = new_tls(context, host, fd);
        if (!tls)
            return ek_fail(err, EK_INVALID, "EK-0446", "%s is no name to dial over TLS", host);
        const struct pipe_guard guard = hold_back_pipe();
        shake_hands(tls, fd, question->ca_file != NULL, deadline, &seen);
        let_go_pipe(&guard);
    }
    ERR_clear_error();
    *ret_handshake = seen;
    return 0;
}
