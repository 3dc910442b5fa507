/* Clients that have no socket on the server's host any more, and how sure that is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "reconciler/aspects/transport/observe_sockets.h"

/* As the kernel prints them, little-endian: 127.0.0.1:57738 and 10.0.0.7:1024; ::ffff:10.0.0.8:443
 * and [2001:db8::7]:52014. */
#define HEAD "  sl  local_address rem_address   st tx_queue rx_queue\n"
#define OURS "   1: 0100007F:6989 0100007F:E18A 01 00000000:00000000 00:00000000\n"
#define SEVEN "   2: 0100000A:6989 0700000A:0400 01 00000000:00000000 00:00000000\n"
#define MAPPED                                                                                     \
    "   3: 0000000000000000FFFF00000100000A:6989 0000000000000000FFFF00000800000A:01BB 01 0\n"
#define SIX                                                                                        \
    "   4: B80D0120000000000000000001000000:6989 B80D0120000000000000000007000000:CB2E 08 0\n"

static struct {
    const char *tables[2];
    int runs;
    int result;
} kernel;

static int run(const struct ek_host *host, const struct ek_command *command, int64_t deadline,
               struct ek_command_result *ret_result, struct ek_error *err)
{
    (void)host;
    (void)deadline;
    assert_string_equal(command->argv[0], "cat");
    assert_string_equal(command->argv[1], "/proc/4711/net/tcp");
    assert_string_equal(command->argv[2], "/proc/4711/net/tcp6");
    assert_null(command->argv[3]);
    if (kernel.result != 0)
        return ek_fail(err, kernel.result, "EK-0406", "no");
    assert_in_range(kernel.runs, 0, 1);
    ek_buffer_text_add(&ret_result->output, kernel.tables[kernel.runs++]);
    ret_result->status = 1; /* no tcp6 */
    return 0;
}

static struct ek_mongodb_address doubtful[] = {{"10.0.0.7:1024"}, {"[2001:db8::7]:52014"}};

/* How many of the two are gone by these two tables. */
static int64_t gone(const char *first, const char *second, const char *own_end, int version)
{
    static const struct ek_host_driver hosts = {.run = run};
    struct ek_mongodb_seen seen = {
        .version = {version, 2, 2}, .doubtful_clients = doubtful, .doubtful_count = 2};
    const struct ek_socket_question question = {.hosts = &hosts, .pid = 4711};
    struct ek_error err = {0};
    int64_t count = -1;
    strcpy(seen.own_end.text, own_end);
    kernel.tables[0] = first;
    kernel.tables[1] = second;
    kernel.runs = 0;
    assert_int_equal(ek_sockets_gone(&question, &seen, &count, &err), 0);
    return count;
}

static const char own[] = "127.0.0.1:57738";

static void who_has_no_socket_is_gone(void **state)
{
    (void)state;
    assert_int_equal(gone(HEAD OURS SEVEN SIX, HEAD OURS SEVEN SIX, own, 4), 0);
    assert_int_equal(gone(HEAD OURS SEVEN, HEAD SEVEN OURS, own, 4), 1);
    assert_int_equal(gone(HEAD OURS, HEAD OURS, own, 4), 2);
}

static void missing_once_proves_nothing(void **state)
{
    (void)state;
    assert_int_equal(gone(HEAD OURS, HEAD OURS SEVEN SIX, own, 4), 0);
    assert_int_equal(gone(HEAD OURS SEVEN SIX, HEAD OURS, own, 4), 0);
}

static void the_table_must_be_the_servers(void **state)
{
    (void)state;
    assert_int_equal(gone(HEAD, HEAD, own, 4), 0);
    assert_int_equal(gone("", "", own, 4), 0);
    assert_int_equal(gone(HEAD OURS, HEAD, own, 4), 0);
    assert_int_equal(gone(HEAD OURS, HEAD OURS, "", 4), 0);
    assert_int_equal(gone(HEAD OURS, HEAD OURS, "anonymous unix socket", 4), 0);
}

static void addresses_that_a_proxy_told_are_no_sockets(void **state)
{
    (void)state;
    assert_int_equal(gone(HEAD OURS, HEAD OURS, own, 5), 0);
    assert_int_equal(gone(HEAD OURS, HEAD OURS, own, 0), 0);
    assert_int_equal(kernel.runs, 0);
}

static void a_host_that_does_not_answer_proves_nothing(void **state)
{
    (void)state;
    kernel.result = EK_UNREACHABLE;
    assert_int_equal(gone(HEAD OURS, HEAD OURS, own, 4), 0);
    kernel.result = 0;
}

static bool may_have(const char *table, const char *end)
{
    struct ek_mongodb_address address = {0};
    strcpy(address.text, end);
    return ek_sockets_may_have(table, &address);
}

static void addresses_of_all_kinds(void **state)
{
    (void)state;
    static const char table[] = HEAD OURS SEVEN MAPPED SIX;
    static const char *const there[] = {"127.0.0.1:57738",        "10.0.0.7:1024",
                                        "10.0.0.8:443",           "[::ffff:10.0.0.8]:443",
                                        "[::ffff:10.0.0.7]:1024", "[2001:db8::7]:52014",
                                        "2001:db8::7:52014"};
    static const char *const missing[] = {"127.0.0.1:57739", "10.0.0.7:10240", "10.0.0.2:1024",
                                          "[2001:db8::8]:52014", "[2001:db8::7]:52015"};
    static const char *const no_addresses[] = {"anonymous unix socket:27017",
                                               "",
                                               ":",
                                               "10.0.0.9",
                                               "10.0.0.9:",
                                               "10.0.0.9:x",
                                               "10.0.0.9:70000",
                                               "[fe80::1%eth0]:5",
                                               "[10.0.0.9:5"};
    for (size_t i = 0; i < sizeof there / sizeof *there; i++)
        assert_true(may_have(table, there[i]));
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
        assert_false(may_have(table, missing[i]));
    for (size_t i = 0; i < sizeof no_addresses / sizeof *no_addresses; i++)
        assert_true(may_have("", no_addresses[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_has_no_socket_is_gone),
        cmocka_unit_test(missing_once_proves_nothing),
        cmocka_unit_test(the_table_must_be_the_servers),
        cmocka_unit_test(addresses_that_a_proxy_told_are_no_sockets),
        cmocka_unit_test(a_host_that_does_not_answer_proves_nothing),
        cmocka_unit_test(addresses_of_all_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
