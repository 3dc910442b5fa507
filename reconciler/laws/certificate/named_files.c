/* What a server's configuration or its process names, and what may be so, is not taken away. */
#include "reconciler/laws/law.h"

static bool is_broken(const struct ek_law_question *q)
{
    const struct ek_member *member = ek_law_subject(q);
    if (!member)
        return ek_broken(q, "whose files would be removed is not known");
    const struct ek_member_certificates *certificates =
        ek_member_certificates(q->state, (size_t)q->step->member);
    if (certificates->old_files_configured != EK_NO)
        return ek_broken(q, "the configuration of member %s may still name the old files",
                         member->name);
    if (certificates->old_files_running != EK_NO)
        return ek_broken(q, "the server of member %s may still run with the old files",
                         member->name);
    return false;
}

const struct ek_law ek_law_named_files = {
    .id = "EK-0222",
    .guards = EK_FIELDS(&ek_field_old_files),
    .is_broken = is_broken,
};
