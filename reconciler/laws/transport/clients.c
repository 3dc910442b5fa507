/* Law 6: no client is shut out. */
#include "reconciler/laws/law.h"

static bool is_broken(const struct ek_law_question *q)
{
    if (q->spec->maintenance.plaintext_clients == EK_PLAINTEXT_DISCONNECT || q->step->member < 0)
        return false;
    const struct ek_member_transport *subject =
        ek_member_transport(q->state, (size_t)q->step->member);
    bool requires = ek_law_mode(q, &ek_field_mode_running) == EK_SSL_REQUIRE ||
                    (ek_law_stops(q) && subject->mode_configured == EK_SSL_REQUIRE);
    if (!requires || subject->plaintext_clients <= 0)
        return false;
    return ek_broken(q, "%lld clients of member %s are still in plaintext",
                     (long long)subject->plaintext_clients, ek_law_subject(q)->name);
}

const struct ek_law ek_law_clients = {
    .id = "EK-0209",
    .guards = EK_FIELDS(&ek_field_mode_running, &ek_field_process),
    .is_broken = is_broken,
};
