/* Files and programs on a host: what a reader sees, whatever happens in between. */
#include "tests/unit/host_support.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "drivers/host/files.h"
#include "drivers/host/process.h"
#include "drivers/host/roots.h"
#include "tests/unit/patience.h"

static const struct ek_host_driver *local;

/* ---- run ---- */

static int run(const struct place *place, const char *const *argv, const char *input,
               int64_t deadline, struct ek_command_result *outcome)
{
    const struct ek_command command = {argv, input, input ? strlen(input) : 0};
    return local->run(&place->host, &command, deadline, outcome, &err);
}

static void output_errors_and_status_come_back(void **state)
{
    EK_COMMAND_RESULT outcome = {0};
    const char *const argv[] = {"sh", "-c", "cat; echo oops >&2; exit 7", NULL};
    WORKS(run(*state, argv, "hello", SOON, &outcome));
    assert_string_equal(ek_buffer_text(&outcome.output), "hello");
    assert_string_equal(ek_buffer_text(&outcome.errors), "oops\n");
    assert_int_equal(outcome.status, 7);
}

static void a_program_past_its_deadline_is_ended_with_its_children(void **state)
{
    const struct place *place = *state;
    EK_COMMAND_RESULT outcome = {0};
    char script[160];
    char path[96];
    snprintf(path, sizeof path, "%s/pid", place->directory);
    snprintf(script, sizeof script, "sleep 60 & echo $! > %s; wait", path);
    const char *const argv[] = {"sh", "-c", script, NULL};
    int64_t begun = ek_monotonic_ms();
    FAILS(run(place, argv, NULL, begun + 500, &outcome), EK_TIMEOUT, "EK-0407");
    assert_true(ek_monotonic_ms() - begun < patient_ms(5000));
    char *text = text_of(path);
    pid_t pid = (pid_t)strtol(text, NULL, 10);
    struct ek_process process;
    int64_t deadline = SOON;
    while (ek_process_observe(pid, &process, NULL) == 0 && ek_time_left_ms(deadline) > 0)
        ek_sleep_ms(5);
    assert_int_equal(ek_process_observe(pid, &process, NULL), EK_NOT_FOUND);
    free(text);
}

static void too_much_output_is_refused(void **state)
{
    EK_COMMAND_RESULT outcome = {0};
    const char *const argv[] = {"yes", NULL};
    FAILS(run(*state, argv, NULL, SOON, &outcome), EK_INVALID, "EK-0408");
    assert_null(outcome.output.bytes);
}

static void a_missing_program_is_said(void **state)
{
    EK_COMMAND_RESULT outcome = {0};
    const char *const argv[] = {"no-such-program-here", NULL};
    FAILS(run(*state, argv, NULL, SOON, &outcome), EK_NOT_FOUND, "EK-0406");
}

static void a_program_that_does_not_read_ends_nobody(void **state)
{
    EK_COMMAND_RESULT outcome = {0};
    static char much[1 << 20];
    memset(much, 'x', sizeof much - 1);
    const char *const argv[] = {"true", NULL};
    WORKS(run(*state, argv, much, SOON, &outcome));
    assert_int_equal(outcome.status, 0);
}

static void little_of_our_environment_is_handed_on(void **state)
{
    EK_COMMAND_RESULT outcome = {0};
    const char *const argv[] = {"env", NULL};
    setenv("EVENKEEL_TEST_LEAK", "leaked", 1);
    WORKS(run(*state, argv, NULL, SOON, &outcome));
    size_t lines = 0;
    for (const char *c = ek_buffer_text(&outcome.output); *c; c++)
        lines += *c == '\n';
    assert_int_equal(lines, 3);
    assert_non_null(strstr(ek_buffer_text(&outcome.output), "LC_ALL=C\n"));
    assert_null(strstr(ek_buffer_text(&outcome.output), "leaked"));
}

/* ---- files ---- */

static void written_files_have_mode_content_and_parents(void **state)
{
    const struct place *place = *state;
    char path[256];
    char parent[128];
    snprintf(parent, sizeof parent, "%s/tls", place->directory);
    snprintf(path, sizeof path, "%s/deep/server.pem", parent);
    WORKS(local->write_file(&place->host, &(struct ek_file_content){path, "abc", 3, 0640, false},
                            SOON, &err));
    assert_int_equal(mode_of(path), 0640);
    assert_int_equal(mode_of(parent), 0750);
    EK_FILE file = {0};
    WORKS(local->read_file(&place->host, &(struct ek_file_question){path, 100}, SOON, &file, &err));
    assert_string_equal(ek_buffer_text(&file.content), "abc");
    assert_true(file.modified_ms > ek_wall_ms() - 60000);
    FAILS(local->read_file(&place->host, &(struct ek_file_question){path, 2}, SOON, &file, &err),
          EK_INVALID, "EK-0415");
    WORKS(local->remove_file(&place->host, path, SOON, &err));
    FAILS(local->remove_file(&place->host, path, SOON, &err), EK_NOT_FOUND, "EK-0415");
    FAILS(local->read_file(&place->host, &(struct ek_file_question){path, 9}, SOON, &file, &err),
          EK_NOT_FOUND, "EK-0415");
}

/* A server's user who puts something else in the place of a file makes nobody wait. */
static void what_is_no_file_is_refused_at_once(void **state)
{
    const struct place *place = *state;
    char fifo[96], listening[96], output[96];
    snprintf(fifo, sizeof fifo, "%s/fifo", place->directory);
    snprintf(listening, sizeof listening, "%s/socket", place->directory);
    snprintf(output, sizeof output, "%s/server.out", place->directory);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", listening);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    const char *const paths[] = {fifo, listening, "/dev/zero", place->directory};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        EK_FILE file = {0};
        FAILS(local->read_file(&place->host, &(struct ek_file_question){paths[i], 9}, SOON, &file,
                               &err),
              EK_INVALID, "EK-0415");
        assert_non_null(strstr(err.sentence, "not a regular file"));
        assert_non_null(strstr(err.sentence, paths[i]));
        EK_BUFFER words = {0};
        ek_host_file_tail(paths[i], 0, &words);
        assert_int_equal(words.length, 0);
    }
    assert_int_equal(rename(fifo, output), 0);
    FAILS(local->service(&place->host, EK_SERVICE_START, false, SOON, &err), EK_INVALID, "EK-0412");
    close(fd);
}

enum { BIG = 300000, KILLS = 40 };

static _Noreturn void write_for_ever(const struct ek_host *host, const char *path)
{
    static char bytes[BIG];
    for (int i = 0;; i++) {
        memset(bytes, i % 2 ? 'o' : 'n', sizeof bytes);
        local->write_file(host, &(struct ek_file_content){path, bytes, sizeof bytes, 0600, false},
                          SOON, NULL);
    }
}

static void killed_while_writing_leaves_the_old_or_the_new(void **state)
{
    const struct place *place = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/big", place->directory);
    for (int i = 0; i < KILLS; i++) {
        pid_t writer = fork();
        if (writer == 0)
            write_for_ever(&place->host, path);
        int64_t deadline = SOON;
        while (access(path, F_OK) != 0 && ek_time_left_ms(deadline) > 0)
            ek_sleep_ms(1);
        ek_sleep_ms(i % 7);
        kill(writer, SIGKILL);
        waitpid(writer, NULL, 0);
        char *text = text_of(path);
        assert_true(*text == 'o' || *text == 'n');
        assert_int_equal(strspn(text, (char[2]){*text, 0}), BIG);
        free(text);
    }
}

static void files_of_the_system_driver_belong_to_the_servers_user(void **state)
{
    const struct place *place = *state;
    const struct ek_host_driver *system_driver = ek_host_driver_named("system");
    struct ek_host host = place->host;
    char path[128];
    snprintf(path, sizeof path, "%s/tls/server.pem", place->directory);
    host.server_user = "no-such-user-here";
    FAILS(system_driver->write_file(&host, &(struct ek_file_content){path, "x", 1, 0600, false},
                                    SOON, &err),
          EK_NOT_FOUND, "EK-0419");
    if (geteuid() != 0 || chown(place->server, 1, 1) != 0) /* 1: daemon, unless ids are mapped */
        skip();
    host.server_user = "daemon";
    WORKS(system_driver->write_file(&host, &(struct ek_file_content){path, "x", 1, 0600, false},
                                    SOON, &err));
    struct stat status;
    struct ek_owner daemon_user;
    WORKS(ek_owner_of("daemon", &daemon_user, &err));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_uid, daemon_user.user);
    assert_int_equal(status.st_gid, daemon_user.group);
    assert_int_equal(status.st_mode & 07777, 0600);
    path[strlen(path) - strlen("/server.pem")] = 0;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_uid, geteuid()); /* it passes, and changes nothing */
    assert_int_equal(status.st_gid, daemon_user.group);
    assert_int_equal(status.st_mode & 07777, 0750);
}

/* ---- the directory in memory ---- */

static void passwords_wait_in_memory_and_nobody_else_may_look(void **state)
{
    const struct place *place = *state;
    struct ek_host other = place->host;
    char first[256], again[256], second[256];
    WORKS(local->volatile_directory(&place->host, SOON, first, sizeof first, &err));
    WORKS(local->volatile_directory(&place->host, SOON, again, sizeof again, &err));
    assert_string_equal(first, again);
    assert_int_equal(mode_of(first), 0700);
    EK_COMMAND_RESULT ran = {0};
    const char *const argv[] = {"stat", "-f", "-c", "%T", first, NULL};
    WORKS(local->run(&place->host, &(struct ek_command){.argv = argv}, SOON, &ran, &err));
    assert_string_equal(ek_buffer_text(&ran.output), "tmpfs\n");
    other.directory = "/elsewhere"; /* a server of the same name in another fleet */
    WORKS(local->volatile_directory(&other, SOON, second, sizeof second, &err));
    assert_string_not_equal(first, second);
    assert_int_equal(chmod(first, 0755), 0);
    FAILS(local->volatile_directory(&place->host, SOON, again, sizeof again, &err), EK_DENIED,
          "EK-0414");
    assert_int_equal(rmdir(first), 0);
    assert_int_equal(symlink("/tmp", first), 0);
    errno = 0;
    assert_int_not_equal(local->volatile_directory(&place->host, SOON, again, sizeof again, &err),
                         0);
    assert_string_equal(err.id, "EK-0414");
    assert_int_equal(unlink(first), 0);
    assert_int_equal(rmdir(second), 0);
    *strrchr(first, '/') = 0;
    rmdir(first); /* the base, if nobody else has anything in it */
    char small[4];
    assert_int_not_equal(local->volatile_directory(&place->host, SOON, small, sizeof small, &err),
                         0);
}

/* Two servers of one host whose account, deployment and member read alike when they are joined. */
static void no_two_members_share_a_name(void **state)
{
    static const struct ek_host members[] = {
        {.account = "acme", .deployment = "a", .member = "b-c"},
        {.account = "acme", .deployment = "a-b", .member = "c"},
        {.account = "acme-a", .deployment = "b", .member = "c"},
        {.account = "zeta", .deployment = "a", .member = "b-c"},
        {.account = "acme", .deployment = "a", .member = "b", .directory = "/c"},
        {.account = "acme", .deployment = "a", .member = "b", .directory = "/d"},
    };
    enum { COUNT = sizeof members / sizeof *members };
    char names[COUNT][EK_HOST_NAME_SIZE];
    char old[EK_HOST_NAME_SIZE];
    char waiting[COUNT][256];
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        ek_host_name(&members[i], names[i]);
        WORKS(local->volatile_directory(&members[i], SOON, waiting[i], sizeof waiting[i], &err));
    }
    assert_string_equal(names[0], "acme.a.b-c");
    for (size_t i = 0; i < COUNT; i++)
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(waiting[i], waiting[k]);
            if (i < 4)
                assert_string_not_equal(names[i], names[k]);
        }
    ek_host_old_name(&members[1], old);
    assert_string_equal(old, "a-b-c"); /* and so were the first and the fourth called */
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(rmdir(waiting[i]), 0);
    *strrchr(waiting[0], '/') = 0;
    rmdir(waiting[0]); /* the base, if nobody else has anything in it */
}

static void a_disk_is_no_memory(void **state)
{
    const struct place *place = *state;
    char path[256];
    struct ek_host_roots roots = {.run = "/proc", .shm = "/proc", .netns = "/proc"};
    ek_host_roots_override(&roots);
    FAILS(local->volatile_directory(&place->host, SOON, path, sizeof path, &err), EK_UNSUPPORTED,
          "EK-0413");
    ek_host_roots_override(NULL);
}

static void what_went_wrong_in_a_log_fits_a_message(void **state)
{
    const struct place *place = *state;
    char path[128];
    EK_BUFFER tail = {0};
    EK_BUFFER later = {0};
    EK_BUFFER none = {0};
    snprintf(path, sizeof path, "%s/log", place->directory);
    must_write(path, "t I  CONTROL one\nt E  NETWORK two\nt F  CONTROL three\nt I  CONTROL End\n",
               0600);
    ek_host_file_tail(path, 0, &tail);
    assert_string_equal(ek_buffer_text(&tail), "t E  NETWORK two | t F  CONTROL three");
    ek_host_file_tail(path, 53, &later);
    assert_string_equal(ek_buffer_text(&later), "t I  CONTROL End");
    ek_host_file_tail(path, 70, &none);
    assert_string_equal(ek_buffer_text(&none), "");
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, place_setup, place_teardown)

int main(void)
{
    local = ek_host_driver_named("local");
    const struct CMUnitTest tests[] = {
        WITH_PLACE(output_errors_and_status_come_back),
        WITH_PLACE(a_program_past_its_deadline_is_ended_with_its_children),
        WITH_PLACE(too_much_output_is_refused),
        WITH_PLACE(a_missing_program_is_said),
        WITH_PLACE(a_program_that_does_not_read_ends_nobody),
        WITH_PLACE(little_of_our_environment_is_handed_on),
        WITH_PLACE(written_files_have_mode_content_and_parents),
        WITH_PLACE(what_is_no_file_is_refused_at_once),
        WITH_PLACE(killed_while_writing_leaves_the_old_or_the_new),
        WITH_PLACE(files_of_the_system_driver_belong_to_the_servers_user),
        WITH_PLACE(passwords_wait_in_memory_and_nobody_else_may_look),
        WITH_PLACE(no_two_members_share_a_name),
        WITH_PLACE(a_disk_is_no_memory),
        WITH_PLACE(what_went_wrong_in_a_log_fits_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
