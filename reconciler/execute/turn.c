#include "reconciler/execute/turn.h"

#include <unistd.h>

#include "reconciler/execute/world_internal.h"

enum { RAISES_MAX = 4 };

static int hold(struct ek_world *world, struct ek_lease *lease, size_t member, int64_t deadline,
                int *ret_lock, int64_t *ret_highest, struct ek_error *err)
{
    const struct ek_fence fence = {.token = ek_lease_token(lease), .id = ek_lease_id(lease)};
    return world->hosts->fence(&world->host[member], &fence, deadline, ret_lock, ret_highest, err);
}

int ek_turn_claim(struct ek_world *world, struct ek_lease *lease, int64_t deadline,
                  struct ek_error *err)
{
    int raises = 0;
    for (size_t i = 0; i < world->spec->member_count; i++) {
        int fd;
        int64_t highest;
        int result = hold(world, lease, i, deadline, &fd, &highest, err);
        if (result == 0) {
            close(fd);
            continue;
        }
        if (result != EK_STALE || raises++ == RAISES_MAX)
            return result;
        result = ek_lease_raise(lease, highest, err);
        if (result != 0)
            return result;
        i = (size_t)-1; /* once more, from the first, with the new token */
    }
    return 0;
}

int ek_turn_take(struct ek_world *world, struct ek_lease *lease, int member, int64_t deadline,
                 struct ek_turn *ret_turn, struct ek_error *err)
{
    struct ek_turn turn = {0};
    size_t first = member < 0 ? 0 : (size_t)member;
    size_t last = member < 0 ? world->spec->member_count : first + 1;
    int result = 0;
    for (size_t i = first; i < last && result == 0; i++) {
        int64_t highest;
        result = hold(world, lease, i, deadline, &turn.locks[turn.count], &highest, err);
        turn.count += result == 0;
    }
    if (result == 0)
        result = ek_lease_check(lease, 0, err);
    if (result == 0)
        *ret_turn = turn;
    else
        ek_turn_end(&turn);
    return result;
}

void ek_turn_end(struct ek_turn *turn)
{
    while (turn->count > 0)
        close(turn->locks[--turn->count]);
}
