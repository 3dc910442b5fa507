/* Law 8: a certificate authority stays trusted until no member presents its certificates. */
#include "reconciler/laws/law.h"

static bool is_broken(const struct ek_law_question *q)
{
    for (size_t i = 0; i < q->state->member_count; i++) {
        const struct ek_certificate_state *presented =
            &ek_member_certificates(q->state, i)->certificate_running;
        if (ek_member_transport(q->state, i)->mode_running >= EK_SSL_ALLOW &&
            presented->present == EK_YES && presented->issued_by_authority == EK_NO)
            return ek_broken(q, "member %s still presents a certificate of another authority",
                             ek_member(q->state, i)->name);
    }
    return false;
}

const struct ek_law ek_law_trust = {
    .id = "EK-0211",
    .guards = EK_FIELDS(&ek_field_trust_installed),
    .is_broken = is_broken,
};
