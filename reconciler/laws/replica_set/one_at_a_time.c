/* Law 2: no step on a member while another is down, in initial sync, recovering, rolling back or
 * lagging beyond policy. */
#include "reconciler/laws/law.h"

#include "reconciler/laws/replica_set/lost.h"

static bool is_broken(const struct ek_law_question *q)
{
    if (!ek_law_is_felt(q) || ek_set(q->state)->initiated != EK_YES)
        return false;
    uint64_t lost = ek_law_is_lost_until_restarted(q) ? (uint64_t)1 << q->step->member : 0;
    for (size_t i = 0; i < q->state->member_count; i++) {
        const struct ek_member *member = ek_member(q->state, i);
        if (!(lost >> i & 1) && !ek_law_fit(q, member))
            return ek_broken(
                q, "member %s is %s and not caught up; nothing else is disturbed until it is",
                member->name, ek_member_state_name(member->state));
    }
    for (size_t viewed = 0; viewed < q->state->member_count; viewed++) {
        const struct ek_member *member = ek_member(q->state, viewed);
        uint64_t unwell = member->viewed_by & ~member->healthy_for & ~((uint64_t)1 << viewed);
        if (!(lost >> viewed & 1) && (unwell & ~lost))
            return ek_broken(q, "member %s is not healthy in the eyes of a peer", member->name);
    }
    return false;
}

const struct ek_law ek_law_one_at_a_time = {
    .id = "EK-0203",
    .guards = EK_FIELDS(&ek_field_process, &ek_field_member_state, &ek_field_mode_running,
                        &ek_field_host),
    .is_broken = is_broken,
};
