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
    uint8_t sha256[32];   /* of the DER */
    char serial[64];      /* hex */
    char subject[256];    /* RFC 2253 */
    int64_t not_before_s; /* epoch */
    int64_t not_after_s;
    char names[4][256];   /* DNS names of the SAN, in order, the first four */
    size_t name_count;    /* how many DNS names there really are */
    size_t address_count; /* IP addresses in the SAN */
};

struct ek_certificate_driver {
    const char *name; /* "built-in" */

    /* MUST. EK_NOT_FOUND when the authority does not exist yet; else its certificate (PEM)
     * and facts. Does not need the master key. */
    int (*find)(const struct ek_authority *authority, struct ek_buffer *ret_pem,
                struct ek_certificate_facts *ret_facts, struct ek_error *err);

    /* MUST. Make the authority: key, self-signed root (CA, pathlen 0, keyCertSign + cRLSign,
     * random 128-bit serial, notBefore back-dated 10 min). Key sealed first, certificate second.
     * Killed in between, the next call starts over. EK_EXISTS when it is there already. */
    int (*create)(const struct ek_authority *authority, int64_t now_s, struct ek_error *err);

    /* MUST. Sign a PEM request (proof of possession verified) for exactly `names` (the
     * request's own names are ignored): serverAuth + clientAuth, O = the authority's
     * organization, OU = deployment, CN = names[0]. EK-07xx on a key that can't be unsealed. */
    int (*sign)(const struct ek_authority *authority, const char *request_pem,
                const char *const *names, size_t name_count, const char *deployment, int64_t now_s,
                int64_t validity_s, struct ek_buffer *ret_pem, struct ek_error *err);
};

const struct ek_certificate_driver *ek_certificate_driver_named(const char *name);

/* Facts of the first certificate in `pem`. */
int ek_certificate_read(const char *pem, size_t length, struct ek_certificate_facts *ret_facts,
                        struct ek_error *err);

/* 0 when the first certificate of `leaf_pem` was signed by the first of `authority_pem`,
 * EK_INVALID when not. Dates are not looked at. */
int ek_certificate_issued_by(const char *leaf_pem, size_t leaf_length, const char *authority_pem,
                             size_t authority_length, struct ek_error *err);

/* Fingerprints (SHA-256 of the DER) of every certificate in a bundle; at most `max`.
 * *ret_count may exceed max (then only max were written). */
int ek_certificate_bundle(const char *pem, size_t length, uint8_t (*ret_sha256)[32], size_t max,
                          size_t *ret_count, struct ek_error *err);

/* On the host, with its own openssl(1): make a key pair, encrypted PKCS#8 at `key_path`
 * (mode 0600; password on standard input, never in argv), and a request for `common_name`
 * signed by it. The key never leaves the host; only the request is returned. */
int ek_certificate_request_on_host(const struct ek_host_driver *driver, const struct ek_host *host,
                                   const char *key_path, enum ek_key_algorithm algorithm,
                                   const struct ek_secret *password, const char *common_name,
                                   int64_t deadline, struct ek_buffer *ret_request_pem,
                                   struct ek_error *err);

/* Join on the host: certificate followed by the encrypted key of `key_path`, written
 * atomically to `pem_path` (mode 0600): what net.tls.certificateKeyFile takes. Refuses
 * (EK-0705) a certificate whose public key is not that of the key. */
int ek_certificate_install_on_host(const struct ek_host_driver *driver, const struct ek_host *host,
                                   const char *certificate_pem, const char *key_path,
                                   const char *pem_path, const struct ek_secret *password,
                                   int64_t deadline, struct ek_error *err);

/* Whether the private key in a certificateKeyFile's text is encrypted. */
bool ek_certificate_key_is_sealed(const char *pem, size_t length);

#endif
