/* How long to wait after failures in a row. Pure. */
#ifndef EK_LOOP_BACKOFF_H
#define EK_LOOP_BACKOFF_H

#include <stdint.h>

/* Milliseconds to wait after `failures` in a row: 2 s doubled with each up to five minutes, of
 * which a random part of at most half is taken off, so that what failed together is not tried
 * again together. `random` is any number. 0 failures: 0. */
int64_t ek_backoff_ms(unsigned failures, uint32_t random);

#endif
