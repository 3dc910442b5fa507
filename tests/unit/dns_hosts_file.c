/* dns "hosts-file": our lines come and go, every other byte stays. */
#include "tests/unit/host_support.h"

#include <dlfcn.h>
#include <netdb.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "drivers/dns/dns.h"

static const struct ek_dns_driver *dns;

/* ---- a resolver with bad days, in the place of the system's ---- */

static sem_t resolver_may_answer;

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **ret_found)
{
    bool numeric = (hints->ai_flags & AI_NUMERICHOST) != 0;
    if (!numeric && strcmp(node, "later.invalid") == 0)
        return EAI_AGAIN;
    if (!numeric && strcmp(node, "broken.invalid") == 0)
        return EAI_FAIL;
    if (!numeric && strcmp(node, "none.invalid") == 0)
        return EAI_NONAME;
    if (!numeric && strcmp(node, "slow.invalid") == 0) {
        while (sem_wait(&resolver_may_answer) != 0)
            ;
        return EAI_AGAIN;
    }
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = NULL;
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    return real(node, service, hints, ret_found);
}

struct zone {
    char directory[64], path[128];
    struct ek_dns_zone zone;
};

static const char others[] = "# the machine's own\n"
                             "127.0.0.1\tlocalhost   me # evenkeelish\n"
                             "\n"
                             "10.9.0.1 db-a.example.net db-a\r\n"
                             "::1 localhost ip6-localhost\n"
                             "not an address at all\n"
                             "10.0.0.9\tx.two.example.net\t# evenkeel:acme/two until=5\n"
                             "   # last";

static int zone_setup(void **state)
{
    struct zone *zone = calloc(1, sizeof *zone);
    snprintf(zone->directory, sizeof zone->directory, "/tmp/evenkeel-test-XXXXXX");
    if (!mkdtemp(zone->directory))
        return -1;
    snprintf(zone->path, sizeof zone->path, "%s/hosts", zone->directory);
    zone->zone.path = zone->path;
    must_write(zone->path, others, 0644);
    *state = zone;
    return 0;
}

static int zone_teardown(void **state)
{
    struct zone *zone = *state;
    nftw(zone->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(zone);
    return 0;
}

static struct ek_dns_record record_of(const char *name, const char *address, int64_t until_s)
{
    struct ek_dns_record record = {.mark = "acme/orders", .until_s = until_s};
    snprintf(record.name, sizeof record.name, "%s", name);
    snprintf(record.address, sizeof record.address, "%s", address);
    return record;
}

static void bind_name(const struct zone *zone, const char *name, const char *address,
                      int64_t until_s)
{
    struct ek_dns_record record = record_of(name, address, until_s);
    WORKS(dns->bind(&zone->zone, &record, &err));
}

static void file_is(const struct zone *zone, const char *wanted)
{
    char *text = text_of(zone->path);
    assert_string_equal(text, wanted);
    free(text);
}

#define A "a.q7w3.fleet.example.net"

static void binding_and_unbinding_leaves_every_other_byte(void **state)
{
    const struct zone *zone = *state;
    char wanted[1024];
    bind_name(zone, A, "10.0.0.1", 1799999999);
    snprintf(wanted, sizeof wanted, "%s\n10.0.0.1\t%s\t# evenkeel:acme/orders until=1799999999\n",
             others, A);
    file_is(zone, wanted);
    bind_name(zone, A, "10.0.0.1", 0);
    snprintf(wanted, sizeof wanted, "%s\n10.0.0.1\t%s\t# evenkeel:acme/orders\n", others, A);
    file_is(zone, wanted);
    WORKS(dns->unbind(&zone->zone, A, "acme/orders", &err));
    snprintf(wanted, sizeof wanted, "%s\n", others);
    file_is(zone, wanted);
}

static void our_record_is_replaced_where_it_stands(void **state)
{
    const struct zone *zone = *state;
    must_write(zone->path,
               "1.1.1.1 before\n10.0.0.1\t" A "\t# evenkeel:acme/orders\n2.2.2.2 after\n"
               "10.0.0.3\t" A "\t# evenkeel:acme/orders\n",
               0644);
    bind_name(zone, A, "10.0.0.2", 7);
    file_is(zone, "1.1.1.1 before\n10.0.0.2\t" A "\t# evenkeel:acme/orders until=7\n"
                  "2.2.2.2 after\n");
    WORKS(dns->unbind(&zone->zone, A, "acme/orders", &err));
    file_is(zone, "1.1.1.1 before\n2.2.2.2 after\n");
}

static void binding_again_does_not_touch_the_file(void **state)
{
    const struct zone *zone = *state;
    struct stat before, after;
    bind_name(zone, A, "10.0.0.1", 9);
    assert_int_equal(stat(zone->path, &before), 0);
    bind_name(zone, A, "10.0.0.1", 9);
    assert_int_equal(stat(zone->path, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
}

static void names_of_others_are_not_taken(void **state)
{
    const struct zone *zone = *state;
    static const struct {
        const char *name, *address;
        bool taken;
    } rows[] = {
        {"db-a.example.net", "10.0.0.1", true},  {"DB-A", "10.0.0.1", true},
        {"x.two.example.net", "10.0.0.1", true}, /* ours, but another deployment's */
        {"db-a.example.net", "10.9.0.1", false}, {"last", "10.0.0.1", false},
        {"address", "10.0.0.1", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        must_write(zone->path, others, 0644);
        struct ek_dns_record record = record_of(rows[i].name, rows[i].address, 0);
        if (rows[i].taken) {
            FAILS(dns->bind(&zone->zone, &record, &err), EK_CONFLICT, "EK-0420");
            file_is(zone, others);
        } else {
            WORKS(dns->bind(&zone->zone, &record, &err));
        }
    }
}

static void listing_finds_ours_by_mark(void **state)
{
    const struct zone *zone = *state;
    struct ek_dns_record found[2];
    struct ek_dns_records records = {found, 2, 9};
    bind_name(zone, A, "10.0.0.1", 1799999999);
    bind_name(zone, "b.example.net", "fd00::1", 0);
    WORKS(dns->list(&zone->zone, "acme/orders", &records, &err));
    assert_int_equal(records.count, 2);
    assert_string_equal(found[0].name, A);
    assert_string_equal(found[0].address, "10.0.0.1");
    assert_string_equal(found[0].mark, "acme/orders");
    assert_int_equal(found[0].until_s, 1799999999);
    assert_int_equal(found[1].until_s, 0);
    struct ek_dns_records one = {found, 1, 9};
    WORKS(dns->list(&zone->zone, NULL, &one, &err));
    assert_int_equal(one.count, 3);
    assert_string_equal(found[0].mark, "acme/two");
    WORKS(dns->list(&zone->zone, "acme/order", &records, &err));
    assert_int_equal(records.count, 0);
}

static void what_is_not_ours_is_not_unbound(void **state)
{
    const struct zone *zone = *state;
    FAILS(dns->unbind(&zone->zone, "db-a", "acme/orders", &err), EK_NOT_FOUND, "EK-0423");
    FAILS(dns->unbind(&zone->zone, "x.two.example.net", "acme/orders", &err), EK_NOT_FOUND,
          "EK-0423");
    file_is(zone, others);
}

static void lines_that_people_extended_are_theirs(void **state)
{
    const struct zone *zone = *state;
    must_write(zone->path, "10.0.0.1 " A " alias # evenkeel:acme/orders\n", 0644);
    FAILS(dns->unbind(&zone->zone, A, "acme/orders", &err), EK_NOT_FOUND, "EK-0423");
}

static void mode_owner_and_links_stay(void **state)
{
    const struct zone *zone = *state;
    char link_path[160];
    snprintf(link_path, sizeof link_path, "%s/link", zone->directory);
    assert_int_equal(symlink(zone->path, link_path), 0);
    assert_int_equal(chmod(zone->path, 0664), 0);
    bool root = geteuid() == 0 && chown(zone->path, 12, 34) == 0;
    const struct ek_dns_zone by_link = {.path = link_path};
    struct ek_dns_record record = record_of(A, "10.0.0.1", 0);
    WORKS(dns->bind(&by_link, &record, &err));
    struct stat status;
    assert_int_equal(lstat(link_path, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_int_equal(stat(zone->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0664);
    assert_int_equal(status.st_uid, root ? 12 : geteuid());
    assert_int_equal(status.st_gid, root ? 34 : getegid());
    char *text = text_of(zone->path);
    assert_non_null(strstr(text, A));
    free(text);
}

static void odd_records_are_refused(void **state)
{
    const struct zone *zone = *state;
    static const char *const names[] = {"", "a b", "a\n6.6.6.6 evil", "a#b", ".a", "-a"};
    static const char *const addresses[] = {"", "10.0.0", "a", "10.0.0.1 x", "10.0.0.1\n"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct ek_dns_record record = record_of(names[i], "10.0.0.1", 0);
        FAILS(dns->bind(&zone->zone, &record, &err), EK_INVALID, "EK-0422");
    }
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        struct ek_dns_record record = record_of(A, addresses[i], 0);
        FAILS(dns->bind(&zone->zone, &record, &err), EK_INVALID, "EK-0422");
    }
    struct ek_dns_record record = record_of(A, "10.0.0.1", 0);
    snprintf(record.mark, sizeof record.mark, "acme orders\n");
    FAILS(dns->bind(&zone->zone, &record, &err), EK_INVALID, "EK-0422");
    file_is(zone, others);
}

static void an_absent_file_is_made(void **state)
{
    const struct zone *zone = *state;
    struct ek_dns_records records = {NULL, 0, 9};
    assert_int_equal(unlink(zone->path), 0);
    WORKS(dns->list(&zone->zone, NULL, &records, &err));
    assert_int_equal(records.count, 0);
    bind_name(zone, A, "10.0.0.1", 0);
    file_is(zone, "10.0.0.1\t" A "\t# evenkeel:acme/orders\n");
    assert_int_equal(mode_of(zone->path), 0644);
}

enum { WRITERS = 4, NAMES = 25 };

static void writers_at_once_lose_nothing(void **state)
{
    const struct zone *zone = *state;
    struct ek_dns_records records = {NULL, 0, 9};
    for (int writer = 0; writer < WRITERS; writer++)
        if (fork() == 0) {
            int failures = 0;
            for (int i = 0; i < NAMES; i++) {
                char name[64];
                snprintf(name, sizeof name, "n%d-%d.example.net", writer, i);
                struct ek_dns_record record = record_of(name, "10.0.0.1", 0);
                failures += dns->bind(&zone->zone, &record, NULL) != 0;
            }
            _exit(failures);
        }
    for (int writer = 0; writer < WRITERS; writer++) {
        int status = -1;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    WORKS(dns->list(&zone->zone, "acme/orders", &records, &err));
    assert_int_equal(records.count, WRITERS * NAMES);
    char *text = text_of(zone->path);
    assert_int_equal(strncmp(text, others, strlen(others)), 0);
    free(text);
}

static void killed_while_binding_leaves_the_old_or_the_new(void **state)
{
    const struct zone *zone = *state;
    char with[512], with_other[512], without[512];
    snprintf(with, sizeof with, "%s\n10.0.0.1\t%s\t# evenkeel:acme/orders\n", others, A);
    snprintf(with_other, sizeof with_other, "%s\n10.0.0.2\t%s\t# evenkeel:acme/orders\n", others,
             A);
    snprintf(without, sizeof without, "%s", others);
    for (int i = 0; i < 40; i++) {
        pid_t writer = fork();
        if (writer == 0)
            for (int j = 0;; j++) {
                struct ek_dns_record record = record_of(A, j % 2 ? "10.0.0.1" : "10.0.0.2", 0);
                dns->bind(&zone->zone, &record, NULL);
            }
        ek_sleep_ms(1 + i % 7);
        kill(writer, SIGKILL);
        waitpid(writer, NULL, 0);
        char *text = text_of(zone->path);
        if (strcmp(text, with) != 0 && strcmp(text, with_other) != 0 && strcmp(text, without) != 0)
            fail_msg("neither old nor new:\n%s", text);
        free(text);
    }
}

static void the_hosts_file_answers_before_the_resolver(void **state)
{
    const struct zone *zone = *state;
    struct ek_dns_address address;
    bind_name(zone, A, "10.0.0.1", 0);
    WORKS(dns->look_up(&zone->zone, A, SOON, &address, &err));
    assert_string_equal(address.text, "10.0.0.1");
    WORKS(dns->look_up(&zone->zone, "DB-A", SOON, &address, &err));
    assert_string_equal(address.text, "10.9.0.1");
    WORKS(dns->look_up(&zone->zone, "192.0.2.7", SOON, &address, &err));
    assert_string_equal(address.text, "192.0.2.7"); /* from the resolver, without a network */
    memset(&err, 0, sizeof err);
    assert_int_not_equal(dns->look_up(&zone->zone, "nowhere.invalid", SOON, &address, &err), 0);
    assert_string_equal(err.id, "EK-0424");
}

/* That nobody answered is not the same as no. */
static void what_nobody_could_tell_is_not_known(void **state)
{
    const struct zone *zone = *state;
    struct ek_dns_address address = {"untouched"};
    FAILS(dns->look_up(&zone->zone, "none.invalid", SOON, &address, &err), EK_NOT_FOUND, "EK-0424");
    FAILS(dns->look_up(&zone->zone, "later.invalid", SOON, &address, &err), EK_UNREACHABLE,
          "EK-0424");
    assert_non_null(strstr(err.sentence, "later.invalid"));
    assert_non_null(strstr(err.cause, gai_strerror(EAI_AGAIN)));
    FAILS(dns->look_up(&zone->zone, "broken.invalid", SOON, &address, &err), EK_UNREACHABLE,
          "EK-0424");
    assert_int_equal(sem_init(&resolver_may_answer, 0, 0), 0);
    FAILS(dns->look_up(&zone->zone, "slow.invalid", ek_monotonic_ms() + 50, &address, &err),
          EK_TIMEOUT, "EK-0424");
    sem_post(&resolver_may_answer);
    assert_int_equal(unlink(zone->path), 0);
    assert_int_equal(mkdir(zone->path, 0700), 0);
    FAILS(dns->look_up(&zone->zone, A, SOON, &address, &err), EK_INVALID, "EK-0421");
    assert_string_equal(address.text, "untouched");
}

/* A file that is a mount point, as in containers, can't be renamed over. */
static void a_mounted_hosts_file_is_changed_in_place(void **state)
{
    const struct zone *zone = *state;
    char source[160];
    snprintf(source, sizeof source, "%s/source", zone->directory);
    must_write(source, others, 0644);
    pid_t child = fork();
    if (child == 0) {
        if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
            mount(source, zone->path, NULL, MS_BIND, NULL) != 0)
            _exit(77);
        struct ek_dns_record record = record_of(A, "10.0.0.1", 0);
        if (dns->bind(&zone->zone, &record, NULL) != 0)
            _exit(1);
        _exit(dns->unbind(&zone->zone, A, "acme/orders", NULL) == 0 ? 0 : 2);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip(); /* needs the right to mount */
    assert_int_equal(status, 0);
    char *text = text_of(source);
    assert_int_equal(strncmp(text, others, strlen(others)), 0);
    assert_string_equal(text + strlen(others), "\n");
    free(text);
}

#define IN_ZONE(test) cmocka_unit_test_setup_teardown(test, zone_setup, zone_teardown)

int main(void)
{
    dns = ek_dns_driver_named("hosts-file");
    const struct CMUnitTest tests[] = {
        IN_ZONE(binding_and_unbinding_leaves_every_other_byte),
        IN_ZONE(our_record_is_replaced_where_it_stands),
        IN_ZONE(binding_again_does_not_touch_the_file),
        IN_ZONE(names_of_others_are_not_taken),
        IN_ZONE(listing_finds_ours_by_mark),
        IN_ZONE(what_is_not_ours_is_not_unbound),
        IN_ZONE(lines_that_people_extended_are_theirs),
        IN_ZONE(mode_owner_and_links_stay),
        IN_ZONE(odd_records_are_refused),
        IN_ZONE(an_absent_file_is_made),
        IN_ZONE(writers_at_once_lose_nothing),
        IN_ZONE(killed_while_binding_leaves_the_old_or_the_new),
        IN_ZONE(the_hosts_file_answers_before_the_resolver),
        IN_ZONE(what_nobody_could_tell_is_not_known),
        IN_ZONE(a_mounted_hosts_file_is_changed_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
