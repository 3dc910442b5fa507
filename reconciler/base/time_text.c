#include "reconciler/base/time_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

void ek_time_text(int64_t ms, bool machine, char ret_text[EK_TIME_TEXT_SIZE])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    strftime(ret_text, 32, machine ? "%Y-%m-%dT%H:%M:%SZ" : "%Y-%m-%d %H:%M:%S UTC", &parts);
}

void ek_duration_text(int64_t ms, char ret_text[EK_TIME_TEXT_SIZE])
{
    if (ms < 1000)
        snprintf(ret_text, 32, "%" PRId64 " ms", ms);
    else if (ms < 60000 && ms % 1000 >= 50)
        snprintf(ret_text, 32, "%.1f s", (double)ms / 1000);
    else if (ms < 60000)
        snprintf(ret_text, 32, "%" PRId64 " s", ms / 1000);
    else
        snprintf(ret_text, 32, "%" PRId64 " min %" PRId64 " s", ms / 60000, ms / 1000 % 60);
}
