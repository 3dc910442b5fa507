/* When a certificate authority's end is told: once at each of a few distances from it. */
#ifndef EK_LOOP_ENDINGS_H
#define EK_LOOP_ENDINGS_H

#include <stdint.h>

enum { EK_ENDING_FAR = -1 };

/* Of the distances at which an end is told (90, 30, 7 and 1 days before, and the end itself), the
 * least that is not below `left_s`, in seconds; EK_ENDING_FAR: none yet. Pure. */
int64_t ek_ending_distance_s(int64_t left_s);

#endif
