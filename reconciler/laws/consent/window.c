/* Law 10: a closed window holds back what disturbs service. */
#include "reconciler/laws/law.h"

/* A restart that keeps everything but a certificate that is about to end, or the stepdown of a
 * primary right before its own. */
static bool saves_a_certificate(const struct ek_law_question *q)
{
    bool steps_down = ek_law_moves_primary(q);
    if ((!steps_down && !ek_law_touches(q, &ek_field_process)) || q->step->member < 0)
        return false;
    size_t m = (size_t)q->step->member;
    const struct ek_member_transport *transport = ek_member_transport(q->state, m);
    const struct ek_certificate_state *ending =
        &ek_member_certificates(q->state, m)->certificate_running;
    const struct ek_certificate_state *successor =
        &ek_member_certificates(q->state, m)->certificate_installed;
    if (ending->present != EK_YES || successor->present != EK_YES)
        return false;
    if (ending->not_after_s >= q->policy->now_s + q->spec->maintenance.urgent_renewal_s)
        return false;
    if (successor->not_after_s <= ending->not_after_s)
        return false;
    return steps_down || transport->mode_configured == transport->mode_running;
}

static bool is_broken(const struct ek_law_question *q)
{
    if (q->policy->consent.window != EK_WINDOW_CLOSED || !ek_law_is_felt(q) ||
        saves_a_certificate(q))
        return false;
    return ek_broken(q, "no maintenance window is open");
}

const struct ek_law ek_law_window = {
    .id = "EK-0213",
    .guards = EK_FIELDS(&ek_field_process, &ek_field_member_state, &ek_field_mode_running,
                        &ek_field_host),
    .is_broken = is_broken,
};
