/* Running servers for tests: a real mongod (environment variable MONGOD) or else
 * build/mongod-standin. Include once per program, after cmocka.h. */
#ifndef EK_TESTS_UNIT_MONGODB_SERVER_H
#define EK_TESTS_UNIT_MONGODB_SERVER_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/clock.h"
#include "reconciler/ssl_mode.h"
#include "tests/unit/patience.h"

#define TEST_KEY "dGhlIGtleSBvZiB0aGlzIHNldCwgZm9yIHRlc3Rz"

struct test_server {
    char directory[160]; /* exists; gets mongod.conf, db, log and key */
    const char *set_name;
    const char *pem_file, *ca_file; /* for every mode but disabled */
    int port;
    pid_t pid; /* 0: not running */
};

static char test_server_program[4096];

/* A stand-in built along with this very program, or in the usual place. */
static inline bool test_server_find_standin(void)
{
    char self[3072] = "", path[4096];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    char *slash = length > 0 ? strrchr(self, '/') : NULL;
    static const char *const places[] = {"/../mongod-standin", "/../../mongod-standin"};
    for (size_t i = 0; slash && i < sizeof places / sizeof *places; i++) {
        *slash = '\0';
        snprintf(path, sizeof path, "%s%s", self, places[i]);
        if (realpath(path, test_server_program))
            return true;
    }
    return realpath("build/mongod-standin", test_server_program) != NULL;
}

/* False, with a word why, when there is no server to test with. */
static inline bool test_server_find(void)
{
    const char *given = getenv("MONGOD");
    bool found =
        given && *given ? realpath(given, test_server_program) != NULL : test_server_find_standin();
    if (found && access(test_server_program, X_OK) == 0)
        return true;
    fprintf(stderr, "skipped: neither MONGOD names a server nor is there a "
                    "mongod-standin (make build/mongod-standin)\n");
    return false;
}

static inline int test_free_port(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int found = -1;
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        getsockname(fd, (struct sockaddr *)&address, &length) == 0)
        found = ntohs(address.sin_port);
    close(fd);
    return found;
}

static inline void test_server_write(const struct test_server *server, const char *name,
                                     const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", server->directory, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static inline void test_server_configure(const struct test_server *server, enum ek_ssl_mode mode)
{
    EK_BUFFER text = {0};
    ek_buffer_printf(&text, "net:\n  bindIp: 127.0.0.1\n  port: %d\n", server->port);
    if (mode != EK_SSL_DISABLED)
        ek_buffer_printf(&text,
                         "  tls:\n    mode: %s\n    certificateKeyFile: %s\n    CAFile: %s\n"
                         "    allowConnectionsWithoutCertificates: true\n",
                         ek_tls_mode_name(mode), server->pem_file, server->ca_file);
    ek_buffer_printf(&text,
                     "replication:\n  replSetName: %s\nsecurity:\n  authorization: enabled\n"
                     "  keyFile: %s/key\nstorage:\n  dbPath: %s/db\nsystemLog:\n"
                     "  destination: file\n  logAppend: true\n  path: %s/log\n",
                     server->set_name, server->directory, server->directory, server->directory);
    test_server_write(server, "mongod.conf", ek_buffer_text(&text));
    test_server_write(server, "key", TEST_KEY "\n");
}

static inline bool test_server_answers(const struct test_server *server)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)server->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    bool connected = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return connected;
}

static inline void test_server_start(struct test_server *server, enum ek_ssl_mode mode)
{
    char path[256];
    snprintf(path, sizeof path, "%s/db", server->directory);
    mkdir(path, 0700);
    test_server_configure(server, mode);
    snprintf(path, sizeof path, "%s/mongod.conf", server->directory);
    server->pid = fork();
    if (server->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int nothing = open("/dev/null", O_RDWR);
        dup2(nothing, 0), dup2(nothing, 1), dup2(nothing, 2);
        execl(test_server_program, test_server_program, "-f", path, (char *)NULL);
        _exit(127);
    }
    int64_t deadline = ek_monotonic_ms() + patient_ms(30000);
    while (!test_server_answers(server)) {
        if (waitpid(server->pid, NULL, WNOHANG) == server->pid)
            fail_msg("the server ended at once, see %s/log", server->directory);
        assert_true(ek_time_left_ms(deadline) > 0);
        ek_sleep_ms(50);
    }
}

static inline void test_server_stop(struct test_server *server)
{
    kill(server->pid, SIGTERM);
    assert_int_equal(waitpid(server->pid, NULL, 0), server->pid);
    server->pid = 0;
}

/* For tear-down: no questions asked. */
static inline void test_server_kill(struct test_server *server)
{
    if (server->pid <= 0)
        return;
    kill(server->pid, SIGKILL);
    waitpid(server->pid, NULL, 0);
    server->pid = 0;
}

#endif
