/* One of several processes that fight for the lease on one deployment, and act under it through
 * the fences of two members. Whether two ever act at once is seen by a lock of the kernel that
 * leases and fences know nothing of. leases.py starts, freezes and kills them. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "reconciler/base/clock.h"
#include "reconciler/execute/turn.h"
#include "reconciler/execute/world_internal.h"

enum { MEMBERS = 2, WAIT_MS = 60000, ACTS = 4, TELLS = 4 };

struct contender {
    struct ek_store_handle store;
    struct ek_world world;
    struct ek_deployment_spec spec;
    struct ek_lease_request request;
    char directories[MEMBERS][512];
    char acting[512];
    int log;
    bool fenced; /* false: what must be noticed */
    unsigned random;
};

static volatile sig_atomic_t stopping;

static void on_signal(int number)
{
    (void)number;
    stopping = 1;
}

static int dice(struct contender *c, int sides)
{
    return rand_r(&c->random) % sides;
}

static void say(const struct contender *c, const char *word, long long token, const char *more)
{
    char line[200];
    int length = snprintf(line, sizeof line, "%s %lld %d %s\n", word, token, (int)getpid(), more);
    if (write(c->log, line, (size_t)length) != length)
        _exit(3);
}

/* The act itself. The file's lock says that nobody else is at it, its content that nobody of a
 * later token ever was. */
static void act(struct contender *c, long long token)
{
    char text[32] = "";
    int fd = open(c->acting, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        _exit(3);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        say(c, "OVERLAP", token, "");
    if (pread(fd, text, sizeof text - 1, 0) > 0 && strtoll(text, NULL, 10) > token)
        say(c, "LATE", token, text);
    snprintf(text, sizeof text, "%-20lld", token);
    if (pwrite(fd, text, 20, 0) != 20)
        _exit(3);
    say(c, "act", token, "");
    ek_sleep_ms(1 + dice(c, 8));
    close(fd);
}

/* One tenure in so many is told to the store; the number it gave is logged. */
static void tell(struct contender *c, long long token)
{
    struct ek_error err = {0};
    int64_t number = 0;
    char text[64];
    char more[32];
    snprintf(text, sizeof text, "token %lld, process %d", token, (int)getpid());
    const struct ek_store_event event = {.at_ms = ek_wall_ms(),
                                         .account = "acme",
                                         .deployment = "orders",
                                         .kind = "step-done",
                                         .who = "contender",
                                         .commit = "",
                                         .plan = "",
                                         .text = text,
                                         .detail = "{}"};
    int result = c->store.driver->append(c->store.store, &event, &number, &err);
    snprintf(more, sizeof more, "%lld", (long long)number);
    say(c, result == 0 ? "told" : "trouble", token, result == 0 ? more : err.id);
}

/* Acts in turn; what ends them early is said. */
static void tenure(struct contender *c, struct ek_lease *lease)
{
    struct ek_error err = {0};
    int result = c->fenced ? ek_turn_claim(&c->world, lease, ek_monotonic_ms() + WAIT_MS, &err) : 0;
    int acts = 1 + dice(c, ACTS);
    for (int i = 0; i < acts && result == 0 && !stopping; i++) {
        struct ek_turn turn = {.world = &c->world, .lease = lease};
        int member = dice(c, MEMBERS + 1) - 1;
        result = c->fenced ? ek_turn_take(&turn, member, ek_monotonic_ms() + WAIT_MS, &err)
                           : ek_lease_check(lease, 0, &err);
        ek_sleep_ms(dice(c, 3)); /* a good moment to be frozen in */
        if (result == 0)
            act(c, ek_lease_token(lease));
        ek_turn_end(&turn);
        ek_sleep_ms(dice(c, 5));
    }
    if (result != 0)
        say(c, "refused", ek_lease_token(lease), err.id);
}

static void make_world(struct contender *c, const char *directory)
{
    c->spec.member_count = MEMBERS;
    c->world.spec = &c->spec;
    c->world.hosts = ek_host_driver_named("local");
    for (size_t i = 0; i < MEMBERS; i++) {
        snprintf(c->directories[i], sizeof c->directories[i], "%s/%zu", directory, i);
        c->world.host[i] = (struct ek_host){.account = "acme",
                                            .deployment = "orders",
                                            .member = "a",
                                            .directory = c->directories[i]};
    }
    snprintf(c->acting, sizeof c->acting, "%s/acting", directory);
}

/* contender STORE DIRECTORY TTL SEED fenced|unfenced [PASSWORD-FILE] */
int main(int count, char **words)
{
    static struct contender c;
    struct ek_error err = {0};
    if (count != 6 && count != 7)
        return 64;
    bool remote = strstr(words[1], "://") != NULL;
    struct ek_store_location location = {.path = remote ? NULL : words[1],
                                         .uri = remote ? words[1] : NULL,
                                         .password_file = count == 7 ? words[6] : NULL};
    char log[512];
    snprintf(log, sizeof log, "%s/log", words[2]);
    signal(SIGTERM, on_signal);
    c.random = (unsigned)strtoul(words[4], NULL, 10);
    c.fenced = strcmp(words[5], "fenced") == 0;
    c.log = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    make_world(&c, words[2]);
    c.request = (struct ek_lease_request){.account = "acme",
                                          .deployment = words[2],
                                          .operation = "fight",
                                          .ttl_ms = strtoll(words[3], NULL, 10),
                                          .wait_ms = 1000};
    while (!stopping && ek_store_open(&location, &c.store, &err) != 0)
        say(&c, "trouble", 0, err.id);
    while (!stopping) {
        struct ek_lease *lease = NULL;
        int result = ek_lease_take(&c.store, &c.request, &lease, &err);
        if (result != 0 && result != EK_LOCKED)
            say(&c, "trouble", 0, err.id);
        if (result != 0)
            continue;
        say(&c, "took", ek_lease_token(lease), "");
        tenure(&c, lease);
        if (dice(&c, TELLS) == 0)
            tell(&c, ek_lease_token(lease));
        ek_lease_release(lease);
    }
    ek_store_close(&c.store);
    return 0;
}
