/* The server processes of a host: as this machine shows them, and as another one tells of them. */
#include "tests/unit/host_support.h"

#include <sys/wait.h>

#include "drivers/host/servers.h"

static const struct ek_server_process *of_pid(const struct ek_host_servers *servers, int64_t pid)
{
    for (size_t i = 0; i < servers->count; i++)
        if (servers->rows[i].pid == pid)
            return &servers->rows[i];
    return NULL;
}

/* ---- of this machine ---- */

/* Returns its pid once it runs the program. */
static pid_t start(const char *program, const char *configuration)
{
    char ready = 0;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(null, STDOUT_FILENO);
        execl(program, program, "--config", configuration, "--port=27018", "--verbose",
              "two\nlines", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &ready, 1), 0); /* closed by exec */
    close(ends[0]);
    return child;
}

static void test_servers_of_this_machine(void **state)
{
    const struct place *place = *state;
    char program[128];
    char other[128];
    EK_HOST_SERVERS servers = {0};
    snprintf(program, sizeof program, "%s/mongod-test", place->directory);
    snprintf(other, sizeof other, "%s/mongos", place->directory);
    must_write(program, server_script, 0755);
    must_write(other, server_script, 0755);
    pid_t child = start(program, place->configuration);
    pid_t no_server = start(other, place->configuration);
    WORKS(ek_host_driver_named("local")->servers(&place->host, SOON, &servers, &err));
    const struct ek_server_process *found = of_pid(&servers, child);
    assert_non_null(found);
    assert_null(of_pid(&servers, no_server));
    assert_string_equal(ek_server_option(found, "--config"), place->configuration);
    assert_string_equal(ek_server_option(found, "--port"), "27018");
    assert_string_equal(ek_server_option(found, "--verbose"), "two\nlines");
    assert_null(ek_server_option(found, "--po"));
    assert_non_null(found->user);
    assert_null(found->network_namespace);
    kill(child, SIGKILL);
    kill(no_server, SIGKILL);
    waitpid(child, NULL, 0);
    waitpid(no_server, NULL, 0);
}

/* ---- of another one ---- */

static void test_answer_of_a_host(void **state)
{
    (void)state;
    EK_HOST_SERVERS servers = {0};
    WORKS(
        ek_host_servers_parse("noise\nargument=lost\npid=71\nuser=mongodb\nunit=mongod@a.service\n"
                              "argument=/usr/bin/mongod\nargument=--config\n"
                              "argument=/etc/mongod/a.conf\nargument=\npid=72\n"
                              "argument=mongod\nargument=-f=x\nargument=--config",
                              &servers, &err));
    assert_int_equal(servers.count, 2);
    const struct ek_server_process *first = &servers.rows[0];
    assert_int_equal(first->pid, 71);
    assert_string_equal(first->user, "mongodb");
    assert_string_equal(first->unit, "mongod@a.service");
    assert_int_equal(first->argument_count, 4);
    assert_string_equal(ek_server_option(first, "--config"), "/etc/mongod/a.conf");
    const struct ek_server_process *second = &servers.rows[1];
    assert_null(second->unit);
    assert_string_equal(ek_server_option(second, "-f"), "x");
    assert_string_equal(ek_server_option(second, "--config"), "");
}

static void test_answer_without_end(void **state)
{
    (void)state;
    EK_HOST_SERVERS servers = {0};
    EK_BUFFER text = {0};
    for (int i = 0; i < 2000; i++)
        ek_buffer_printf(&text, "pid=%d\n", i);
    for (int i = 0; i < 2000; i++)
        ek_buffer_text_add(&text, "argument=x\n");
    WORKS(ek_host_servers_parse(ek_buffer_text(&text), &servers, &err));
    assert_in_range(servers.count, 1, 1000);
}

static void test_unit_of_a_process(void **state)
{
    (void)state;
    static const struct {
        const char *cgroup;
        const char *unit; /* or NULL */
    } rows[] = {
        {"0::/system.slice/mongod.service\n", "mongod.service"},
        {"0::/system.slice/system-mongod.slice/mongod@rs-a.service\n", "mongod@rs-a.service"},
        {"12:cpuset:/\n1:name=systemd:/system.slice/mongod.service\n0::/\n", "mongod.service"},
        {"0::/system.slice/mongod.service/payload\n", "mongod.service"},
        {"0::/machine.slice/system.slice/mongod.service", "mongod.service"},
        {"0::/user.slice/user-0.slice/session-1.scope\n", NULL},
        {"0::/system.slice/mongod.services\n", NULL},
        {"0::/\n", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char unit[64] = "";
        bool found = ek_unit_of_cgroup(rows[i].cgroup, unit, sizeof unit);
        assert_int_equal(found, rows[i].unit != NULL);
        if (found)
            assert_string_equal(unit, rows[i].unit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_servers_of_this_machine, place_setup, place_teardown),
        cmocka_unit_test(test_answer_of_a_host),
        cmocka_unit_test(test_answer_without_end),
        cmocka_unit_test(test_unit_of_a_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
