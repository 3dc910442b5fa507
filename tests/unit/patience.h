/* How long a test waits before it gives up: as much longer as the machine is slower. */
#ifndef EK_TESTS_UNIT_PATIENCE_H
#define EK_TESTS_UNIT_PATIENCE_H

#include <stdint.h>
#include <stdlib.h>

/* What `ms` are on this machine: EVENKEEL_SLOWNESS, which tests/pace.py measures, times as long. */
static inline int64_t patient_ms(int64_t ms)
{
    const char *measured = getenv("EVENKEEL_SLOWNESS");
    double slowness = measured ? strtod(measured, NULL) : 1;
    return (int64_t)((double)ms * (slowness > 1 ? slowness : 1));
}

#endif
