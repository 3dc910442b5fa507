/* Reading certificates that are there. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "drivers/certificate/known.h"
#include "drivers/certificate/x509.h"
#include "reconciler/base/memory.h"

int ek_certificate_read(const char *pem, size_t length, struct ek_certificate_facts *ret_facts,
                        struct ek_error *err)
{
    EK_X509 *certificate = NULL;
    const struct ek_known_key key = ek_known_key(pem, length, NULL, 0);
    if (ek_known_facts(&key, ret_facts))
        return 0;
    int result = ek_x509_first(pem, length, &certificate, err);
    if (result != 0)
        return result;
    result = ek_x509_facts(certificate, ret_facts, err);
    if (result != 0)
        return result;
    ek_known_facts_add(&key, ret_facts);
    return 0;
}

int ek_certificate_issued_by(const char *leaf_pem, size_t leaf_length, const char *authority_pem,
                             size_t authority_length, struct ek_error *err)
{
    EK_X509 *leaf = NULL;
    EK_X509 *authority = NULL;
    const struct ek_known_key known =
        ek_known_key(leaf_pem, leaf_length, authority_pem, authority_length);
    if (ek_known_signed(&known))
        return 0;
    int result = ek_x509_first(leaf_pem, leaf_length, &leaf, err);
    if (result == 0)
        result = ek_x509_first(authority_pem, authority_length, &authority, err);
    if (result != 0)
        return result;
    EVP_PKEY *key = X509_get0_pubkey(authority);
    bool named = X509_NAME_cmp(X509_get_issuer_name(leaf), X509_get_subject_name(authority)) == 0;
    if (!named || !key || X509_verify(leaf, key) != 1)
        return ek_fail_openssl(err, EK_INVALID, "EK-0715",
                               "the certificate was not signed by this authority");
    ek_known_signed_add(&known);
    return 0;
}

int ek_certificate_bundle(const char *pem, size_t length, struct ek_fingerprints *ret_fingerprints,
                          struct ek_error *err)
{
    EK_BIO *bio = BIO_new_mem_buf(pem, (int)length);
    size_t count = 0;
    X509 *certificate;
    if (!bio)
        return ek_no_memory(err);
    ERR_clear_error();
    int result = 0;
    while (result == 0 && (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
        if (count < ret_fingerprints->max)
            result = ek_x509_digest(certificate, ret_fingerprints->sha256[count], err);
        count++;
        X509_free(certificate);
    }
    bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (!at_end || count == 0)
        return ek_fail_openssl(err, EK_INVALID, "EK-0713",
                               "the bundle holds something that is no certificate");
    ERR_clear_error();
    ret_fingerprints->count = count;
    return 0;
}

bool ek_certificate_key_is_sealed(const char *pem, size_t length)
{
    EK_BIO *bio = BIO_new_mem_buf(pem, (int)length);
    char *name = NULL;
    char *header = NULL;
    unsigned char *bytes = NULL;
    long bytes_length = 0;
    bool sealed = false;
    bool open = false;
    while (bio && PEM_read_bio(bio, &name, &header, &bytes, &bytes_length) == 1) {
        bool key = strstr(name, "PRIVATE KEY") != NULL;
        bool closed = strcmp(name, PEM_STRING_PKCS8) == 0 || strstr(header, "ENCRYPTED");
        sealed |= key && closed;
        open |= key && !closed;
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_clear_free(bytes, (size_t)bytes_length);
    }
    ERR_clear_error();
    return sealed && !open;
}
