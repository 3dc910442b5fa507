/* Law 1: every two members can talk in both directions at every moment, and would still if
 * either of them crashed and came back with what its files say. */
#include "reconciler/permit_talk.h"

#include <stdio.h>
#include <string.h>

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
    for (size_t i = 0; i < trust->count && i < sizeof trust->sha256 / sizeof *trust->sha256; i++)
        if (memcmp(trust->sha256[i], authority, 32) == 0)
            return true;
    return false;
}

static bool shows_name(const struct ek_certificate_state *certificate, const char *host)
{
    char name[280];
    ek_host_without_port(host, name, sizeof name);
    return certificate->present == EK_YES && strcmp(certificate->name, name) == 0;
}

static struct face running_face(const struct ek_member_observed *member)
{
    return (struct face){.there =
                             member->process != EK_NO && member->mode_running != EK_SSL_UNKNOWN,
                         .mode = member->mode_running,
                         .certificate = &member->certificate_running,
                         .trust = &member->trust_running};
}

static struct face crashed_face(const struct ek_member_observed *member)
{
    return (struct face){.there = member->mode_configured != EK_SSL_UNKNOWN,
                         .mode = member->mode_configured,
                         .certificate = &member->certificate_installed,
                         .trust = &member->trust_installed};
}

static bool reaches(const struct ek_state *state, struct face dialler, struct face taker,
                    const char *host)
{
    if (!dialler.there || !taker.there)
        return true; /* who is down dials nobody; law 2 speaks of that */
    if (!dials_by_tls(dialler.mode))
        return takes_plaintext(taker.mode);
    return takes_tls(taker.mode) && shows_name(taker.certificate, host) &&
           taker.certificate->issued_by_authority == EK_YES &&
           trusts(dialler.trust, state->authority_sha256) &&
           trusts(taker.trust, state->authority_sha256) &&
           dialler.certificate->issued_by_authority == EK_YES;
}

bool ek_talk_reaches(const struct ek_state *state, size_t from, size_t to)
{
    const struct ek_member_observed *dialler = &state->members[from];
    const struct ek_member_observed *taker = &state->members[to];
    struct face dials[2] = {running_face(dialler), crashed_face(dialler)};
    struct face takes[2] = {running_face(taker), crashed_face(taker)};
    for (int d = 0; d < 2; d++)
        for (int t = 0; t < 2; t++)
            if (!reaches(state, dials[d], takes[t], taker->host))
                return false;
    return true;
}
