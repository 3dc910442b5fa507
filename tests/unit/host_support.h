/* A temporary directory, a server that can misbehave, and small helpers for host tests. */
#ifndef EK_TESTS_HOST_SUPPORT_H
#define EK_TESTS_HOST_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/host/host.h"
#include "reconciler/base/buffer.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/file.h"
#include "tests/unit/patience.h"

#define SOON (ek_monotonic_ms() + patient_ms(10000))

static struct ek_error err;

static const char server_script[] =
    "#!/usr/bin/python3\n"
    "import os, signal, socket, sys, time\n"
    "behaviour = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'behaviour')\n"
    "how = open(behaviour).read() if os.path.exists(behaviour) else os.environ.get('TEST_SERVER', "
    "'')\n"
    "print('argv', *sys.argv[1:], flush=True)\n"
    "if how == 'fail':\n"
    "    print('F CONTROL cannot read the certificate', flush=True)\n"
    "    sys.exit(1)\n"
    "signal.signal(signal.SIGTERM,\n"
    "              signal.SIG_IGN if how == 'stubborn' else lambda *_: os._exit(0))\n"
    "listener = socket.socket()\n"
    "listener.bind(('127.0.0.1', 0))\n"
    "listener.listen()\n"
    "while True:\n"
    "    time.sleep(1)\n";

struct place {
    char directory[64];
    char configuration[96];
    char server[96];
    struct ek_host host;
};

static inline void must_write(const char *path, const char *text, mode_t mode)
{
    if (ek_file_write(path, text, strlen(text), mode, &err) != 0)
        fail_msg("%s", err.sentence);
}

static inline int place_setup(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    snprintf(place->directory, sizeof place->directory, "/tmp/evenkeel-test-XXXXXX");
    if (!place || !mkdtemp(place->directory))
        return -1;
    snprintf(place->configuration, sizeof place->configuration, "%s/mongod.conf", place->directory);
    snprintf(place->server, sizeof place->server, "%s/server", place->directory);
    must_write(place->configuration, "net:\n  port: 27017\n", 0600);
    must_write(place->server, server_script, 0755);
    place->host = (struct ek_host){
        .account = "acme",
        .deployment = "orders",
        .member = "a",
        .directory = place->directory,
        .server_binary = place->server,
        .configuration = place->configuration,
        .unit = "mongod-test.service",
    };
    *state = place;
    return 0;
}

static inline int remove_one(const char *path, const struct stat *status, int kind,
                             struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

/* Whatever a test left running is ended by its own pid. */
static inline int place_teardown(void **state)
{
    struct place *place = *state;
    struct ek_host_facts facts = {0};
    if (ek_host_driver_named("local")->facts(&place->host, SOON, &facts, &err) == 0 &&
        facts.running)
        kill((pid_t)facts.pid, SIGKILL);
    nftw(place->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(place);
    return 0;
}

/* Any call that should succeed. */
#define WORKS(call)                                                                                \
    do {                                                                                           \
        memset(&err, 0, sizeof err);                                                               \
        int result_ = (call);                                                                      \
        if (result_ != 0)                                                                          \
            fail_msg("%s: %d %s %s (%s)", #call, result_, err.id, err.sentence, err.cause);        \
    } while (0)

/* Any call that should fail with this code and this row of the catalogue. */
#define FAILS(call, wanted_code, wanted_id)                                                        \
    do {                                                                                           \
        memset(&err, 0, sizeof err);                                                               \
        assert_int_equal((call), (wanted_code));                                                   \
        assert_int_equal(err.code, (wanted_code));                                                 \
        assert_string_equal(err.id, (wanted_id));                                                  \
    } while (0)

static inline char *text_of(const char *path)
{
    struct ek_buffer text = {0};
    if (ek_file_read(path, 1 << 22, &text, NULL, &err) != 0)
        fail_msg("%s", err.sentence);
    return ek_buffer_take(&text);
}

static inline mode_t mode_of(const char *path)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return status.st_mode & 07777;
}

#endif
