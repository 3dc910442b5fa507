/* A replica set that is part of a sharded cluster is left alone: others depend on how it is
 * reached. */
#include "reconciler/laws/law.h"

static bool is_broken(const struct ek_law_question *q)
{
    const char *role = ek_set(q->state)->cluster_role;
    return role[0] && ek_broken(q, "the replica set is part of a sharded cluster, as %s", role);
}

const struct ek_law ek_law_sharded = {
    .id = "EK-0219",
    .guards = NULL,
    .is_broken = is_broken,
};
