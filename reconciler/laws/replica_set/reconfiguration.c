/* Law 4: a reconfiguration is based on the version that was observed. */
#include "reconciler/laws/law.h"

static bool is_broken(const struct ek_law_question *q)
{
    const int64_t *based_on = ek_step_value(q->step, &ek_field_config_version);
    const struct ek_replica_set *set = ek_set(q->state);
    if (!based_on || *based_on != set->config_version)
        return ek_broken(q, "the configuration has version %lld by now, the step was made for %lld",
                         (long long)set->config_version, based_on ? (long long)*based_on : -1);
    if (set->foreign_member[0])
        return ek_broken(q, "the configuration has a member that the specs don't name: %s",
                         set->foreign_member);
    return false;
}

const struct ek_law ek_law_reconfiguration = {
    .id = "EK-0207",
    .guards = EK_FIELDS(&ek_field_config_version),
    .is_broken = is_broken,
};
