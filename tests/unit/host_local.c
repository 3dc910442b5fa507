/* host "local" with real processes. */
#include "tests/unit/host_support.h"

#include <dirent.h>
#include <inttypes.h>
#include <sched.h>
#include <sys/wait.h>

#include "drivers/host/process.h"
#include "drivers/host/roots.h"

static const struct ek_host_driver *local;

static struct ek_host_facts facts_of(const struct ek_host *host)
{
    struct ek_host_facts facts = {0};
    WORKS(local->facts(host, SOON, &facts, &err));
    return facts;
}

/* Start, and wait until the server has set its signal handlers (it listens after that). */
static void start(const struct ek_host *host)
{
    WORKS(local->service(host, EK_SERVICE_START, false, SOON, &err));
    int64_t deadline = SOON;
    while (!ek_process_listens((pid_t)facts_of(host).pid) && ek_time_left_ms(deadline) > 0)
        ek_sleep_ms(5);
    assert_true(ek_process_listens((pid_t)facts_of(host).pid));
}

static void link_of(pid_t pid, const char *name, char ret_target[PATH_MAX])
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    ssize_t length = readlink(path, ret_target, PATH_MAX - 1);
    assert_true(length > 0);
    ret_target[length] = 0;
}

static void a_started_server_outlives_its_starter(void **state)
{
    struct place *place = *state;
    int64_t before = ek_wall_ms();
    pid_t starter = fork();
    if (starter == 0)
        _exit(local->service(&place->host, EK_SERVICE_START, false, SOON, NULL) == 0 ? 0 : 1);
    int status;
    assert_int_equal(waitpid(starter, &status, 0), starter);
    assert_int_equal(status, 0);
    struct ek_host_facts facts = facts_of(&place->host);
    assert_true(facts.running);
    assert_int_equal(getsid((pid_t)facts.pid) == getsid(0), 0);
    assert_true(facts.started_ms > before - 2000 && facts.started_ms < ek_wall_ms() + 2000);
    assert_false(facts.restart_begun);
    char target[PATH_MAX];
    link_of((pid_t)facts.pid, "cwd", target);
    assert_string_equal(target, place->directory);
    link_of((pid_t)facts.pid, "fd/0", target);
    assert_string_equal(target, "/dev/null");
    link_of((pid_t)facts.pid, "fd/1", target);
    assert_non_null(strstr(target, "/server.out"));
    WORKS(local->service(&place->host, EK_SERVICE_STOP, false, SOON, &err));
    assert_false(facts_of(&place->host).running);
}

static void no_descriptor_of_ours_is_inherited(void **state)
{
    struct place *place = *state;
    int leak = open("/etc/passwd", O_RDONLY); /* without O_CLOEXEC on purpose */
    char target[PATH_MAX];
    char path[64];
    assert_true(leak >= 0);
    start(&place->host);
    pid_t pid = (pid_t)facts_of(&place->host).pid;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *directory = opendir(path);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory));) {
        snprintf(path, sizeof path, "fd/%.16s", entry->d_name);
        if (*entry->d_name == '.' || strtol(entry->d_name, NULL, 10) < 3)
            continue;
        link_of(pid, path, target);
        assert_int_equal(strncmp(target, "socket:", 7), 0); /* its own listener */
    }
    closedir(directory);
    close(leak);
}

static void servers_inherit_nothing_of_ours(void **state)
{
    struct place *place = *state;
    char path[64];
    char environment[1 << 12];
    char wanted[1 << 12];
    setenv("EVENKEEL_SECRET_KEY_COMMAND", "print-the-key", 1);
    setenv("GITHUB_TOKEN", "a-token", 1);
    start(&place->host);
    unsetenv("EVENKEEL_SECRET_KEY_COMMAND");
    unsetenv("GITHUB_TOKEN");
    snprintf(path, sizeof path, "/proc/%d/environ", (int)facts_of(&place->host).pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = read(fd, environment, sizeof environment);
    close(fd);
    int used = snprintf(wanted, sizeof wanted,
                        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
                        "LANG=C.UTF-8\nHOME=%s\n",
                        place->directory);
    for (ssize_t i = 0; i < length; i++)
        if (!environment[i])
            environment[i] = '\n';
    assert_int_equal(length, used);
    assert_memory_equal(environment, wanted, (size_t)used);
}

static void the_command_line_is_exactly_what_it_should_be(void **state)
{
    struct place *place = *state;
    char output[128];
    char wanted[256];
    snprintf(output, sizeof output, "%s/server.out", place->directory);
    start(&place->host);
    char *text = text_of(output);
    snprintf(wanted, sizeof wanted, "argv --config %s\n", place->configuration);
    assert_string_equal(text, wanted);
    free(text);
    WORKS(local->service(&place->host, EK_SERVICE_RESTART, true, SOON, &err));
    text = text_of(output);
    snprintf(wanted, sizeof wanted, "argv --config %s\nargv --config %s --configExpand exec\n",
             place->configuration, place->configuration);
    assert_string_equal(text, wanted);
    free(text);
}

static void a_configuration_with_an_expansion_is_started_with_it(void **state)
{
    struct place *place = *state;
    char output[128];
    must_write(place->configuration,
               "net:\n  tls:\n    mode: allowTLS\n    certificateKeyFilePassword:\n"
               "      __exec: \"/bin/cat /x\"\n",
               0600);
    start(&place->host);
    snprintf(output, sizeof output, "%s/server.out", place->directory);
    char *text = text_of(output);
    assert_non_null(strstr(text, " --configExpand exec\n"));
    free(text);
}

static void starting_twice_starts_once(void **state)
{
    struct place *place = *state;
    start(&place->host);
    int64_t pid = facts_of(&place->host).pid;
    FAILS(local->service(&place->host, EK_SERVICE_START, false, SOON, &err), EK_EXISTS, "EK-0402");
    assert_int_equal(facts_of(&place->host).pid, pid);
}

static void a_restart_gives_another_process_and_leaves_no_mark(void **state)
{
    struct place *place = *state;
    start(&place->host);
    struct ek_host_facts old = facts_of(&place->host);
    WORKS(local->service(&place->host, EK_SERVICE_RESTART, false, SOON, &err));
    struct ek_host_facts now = facts_of(&place->host);
    assert_true(now.running);
    assert_int_not_equal(now.pid, old.pid);
    struct ek_process gone;
    FAILS(ek_process_observe((pid_t)old.pid, &gone, &err), EK_NOT_FOUND, "EK-0401");
    assert_false(now.restart_begun);
}

/* How the server that is started next takes it: "fail", "stubborn", "" as usual. */
static void behave(const struct place *place, const char *how)
{
    char path[96];
    snprintf(path, sizeof path, "%s/behaviour", place->directory);
    must_write(path, how, 0600);
}

static void a_restart_that_fails_stays_visible_until_a_start_works(void **state)
{
    struct place *place = *state;
    start(&place->host);
    behave(place, "fail");
    FAILS(local->service(&place->host, EK_SERVICE_RESTART, false, SOON, &err), EK_CONFLICT,
          "EK-0404");
    assert_non_null(strstr(err.cause, "cannot read the certificate"));
    struct ek_host_facts facts = facts_of(&place->host);
    assert_false(facts.running);
    assert_true(facts.restart_begun);
    behave(place, "");
    start(&place->host);
    facts = facts_of(&place->host);
    assert_true(facts.running);
    assert_false(facts.restart_begun);
    WORKS(local->service(&place->host, EK_SERVICE_STOP, false, SOON, &err));
    assert_false(facts_of(&place->host).restart_begun);
}

/* Killed between stop and start, as a reconciler may be: the mark tells. */
static void a_restart_cut_in_two_is_seen(void **state)
{
    struct place *place = *state;
    behave(place, "stubborn");
    start(&place->host);
    pid_t server = (pid_t)facts_of(&place->host).pid;
    pid_t reconciler = fork();
    if (reconciler == 0)
        _exit(local->service(&place->host, EK_SERVICE_RESTART, false, SOON, NULL) == 0 ? 0 : 1);
    char mark[128];
    snprintf(mark, sizeof mark, "%s/evenkeel.restarting", place->directory);
    int64_t deadline = SOON;
    while (access(mark, F_OK) != 0 && ek_time_left_ms(deadline) > 0)
        ek_sleep_ms(2);
    assert_int_equal(kill(reconciler, SIGKILL), 0);
    waitpid(reconciler, NULL, 0);
    assert_false(facts_of(&place->host).restart_begun); /* the old one still runs */
    const struct ek_process process = {.pid = server};
    struct ek_process found;
    WORKS(ek_process_observe(process.pid, &found, &err));
    kill(server, SIGKILL);
    WORKS(ek_process_wait(&found, SOON, &err));
    struct ek_host_facts facts = facts_of(&place->host);
    assert_false(facts.running);
    assert_true(facts.restart_begun);
    char wanted[64];
    snprintf(wanted, sizeof wanted, "old pid %d\n", (int)server);
    char *text = text_of(mark);
    assert_int_equal(strncmp(text, wanted, strlen(wanted)), 0);
    free(text);
}

static void a_stubborn_server_is_never_killed(void **state)
{
    struct place *place = *state;
    behave(place, "stubborn");
    start(&place->host);
    int64_t pid = facts_of(&place->host).pid;
    FAILS(local->service(&place->host, EK_SERVICE_STOP, false, ek_monotonic_ms() + 300, &err),
          EK_TIMEOUT, "EK-0405");
    assert_int_equal(facts_of(&place->host).pid, pid);
}

static void stopping_what_does_not_run_is_done_already(void **state)
{
    struct place *place = *state;
    WORKS(local->service(&place->host, EK_SERVICE_STOP, false, SOON, &err));
}

static void without_its_pid_file_the_server_is_still_found(void **state)
{
    struct place *place = *state;
    char path[128];
    start(&place->host);
    struct ek_host_facts facts = facts_of(&place->host);
    snprintf(path, sizeof path, "%s/mongod.pid", place->directory);
    assert_int_equal(unlink(path), 0);
    struct ek_host_facts again = facts_of(&place->host);
    assert_int_equal(again.pid, facts.pid);
    assert_int_equal(again.started_ms, facts.started_ms);
}

static void a_recycled_pid_is_not_the_server(void **state)
{
    struct place *place = *state;
    char path[128];
    char text[128];
    struct ek_process self;
    WORKS(ek_process_observe(getpid(), &self, &err));
    snprintf(path, sizeof path, "%s/mongod.pid", place->directory);
    /* another process with that pid, and even with that start time */
    for (uint64_t off = 0; off < 2; off++) {
        snprintf(text, sizeof text, "%d started %" PRId64 " ticks %" PRIu64 "\n", (int)getpid(),
                 self.started_ms, self.ticks + off);
        must_write(path, text, 0644);
        assert_false(facts_of(&place->host).running);
        WORKS(local->service(&place->host, EK_SERVICE_STOP, false, SOON, &err));
    }
    /* the server's own pid with the start time of a process before it */
    start(&place->host);
    struct ek_process wrong = {.pid = (pid_t)facts_of(&place->host).pid, .ticks = 1};
    WORKS(ek_process_stop(&wrong, SOON, &err));
    assert_true(facts_of(&place->host).running);
}

static void a_missing_program_or_directory_is_said(void **state)
{
    struct place *place = *state;
    struct ek_host host = place->host;
    host.server_binary = "/no/such/mongod";
    FAILS(local->service(&host, EK_SERVICE_START, false, SOON, &err), EK_NOT_FOUND, "EK-0403");
    host = place->host;
    host.directory = "/no/such/directory";
    FAILS(local->service(&host, EK_SERVICE_START, false, SOON, &err), EK_NOT_FOUND, "EK-0412");
    must_write(place->server, "\x7f no program\n", 0755);
    FAILS(local->service(&place->host, EK_SERVICE_START, false, SOON, &err), EK_SYSTEM, "EK-0403");
    host = place->host;
    host.network_namespace = "no-such-namespace";
    FAILS(local->service(&host, EK_SERVICE_START, false, SOON, &err), EK_NOT_FOUND, "EK-0409");
}

static void data_is_seen_where_the_configuration_says(void **state)
{
    struct place *place = *state;
    char path[160];
    assert_false(facts_of(&place->host).data_present);
    snprintf(path, sizeof path, "%s/db/WiredTiger", place->directory);
    WORKS(local->write_file(&place->host, &(struct ek_file_content){path, "x", 1, 0600, false},
                            SOON, &err));
    assert_true(facts_of(&place->host).data_present);
    snprintf(path, sizeof path, "storage:\n  dbPath: %s/other\n", place->directory);
    must_write(place->configuration, path, 0600);
    assert_false(facts_of(&place->host).data_present);
}

/* The namespace of a child stands in for a named one. */
static void servers_and_tools_run_in_the_members_network_namespace(void **state)
{
    struct place *place = *state;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t keeper = fork();
    if (keeper == 0) {
        char answer = unshare(CLONE_NEWNET) == 0 ? 'y' : 'n';
        if (write(ready[1], &answer, 1) == 1)
            pause();
        _exit(0);
    }
    char answer;
    assert_int_equal(read(ready[0], &answer, 1), 1);
    if (answer == 'y') {
        char directory[64], wanted[PATH_MAX], ours[PATH_MAX], found[PATH_MAX];
        snprintf(directory, sizeof directory, "/proc/%d/ns", (int)keeper);
        struct ek_host_roots roots = ek_host_roots();
        roots.netns = directory;
        ek_host_roots_override(&roots);
        struct ek_host host = place->host;
        host.network_namespace = "net";
        link_of(keeper, "ns/net", wanted);
        link_of(getpid(), "ns/net", ours);
        start(&host);
        link_of((pid_t)facts_of(&host).pid, "ns/net", found);
        assert_string_equal(found, wanted);
        const char *const argv[] = {"readlink", "/proc/self/ns/net", NULL};
        EK_COMMAND_RESULT ran = {0};
        WORKS(local->run(&host, &(struct ek_command){.argv = argv}, SOON, &ran, &err));
        assert_int_equal(strncmp(ek_buffer_text(&ran.output), wanted, strlen(wanted)), 0);
        link_of(getpid(), "ns/net", found);
        assert_string_equal(found, ours); /* we stayed where we were */
        ek_host_roots_override(NULL);
    }
    kill(keeper, SIGKILL);
    waitpid(keeper, NULL, 0);
    close(ready[0]);
    close(ready[1]);
    if (answer != 'y')
        skip(); /* needs the right to make a network namespace */
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, place_setup, place_teardown)

int main(void)
{
    local = ek_host_driver_named("local");
    const struct CMUnitTest tests[] = {
        WITH_PLACE(a_started_server_outlives_its_starter),
        WITH_PLACE(no_descriptor_of_ours_is_inherited),
        WITH_PLACE(servers_inherit_nothing_of_ours),
        WITH_PLACE(the_command_line_is_exactly_what_it_should_be),
        WITH_PLACE(a_configuration_with_an_expansion_is_started_with_it),
        WITH_PLACE(starting_twice_starts_once),
        WITH_PLACE(a_restart_gives_another_process_and_leaves_no_mark),
        WITH_PLACE(a_restart_that_fails_stays_visible_until_a_start_works),
        WITH_PLACE(a_restart_cut_in_two_is_seen),
        WITH_PLACE(a_stubborn_server_is_never_killed),
        WITH_PLACE(stopping_what_does_not_run_is_done_already),
        WITH_PLACE(without_its_pid_file_the_server_is_still_found),
        WITH_PLACE(a_recycled_pid_is_not_the_server),
        WITH_PLACE(a_missing_program_or_directory_is_said),
        WITH_PLACE(data_is_seen_where_the_configuration_says),
        WITH_PLACE(servers_and_tools_run_in_the_members_network_namespace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
