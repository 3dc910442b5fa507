/* The end where a library aborts. libbson does, when it gets no memory; nothing of ours does. */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "reconciler/command/command.h"

static atomic_int exit_status = EK_EXIT_ERROR;

/* Nothing here may allocate. What was already said stays said: write(2) goes around stdio. */
static _Noreturn void say_and_end(const char *words, size_t left)
{
    while (left > 0) {
        ssize_t wrote = write(STDERR_FILENO, words, left);
        /* NOLINTNEXTLINE(bugprone-signal-handler): errno is each thread's own; nothing goes on */
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            break;
        words += wrote;
        left -= (size_t)wrote;
    }
    _exit(exit_status);
}

/* Secrets rule out a core dump, and what was begun goes on at the next run. */
static void on_abort(int number)
{
    static const char words[] =
        "evenkeel: error: a library gave up, for want of memory if it says no more above\n"
        "  hint: run it again: it goes on from where the fleet is\n"
        "  see: evenkeel explain EK-0599\n";
    (void)number;
    say_and_end(words, sizeof words - 1);
}

void ek_command_abort_status(int status)
{
    exit_status = status;
}

void ek_command_abort(void)
{
    signal(SIGABRT, on_abort);
}
