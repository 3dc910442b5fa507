#include "drivers/certificate/x509.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "reconciler/base/hash.h"
#include "reconciler/base/memory.h"

int ek_fail_openssl(struct ek_error *err, enum ek_code code, const char *id, const char *what)
{
    char text[256] = "";
    unsigned long number = ERR_get_error();
    if (number && ERR_GET_REASON(number) == ERR_R_MALLOC_FAILURE) {
        ERR_clear_error();
        return ek_no_memory(err);
    }
    if (number)
        ERR_error_string_n(number, text, sizeof text);
    ERR_clear_error();
    ek_fail(err, code, id, "%s", what);
    ek_cause(err, "%s", text);
    return code;
}

int ek_x509_first(const char *pem, size_t length, X509 **ret_certificate, struct ek_error *err)
{
    EK_BIO *bio = BIO_new_mem_buf(pem, (int)length);
    X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    if (!certificate)
        return ek_fail_openssl(err, EK_INVALID, "EK-0713", "no certificate in PEM form");
    *ret_certificate = certificate;
    return 0;
}

static bool set_serial(X509 *certificate)
{
    BIGNUM *serial = BN_new();
    ASN1_INTEGER *encoded = X509_get_serialNumber(certificate);
    bool good = serial && BN_rand(serial, 128, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
                !BN_is_zero(serial) && BN_to_ASN1_INTEGER(serial, encoded);
    BN_free(serial);
    return good;
}

X509 *ek_x509_new(EVP_PKEY *public_key, int64_t not_before_s, int64_t not_after_s)
{
    X509 *certificate = X509_new();
    if (!certificate)
        return NULL;
    bool good = X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
                ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)not_before_s) &&
                ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)not_after_s) &&
                X509_set_pubkey(certificate, public_key) == 1;
    if (!good) {
        X509_free(certificate);
        return NULL;
    }
    return certificate;
}

bool ek_x509_extend(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509V3_set_ctx_nodb(&context);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool good = extension && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return good;
}

int ek_x509_to_pem(X509 *certificate, struct ek_buffer *ret_pem, struct ek_error *err)
{
    EK_BIO *bio = BIO_new(BIO_s_mem());
    if (!bio || PEM_write_bio_X509(bio, certificate) != 1)
        return ek_fail_openssl(err, EK_SYSTEM, "EK-0716", "a certificate could not be written");
    char *bytes;
    long length = BIO_get_mem_data(bio, &bytes);
    ek_buffer_add(ret_pem, bytes, (size_t)length);
    return ek_buffer_check(ret_pem, err);
}

static int64_t seconds_of(const ASN1_TIME *time)
{
    struct tm parts;
    return ASN1_TIME_to_tm(time, &parts) == 1 ? (int64_t)timegm(&parts) : 0;
}

int64_t ek_x509_end(const X509 *certificate)
{
    return seconds_of(X509_get0_notAfter(certificate));
}

int ek_x509_digest(X509 *certificate, uint8_t ret_sha256[static EK_SHA256_SIZE],
                   struct ek_error *err)
{
    uint8_t digest[EK_SHA256_SIZE];
    if (X509_digest(certificate, EVP_sha256(), digest, NULL) != 1) {
        ERR_clear_error();
        return ek_no_memory(err); /* nothing else can go wrong */
    }
    memcpy(ret_sha256, digest, sizeof digest);
    return 0;
}

static void subject_of(X509 *certificate, char *ret_text, size_t size)
{
    EK_BIO *bio = BIO_new(BIO_s_mem());
    char *bytes = NULL;
    if (!bio || X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) < 0)
        return;
    long length = BIO_get_mem_data(bio, &bytes);
    snprintf(ret_text, size, "%.*s", (int)length, bytes);
}

static void names_of(X509 *certificate, struct ek_certificate_facts *facts)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_IPADD)
            facts->address_count++;
        if (name->type != GEN_DNS)
            continue;
        size_t room = sizeof facts->names / sizeof *facts->names;
        if (facts->name_count < room)
            snprintf(facts->names[facts->name_count], sizeof *facts->names, "%.*s",
                     ASN1_STRING_length(name->d.dNSName),
                     (const char *)ASN1_STRING_get0_data(name->d.dNSName));
        facts->name_count++;
    }
    GENERAL_NAMES_free(names);
}

/* "P-256" is what people say of the curve that OpenSSL calls prime256v1. */
static void key_of(X509 *certificate, char *buffer, size_t size)
{
    const EVP_PKEY *key = X509_get0_pubkey(certificate);
    char curve[64] = "";
    size_t length;
    buffer[0] = 0;
    if (!key)
        return;
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
        snprintf(buffer, size, "RSA-%d", EVP_PKEY_get_bits(key));
    else if (EVP_PKEY_get_group_name(key, curve, sizeof curve, &length) == 1)
        snprintf(buffer, size, "%.*s", (int)size - 1,
                 strcmp(curve, "prime256v1") == 0 ? "P-256" : curve);
    else
        snprintf(buffer, size, "%.*s", (int)size - 1, OBJ_nid2sn(EVP_PKEY_get_base_id(key)));
}

int ek_x509_facts(X509 *certificate, struct ek_certificate_facts *ret_facts, struct ek_error *err)
{
    struct ek_certificate_facts facts = {0};
    BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
    char *hex = serial ? BN_bn2hex(serial) : NULL;
    snprintf(facts.serial, sizeof facts.serial, "%s", hex ? hex : "");
    OPENSSL_free(hex);
    BN_free(serial);
    int result = ek_x509_digest(certificate, facts.sha256, err);
    if (result != 0)
        return result;
    subject_of(certificate, facts.subject, sizeof facts.subject);
    facts.not_before_s = seconds_of(X509_get0_notBefore(certificate));
    facts.not_after_s = ek_x509_end(certificate);
    names_of(certificate, &facts);
    key_of(certificate, facts.key, sizeof facts.key);
    *ret_facts = facts;
    return 0;
}

bool ek_is_dns_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    struct in_addr address;
    if (strlen(name) > 253 || inet_pton(AF_INET, name, &address) == 1)
        return false;
    for (const char *label = name;;) {
        size_t length = strspn(label, letters);
        if (length == 0 || length > 63 || *label == '-' || label[length - 1] == '-')
            return false;
        if (!label[length])
            return true;
        if (label[length] != '.')
            return false;
        label += length + 1;
    }
}
