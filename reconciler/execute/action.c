#include "reconciler/execute/action.h"

#include "reconciler/aspects/replica_set/state.h"
#include "reconciler/aspects/users/state.h"

const struct ek_host *ek_action_host(const struct ek_action *a)
{
    return &a->world->host[a->step->member];
}

void ek_action_target(const struct ek_action *a, int member, struct ek_action_target *ret_target)
{
    bool bound = ek_member_transport(a->observed, member)->domain_name_bound == EK_YES;
    const char *label = bound ? ek_transport(a->observed)->domain_label : "";
    ek_world_target(a->world, (size_t)member, label, ret_target->name, &ret_target->target);
    if (ek_access(a->observed)->own_user != EK_YES)
        ret_target->target.user = NULL;
}

int ek_action_primary(const struct ek_action *a, struct ek_action_target *ret_target,
                      struct ek_error *err)
{
    int primary = ek_state_primary(a->observed);
    if (primary < 0)
        return ek_fail(err, EK_CONFLICT, "EK-0112", "the replica set has no primary");
    ek_action_target(a, primary, ret_target);
    return 0;
}

int ek_act(struct ek_world *world, const struct ek_state *observed, const struct ek_step *step,
           int64_t deadline, struct ek_error *err)
{
    const struct ek_action a = {
        .world = world, .observed = observed, .step = step, .deadline = deadline};
    int result = step->kind->act(&a, err);
    if (result != 0 && step->member >= 0)
        ek_wrap(err, "%s %s", step->kind->verb, world->spec->members[step->member].name);
    else if (result != 0)
        ek_wrap(err, "%s", step->kind->verb);
    return result;
}
