/* OpenSSL objects with cleanup, and the few things done to them in more than one file. */
#ifndef EK_DRIVERS_CERTIFICATE_X509_H
#define EK_DRIVERS_CERTIFICATE_X509_H

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "drivers/certificate/certificate.h"
#include "reconciler/base/hash.h"

static inline void ek_x509_cleanup(X509 **certificate)
{
    X509_free(*certificate);
}
static inline void ek_x509_request_cleanup(X509_REQ **request)
{
    X509_REQ_free(*request);
}
static inline void ek_key_cleanup(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}
static inline void ek_bio_cleanup(BIO **bio)
{
    BIO_free_all(*bio);
}

#define EK_X509 EK_CLEANUP(ek_x509_cleanup) X509
#define EK_X509_REQUEST EK_CLEANUP(ek_x509_request_cleanup) X509_REQ
#define EK_KEY EK_CLEANUP(ek_key_cleanup) EVP_PKEY
#define EK_BIO EK_CLEANUP(ek_bio_cleanup) BIO

/* Fail as row `id` with OpenSSL's own first error as the cause; its queue is emptied. */
int ek_fail_openssl(struct ek_error *err, enum ek_code code, const char *id, const char *what);

/* The first certificate of a PEM text. EK_INVALID (EK-0713). */
int ek_x509_first(const char *pem, size_t length, X509 **ret_certificate, struct ek_error *err);

/* A new certificate with everything that authority and leaf have in common: version 3, a
 * random 128-bit serial, dates and public key. NULL when OpenSSL fails. */
X509 *ek_x509_new(EVP_PKEY *public_key, int64_t not_before_s, int64_t not_after_s);

/* Add an extension written as in openssl.cnf; the issuer may be the certificate itself. */
bool ek_x509_extend(X509 *certificate, X509 *issuer, int nid, const char *value);

/* A certificate as PEM text. */
int ek_x509_to_pem(X509 *certificate, struct ek_buffer *ret_pem, struct ek_error *err);

/* SHA-256 of its DER. */
/* The last second in which it is valid. */
int64_t ek_x509_end(const X509 *certificate);

int ek_x509_digest(X509 *certificate, uint8_t ret_sha256[static EK_SHA256_SIZE],
                   struct ek_error *err);

/* What a certificate says. */
int ek_x509_facts(X509 *certificate, struct ek_certificate_facts *ret_facts, struct ek_error *err);

/* Whether `name` can stand in a SAN as a DNS name. */
bool ek_is_dns_name(const char *name);

#endif
