/* A turn: the right to do one act, held from before it begins until it is done.
 *
 * The lease says who may act; a process that was frozen cannot know that it lost it. So the hosts
 * themselves keep out whoever comes late: see ek_host_driver.fence. */
#ifndef EK_EXECUTE_TURN_H
#define EK_EXECUTE_TURN_H

#include "reconciler/execute/world.h"
#include "reconciler/lease/lease.h"

struct ek_turn {
    struct ek_world *world;
    struct ek_lease *lease;
    int locks[EK_MEMBERS_MAX];
    size_t count;
};

/* Before the first act of a lease: raise the fences of all members' hosts to its token, waiting
 * for acts in progress until `deadline`. A fence that holds a higher token while the lease is
 * surely ours is of another store, or of this one before it was lost: the token is raised above
 * it. EK_STALE (EK-1013), EK_TIMEOUT (EK-1016), EK-1017. */
int ek_turn_claim(struct ek_world *world, struct ek_lease *lease, int64_t deadline,
                  struct ek_error *err);

/* Hold the fence of a member's host (-1: of all) and make sure of the lease, until ek_turn_end. The
 * turn says the world and the lease, and holds nothing yet. EK_STALE (EK-1013 to
 * EK-1015), EK_TIMEOUT (EK-1016), EK-1017. */
int ek_turn_take(struct ek_turn *turn, int member, int64_t deadline, struct ek_error *err);
void ek_turn_end(struct ek_turn *turn);

#endif
