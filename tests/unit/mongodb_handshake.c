/* The handshake against real TLS servers (openssl s_server) and against peers that are
 * none: what is presented is seen whether or not it verifies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/mongodb/mongodb.h"
#include "reconciler/base/clock.h"
#include "tests/unit/mongodb_certificates.h"
#include "tests/unit/patience.h"

static const struct ek_mongodb_driver *driver;
static char directory[] = "/tmp/evenkeel-handshake-XXXXXX";

static void path_in(char *buffer, size_t size, const char *name)
{
    snprintf(buffer, size, "%s/%s", directory, name);
}

static int make_certificates(void **state)
{
    (void)state;
    driver = ek_mongodb_driver_named("libmongoc");
    return driver && mkdtemp(directory) && certificates_make(directory, "ca") == 0 &&
                   certificates_make(directory, "other-ca") == 0 &&
                   certificates_leaf(directory, "ca", "leaf", "DNS:localhost,DNS:db-a.test") == 0 &&
                   certificates_leaf(directory, "ca", "address", "IP:127.0.0.1") == 0 &&
                   certificates_leaf(directory, "ca", "elsewhere", "DNS:db-b.test") == 0
               ? 0
               : -1;
}

static int remove_certificates(void **state)
{
    (void)state;
    certificates_remove(directory);
    return 0;
}

/* A listening socket on a port that the kernel chose. */
static int listen_somewhere(int *ret_port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static bool port_answers(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    bool connected = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return connected;
}

static pid_t serve_tls(const char *leaf, int *ret_port)
{
    char port[16], pem[256];
    close(listen_somewhere(ret_port));
    snprintf(port, sizeof port, "%d", *ret_port);
    snprintf(pem, sizeof pem, "%s/%s.pem", directory, leaf);
    pid_t server = fork();
    if (server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int nothing = open("/dev/null", O_RDWR);
        dup2(nothing, 0), dup2(nothing, 1), dup2(nothing, 2);
        execlp("openssl", "openssl", "s_server", "-accept", port, "-cert", pem, "-key", pem,
               "-quiet", (char *)NULL);
        _exit(127);
    }
    int64_t deadline = ek_monotonic_ms() + patient_ms(5000);
    while (!port_answers(*ret_port)) {
        assert_true(ek_time_left_ms(deadline) > 0);
        ek_sleep_ms(20);
    }
    return server;
}

static void stop(pid_t server)
{
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
}

static struct ek_mongodb_handshake shake(const char *host, int port, const char *ca)
{
    struct ek_mongodb_handshake seen;
    struct ek_error err = {0};
    char ca_file[256];
    path_in(ca_file, sizeof ca_file, ca ? ca : "");
    int result =
        driver->handshake(&(struct ek_mongodb_tls_question){host, port, ca ? ca_file : NULL},
                          ek_monotonic_ms() + patient_ms(5000), &seen, &err);
    if (result != 0)
        fail_msg("%s %s", err.id, err.sentence);
    return seen;
}

static void assert_fingerprint(const struct ek_mongodb_handshake *seen, const char *leaf)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s.pem", directory, leaf);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    assert_non_null(certificate);
    uint8_t digest[32];
    X509_digest(certificate, EVP_sha256(), digest, NULL);
    assert_memory_equal(seen->certificate_sha256, digest, sizeof digest);
    X509_free(certificate);
    assert_non_null(seen->certificate_pem);
    assert_memory_equal(seen->certificate_pem, "-----BEGIN CERTIFICATE-----", 27);
    int64_t days = (seen->not_after_s - ek_wall_ms() / 1000) / 86400;
    assert_in_range(days, 28, 30); /* made for 30 */
}

static void verifies_by_name(void **state)
{
    (void)state;
    int port;
    pid_t server = serve_tls("leaf", &port);
    struct ek_mongodb_handshake seen = shake("localhost", port, "ca.crt");
    stop(server);
    assert_int_equal(seen.tls, EK_ANSWER_YES);
    assert_string_equal(seen.problem, "");
    assert_true(seen.verified);
    assert_fingerprint(&seen, "leaf");
    ek_mongodb_handshake_done(&seen);
}

static void refuses_the_address_but_sees_the_certificate(void **state)
{
    (void)state;
    int port;
    pid_t server = serve_tls("leaf", &port);
    struct ek_mongodb_handshake seen = shake("127.0.0.1", port, "ca.crt");
    stop(server);
    assert_int_equal(seen.tls, EK_ANSWER_YES);
    assert_false(seen.verified);
    assert_string_equal(seen.problem, "IP address mismatch");
    assert_fingerprint(&seen, "leaf");
    ek_mongodb_handshake_done(&seen);
}

static void verifies_an_address_that_the_certificate_names(void **state)
{
    (void)state;
    int port;
    pid_t server = serve_tls("address", &port);
    struct ek_mongodb_handshake by_address = shake("127.0.0.1", port, "ca.crt");
    struct ek_mongodb_handshake by_name = shake("localhost", port, "ca.crt");
    stop(server);
    assert_true(by_address.verified);
    assert_false(by_name.verified);
    ek_mongodb_handshake_done(&by_address);
    ek_mongodb_handshake_done(&by_name);
}

/* What is kept between handshakes follows the file, however it is changed. */
static void notices_another_authority_in_the_same_file(void **state)
{
    (void)state;
    int port;
    char from[256], to[256];
    path_in(to, sizeof to, "trust.crt");
    pid_t server = serve_tls("leaf", &port);
    assert_int_equal(certificates_append(directory, "other-ca.crt", "trust.crt"), 0);
    static const struct {
        const char *put; /* in its place, or NULL: appended to */
        bool verified;
    } rows[] = {{"other-ca.crt", false}, {"ca.crt", true}, {"other-ca.crt", false}, {NULL, true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        path_in(from, sizeof from, "new.crt");
        if (rows[i].put) {
            assert_int_equal(certificates_append(directory, rows[i].put, "new.crt"), 0);
            assert_int_equal(rename(from, to), 0);
        } else {
            assert_int_equal(certificates_append(directory, "ca.crt", "trust.crt"), 0);
        }
        for (int again = 0; again < 2; again++) {
            struct ek_mongodb_handshake seen = shake("localhost", port, "trust.crt");
            assert_int_equal(seen.verified, rows[i].verified);
            ek_mongodb_handshake_done(&seen);
        }
    }
    stop(server);
}

static void refuses_another_name(void **state)
{
    (void)state;
    int port;
    pid_t server = serve_tls("elsewhere", &port);
    struct ek_mongodb_handshake seen = shake("localhost", port, "ca.crt");
    stop(server);
    assert_int_equal(seen.tls, EK_ANSWER_YES);
    assert_false(seen.verified);
    assert_string_equal(seen.problem, "hostname mismatch");
    assert_fingerprint(&seen, "elsewhere");
    ek_mongodb_handshake_done(&seen);
}

static void refuses_another_authority(void **state)
{
    (void)state;
    int port;
    pid_t server = serve_tls("leaf", &port);
    struct ek_mongodb_handshake seen = shake("localhost", port, "other-ca.crt");
    struct ek_mongodb_handshake without = shake("localhost", port, NULL);
    stop(server);
    assert_int_equal(seen.tls, EK_ANSWER_YES);
    assert_false(seen.verified);
    assert_string_equal(seen.problem, "unable to get local issuer certificate");
    assert_fingerprint(&seen, "leaf");
    assert_int_equal(without.tls, EK_ANSWER_YES);
    assert_false(without.verified);
    assert_fingerprint(&without, "leaf");
    ek_mongodb_handshake_done(&seen);
    ek_mongodb_handshake_done(&without);
}

/* What mongod does in `disabled`: read the first 16 bytes, then close. */
static void *close_after_16(void *listener)
{
    int fd = accept(*(int *)listener, NULL, NULL);
    char first[16];
    ssize_t got = recv(fd, first, sizeof first, MSG_WAITALL);
    close(fd);
    return got == sizeof first ? listener : NULL;
}

static void knows_a_server_without_tls(void **state)
{
    (void)state;
    int port, listener = listen_somewhere(&port);
    pthread_t peer;
    void *read_them;
    pthread_create(&peer, NULL, close_after_16, &listener);
    struct ek_mongodb_handshake seen = shake("127.0.0.1", port, "ca.crt");
    pthread_join(peer, &read_them);
    close(listener);
    assert_non_null(read_them);
    assert_int_equal(seen.tls, EK_ANSWER_NO);
    assert_false(seen.verified);
    assert_null(seen.certificate_pem);
    assert_string_not_equal(seen.problem, "");
}

static void a_refused_connection_says_nothing_about_tls(void **state)
{
    (void)state;
    int port, listener = listen_somewhere(&port);
    close(listener);
    struct ek_mongodb_handshake seen = shake("127.0.0.1", port, "ca.crt");
    assert_int_equal(seen.tls, EK_ANSWER_UNKNOWN);
    assert_non_null(strstr(seen.problem, "refused"));
    seen = shake("no-such-name.invalid", port, "ca.crt");
    assert_int_equal(seen.tls, EK_ANSWER_UNKNOWN);
    assert_non_null(strstr(seen.problem, "no-such-name.invalid"));
}

/* A stopped process: the kernel accepts, nobody answers. */
static void a_silent_server_costs_no_more_than_the_deadline(void **state)
{
    (void)state;
    int port, listener = listen_somewhere(&port);
    struct ek_mongodb_handshake seen;
    struct ek_error err = {0};
    int64_t start = ek_monotonic_ms();
    assert_int_equal(driver->handshake(&(struct ek_mongodb_tls_question){"127.0.0.1", port, NULL},
                                       start + 300, &seen, &err),
                     0);
    int64_t took = ek_monotonic_ms() - start;
    close(listener);
    assert_int_equal(seen.tls, EK_ANSWER_UNKNOWN);
    assert_in_range(took, 290, patient_ms(1500));
}

static void an_unreadable_authority_is_our_own_mistake(void **state)
{
    (void)state;
    struct ek_mongodb_handshake seen;
    struct ek_error err = {0};
    assert_int_equal(
        driver->handshake(&(struct ek_mongodb_tls_question){"127.0.0.1", 1, "/nonexistent/ca.pem"},
                          ek_monotonic_ms() + 300, &seen, &err),
        EK_INVALID);
    assert_string_equal(err.id, "EK-0445");
    assert_non_null(strstr(err.sentence, "/nonexistent/ca.pem"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verifies_by_name),
        cmocka_unit_test(refuses_the_address_but_sees_the_certificate),
        cmocka_unit_test(verifies_an_address_that_the_certificate_names),
        cmocka_unit_test(notices_another_authority_in_the_same_file),
        cmocka_unit_test(refuses_another_name),
        cmocka_unit_test(refuses_another_authority),
        cmocka_unit_test(knows_a_server_without_tls),
        cmocka_unit_test(a_refused_connection_says_nothing_about_tls),
        cmocka_unit_test(a_silent_server_costs_no_more_than_the_deadline),
        cmocka_unit_test(an_unreadable_authority_is_our_own_mistake),
    };
    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
