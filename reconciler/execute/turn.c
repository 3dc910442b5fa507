#include "reconciler/execute/turn.h"

#include <unistd.h>

#include "reconciler/execute/world_internal.h"

enum { RAISES_MAX = 4 };

static struct ek_fence fence_of(struct ek_lease *lease)
{
    return (struct ek_fence){.token = ek_lease_token(lease), .id = ek_lease_id(lease)};
}

int ek_turn_claim(struct ek_world *world, struct ek_lease *lease, int64_t deadline,
                  struct ek_error *err)
{
    int raises = 0;
    for (size_t i = 0; i < world->spec->member_count; i++) {
        struct ek_fence_hold held = {.lock = -1};
        const struct ek_fence fence = fence_of(lease);
        int result = world->hosts->fence(&world->host[i], &fence, deadline, &held, err);
        if (result == 0) {
            close(held.lock);
            continue;
        }
        if (result != EK_STALE || raises++ == RAISES_MAX)
            return result;
        result = ek_lease_raise(lease, held.highest, err);
        if (result != 0)
            return result;
        i = (size_t)-1; /* once more, from the first, with the new token */
    }
    return 0;
}

int ek_turn_take(struct ek_turn *turn, int member, int64_t deadline, struct ek_error *err)
{
    struct ek_world *world = turn->world;
    size_t first = member < 0 ? 0 : (size_t)member;
    size_t last = member < 0 ? world->spec->member_count : first + 1;
    int result = 0;
    for (size_t i = first; i < last && result == 0; i++) {
        struct ek_fence_hold held = {.lock = -1};
        const struct ek_fence fence = fence_of(turn->lease);
        result = world->hosts->fence(&world->host[i], &fence, deadline, &held, err);
        if (result == 0)
            turn->locks[turn->count++] = held.lock;
    }
    if (result == 0)
        result = ek_lease_check(turn->lease, 0, err);
    if (result != 0)
        ek_turn_end(turn);
    return result;
}

void ek_turn_end(struct ek_turn *turn)
{
    while (turn->count > 0)
        close(turn->locks[--turn->count]);
}
