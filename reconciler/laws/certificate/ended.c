/* Law 1, in time: connections by TLS that exist outlive a certificate; none is made anew with one
 * that has ended: by who comes back, to who comes back, or by who dials TLS from now on. */
#include "reconciler/laws/law.h"

static bool dials_tls(enum ek_ssl_mode mode)
{
    return mode == EK_SSL_PREFER || mode == EK_SSL_REQUIRE;
}

static bool ended_in_use(const struct ek_law_question *q, size_t m)
{
    const struct ek_certificate_state *running =
        &ek_member_certificates(q->state, m)->certificate_running;
    return ek_member(q->state, m)->process == EK_YES && running->present == EK_YES &&
           running->not_after_s <= q->policy->now_s;
}

static bool is_broken(const struct ek_law_question *q)
{
    bool restart = ek_law_stops(q);
    if (q->step->member < 0)
        return false;
    const struct ek_member_transport *subject =
        ek_member_transport(q->state, (size_t)q->step->member);
    bool begins = ek_law_touches(q, &ek_field_mode_running) && !dials_tls(subject->mode_running);
    if (!restart && !begins)
        return false;
    bool dialled =
        dials_tls(restart ? subject->mode_configured : ek_law_mode(q, &ek_field_mode_running));
    for (size_t i = 0; i < q->state->member_count; i++) {
        bool dials = restart && dials_tls(ek_member_transport(q->state, i)->mode_running);
        if (!ended_in_use(q, i) || (!dialled && !dials))
            continue;
        if ((int)i == q->step->member && restart)
            continue; /* it comes back with another */
        return ek_broken(q, "the certificate of member %s has ended; it would be cut off",
                         ek_member(q->state, i)->name);
    }
    return false;
}

const struct ek_law ek_law_ended = {
    .id = "EK-0217",
    .guards = EK_FIELDS(&ek_field_process, &ek_field_mode_running),
    .is_broken = is_broken,
};
