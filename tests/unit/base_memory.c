#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reconciler/base/memory.h"

enum { ENDED = 73 };

static void end(void)
{
    _exit(ENDED);
}

/* The wait status of a child that asks for more than there can be. */
static int in_a_child(void (*handler)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGABRT, SIG_DFL);
        ek_memory_on_exhausted(handler);
        ek_need(NULL);
        _exit(0);
    }
    int status = 0;
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void memory_that_is_there_is_given(void **state)
{
    (void)state;
    char *text = ek_need(strdup("there"));
    assert_string_equal(text, "there");
    free(text);
}

static void without_memory_it_ends_as_asked(void **state)
{
    (void)state;
    int status = in_a_child(end);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), ENDED);
}

static void nobody_asked_it_aborts(void **state)
{
    (void)state;
    int status = in_a_child(NULL);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_that_is_there_is_given),
        cmocka_unit_test(without_memory_it_ends_as_asked),
        cmocka_unit_test(nobody_asked_it_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
