#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "reconciler/base/clock.h"
#include "reconciler/base/thread.h"
#include "reconciler/loop/loop_internal.h"

enum { STACK_BYTES = 2 << 20 };

void ek_sleeper_init(struct ek_sleeper *sleeper, int64_t due_ms)
{
    *sleeper = (struct ek_sleeper){.due_ms = due_ms};
    ek_condition_init(&sleeper->wake);
}

int ek_sleeper_start(struct ek_sleeper *sleeper, void *(*run)(void *argument), void *argument,
                     struct ek_error *err)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    int number = ek_thread_start(&sleeper->thread, &attributes, run, argument);
    pthread_attr_destroy(&attributes);
    sleeper->started = number == 0;
    if (number == 0)
        return 0;
    errno = number;
    return ek_fail_errno(err, "EK-0503", "a thread");
}

bool ek_sleeper_sleep(struct ek_sleeper *sleeper, struct ek_loop *loop)
{
    sleeper->stalled_ms = 0;
    while (!loop->stopping && !sleeper->woken && ek_monotonic_ms() < sleeper->due_ms) {
        struct timespec until = {.tv_sec = sleeper->due_ms / 1000,
                                 .tv_nsec = (long)(sleeper->due_ms % 1000) * 1000000L};
        pthread_cond_timedwait(&sleeper->wake, &loop->lock, &until);
    }
    sleeper->woken = false;
    return !loop->stopping;
}

void ek_sleeper_wake(struct ek_sleeper *sleeper)
{
    sleeper->woken = true;
    pthread_cond_signal(&sleeper->wake);
}

void ek_sleeper_gets_on(struct ek_sleeper *sleeper, struct ek_loop *loop, int64_t ms)
{
    pthread_mutex_lock(&loop->lock);
    sleeper->stalled_ms = ek_monotonic_ms() + ms;
    pthread_mutex_unlock(&loop->lock);
}

uint32_t ek_loop_chance(void)
{
    uint32_t number = 0;
    return getrandom(&number, sizeof number, 0) == (ssize_t)sizeof number ? number : 0;
}
