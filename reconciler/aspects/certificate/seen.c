/* Whether an observation shows what the certificates' steps should have brought about. Pure. */
#include <string.h>

#include "reconciler/aspects/certificate/rows.h"
#include "reconciler/aspects/certificate/state.h"
#include "reconciler/aspects/replica_set/state.h"

static const struct ek_member_certificates *now(const struct ek_confirmation *c)
{
    return ek_member_certificates(c->observed->state, (size_t)c->step->member);
}

static const char *name(const struct ek_confirmation *c)
{
    return ek_member(c->observed->state, (size_t)c->step->member)->name;
}

bool ek_seen_create_authority(const struct ek_confirmation *c)
{
    return ek_certificates(c->observed->state)->authority == EK_YES ||
           ek_missing(c, "the authority is not there");
}

bool ek_seen_install_trust(const struct ek_confirmation *c)
{
    const struct ek_trust_state *trust = &now(c)->trust_installed;
    if (trust->present == EK_YES && trust->count == 1 &&
        memcmp(trust->sha256[0], ek_certificates(c->observed->state)->authority_sha256, 32) == 0)
        return true;
    return ek_missing(c, "the authority's certificate is not on the host of member %s", name(c));
}

bool ek_seen_remove_old_files(const struct ek_confirmation *c)
{
    return now(c)->old_files == EK_NO ||
           ek_missing(c, "files of an earlier version are still on the host of member %s", name(c));
}

/* Nothing lasts longer than what its authority signs at its own end. */
static bool lasts(const struct ek_confirmation *c, const struct ek_certificate_state *certificate)
{
    int64_t left_s = certificate->not_after_s - c->observed->policy->now_s;
    int64_t authority_s = ek_certificates(c->observed->state)->authority_not_after_s;
    return left_s >= c->observed->spec->certificates.renew_before_s ||
           (authority_s != 0 && left_s > 0 && certificate->not_after_s >= authority_s);
}

bool ek_seen_issue_certificate(const struct ek_confirmation *c)
{
    const struct ek_certificate_state *certificate = &now(c)->certificate_installed;
    if (now(c)->key_password != EK_YES)
        return ek_missing(c, "the password of member %s's key is not sealed", name(c));
    const struct ek_certificate_state *expected =
        &ek_member_certificates(c->expected, (size_t)c->step->member)->certificate_installed;
    if (certificate->present == EK_YES && certificate->issued_by_authority == EK_YES &&
        certificate->key_sealed == EK_YES && strcmp(certificate->name, expected->name) == 0 &&
        lasts(c, certificate))
        return true;
    return ek_missing(c, "the new certificate is not on the host of member %s", name(c));
}
