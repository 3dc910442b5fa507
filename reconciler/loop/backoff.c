#include "reconciler/loop/backoff.h"

enum { FIRST_MS = 2000, LONGEST_MS = 300000, DOUBLINGS_MAX = 8 };

int64_t ek_backoff_ms(unsigned failures, uint32_t random)
{
    if (failures == 0)
        return 0;
    unsigned doublings = failures - 1 < DOUBLINGS_MAX ? failures - 1 : DOUBLINGS_MAX;
    int64_t whole = (int64_t)FIRST_MS << doublings;
    if (whole > LONGEST_MS)
        whole = LONGEST_MS;
    return whole - (int64_t)((uint64_t)whole / 2 * random / UINT32_MAX);
}
