/* What must hold whatever the input is: the fuzzer takes an end of the process for a find. */
#ifndef EK_TESTS_FUZZ_HOLD_H
#define EK_TESTS_FUZZ_HOLD_H

#include <stdbool.h>
#include <stdlib.h>

static inline void hold(bool good)
{
    if (!good)
        abort();
}

#endif
