/* The certificates' part of a state: the authority, what is installed on the hosts, what runs. */
#ifndef EK_ASPECTS_CERTIFICATE_STATE_H
#define EK_ASPECTS_CERTIFICATE_STATE_H

#include "reconciler/base/hash.h"
#include "reconciler/kernel/state.h"

enum {
    EK_TRUSTED_MAX = 4,
    EK_CERTIFICATE_NAME_SIZE = 256,
    EK_CERTIFICATE_KEY_SIZE = 24,
};

struct ek_certificate_state {
    enum ek_tri present;
    uint8_t sha256[EK_SHA256_SIZE];
    enum ek_tri issued_by_authority;     /* by the deployment's authority as it is now */
    enum ek_tri key_sealed;              /* installed ones only */
    enum ek_tri sole_name;               /* carries `name` and nothing else */
    char name[EK_CERTIFICATE_NAME_SIZE]; /* the first DNS name it carries */
    char key[EK_CERTIFICATE_KEY_SIZE];   /* "P-256", "RSA-3072", …; "" not known */
    int64_t not_after_s;
};

struct ek_trust_state {
    enum ek_tri present;
    size_t count; /* of authorities trusted */
    uint8_t sha256[EK_TRUSTED_MAX][EK_SHA256_SIZE];
};

struct ek_certificates {
    enum ek_tri authority; /* the certificate authority exists */
    uint8_t authority_sha256[EK_SHA256_SIZE];
    int64_t authority_not_after_s; /* epoch, 0: not known */
};

struct ek_member_certificates {
    struct ek_certificate_state certificate_installed;
    struct ek_trust_state trust_installed;
    enum ek_tri key_password; /* the controller holds the sealed password of the installed key */
    struct ek_certificate_state certificate_running; /* as presented to a TLS client */
    struct ek_trust_state trust_running;
    /* where earlier versions kept files: see struct ek_old_paths */
    enum ek_tri old_files;            /* some of this very member's are there */
    enum ek_tri old_files_configured; /* its configuration names them */
    enum ek_tri old_files_running;    /* its process does */
    struct ek_text_ref foreign; /* the file that its configuration names although none of Evenkeel's
                                   was ever there, "" none */
};

/* Part of the effect of every step that writes files of the member: what its configuration named at
 * the old place, it names at the new one. */
static inline void ek_old_files_left(struct ek_member_certificates *certificates)
{
    if (certificates->old_files_configured == EK_YES)
        certificates->old_files_configured = EK_NO;
}

EK_STATE_PART(ek_certificates, struct ek_certificates, EK_PART_certificate)
EK_STATE_PART(ek_member_certificates, struct ek_member_certificates, EK_PART_certificate_members)
#define ek_certificates(state) EK_STATE_ELEMENT(ek_certificates, state, 0)
#define ek_member_certificates(state, i) EK_STATE_ELEMENT(ek_member_certificates, state, i)

#endif
