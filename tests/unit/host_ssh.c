/* host "ssh": what is sent to hosts, and what the client's words mean. The driver itself is tried
 * by host_contract.c, on real machines. */
#include "tests/unit/host_support.h"

#include "drivers/host/files.h"
#include "drivers/host/ssh_call.h"
#include "drivers/host/ssh_connection.h"
#include "drivers/host/ssh_helper.h"

static const struct ek_ssh there = {.host = "db-a.example.net"};
static const struct ek_host a_host = {.account = "acme",
                                      .deployment = "orders",
                                      .member = "a",
                                      .unit = "mongod.service",
                                      .ssh = &there};

/* A person installs this file; sudo compares it with what is run, letter by letter. */
static void test_sudoers_allows_just_the_helper(void **state)
{
    (void)state;
    char *shipped = text_of("contrib/sudoers");
    EK_BUFFER allowed = {0};
    ek_buffer_text_add(&allowed, "Cmnd_Alias EVENKEEL = ");
    ek_ssh_sudoers_command(&allowed);
    const char *line = strstr(shipped, "Cmnd_Alias");
    assert_non_null(line);
    size_t length = strcspn(line, "\n");
    if (length != allowed.length || strncmp(line, ek_buffer_text(&allowed), length) != 0)
        fail_msg("contrib/sudoers should say:\n%s", ek_buffer_text(&allowed));
    assert_null(strstr(line + length, "Cmnd_Alias"));
    free(shipped);
}

/* Within single quotes these would mean something to some login shell. */
static void test_any_shell_reads_the_command(void **state)
{
    (void)state;
    EK_BUFFER command = {0};
    ek_ssh_remote_command(true, &command);
    const char *text = ek_buffer_text(&command);
    assert_int_equal(strncmp(text, "env LC_ALL=C sudo -n /bin/sh -c '", 33), 0);
    assert_int_equal(text[command.length - 1], '\'');
    assert_int_equal(strcspn(text + 33, "'!\\\n\r"), command.length - 34);
}

/* sudo compares words joined by blanks, so that a command cut off at a blank is allowed as well. */
static void test_no_beginning_of_the_command_does_anything(void **state)
{
    (void)state;
    EK_BUFFER command = {0};
    ek_ssh_remote_command(false, &command);
    char *text = strchr(command.bytes, '\'') + 1;
    text[strlen(text) - 1] = 0;
    size_t tried = 0;
    for (char *blank = strchr(text, ' '); blank; blank = strchr(blank + 1, ' ')) {
        EK_COMMAND_RESULT ended = {0};
        *blank = 0;
        const char *const argv[] = {"sh", "-c", text, NULL};
        const struct ek_command begun = {.argv = argv, .input = "echo done\n", .input_length = 10};
        WORKS(ek_host_driver_named("local")->run(&a_host, &begun, SOON, &ended, &err));
        *blank = ' ';
        assert_int_not_equal(ended.status, 0);
        assert_int_equal(ended.output.length, 0);
        tried++;
    }
    assert_true(tried > 10);
}

static void test_another_text_is_not_run(void **state)
{
    (void)state;
    EK_BUFFER command = {0};
    EK_BUFFER text = {0};
    EK_COMMAND_RESULT ended = {0};
    size_t length;
    const char *helper = ek_ssh_helper(&length);
    ek_buffer_add(&text, helper, length);
    ek_buffer_text_add(&text, "marker\nhello\n\n\nacme.orders.a\n");
    memcpy(strstr(text.bytes, "set -uf"), "echo hi", 7);
    ek_ssh_remote_command(false, &command);
    const char *const argv[] = {"sh", "-c", ek_buffer_text(&command), NULL};
    const struct ek_command other = {
        .argv = argv, .input = text.bytes, .input_length = text.length};
    WORKS(ek_host_driver_named("local")->run(&a_host, &other, SOON, &ended, &err));
    assert_int_equal(ended.status, 3);
    assert_int_equal(ended.output.length, 0);
}

static void test_a_word_has_no_line_end(void **state)
{
    (void)state;
    char marker[EK_SSH_MARKER + 1];
    EK_BUFFER text = {0};
    const char *const arguments[] = {"/etc/mongod.conf\nrun", NULL};
    const struct ek_ssh_question question = {.operation = "read", .arguments = arguments};
    FAILS(ek_ssh_question_text(&a_host, &question, marker, &text, &err), EK_INVALID, "EK-0415");
}

static void test_each_refusal_has_its_own_row(void **state)
{
    (void)state;
    FAILS(ek_ssh_refusal(&a_host,
                         "@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\n"
                         "Host key verification failed.\n",
                         &err),
          EK_DENIED, "EK-0462");
    FAILS(ek_ssh_refusal(&a_host,
                         "No ED25519 host key is known for db-a and you have requested "
                         "strict checking.\nHost key verification failed.\n",
                         &err),
          EK_DENIED, "EK-0461");
    FAILS(ek_ssh_refusal(&a_host, "ops@db-a: Permission denied (publickey).\n", &err), EK_DENIED,
          "EK-0464");
    FAILS(ek_ssh_refusal(&a_host, "ssh: connect to host db-a port 22: Connection refused\n", &err),
          EK_UNREACHABLE, "EK-0460");
    static const char *const pins[] = {"SHA256:x"};
    const struct ek_ssh pinned = {.host = "db-a", .host_keys = pins, .host_key_count = 1};
    const struct ek_host host = {
        .account = "acme", .deployment = "orders", .member = "a", .ssh = &pinned};
    FAILS(ek_ssh_refusal(&host, "Host key verification failed.\n", &err), EK_DENIED, "EK-0463");
}

static void test_this_machine_is_told_from_others(void **state)
{
    (void)state;
    WORKS(ek_host_is_here("127.0.0.1", SOON, &err));
    FAILS(ek_host_is_here("192.0.2.1", SOON, &err), EK_DENIED, "EK-0474");
    const struct ek_ssh other = {.host = "192.0.2.1"};
    const struct ek_host there_not = {.account = "acme",
                                      .deployment = "orders",
                                      .member = "a",
                                      .unit = "mongod.service",
                                      .ssh = &other};
    struct ek_host_facts facts;
    FAILS(ek_host_driver_named("system")->facts(&there_not, SOON, &facts, &err), EK_DENIED,
          "EK-0474");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sudoers_allows_just_the_helper),
        cmocka_unit_test(test_any_shell_reads_the_command),
        cmocka_unit_test(test_no_beginning_of_the_command_does_anything),
        cmocka_unit_test(test_another_text_is_not_run),
        cmocka_unit_test(test_a_word_has_no_line_end),
        cmocka_unit_test(test_each_refusal_has_its_own_row),
        cmocka_unit_test(test_this_machine_is_told_from_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
