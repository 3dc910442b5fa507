/* effect: what the certificates' steps bring about. Pure. */
#include <stdio.h>
#include <string.h>

#include "reconciler/aspects/certificate/rows.h"
#include "reconciler/aspects/certificate/state.h"
#include "reconciler/aspects/certificate/validity.h"
#include "reconciler/aspects/replica_set/state.h"

static struct ek_member_certificates *member_of(const struct ek_effect *e)
{
    return ek_member_certificates(e->state, (size_t)e->step->member);
}

int ek_effect_create_authority(struct ek_effect *e, struct ek_error *err)
{
    struct ek_certificates *certificates = ek_certificates(e->state);
    (void)err;
    certificates->authority = EK_YES;
    certificates->authority_not_after_s =
        0; /* specs whose certificates would outlive it are wrong */
    memset(certificates->authority_sha256, 0xCA, sizeof certificates->authority_sha256);
    return 0;
}

int ek_effect_install_trust(struct ek_effect *e, struct ek_error *err)
{
    size_t m = (size_t)e->step->member;
    struct ek_trust_state *trust = &member_of(e)->trust_installed;
    (void)err;
    ek_old_files_left(member_of(e));
    memset(trust, 0, sizeof *trust);
    trust->present = EK_YES;
    trust->count = 1;
    memcpy(trust->sha256[0], ek_certificates(e->state)->authority_sha256, sizeof trust->sha256[0]);
    if (ek_member(e->state, m)->process == EK_YES &&
        ek_member_transport(e->state, m)->mode_running > EK_SSL_DISABLED)
        member_of(e)->trust_running =
            (struct ek_trust_state){.present = EK_YES}; /* what, nobody knows */
    return 0;
}

/* A certificate that is not issued yet has no fingerprint; a stand-in that differs from every
 * other member's and from the one before says all that a plan needs: it is a new one. */
int ek_effect_issue_certificate(struct ek_effect *e, struct ek_error *err)
{
    struct ek_certificate_state *certificate = &member_of(e)->certificate_installed;
    uint8_t before = certificate->present == EK_YES ? certificate->sha256[0] : 0;
    (void)err;
    memset(certificate, 0, sizeof *certificate);
    member_of(e)->key_password = EK_YES;
    ek_old_files_left(member_of(e));
    certificate->present = EK_YES;
    memset(certificate->sha256, e->step->member, sizeof certificate->sha256);
    certificate->sha256[0] = (uint8_t)(before + 1);
    certificate->issued_by_authority = EK_YES;
    certificate->key_sealed = EK_YES;
    certificate->sole_name = EK_YES;
    snprintf(certificate->key, sizeof certificate->key, "%s", ek_certificate_key_wanted(e->spec));
    certificate->not_after_s = ek_certificate_end(EK_SITUATION(e->spec, e->state, e->policy));
    ek_domain_name(e->spec, ek_transport(e->state)->domain_label, (size_t)e->step->member,
                   certificate->name, sizeof certificate->name);
    return 0;
}

int ek_effect_remove_old_files(struct ek_effect *e, struct ek_error *err)
{
    (void)err;
    member_of(e)->old_files = EK_NO;
    return 0;
}
