/* Certificates are valid by clocks: nothing is dated, or disturbed, while two of them disagree. */
#include "reconciler/laws/law.h"

enum { CLOCK_TOLERANCE_MS = 5 * 60 * 1000 };

static bool is_broken(const struct ek_law_question *q)
{
    bool dated = ek_law_touches(q, &ek_field_authority) ||
                 ek_law_touches(q, &ek_field_certificate_installed) || ek_law_is_felt(q);
    for (size_t i = 0; dated && i < q->state->member_count; i++) {
        const struct ek_member *member = ek_member(q->state, i);
        bool tls = q->spec->ssl_mode > EK_SSL_DISABLED ||
                   ek_member_transport(q->state, i)->mode_running > EK_SSL_DISABLED;
        if (member->clock_ahead_ms != EK_CLOCK_UNKNOWN && tls &&
            (member->clock_ahead_ms > CLOCK_TOLERANCE_MS ||
             member->clock_ahead_ms < -CLOCK_TOLERANCE_MS))
            return ek_broken(q, "the clock of member %s's host is %lld s from Evenkeel's",
                             member->name, (long long)(member->clock_ahead_ms / 1000));
    }
    return false;
}

const struct ek_law ek_law_clocks = {
    .id = "EK-0216",
    .guards = EK_FIELDS(&ek_field_authority, &ek_field_certificate_installed, &ek_field_process,
                        &ek_field_member_state, &ek_field_mode_running, &ek_field_host),
    .is_broken = is_broken,
};
