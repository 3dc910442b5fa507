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

static struct face crashed_face(const struct ek_member_observed *member)
{
    return (struct face){.there = member->mode_configured != EK_SSL_UNKNOWN,
                         .mode = member->mode_configured,
                         .certificate = &member->certificate_installed,
                         .trust = &member->trust_installed};
}

static struct face running_face(const struct ek_member_observed *member)
{
    if (member->process == EK_NO)
        return crashed_face(member); /* as which it will run next */
    return (struct face){.there = member->mode_running != EK_SSL_UNKNOWN,
                         .mode = member->mode_running,
                         .certificate = &member->certificate_running,
                         .trust = &member->trust_running};
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
           trusts(dialler.trust, state->authority_sha256) &&
           trusts(taker.trust, state->authority_sha256) &&
           dialler.certificate->issued_by_authority == EK_YES;
}

/* In one of the four combinations of how each of the two runs and would come back. */
static bool reaches_as(const struct ek_state *state, size_t from, size_t to, int combination)
{
    const struct ek_member_observed *dialler = &state->members[from];
    const struct ek_member_observed *taker = &state->members[to];
    return reaches(state, combination & 1 ? crashed_face(dialler) : running_face(dialler),
                   combination & 2 ? crashed_face(taker) : running_face(taker), taker->host);
}

bool ek_talk_breaks(const struct ek_state *before, const struct ek_state *after, size_t from,
                    size_t to)
{
    for (int combination = 0; combination < 4; combination++)
        if (reaches_as(before, from, to, combination) && !reaches_as(after, from, to, combination))
            return true;
    return false;
}
