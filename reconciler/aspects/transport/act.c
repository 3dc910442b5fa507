/* How transport's steps are done. */
#include <stdio.h>

#include "reconciler/aspects/transport/rows.h"
#include "reconciler/execute/action.h"

int ek_act_bind_name(const struct ek_action *a, struct ek_error *err)
{
    struct ek_world *world = a->world;
    struct ek_dns_record record = {0};
    size_t i = (size_t)a->step->member;
    if (!ek_domain_name(world->spec, ek_label_argument(a->step)->label, i, record.name,
                        sizeof record.name))
        return ek_fail(err, EK_BUG, "EK-0190", "a name was to be bound without an SSL domain");
    snprintf(record.mark, sizeof record.mark, "%s", world->mark);
    int result = ek_world_address(world, i, record.address, sizeof record.address, err);
    return result != 0 ? result : world->dns->bind(&world->zone, &record, err);
}

int ek_act_write_configuration(const struct ek_action *a, struct ek_error *err)
{
    return ek_action_configure(a, ek_mode_argument(a->step)->mode, err);
}

int ek_act_set_ssl_mode(const struct ek_action *a, struct ek_error *err)
{
    struct ek_action_target member;
    ek_action_target(a, a->step->member, &member);
    return a->world->mongodb->set_ssl_mode(&member.target, ek_mode_argument(a->step)->mode,
                                           a->deadline, err);
}
