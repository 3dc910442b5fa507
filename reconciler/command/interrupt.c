#include "reconciler/command/interrupt.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static atomic_int interrupted; /* lock-free: a signal handler sets it */

static void on_signal(int number)
{
    static const char first[] =
        "\nevenkeel: stopping after the step in hand; it is never cut short.\n";
    static const char again[] =
        "\nevenkeel: still finishing the step in hand: cutting it short could leave a member half "
        "changed.\n";
    (void)number;
    ssize_t written = interrupted ? write(STDERR_FILENO, again, sizeof again - 1)
                                  : write(STDERR_FILENO, first, sizeof first - 1);
    (void)written;
    interrupted = 1;
}

void ek_interrupt_catch(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
}

void ek_interrupt(void)
{
    interrupted = 1;
}

atomic_int *ek_interrupted_flag(void)
{
    return &interrupted;
}
