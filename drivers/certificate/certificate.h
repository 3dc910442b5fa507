/* certificate: authorities, key pairs on hosts, requests and what they become. */
#ifndef EK_DRIVERS_CERTIFICATE_CERTIFICATE_H
#define EK_DRIVERS_CERTIFICATE_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/host/host.h"
#include "drivers/secret/secret.h"
#include "reconciler/base/buffer.h"
#include "reconciler/base/error.h"
#include "reconciler/base/hash.h"
#include "reconciler/base/sizes.h"
#include "specs/spec.h"

/* An authority and where its parts are. The certificate is <store.directory>/authorities/
 * <account>/<name>.pem (public); the key is sealed as secret "<account>/authority/<name>". */
struct ek_authority {
    const struct ek_authority_spec *spec;
    const struct ek_secret_store *store;
    const struct ek_secret_driver *secrets;
};

/* What is known of a certificate (a file's first one, or the one a server presents). */
struct ek_certificate_facts {
    uint8_t sha256[EK_SHA256_SIZE]; /* of the DER */
    char serial[64];                /* hex */
    char subject[256];              /* RFC 2253 */
    int64_t not_before_s;           /* epoch */
    int64_t not_after_s;
    char names[4][EK_DNS_NAME_SIZE]; /* DNS names of the SAN, in order, the first four */
    size_t name_count;               /* how many DNS names there really are */
    size_t address_count;            /* IP addresses in the SAN */
    char key[24]; /* "P-256", "RSA-3072"; as the specs write what they know, "" not known */
};

/* A certificate to sign. Borrowed. */
struct ek_signing {
    const char *request_pem;
    const char *const *names; /* DNS names of the SAN; what the request itself names is ignored */
    size_t name_count;        /* at least 1 */
    const char *deployment;   /* becomes the OU */
    int64_t now_s;            /* epoch */
    int64_t validity_s;       /* from now_s; capped by the authority's own end */
};

/* Authority and signing are borrowed; what comes back by ret_... is the caller's and untouched on
 * failure. Nothing here waits for the network. */
struct ek_certificate_driver {
    const char *name; /* "built-in" */

    /* MUST. EK_NOT_FOUND when the authority does not exist yet; else its certificate (PEM)
     * and facts. Does not need the master key. EK-0713 when what is there is no certificate. */
    int (*find)(const struct ek_authority *authority, struct ek_buffer *ret_pem,
                struct ek_certificate_facts *ret_facts, struct ek_error *err);

    /* MUST. Make the authority: key, self-signed root (CA, pathlen 0, keyCertSign + cRLSign,
     * random 128-bit serial, notBefore back-dated 10 min); `now_s` is epoch seconds. Key sealed
     * first, certificate second. Killed in between, the next call starts over. EK_EXISTS when it
     * is there already. */
    int (*create)(const struct ek_authority *authority, int64_t now_s, struct ek_error *err);

    /* MUST. Sign a PEM request (proof of possession verified) for exactly signing->names:
     * serverAuth + clientAuth, O = the authority's organization, OU = deployment, CN = names[0].
     * EK_INVALID: a request (EK-0714) or a name (EK-0718) that can't be; EK_CONFLICT (EK-0719): the
     * authority has expired or is not the one of its key; EK-07xx: the key can't be unsealed. */
    int (*sign)(const struct ek_authority *authority, const struct ek_signing *signing,
                struct ek_buffer *ret_pem, struct ek_error *err);
};

const struct ek_certificate_driver *ek_certificate_driver_named(const char *name);

/* Facts of the first certificate in `pem`. */
int ek_certificate_read(const char *pem, size_t length, struct ek_certificate_facts *ret_facts,
                        struct ek_error *err);

/* 0 when the first certificate of `leaf_pem` was signed by the first of `authority_pem`,
 * EK_INVALID when not. Dates are not looked at. */
int ek_certificate_issued_by(const char *leaf_pem, size_t leaf_length, const char *authority_pem,
                             size_t authority_length, struct ek_error *err);

/* Room for fingerprints (SHA-256 of the DER); the room itself is the caller's. */
struct ek_fingerprints {
    uint8_t (*sha256)[EK_SHA256_SIZE];
    size_t max;   /* how many there is room for */
    size_t count; /* how many there are, which may be more (then only max were written) */
};

/* Fingerprints of every certificate in a bundle. EK_INVALID (EK-0713) when anything in it is no
 * certificate; ret_fingerprints->count is then untouched. */
int ek_certificate_bundle(const char *pem, size_t length, struct ek_fingerprints *ret_fingerprints,
                          struct ek_error *err);

/* The host that keys are made on, and until when (ek_monotonic_ms() time). Borrowed. */
struct ek_key_host {
    const struct ek_host_driver *driver;
    const struct ek_host *host;
    int64_t deadline;
};

/* A key pair that is to be made on a host. Borrowed. */
struct ek_key_order {
    const char *key_path; /* there: encrypted PKCS#8, mode 0600 */
    enum ek_key_algorithm algorithm;
    const struct ek_secret *password; /* that encrypts it: one line of printable letters */
    const char *common_name;          /* of the request: a DNS name */
};

/* With the host's own openssl(1): make a key pair (password on standard input, never in argv) and
 * a request signed by it. The key never leaves the host; only the request is returned. A failure
 * leaves the key that was there. EK-0717 (openssl), EK-0718 (name), EK-0720 (password), EK-04xx. */
int ek_certificate_request_on_host(const struct ek_key_host *at, const struct ek_key_order *order,
                                   struct ek_buffer *ret_request_pem, struct ek_error *err);

/* A certificate that is to be joined with its key on a host. Borrowed. */
struct ek_installation {
    const char *certificate_pem;
    const char *key_path;             /* of the encrypted key there */
    const char *pem_path;             /* of the joined file there, mode 0600 */
    const struct ek_secret *password; /* of the key */
};

/* Join on the host: certificate followed by the encrypted key, written atomically: what
 * net.tls.certificateKeyFile takes. EK_CONFLICT (EK-0705): the certificate is another key's. */
int ek_certificate_install_on_host(const struct ek_key_host *at,
                                   const struct ek_installation *installation,
                                   struct ek_error *err);

/* Whether the private key in a certificateKeyFile's text is encrypted. */
bool ek_certificate_key_is_sealed(const char *pem, size_t length);

#endif
