/* What a host holds of the highest token that acted on it, and who may act after that. */
#ifndef EK_DRIVERS_HOST_FENCE_MARK_H
#define EK_DRIVERS_HOST_FENCE_MARK_H

#include <stdbool.h>
#include <stdint.h>

struct ek_fence_mark {
    int64_t token; /* 0: none yet */
    char id[33];   /* of the lease, "" none */
};

/* Whether the holder of `mine` may act on a host whose fence shows `seen`. (It then leaves `mine`
 * there, when that is higher, before it acts.) Equal tokens of different leases come from different
 * stores: neither goes before the other. */
bool ek_fence_passes(const struct ek_fence_mark *seen, const struct ek_fence_mark *mine);

#endif
