#include "reconciler/aspects/certificate/questions.h"

#include <string.h>

#include "reconciler/aspects/replica_set/state.h"
#include "reconciler/aspects/transport/state.h"

bool ek_certificate_lapsed(const struct ek_question *q, size_t m)
{
    const struct ek_member_transport *transport = ek_member_transport(q->state, m);
    const struct ek_member_certificates *certificates = ek_member_certificates(q->state, m);
    return transport->mode_running >= EK_SSL_ALLOW &&
           certificates->certificate_running.present == EK_YES &&
           certificates->certificate_running.not_after_s <= q->policy->now_s;
}

bool ek_certificate_names_host(const struct ek_question *q, size_t m,
                               const struct ek_certificate_state *certificate)
{
    char host[EK_HOST_SIZE];
    ek_host_without_port(ek_member(q->state, m)->host, host, sizeof host);
    return certificate->present == EK_YES && certificate->issued_by_authority == EK_YES &&
           strcmp(certificate->name, host) == 0;
}

bool ek_trusts_authority(const struct ek_question *q, const struct ek_trust_state *trust)
{
    size_t room = sizeof trust->sha256 / sizeof *trust->sha256;
    for (size_t i = 0; trust->present == EK_YES && i < trust->count && i < room; i++)
        if (memcmp(trust->sha256[i], ek_certificates(q->state)->authority_sha256, 32) == 0)
            return true;
    return false;
}

/* It runs with a certificate that no peer can take, and a good one is installed. */
static bool runs_bad_certificate(const struct ek_question *q, size_t m)
{
    const struct ek_certificate_state *running =
        &ek_member_certificates(q->state, m)->certificate_running;
    const struct ek_certificate_state *installed =
        &ek_member_certificates(q->state, m)->certificate_installed;
    bool bad = running->present == EK_YES &&
               (ek_certificate_lapsed(q, m) || !ek_certificate_names_host(q, m, running));
    return bad && ek_certificate_names_host(q, m, installed) &&
           installed->not_after_s > q->policy->now_s;
}

bool ek_lost_by_certificate(const struct ek_question *q, size_t m)
{
    const struct ek_member *member = ek_member(q->state, m);
    uint64_t peers = ~((uint64_t)1 << m);
    for (size_t i = 0; i < q->state->member_count; i++)
        if (i != m && ek_member_transport(q->state, i)->mode_running < EK_SSL_PREFER)
            return false; /* who dials in plaintext asks for no certificate */
    return member->state == EK_MEMBER_SECONDARY && (member->viewed_by & peers) != 0 &&
           (member->healthy_for & peers) == 0 && runs_bad_certificate(q, m);
}

const char *ek_with_old_files(const struct ek_question *q, size_t m)
{
    return ek_member_certificates(q->state, m)->old_files_configured == EK_YES
               ? "; its files leave the place of an earlier version"
               : "";
}

bool ek_renewal_urgent(const struct ek_question *q, size_t m)
{
    const struct ek_certificate_state *served =
        &ek_member_certificates(q->state, m)->certificate_running;
    const struct ek_certificate_state *installed =
        &ek_member_certificates(q->state, m)->certificate_installed;
    int64_t left_s = served->not_after_s - q->policy->now_s;
    return served->present == EK_YES && left_s < q->spec->maintenance.urgent_renewal_s &&
           installed->not_after_s > served->not_after_s;
}
