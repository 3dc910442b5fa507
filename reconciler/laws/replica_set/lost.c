#include "reconciler/laws/replica_set/lost.h"

#include <string.h>

static bool is_taken_by_peers(const struct ek_law_question *q,
                              const struct ek_certificate_state *certificate, const char *host)
{
    return certificate->issued_by_authority == EK_YES && strcmp(certificate->name, host) == 0 &&
           certificate->not_after_s > q->policy->now_s;
}

bool ek_law_is_lost_until_restarted(const struct ek_law_question *q)
{
    const struct ek_member *member = ek_law_subject(q);
    if (!ek_law_stops(q) || member->state != EK_MEMBER_SECONDARY || member->reachable != EK_YES)
        return false;
    const struct ek_member_certificates *certificates =
        ek_member_certificates(q->state, (size_t)q->step->member);
    uint64_t others = ~((uint64_t)1 << q->step->member);
    char host[EK_HOST_SIZE];
    ek_host_without_port(member->host, host, sizeof host);
    for (size_t i = 0; i < q->state->member_count; i++)
        if ((others >> i & 1) && ek_member_transport(q->state, i)->mode_running < EK_SSL_PREFER)
            return false; /* in plaintext nobody asks for it */
    return (member->viewed_by & others) && !(member->healthy_for & others) &&
           certificates->certificate_running.present == EK_YES &&
           !is_taken_by_peers(q, &certificates->certificate_running, host) &&
           is_taken_by_peers(q, &certificates->certificate_installed, host);
}
