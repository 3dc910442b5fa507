/* A process is not stopped while it has options that its next start would not have, or the other
 * way round. */
#include "reconciler/laws/law.h"

static bool is_broken(const struct ek_law_question *q)
{
    const struct ek_member *member = ek_law_subject(q);
    if (!member || !ek_law_stops(q))
        return false;
    const char *lost = ek_state_text(q->state, member->options_lost);
    const char *added = ek_state_text(q->state, member->options_added);
    if (lost[0])
        return ek_broken(q, "the next start of member %s would lose %s", member->name, lost);
    return added[0] &&
           ek_broken(q, "the next start of member %s would add %s", member->name, added);
}

const struct ek_law ek_law_command_line = {
    .id = "EK-0220",
    .guards = EK_FIELDS(&ek_field_process),
    .is_broken = is_broken,
};
