/* sslMode is raised at run time by one rung, as the server has it. */
#include "reconciler/laws/law.h"

static bool is_broken(const struct ek_law_question *q)
{
    if (q->step->member < 0)
        return ek_broken(q, "sslMode is raised member by member");
    enum ek_ssl_mode from = ek_member_transport(q->state, (size_t)q->step->member)->mode_running;
    enum ek_ssl_mode to = ek_law_mode(q, &ek_field_mode_running);
    if ((from == EK_SSL_ALLOW && to == EK_SSL_PREFER) ||
        (from == EK_SSL_PREFER && to == EK_SSL_REQUIRE))
        return false;
    return ek_broken(q, "member %s can't go from %s to %s at run time", ek_law_subject(q)->name,
                     ek_ssl_mode_name(from), ek_ssl_mode_name(to));
}

const struct ek_law ek_law_ladder = {
    .id = "EK-0210",
    .guards = EK_FIELDS(&ek_field_mode_running),
    .is_broken = is_broken,
};
