#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "reconciler/base/clock.h"
#include "reconciler/loop/systemd.h"
#include "tests/unit/patience.h"

struct manager {
    int socket;
    char name[64]; /* as in NOTIFY_SOCKET */
};

/* What the service manager is to a service: a datagram socket. */
static void listen_at(struct manager *manager, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    memcpy(address.sun_path, name, length + 1);
    if (name[0] == '@')
        address.sun_path[0] = 0;
    else
        length++;
    snprintf(manager->name, sizeof manager->name, "%s", name);
    manager->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(manager->socket, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)),
                     0);
    setenv("NOTIFY_SOCKET", name, 1);
}

static const char *heard(const struct manager *manager)
{
    static char message[1024];
    ssize_t got = recv(manager->socket, message, sizeof message - 1, 0);
    message[got > 0 ? got : 0] = 0;
    return message;
}

static int setup(void **state)
{
    struct manager *manager = calloc(1, sizeof *manager);
    char name[64];
    snprintf(name, sizeof name, "@evenkeel-test-%d", (int)getpid());
    listen_at(manager, name);
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    *state = manager;
    return 0;
}

static int teardown(void **state)
{
    struct manager *manager = *state;
    close(manager->socket);
    free(manager);
    return 0;
}

static void each_state_is_told(void **state)
{
    const struct manager *manager = *state;
    struct ek_systemd *systemd = ek_systemd_new();
    ek_systemd_ready(systemd);
    assert_string_equal(heard(manager), "READY=1");
    ek_systemd_status(systemd, "%d of %d Synced\nREADY=0\x1b", 99, 100);
    assert_string_equal(heard(manager), "STATUS=99 of 100 Synced READY=0 ");
    ek_systemd_extend(systemd, 30000);
    assert_string_equal(heard(manager), "EXTEND_TIMEOUT_USEC=30000000");
    ek_systemd_stopping(systemd);
    assert_string_equal(heard(manager), "STOPPING=1");
    assert_string_equal(heard(manager), "");
    ek_systemd_free(systemd);
}

static void a_status_is_told_when_it_is_new(void **state)
{
    const struct manager *manager = *state;
    struct ek_systemd *systemd = ek_systemd_new();
    ek_systemd_status(systemd, "one");
    ek_systemd_status(systemd, "one");
    ek_systemd_status(systemd, "two");
    ek_systemd_status(systemd, "one");
    assert_string_equal(heard(manager), "STATUS=one");
    assert_string_equal(heard(manager), "STATUS=two");
    assert_string_equal(heard(manager), "STATUS=one");
    assert_string_equal(heard(manager), "");
    ek_systemd_free(systemd);
}

/* The queue of a socket holds a few messages; the loop must not stop because nobody reads them. */
static void a_manager_that_is_busy_stops_nothing(void **state)
{
    const struct manager *manager = *state;
    setenv("WATCHDOG_USEC", "4000", 1);
    struct ek_systemd *systemd = ek_systemd_new();
    int64_t begun = ek_monotonic_ms();
    for (int i = 0; i < 2000; i++) {
        ek_systemd_status(systemd, "%d", i);
        ek_systemd_progress(systemd);
    }
    ek_systemd_stopping(systemd); /* this one is waited for, a second */
    assert_true(ek_monotonic_ms() - begun < patient_ms(10000));
    while (heard(manager)[0])
        ;
    ek_systemd_status(systemd, "%d", 1999); /* it did not get there before */
    assert_string_equal(heard(manager), "STATUS=1999");
    ek_systemd_free(systemd);
}

static void reloading_tells_the_time(void **state)
{
    static const char words[] = "RELOADING=1\nMONOTONIC_USEC=";
    const struct manager *manager = *state;
    struct ek_systemd *systemd = ek_systemd_new();
    int64_t before = ek_monotonic_ms();
    ek_systemd_reloading(systemd);
    const char *message = heard(manager);
    assert_memory_equal(message, words, sizeof words - 1);
    char *end = NULL;
    int64_t usec = strtoll(message + sizeof words - 1, &end, 10);
    assert_string_equal(end, "");
    assert_true(usec / 1000 >= before && usec / 1000 <= ek_monotonic_ms());
    ek_systemd_free(systemd);
}

static void children_do_not_speak_for_us(void **state)
{
    (void)state;
    setenv("WATCHDOG_USEC", "1000000", 1);
    struct ek_systemd *systemd = ek_systemd_new();
    assert_null(getenv("NOTIFY_SOCKET"));
    assert_null(getenv("WATCHDOG_USEC"));
    assert_null(getenv("WATCHDOG_PID"));
    ek_systemd_free(systemd);
}

static void the_watchdog_is_fed_by_progress_and_not_too_often(void **state)
{
    const struct manager *manager = *state;
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("WATCHDOG_USEC", "400000", 1);
    setenv("WATCHDOG_PID", pid, 1);
    struct ek_systemd *systemd = ek_systemd_new();
    assert_int_equal(ek_systemd_watchdog_ms(systemd), 400);
    ek_systemd_ready(systemd);
    ek_systemd_status(systemd, "working");
    assert_string_equal(heard(manager), "READY=1");
    assert_string_equal(heard(manager), "STATUS=working"); /* that is no progress */
    for (int i = 0; i < 1000; i++)
        ek_systemd_progress(systemd);
    assert_string_equal(heard(manager), "WATCHDOG=1");
    int64_t begun = ek_monotonic_ms();
    int fed = 0;
    while (ek_monotonic_ms() - begun < 350) {
        ek_systemd_progress(systemd);
        fed += strcmp(heard(manager), "WATCHDOG=1") == 0;
        ek_sleep_ms(1);
    }
    assert_in_range(fed, 1, 4);
    ek_systemd_free(systemd);
}

static void a_watchdog_for_another_process_is_not_ours(void **state)
{
    const struct manager *manager = *state;
    setenv("WATCHDOG_USEC", "400000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    struct ek_systemd *systemd = ek_systemd_new();
    assert_int_equal(ek_systemd_watchdog_ms(systemd), 0);
    ek_systemd_progress(systemd);
    assert_string_equal(heard(manager), "");
    ek_systemd_free(systemd);
    setenv("WATCHDOG_USEC", "soon", 1);
    systemd = ek_systemd_new();
    assert_int_equal(ek_systemd_watchdog_ms(systemd), 0);
    ek_systemd_free(systemd);
}

static void a_socket_with_a_path(void **state)
{
    (void)state;
    struct manager manager;
    char name[64];
    snprintf(name, sizeof name, "/tmp/ek-notify-%d", (int)getpid());
    unlink(name);
    listen_at(&manager, name);
    struct ek_systemd *systemd = ek_systemd_new();
    ek_systemd_ready(systemd);
    assert_string_equal(heard(&manager), "READY=1");
    close(manager.socket);
    ek_systemd_stopping(systemd); /* nobody listens any more: no harm */
    ek_systemd_free(systemd);
    unlink(name);
}

static void without_a_manager_nothing_happens(void **state)
{
    (void)state;
    static const char *const names[] = {NULL, "", "@", "relative", "vsock:2:1234"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i])
            setenv("NOTIFY_SOCKET", names[i], 1);
        else
            unsetenv("NOTIFY_SOCKET");
        struct ek_systemd *systemd = ek_systemd_new();
        ek_systemd_ready(systemd);
        ek_systemd_reloading(systemd);
        ek_systemd_progress(systemd);
        ek_systemd_free(systemd);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_state_is_told),
        TEST(a_status_is_told_when_it_is_new),
        TEST(a_manager_that_is_busy_stops_nothing),
        TEST(reloading_tells_the_time),
        TEST(children_do_not_speak_for_us),
        TEST(the_watchdog_is_fed_by_progress_and_not_too_often),
        TEST(a_watchdog_for_another_process_is_not_ours),
        TEST(a_socket_with_a_path),
        TEST(without_a_manager_nothing_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
