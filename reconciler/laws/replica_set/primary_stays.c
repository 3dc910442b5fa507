/* Law 3: a primary is never stopped; it steps down first. */
#include "reconciler/laws/law.h"

static bool is_broken(const struct ek_law_question *q)
{
    if (!ek_law_stops(q) || ek_law_subject(q)->state != EK_MEMBER_PRIMARY)
        return false;
    for (size_t i = 0; i < q->state->member_count; i++)
        if ((int)i != q->step->member && !ek_member(q->state, i)->arbiter)
            return ek_broken(q, "member %s is the primary; it steps down before it is stopped",
                             ek_law_subject(q)->name);
    return false;
}

const struct ek_law ek_law_primary_stays = {
    .id = "EK-0205",
    .guards = EK_FIELDS(&ek_field_process),
    .is_broken = is_broken,
};
