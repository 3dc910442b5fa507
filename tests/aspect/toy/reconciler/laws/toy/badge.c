/* Nothing is hung on a member that does not run. */
#include "reconciler/laws/law.h"

#include "reconciler/aspects/toy/fields.h"

static bool is_broken(const struct ek_law_question *q)
{
    const struct ek_member *member = ek_law_subject(q);
    return (!member || member->process != EK_YES) &&
           ek_broken(q, "member %s does not run; it gets no badge",
                     member ? member->name : "of no name");
}

const struct ek_law ek_law_badge = {
    .id = "EK-0299",
    .guards = EK_FIELDS(&ek_field_badge),
    .is_broken = is_broken,
};
