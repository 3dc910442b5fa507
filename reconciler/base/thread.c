#include "reconciler/base/thread.h"

#include <time.h>

void ek_signals_hold(sigset_t *ret_before)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, ret_before);
}

void ek_signals_release(const sigset_t *before)
{
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

int ek_thread_start(pthread_t *ret_thread, const pthread_attr_t *attributes,
                    void *(*run)(void *argument), void *argument)
{
    sigset_t before;
    ek_signals_hold(&before);
    int failed = pthread_create(ret_thread, attributes, run, argument);
    ek_signals_release(&before);
    return failed;
}

void ek_condition_init(pthread_cond_t *ret_condition)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(ret_condition, &monotonic);
    pthread_condattr_destroy(&monotonic);
}
