/* What every host driver does alike. Without more this tries "local"; with EVENKEEL_CONTRACT=system
 * it expects to be root on a machine of tests/sandbox/machines.py, with EVENKEEL_CONTRACT=ssh to
 * reach one: EVENKEEL_SSH_HOST, _USER, _IDENTITY, _KNOWN_HOSTS, _SUDO tell how. */
#include "tests/unit/host_support.h"

#include <pthread.h>

static const struct ek_host_driver *driver;
static struct ek_ssh ssh;
static struct ek_host host;
static char base[PATH_MAX]; /* the server's own directory on the host */

#define LONG (ek_monotonic_ms() + 60000)

static void path_in(const char *name, char ret_path[static PATH_MAX])
{
    assert_true(snprintf(ret_path, PATH_MAX, "%s/%s", base, name) < PATH_MAX);
}

/* ---- run ---- */

static void run(const char *const *argv, const char *input, struct ek_command_result *ret_result)
{
    const struct ek_command command = {
        .argv = argv, .input = input, .input_length = input ? strlen(input) : 0};
    WORKS(driver->run(&host, &command, LONG, ret_result, &err));
}

/* What a program prints on the host, without its line end. */
static void told(char ret_text[static 512], const char *const *argv)
{
    EK_COMMAND_RESULT ended = {0};
    run(argv, NULL, &ended);
    if (ended.status != 0)
        fail_msg("%s: %s", argv[0], ek_buffer_text(&ended.errors));
    snprintf(ret_text, 512, "%s", ek_buffer_text(&ended.output));
    ret_text[strcspn(ret_text, "\n")] = 0;
}

static void test_run_gives_what_a_program_prints(void **state)
{
    (void)state;
    EK_COMMAND_RESULT ended = {0};
    const char *const argv[] = {"sh", "-c", "cat; echo oops >&2; exit 7", NULL};
    run(argv, "a secret", &ended);
    assert_string_equal(ek_buffer_text(&ended.output), "a secret");
    assert_string_equal(ek_buffer_text(&ended.errors), "oops\n");
    assert_int_equal(ended.status, 7);
}

static void test_run_takes_words_as_they_are(void **state)
{
    (void)state;
    EK_COMMAND_RESULT ended = {0};
    const char *const argv[] = {"printf", "%s|", "a b", "*", "$HOME", "'\"\\", "", "-n", "ä", NULL};
    run(argv, NULL, &ended);
    assert_string_equal(ek_buffer_text(&ended.output), "a b|*|$HOME|'\"\\||-n|ä|");
    assert_int_equal(ended.status, 0);
}

static void test_run_carries_any_bytes(void **state)
{
    (void)state;
    static const char bytes[] = "\n\0\1\377\r\n\nend";
    EK_COMMAND_RESULT ended = {0};
    const char *const argv[] = {"cat", NULL};
    const struct ek_command command = {.argv = argv, .input = bytes, .input_length = sizeof bytes};
    WORKS(driver->run(&host, &command, LONG, &ended, &err));
    assert_int_equal(ended.output.length, sizeof bytes);
    assert_memory_equal(ended.output.bytes, bytes, sizeof bytes);
}

static void test_run_has_empty_input_and_locale_c(void **state)
{
    (void)state;
    EK_COMMAND_RESULT ended = {0};
    const char *const argv[] = {"sh", "-c", "cat; echo $LC_ALL", NULL};
    run(argv, NULL, &ended);
    assert_string_equal(ek_buffer_text(&ended.output), "C\n");
}

static void test_run_tells_of_a_missing_program(void **state)
{
    (void)state;
    EK_COMMAND_RESULT ended = {0};
    const char *const argv[] = {"no-such-program", NULL};
    const struct ek_command command = {.argv = argv};
    FAILS(driver->run(&host, &command, LONG, &ended, &err), EK_NOT_FOUND, "EK-0406");
}

static void test_run_takes_no_more_than_a_mebibyte(void **state)
{
    (void)state;
    EK_COMMAND_RESULT ended = {0};
    const char *const argv[] = {"head", "-c", "1048577", "/dev/zero", NULL};
    const char *const enough[] = {"head", "-c", "1048576", "/dev/zero", NULL};
    const struct ek_command command = {.argv = argv};
    FAILS(driver->run(&host, &command, LONG, &ended, &err), EK_INVALID, "EK-0408");
    run(enough, NULL, &ended);
    assert_int_equal(ended.output.length, 1 << 20);
}

static void test_run_ends_at_its_deadline(void **state)
{
    (void)state;
    EK_COMMAND_RESULT ended = {0};
    const char *const argv[] = {"sleep", "1000", NULL};
    const struct ek_command command = {.argv = argv};
    FAILS(driver->run(&host, &command, ek_monotonic_ms() + 1500, &ended, &err), EK_TIMEOUT,
          "EK-0407");
}

/* ---- files ---- */

static void write_text(const char *path, const char *text, mode_t mode)
{
    const struct ek_file_content content = {path, text, strlen(text), mode, false};
    WORKS(driver->write_file(&host, &content, LONG, &err));
}

static void test_file_is_written_read_and_removed(void **state)
{
    (void)state;
    char path[PATH_MAX];
    char mode[512];
    char now[512];
    EK_FILE file = {0};
    path_in("made/on/the/way/file", path);
    const struct ek_file_question question = {path, 100};
    FAILS(driver->read_file(&host, &question, LONG, &file, &err), EK_NOT_FOUND, "EK-0415");
    write_text(path, "one\n", 0640);
    told(mode, (const char *const[]){"stat", "-c", "%a", path, NULL});
    assert_string_equal(mode, "640");
    write_text(path, "", 0640);
    write_text(path, "two\n\n", 0640);
    WORKS(driver->read_file(&host, &question, LONG, &file, &err));
    assert_string_equal(ek_buffer_text(&file.content), "two\n\n");
    told(now, (const char *const[]){"date", "+%s%3N", NULL});
    assert_in_range(strtoll(now, NULL, 10) - file.modified_ms, 0, 60000);
    WORKS(driver->remove_file(&host, path, LONG, &err));
    FAILS(driver->remove_file(&host, path, LONG, &err), EK_NOT_FOUND, "EK-0415");
}

static void test_file_that_others_may_not_read(void **state)
{
    (void)state;
    char path[PATH_MAX];
    char told_text[512];
    EK_FILE file = {0};
    path_in("secret", path);
    write_text(path, "s", 0400);
    write_text(path, "t", 0400); /* over the first */
    const struct ek_file_question question = {path, 1};
    WORKS(driver->read_file(&host, &question, LONG, &file, &err));
    told(told_text, (const char *const[]){"stat", "-c", "%a", path, NULL});
    assert_string_equal(told_text, "400");
    if (host.server_user) {
        told(told_text, (const char *const[]){"stat", "-c", "%U", path, NULL});
        assert_string_equal(told_text, host.server_user);
    }
    WORKS(driver->remove_file(&host, path, LONG, &err));
}

static void test_file_carries_a_mebibyte_of_any_bytes(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20 };
    char path[PATH_MAX];
    EK_FILE file = {0};
    path_in("large", path);
    char *bytes = malloc(SIZE);
    for (size_t i = 0; bytes && i < SIZE; i++)
        bytes[i] = (char)(i * 7 + i / 251);
    const struct ek_file_content content = {path, bytes, SIZE, 0600, false};
    const struct ek_file_question question = {path, SIZE};
    const struct ek_file_question less = {path, SIZE - 1};
    WORKS(driver->write_file(&host, &content, LONG, &err));
    FAILS(driver->read_file(&host, &less, LONG, &file, &err), EK_INVALID, "EK-0415");
    WORKS(driver->read_file(&host, &question, LONG, &file, &err));
    assert_int_equal(file.content.length, SIZE);
    assert_memory_equal(file.content.bytes, bytes, SIZE);
    free(bytes);
    WORKS(driver->remove_file(&host, path, LONG, &err));
}

static void test_file_leaves_nothing_beside_it(void **state)
{
    (void)state;
    char path[PATH_MAX];
    char directory[PATH_MAX];
    char told_text[512];
    path_in("alone/file", path);
    path_in("alone", directory);
    write_text(path, "one", 0600);
    write_text(path, "two", 0600);
    told(told_text, (const char *const[]){"ls", "-A", directory, NULL});
    assert_string_equal(told_text, "file");
}

static void write_over(const char *path, const char *text)
{
    const struct ek_file_content content = {path, text, strlen(text), 0600, true};
    WORKS(driver->write_file(&host, &content, LONG, &err));
}

/* A configuration stays as people have it, until a command stands in it: the server would not take
 * that one from another user. */
static void test_configuration_keeps_its_ways(void **state)
{
    (void)state;
    char told_text[512];
    EK_FILE before = {0};
    const struct ek_file_question question = {host.configuration, 1 << 20};
    const char *const owner[] = {"stat", "-c", "%U %a", host.configuration, NULL};
    char was[512];
    WORKS(driver->read_file(&host, &question, LONG, &before, &err));
    told(was, owner);
    write_over(host.configuration, "one");
    told(told_text, owner);
    assert_string_equal(told_text, was);
    write_over(host.configuration, "password: { __exec: x }");
    told(told_text, owner);
    if (host.server_user) {
        assert_int_equal(strncmp(told_text, host.server_user, strlen(host.server_user)), 0);
        assert_string_equal(strchr(told_text, ' '), strchr(was, ' '));
    }
    write_over(host.configuration, ek_buffer_text(&before.content));
}

static void test_directory_is_no_file(void **state)
{
    (void)state;
    EK_FILE file = {0};
    const struct ek_file_question question = {"/etc", 100};
    FAILS(driver->read_file(&host, &question, LONG, &file, &err), EK_INVALID, "EK-0415");
}

static void test_volatile_directory(void **state)
{
    (void)state;
    char first[256];
    char second[256];
    char told_text[512];
    char path[PATH_MAX];
    WORKS(driver->volatile_directory(&host, LONG, first, sizeof first, &err));
    WORKS(driver->volatile_directory(&host, LONG, second, sizeof second, &err));
    assert_string_equal(first, second);
    told(told_text, (const char *const[]){"stat", "-c", "%a", first, NULL});
    assert_string_equal(told_text, "700");
    told(told_text, (const char *const[]){"stat", "-f", "-c", "%T", first, NULL});
    assert_string_equal(told_text, "tmpfs");
    snprintf(path, sizeof path, "%s/key-password", first);
    write_text(path, "secret", 0400);
    WORKS(driver->remove_file(&host, path, LONG, &err));
}

/* ---- the server ---- */

static struct ek_host_facts facts(void)
{
    struct ek_host_facts found = {0};
    WORKS(driver->facts(&host, LONG, &found, &err));
    return found;
}

/* On machines the server is a mongod that a unit runs. */
static void check_listing(int64_t pid)
{
    EK_HOST_SERVERS servers = {0};
    bool found = false;
    WORKS(driver->servers(&host, LONG, &servers, &err));
    for (size_t i = 0; i < servers.count; i++) {
        const struct ek_server_process *server = &servers.rows[i];
        if (server->pid != pid)
            continue;
        found = true;
        assert_string_equal(server->unit, host.unit);
        assert_string_equal(server->user, host.server_user);
        assert_string_equal(ek_server_option(server, "--config"), host.configuration);
    }
    assert_true(found == (getenv("EVENKEEL_CONTRACT") != NULL));
}

static void test_server_is_started_restarted_and_stopped(void **state)
{
    (void)state;
    struct ek_host_facts before = facts();
    assert_false(before.running);
    assert_in_range(before.now_ms + 2000, ek_wall_ms() - 3000, ek_wall_ms() + 5000);
    WORKS(driver->service(&host, EK_SERVICE_START, false, LONG, &err));
    struct ek_host_facts first = facts();
    assert_true(first.running);
    assert_true(first.pid > 0);
    check_listing(first.pid);
    assert_in_range(first.age_ms, 0, 60000);
    assert_in_range(first.started_ms + first.age_ms + 2000, ek_wall_ms() - 1000,
                    ek_wall_ms() + 5000);
    FAILS(driver->service(&host, EK_SERVICE_START, false, LONG, &err), EK_EXISTS, "EK-0402");
    WORKS(driver->service(&host, EK_SERVICE_RESTART, true, LONG, &err));
    struct ek_host_facts second = facts();
    assert_true(second.running);
    assert_int_not_equal(second.pid, first.pid);
    assert_false(second.restart_begun);
    WORKS(driver->service(&host, EK_SERVICE_RESTART, false, LONG, &err));
    WORKS(driver->service(&host, EK_SERVICE_STOP, false, LONG, &err));
    struct ek_host_facts last = facts();
    assert_false(last.running);
    assert_int_equal(last.pid, 0);
    assert_false(last.restart_begun);
    WORKS(driver->service(&host, EK_SERVICE_STOP, false, LONG, &err)); /* it is */
}

/* ---- the fence ---- */

static void test_fence_is_held_by_one_at_a_time(void **state)
{
    (void)state;
    const struct ek_fence ours = {1000, "id-one"};
    const struct ek_fence older = {999, "id-zero"};
    struct ek_fence_hold hold = {.lock = -1};
    struct ek_fence_hold other = {.lock = -1};
    WORKS(driver->fence(&host, &ours, LONG, &hold, &err));
    assert_int_equal(hold.highest, 1000);
    FAILS(driver->fence(&host, &ours, ek_monotonic_ms() + 3000, &other, &err), EK_TIMEOUT,
          "EK-1016");
    assert_int_equal(other.highest, 0);
    close(hold.lock);
    FAILS(driver->fence(&host, &older, LONG, &other, &err), EK_STALE, "EK-1015");
    assert_int_equal(other.highest, 1000);
    WORKS(driver->fence(&host, &ours, LONG, &hold, &err)); /* was given back */
    close(hold.lock);
}

/* ---- which host ---- */

static const char *setting(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static int number(const char *name)
{
    const char *value = setting(name);
    return value ? (int)strtol(value, NULL, 10) : 0;
}

static int group_setup(void **state)
{
    const char *which = setting("EVENKEEL_CONTRACT");
    driver = ek_host_driver_named(which ? which : "local");
    if (!driver)
        return -1;
    if (!which)
        return place_setup(state);
    ssh = (struct ek_ssh){.host = setting("EVENKEEL_SSH_HOST"),
                          .user = setting("EVENKEEL_SSH_USER"),
                          .identity_file = setting("EVENKEEL_SSH_IDENTITY"),
                          .known_hosts = setting("EVENKEEL_SSH_KNOWN_HOSTS"),
                          .port = number("EVENKEEL_SSH_PORT"),
                          .config = setting("EVENKEEL_SSH_CONFIG"),
                          .connections = number("EVENKEEL_SSH_CONNECTIONS"),
                          .sudo = setting("EVENKEEL_SSH_SUDO") != NULL};
    host = (struct ek_host){.account = "acme",
                            .deployment = "orders",
                            .member = "a",
                            .configuration = "/etc/mongod.conf",
                            .unit = setting("EVENKEEL_SSH_UNIT") ? getenv("EVENKEEL_SSH_UNIT")
                                                                 : "mongod.service",
                            .server_user = "mongodb",
                            .ssh = ssh.host ? &ssh : NULL};
    snprintf(base, sizeof base, "/var/lib/evenkeel/acme.orders.a");
    return 0;
}

static int local_setup(void **state)
{
    if (setting("EVENKEEL_CONTRACT"))
        return 0;
    struct place *place = *state;
    host = place->host;
    snprintf(base, sizeof base, "%s", place->directory);
    return 0;
}

static int group_teardown(void **state)
{
    return setting("EVENKEEL_CONTRACT") ? 0 : place_teardown(state);
}

/* ---- one call, for tests/machines ---- */

static int report(int result)
{
    if (result != 0)
        printf("%s %s | %s\n", err.id, err.sentence, err.cause);
    return result == 0 ? 0 : 1;
}

static int call_write(char **words, bool keep, int64_t deadline)
{
    const char *path = words[0];
    const char *mode = words[1];
    const char *length = words[2];
    size_t size = strtoul(length, NULL, 10);
    char *bytes = malloc(size + 1);
    if (!bytes)
        return 2;
    memset(bytes, 'x', size);
    const struct ek_file_content content = {path, bytes, size, (mode_t)strtoul(mode, NULL, 8),
                                            keep};
    int result = driver->write_file(&host, &content, deadline, &err);
    free(bytes);
    return report(result);
}

/* The same program on so many hosts at once, named h0, h1 and so on. */
struct one_of_many {
    char name[16];
    struct ek_ssh ssh;
    struct ek_host host;
    const struct ek_command *command;
    int64_t deadline;
    int result;
};

static void *run_one(void *context)
{
    struct one_of_many *one = context;
    EK_COMMAND_RESULT ended = {0};
    one->result = driver->run(&one->host, one->command, one->deadline, &ended, NULL);
    if (one->result == 0)
        one->result = ended.status;
    return NULL;
}

static int call_many(int count, const struct ek_command *command, int64_t deadline)
{
    struct one_of_many *all = calloc((size_t)count, sizeof *all);
    pthread_t *threads = calloc((size_t)count, sizeof *threads);
    int failed = 0;
    for (int i = 0; i < count; i++) {
        struct one_of_many *one = &all[i];
        snprintf(one->name, sizeof one->name, "h%d", i);
        one->ssh = ssh;
        one->ssh.host = one->name;
        one->host = host;
        one->host.ssh = &one->ssh;
        one->command = command;
        one->deadline = deadline;
        assert_int_equal(pthread_create(&threads[i], NULL, run_one, one), 0);
    }
    for (int i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
        failed += all[i].result != 0;
    }
    free(threads);
    free(all);
    return failed == 0 ? 0 : 1;
}

/* run SECONDS PROGRAM..., many SECONDS COUNT PROGRAM..., read SECONDS PATH, write SECONDS PATH MODE
 * LENGTH, facts SECONDS, hold SECONDS: the error's id and words, if any, and 1. */
static int call(int count, char **words)
{
    void *state = NULL;
    EK_COMMAND_RESULT ended = {0};
    EK_FILE file = {0};
    struct ek_host_facts found;
    struct ek_fence_hold hold;
    if (count < 3 || group_setup(&state) != 0)
        return 2;
    int64_t deadline = ek_monotonic_ms() + strtoll(words[2], NULL, 10) * 1000;
    if (strcmp(words[1], "facts") == 0)
        return report(driver->facts(&host, deadline, &found, &err));
    if (strcmp(words[1], "read") == 0 && count == 4) {
        const struct ek_file_question question = {words[3], 1 << 20};
        int result = driver->read_file(&host, &question, deadline, &file, &err);
        printf("%s", ek_buffer_text(&file.content));
        return report(result);
    }
    if (strcmp(words[1], "write") == 0 && count >= 6)
        return call_write(words + 3, count > 6, deadline);
    if (strcmp(words[1], "many") == 0 && count > 4) {
        const struct ek_command command = {.argv = (const char *const *)words + 4};
        return call_many((int)strtol(words[3], NULL, 10), &command, deadline);
    }
    if (strcmp(words[1], "run") == 0) {
        const struct ek_command command = {.argv = (const char *const *)words + 3};
        int result = driver->run(&host, &command, deadline, &ended, &err);
        printf("%s", ek_buffer_text(&ended.output));
        return report(result);
    }
    if (strcmp(words[1], "hold") == 0) { /* until a line comes, then run under the fence */
        const struct ek_fence fence = {2000, "id-held"};
        const char *const argv[] = {"true", NULL};
        const struct ek_command command = {.argv = argv};
        int result = driver->fence(&host, &fence, deadline, &hold, &err);
        printf("%s\n", result == 0 ? "held" : err.id);
        fflush(stdout);
        if (result != 0 || getchar() == EOF)
            return 1;
        return report(driver->run(&host, &command, ek_monotonic_ms() + 10000, &ended, &err));
    }
    return 2;
}

int main(int count, char **words)
{
    if (count > 1)
        return call(count, words);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_fence_is_held_by_one_at_a_time, local_setup),
        cmocka_unit_test(test_run_gives_what_a_program_prints),
        cmocka_unit_test(test_run_takes_words_as_they_are),
        cmocka_unit_test(test_run_carries_any_bytes),
        cmocka_unit_test(test_run_has_empty_input_and_locale_c),
        cmocka_unit_test(test_run_tells_of_a_missing_program),
        cmocka_unit_test(test_run_takes_no_more_than_a_mebibyte),
        cmocka_unit_test(test_run_ends_at_its_deadline),
        cmocka_unit_test(test_file_is_written_read_and_removed),
        cmocka_unit_test(test_file_that_others_may_not_read),
        cmocka_unit_test(test_file_carries_a_mebibyte_of_any_bytes),
        cmocka_unit_test(test_file_leaves_nothing_beside_it),
        cmocka_unit_test(test_configuration_keeps_its_ways),
        cmocka_unit_test(test_directory_is_no_file),
        cmocka_unit_test(test_volatile_directory),
        cmocka_unit_test(test_server_is_started_restarted_and_stopped),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
