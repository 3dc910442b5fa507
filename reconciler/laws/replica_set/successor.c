/* Law 3: a primary hands over to an eligible, caught-up secondary that a majority reaches both
 * ways, and every electable member signs the cluster time with its key: whom the server really
 * hands over to, only the server knows. */
#include "reconciler/laws/law.h"

static bool somebody_electable_cannot_sign(const struct ek_law_question *q)
{
    for (size_t i = 0; i < q->state->member_count; i++) {
        const struct ek_member *member = ek_member(q->state, i);
        bool electable = member->state == EK_MEMBER_SECONDARY && member->priority > 0;
        if (electable &&
            (member->signing_key <= 0 || member->signing_key != ek_law_subject(q)->signing_key))
            return ek_broken(q,
                             "member %s does not sign the cluster time with the primary's key yet",
                             member->name);
    }
    return false;
}

static bool majority_reaches(const struct ek_law_question *q, size_t heir)
{
    size_t count = q->state->member_count;
    uint64_t heard_by = ek_member(q->state, heir)->healthy_for | (uint64_t)1 << heir;
    int sees = 1;
    for (size_t i = 0; i < count; i++)
        if (i != heir && (ek_member(q->state, i)->healthy_for >> heir & 1))
            sees++;
    return 2 * __builtin_popcountll(heard_by) > (int)count && 2 * sees > (int)count;
}

static bool is_broken(const struct ek_law_question *q)
{
    const struct ek_member *subject = ek_law_subject(q);
    if (!subject || q->step->other < 0)
        return ek_broken(q, "nobody is named to take over from member %s",
                         subject ? subject->name : "that leads");
    if (subject->state != EK_MEMBER_PRIMARY)
        return ek_broken(q, "member %s is not the primary any more", subject->name);
    const struct ek_member *heir = ek_member(q->state, (size_t)q->step->other);
    if (heir->state != EK_MEMBER_SECONDARY || heir->priority <= 0 || heir->votes < 1 ||
        heir->arbiter)
        return ek_broken(q, "member %s can't be elected", heir->name);
    if (heir->lag_ms < 0 || heir->lag_ms > q->spec->maintenance.max_lag_s * 1000)
        return ek_broken(q, "member %s has not caught up", heir->name);
    if (!majority_reaches(q, (size_t)q->step->other))
        return ek_broken(q, "member %s and a majority don't reach each other both ways",
                         heir->name);
    return ek_access(q->state)->authentication == EK_YES && somebody_electable_cannot_sign(q);
}

const struct ek_law ek_law_successor = {
    .id = "EK-0206",
    .guards = EK_FIELDS(&ek_field_member_state),
    .is_broken = is_broken,
};
