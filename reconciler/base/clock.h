/* The two clocks, read here and nowhere in the core. */
#ifndef EK_BASE_CLOCK_H
#define EK_BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds since the epoch. */
int64_t ek_wall_ms(void);

/* Milliseconds of a clock that never jumps; deadlines are points on it. */
int64_t ek_monotonic_ms(void);

/* Milliseconds of a clock that never jumps and also counts while the machine is suspended:
 * CLOCK_BOOTTIME, for leases. */
int64_t ek_boottime_ms(void);

/* Milliseconds left until `deadline` (a point of ek_monotonic_ms), never negative. */
int64_t ek_time_left_ms(int64_t deadline);

/* Sleep that many milliseconds; interrupted by a signal it returns early. */
void ek_sleep_ms(int64_t ms);

#endif
