#include "reconciler/base/clock.h"

#include <time.h>

static int64_t read_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + (int64_t)(now.tv_nsec / 1000000);
}

int64_t ek_wall_ms(void)
{
    return read_ms(CLOCK_REALTIME);
}

int64_t ek_monotonic_ms(void)
{
    return read_ms(CLOCK_MONOTONIC);
}

int64_t ek_boottime_ms(void)
{
    return read_ms(CLOCK_BOOTTIME);
}

int64_t ek_time_left_ms(int64_t deadline)
{
    int64_t left = deadline - ek_monotonic_ms();
    return left > 0 ? left : 0;
}

void ek_sleep_ms(int64_t ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000L};
    nanosleep(&pause, NULL);
}
