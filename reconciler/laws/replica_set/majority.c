/* Law 2: at most one data-bearing member is down by our doing, and never when a majority of votes,
 * or the last caught-up secondary, would be lost. */
#include "reconciler/laws/law.h"

#include "reconciler/laws/replica_set/lost.h"

static bool is_broken(const struct ek_law_question *q)
{
    int all = 0;
    int staying = 0;
    int copies = 0;
    if (!ek_law_stops(q) || ek_set(q->state)->initiated != EK_YES ||
        q->spec->maintenance.interruption == EK_INTERRUPTION_ACCEPT)
        return false;
    const struct ek_member *subject = ek_law_subject(q);
    for (size_t i = 0; i < q->state->member_count; i++) {
        const struct ek_member *member = ek_member(q->state, i);
        all += member->votes;
        if ((int)i == q->step->member || !ek_law_fit(q, member))
            continue;
        staying += member->votes;
        copies += !member->arbiter && !member->delayed;
    }
    if (2 * staying <= all)
        return ek_broken(q, "without member %s only %d of %d votes would be left", subject->name,
                         staying, all);
    bool replicates = ek_law_fit(q, subject) || !ek_law_is_lost_until_restarted(q);
    if (!subject->arbiter && copies < 2 && replicates)
        return ek_broken(q, "member %s is the last caught-up secondary", subject->name);
    return false;
}

const struct ek_law ek_law_majority = {
    .id = "EK-0204",
    .guards = EK_FIELDS(&ek_field_process),
    .is_broken = is_broken,
};
