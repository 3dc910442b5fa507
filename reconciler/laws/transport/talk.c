/* Law 1: every two members can talk in both directions at every moment, and would still if
 * either of them crashed and came back with what its files say. */
#include "reconciler/laws/transport/talk.h"

#include <stdlib.h>
#include <string.h>

#include "reconciler/laws/law.h"

/* One face of a member: what it is now, or what it would come back as. */
struct face {
    bool there;
    enum ek_ssl_mode mode;
    const struct ek_certificate_state *certificate;
    const struct ek_trust_state *trust;
};

static bool dials_by_tls(enum ek_ssl_mode mode)
{
    return mode == EK_SSL_PREFER || mode == EK_SSL_REQUIRE;
}

static bool takes_tls(enum ek_ssl_mode mode)
{
    return mode == EK_SSL_ALLOW || mode == EK_SSL_PREFER || mode == EK_SSL_REQUIRE;
}

static bool takes_plaintext(enum ek_ssl_mode mode)
{
    return mode == EK_SSL_DISABLED || mode == EK_SSL_ALLOW || mode == EK_SSL_PREFER;
}

static bool trusts(const struct ek_trust_state *trust, const uint8_t *authority)
{
    if (trust->present != EK_YES)
        return false;
    for (size_t i = 0; i < trust->count && i < EK_TRUSTED_MAX; i++)
        if (memcmp(trust->sha256[i], authority, 32) == 0)
            return true;
    return false;
}

static bool shows_name(const struct ek_certificate_state *certificate, const char *host)
{
    char name[EK_HOST_SIZE];
    ek_host_without_port(host, name, sizeof name);
    return certificate->present == EK_YES && strcmp(certificate->name, name) == 0;
}

static struct face crashed_face(const struct ek_state *state, size_t m)
{
    const struct ek_member_certificates *certificates = ek_member_certificates(state, m);
    enum ek_ssl_mode mode = ek_member_transport(state, m)->mode_configured;
    return (struct face){.there = mode != EK_SSL_UNKNOWN,
                         .mode = mode,
                         .certificate = &certificates->certificate_installed,
                         .trust = &certificates->trust_installed};
}

static struct face running_face(const struct ek_state *state, size_t m)
{
    const struct ek_member_certificates *certificates = ek_member_certificates(state, m);
    enum ek_ssl_mode mode = ek_member_transport(state, m)->mode_running;
    if (ek_member(state, m)->process == EK_NO)
        return crashed_face(state, m); /* as which it will run next */
    return (struct face){.there = mode != EK_SSL_UNKNOWN,
                         .mode = mode,
                         .certificate = &certificates->certificate_running,
                         .trust = &certificates->trust_running};
}

static bool reaches(const struct ek_state *state, struct face dialler, struct face taker,
                    const char *host)
{
    if (!dialler.there || !taker.there)
        return true; /* of what is not known nothing is known to be broken */
    if (!dials_by_tls(dialler.mode))
        return takes_plaintext(taker.mode);
    return takes_tls(taker.mode) && shows_name(taker.certificate, host) &&
           taker.certificate->issued_by_authority == EK_YES &&
           trusts(dialler.trust, ek_certificates(state)->authority_sha256) &&
           trusts(taker.trust, ek_certificates(state)->authority_sha256) &&
           dialler.certificate->issued_by_authority == EK_YES;
}

/* In one of the four combinations of how each of the two runs and would come back. */
static bool reaches_as(const struct ek_state *state, size_t from, size_t to, int combination)
{
    return reaches(state, combination & 1 ? crashed_face(state, from) : running_face(state, from),
                   combination & 2 ? crashed_face(state, to) : running_face(state, to),
                   ek_member(state, to)->host);
}

bool ek_law_talk_breaks(const struct ek_state *before, const struct ek_state *after, size_t from,
                        size_t to)
{
    for (int combination = 0; combination < 4; combination++)
        if (reaches_as(before, from, to, combination) && !reaches_as(after, from, to, combination))
            return true;
    return false;
}

/* ---- the state after the step, by the fields that it touches ---- */

static void enact_on_certificates(const struct ek_law_question *q, struct ek_state *after)
{
    size_t m = (size_t)q->step->member;
    struct ek_member_certificates *certificates = ek_member_certificates(after, m);
    if (ek_law_touches(q, &ek_field_trust_installed)) {
        struct ek_trust_state trust = {.present = EK_YES, .count = 1};
        memcpy(trust.sha256[0], ek_certificates(after)->authority_sha256, 32);
        certificates->trust_installed = trust;
    }
    if (ek_law_touches(q, &ek_field_certificate_installed)) {
        certificates->certificate_installed.present = EK_YES;
        certificates->certificate_installed.issued_by_authority = EK_YES;
        ek_domain_name(q->spec, ek_law_label(q), m, certificates->certificate_installed.name,
                       EK_CERTIFICATE_NAME_SIZE);
    }
    if (ek_law_touches(q, &ek_field_process)) {
        certificates->certificate_running = certificates->certificate_installed;
        certificates->trust_running = certificates->trust_installed;
    }
}

static void enact_on_member(const struct ek_law_question *q, struct ek_state *after)
{
    size_t m = (size_t)q->step->member;
    struct ek_member_transport *transport = ek_member_transport(after, m);
    if (ek_law_touches(q, &ek_field_mode_configured))
        transport->mode_configured = ek_law_mode(q, &ek_field_mode_configured);
    if (ek_law_touches(q, &ek_field_mode_running))
        transport->mode_running = ek_law_mode(q, &ek_field_mode_running);
    if (ek_law_touches(q, &ek_field_process)) {
        ek_member(after, m)->process = EK_YES;
        transport->mode_running = transport->mode_configured;
    }
    enact_on_certificates(q, after);
}

static void enact(const struct ek_law_question *q, struct ek_state *after)
{
    if (q->step->member >= 0)
        enact_on_member(q, after);
    for (size_t i = 0; ek_law_touches(q, &ek_field_host) && i < after->member_count; i++)
        ek_wanted_host(q->spec, ek_law_label(q), i, ek_member(after, i)->host, EK_HOST_SIZE);
}

static bool is_broken(const struct ek_law_question *q)
{
    struct ek_state *after = NULL;
    bool broken = false;
    if (ek_set(q->state)->initiated != EK_YES)
        return false;
    if (ek_state_clone(q->state, &after, NULL) != 0) {
        *q->no_memory = true;
        return false;
    }
    enact(q, after);
    for (size_t from = 0; !broken && from < after->member_count; from++)
        for (size_t to = 0; !broken && to < after->member_count; to++)
            if (from != to && ek_law_talk_breaks(q->state, after, from, to))
                broken = ek_broken(q,
                                   "member %s could no longer reach member %s, now or after a "
                                   "crash of one of them",
                                   ek_member(after, from)->name, ek_member(after, to)->name);
    free(after);
    return broken;
}

const struct ek_law ek_law_talk = {
    .id = "EK-0201",
    .guards = EK_FIELDS(&ek_field_mode_running, &ek_field_mode_configured, &ek_field_process,
                        &ek_field_host, &ek_field_certificate_installed, &ek_field_trust_installed,
                        &ek_field_domain_label),
    .is_broken = is_broken,
};
