/* certificate "built-in": an authority whose key is a sealed secret of Evenkeel's own. */
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "drivers/certificate/drivers.h"
#include "drivers/certificate/x509.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/file.h"
#include "reconciler/base/lock.h"

#define BACK_DATED_S (10 * 60)
#define LEAF_VALIDITY_MAX_S (INT64_C(730) * 24 * 3600)

enum { PEM_MAX = 1 << 16, NAME_LENGTH_MAX = 64, LOCK_MS = 30000 };

static void certificate_path(const struct ek_authority *authority, const char *suffix,
                             char ret_path[static PATH_MAX])
{
    snprintf(ret_path, PATH_MAX, "%s/authorities/%s/%s%s", authority->store->directory,
             authority->spec->account, authority->spec->name, suffix);
}

static void key_name(const struct ek_authority *authority, char *ret_name, size_t size)
{
    snprintf(ret_name, size, "%s/authority/%s", authority->spec->account, authority->spec->name);
}

static int find(const struct ek_authority *authority, struct ek_buffer *ret_pem,
                struct ek_certificate_facts *ret_facts, struct ek_error *err)
{
    char path[PATH_MAX];
    EK_BUFFER pem = {0};
    certificate_path(authority, ".pem", path);
    int result = ek_file_read(path, PEM_MAX, &pem, NULL, err);
    if (result == EK_NOT_FOUND)
        return ek_fail(err, EK_NOT_FOUND, "EK-0711", "certificate authority %s/%s was not made yet",
                       authority->spec->account, authority->spec->name);
    if (result == 0)
        result = ek_certificate_read(ek_buffer_text(&pem), pem.length, ret_facts, err);
    if (result != 0)
        return result;
    *ret_pem = pem;
    pem = (struct ek_buffer){0};
    return 0;
}

/* ---- create ---- */

static EVP_PKEY *new_key(enum ek_key_algorithm algorithm)
{
    return algorithm == EK_KEY_RSA3072 ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)3072)
                                       : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
}

static bool add_name(X509_NAME *name, const char *field, const char *value)
{
    return !value || !*value ||
           X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, (const unsigned char *)value, -1,
                                      -1, 0) == 1;
}

static X509 *self_signed(const struct ek_authority_spec *spec, EVP_PKEY *key, int64_t now_s)
{
    X509 *root = ek_x509_new(key, now_s - BACK_DATED_S, now_s + spec->validity_s);
    if (!root)
        return NULL;
    X509_NAME *name = X509_get_subject_name(root);
    bool good = add_name(name, "O", spec->organization) &&
                add_name(name, "CN", spec->common_name) && X509_set_issuer_name(root, name) == 1 &&
                ek_x509_extend(root, root, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
                ek_x509_extend(root, root, NID_key_usage, "critical,keyCertSign,cRLSign") &&
                ek_x509_extend(root, root, NID_subject_key_identifier, "hash") &&
                ek_x509_extend(root, root, NID_authority_key_identifier, "keyid:always") &&
                X509_sign(root, key, EVP_sha256()) > 0;
    if (!good) {
        X509_free(root);
        return NULL;
    }
    return root;
}

static int key_to_secret(EVP_PKEY *key, struct ek_secret **ret_secret, struct ek_error *err)
{
    EK_BIO *bio = BIO_new(BIO_s_secmem());
    char *bytes;
    if (!bio || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
        return ek_fail_openssl(err, EK_SYSTEM, "EK-0716", "the authority's key can't be written");
    long length = BIO_get_mem_data(bio, &bytes);
    return ek_secret_make(bytes, (size_t)length, ret_secret, err);
}

/* One maker at a time, or the key of one would meet the certificate of the other. Who comes second
 * waits, and finds what the first one made. */
static int lock(const struct ek_authority *authority, int *ret_fd, struct ek_error *err)
{
    char path[PATH_MAX];
    certificate_path(authority, "", path);
    *strrchr(path, '/') = 0;
    int result = ek_directory_make(path, 0755, err);
    if (result != 0)
        return result;
    certificate_path(authority, ".lock", path);
    result = ek_lock_take(path, "EK-0502", ek_monotonic_ms() + LOCK_MS, ret_fd, err);
    return result == EK_LOCKED ? ek_fail(err, EK_LOCKED, "EK-0721", "%s is locked", path) : result;
}

static int create_locked(const struct ek_authority *authority, int64_t now_s, struct ek_error *err)
{
    char path[PATH_MAX];
    char name[512];
    EK_SECRET *secret = NULL;
    EK_BUFFER pem = {0};
    certificate_path(authority, ".pem", path);
    key_name(authority, name, sizeof name);
    if (access(path, F_OK) == 0)
        return ek_fail(err, EK_EXISTS, "EK-0712", "certificate authority %s/%s is there",
                       authority->spec->account, authority->spec->name);
    ERR_clear_error();
    EK_KEY *key = new_key(authority->spec->algorithm);
    EK_X509 *root = key ? self_signed(authority->spec, key, now_s) : NULL;
    if (!root)
        return ek_fail_openssl(err, EK_SYSTEM, "EK-0716", "the authority could not be made");
    int result = key_to_secret(key, &secret, err);
    if (result == 0)
        result = ek_x509_to_pem(root, &pem, err);
    if (result == 0)
        result = authority->secrets->seal(authority->store, name, secret, err);
    if (result == 0)
        result = ek_file_write(path, pem.bytes, pem.length, 0644, err);
    return result;
}

static int create(const struct ek_authority *authority, int64_t now_s, struct ek_error *err)
{
    int fd = -1;
    int result = lock(authority, &fd, err);
    if (result != 0)
        return result;
    result = create_locked(authority, now_s, err);
    close(fd);
    return result;
}

/* ---- sign ---- */

struct signer {
    X509 *certificate;
    EVP_PKEY *key;
    const char *organization; /* borrowed */
};

static void signer_done(struct signer *signer)
{
    X509_free(signer->certificate);
    EVP_PKEY_free(signer->key);
}

static int load_signer(const struct ek_authority *authority, struct signer *ret_signer,
                       struct ek_error *err)
{
    char name[512];
    EK_BUFFER pem = {0};
    EK_SECRET *secret = NULL;
    struct ek_certificate_facts facts;
    key_name(authority, name, sizeof name);
    int result = find(authority, &pem, &facts, err);
    if (result == 0)
        result = authority->secrets->unseal(authority->store, name, &secret, err);
    if (result == 0)
        result = ek_x509_first(ek_buffer_text(&pem), pem.length, &ret_signer->certificate, err);
    if (result != 0)
        return ek_wrap(err, "certificate authority %s/%s", authority->spec->account,
                       authority->spec->name),
               result;
    EK_BIO *bio = BIO_new_mem_buf(ek_secret_reveal(secret), (int)ek_secret_length(secret));
    ret_signer->key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
    if (!ret_signer->key || X509_check_private_key(ret_signer->certificate, ret_signer->key) != 1)
        return ek_fail_openssl(err, EK_CONFLICT, "EK-0719",
                               "the authority's certificate and its sealed key don't fit");
    return 0;
}

static int read_request(const char *pem, X509_REQ **ret_request, struct ek_error *err)
{
    EK_BIO *bio = BIO_new_mem_buf(pem, -1);
    EK_X509_REQUEST *request = bio ? PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL) : NULL;
    EVP_PKEY *key = request ? X509_REQ_get0_pubkey(request) : NULL;
    if (!key)
        return ek_fail_openssl(err, EK_INVALID, "EK-0714", "no certificate request in PEM form");
    if (X509_REQ_verify(request, key) != 1)
        return ek_fail_openssl(err, EK_INVALID, "EK-0714",
                               "the request is not signed by the key it names");
    if (EVP_PKEY_get_security_bits(key) < 112)
        return ek_fail(err, EK_INVALID, "EK-0714", "the request's key is too weak");
    *ret_request = request;
    request = NULL;
    return 0;
}

static int check_names(const char *const *names, size_t count, struct ek_error *err)
{
    if (count == 0)
        return ek_fail(err, EK_INVALID, "EK-0718", "no name was given for the certificate");
    for (size_t i = 0; i < count; i++)
        if (!ek_is_dns_name(names[i]))
            return ek_fail(err, EK_INVALID, "EK-0718", "'%s' is not a DNS name", names[i]);
    return 0;
}

/* X.509 limits a common name to 64 bytes; a longer DNS name stands there by its first label
 * (clients read the SAN). */
static void common_name(const char *name, char ret_text[NAME_LENGTH_MAX + 1])
{
    size_t length = strlen(name) <= NAME_LENGTH_MAX ? strlen(name) : strcspn(name, ".");
    snprintf(ret_text, NAME_LENGTH_MAX + 1, "%.*s", (int)length, name);
}

static bool extend_leaf(X509 *leaf, X509 *issuer, bool rsa, const char *const *names, size_t count)
{
    EK_BUFFER san = {0};
    for (size_t i = 0; i < count; i++)
        ek_buffer_printf(&san, "%sDNS:%s", i ? "," : "", names[i]);
    const char *usage =
        rsa ? "critical,digitalSignature,keyEncipherment" : "critical,digitalSignature";
    return !san.failed &&
           ek_x509_extend(leaf, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
           ek_x509_extend(leaf, issuer, NID_key_usage, usage) &&
           ek_x509_extend(leaf, issuer, NID_ext_key_usage, "serverAuth,clientAuth") &&
           ek_x509_extend(leaf, issuer, NID_subject_alt_name, ek_buffer_text(&san)) &&
           ek_x509_extend(leaf, issuer, NID_subject_key_identifier, "hash") &&
           ek_x509_extend(leaf, issuer, NID_authority_key_identifier, "keyid:always");
}

static int64_t leaf_end(X509 *authority, int64_t now_s, int64_t validity_s)
{
    int64_t authority_end = ek_x509_end(authority);
    int64_t end = now_s + validity_s;
    int64_t longest = now_s - BACK_DATED_S + LEAF_VALIDITY_MAX_S;
    end = end < longest ? end : longest;
    return end < authority_end ? end : authority_end;
}

static X509 *issue(const struct signer *signer, EVP_PKEY *public_key,
                   const struct ek_signing *signing, int64_t end_s)
{
    char common[NAME_LENGTH_MAX + 1];
    X509 *leaf = ek_x509_new(public_key, signing->now_s - BACK_DATED_S, end_s);
    if (!leaf)
        return NULL;
    common_name(signing->names[0], common);
    X509_NAME *subject = X509_get_subject_name(leaf);
    bool rsa = EVP_PKEY_is_a(public_key, "RSA") == 1;
    bool good = add_name(subject, "O", signer->organization) &&
                add_name(subject, "OU", signing->deployment) && add_name(subject, "CN", common) &&
                X509_set_issuer_name(leaf, X509_get_subject_name(signer->certificate)) == 1 &&
                extend_leaf(leaf, signer->certificate, rsa, signing->names, signing->name_count) &&
                X509_sign(leaf, signer->key, EVP_sha256()) > 0;
    if (!good) {
        X509_free(leaf);
        return NULL;
    }
    return leaf;
}

static int sign_with(const struct signer *signer, X509_REQ *request,
                     const struct ek_signing *signing, struct ek_buffer *ret_pem,
                     struct ek_error *err)
{
    int64_t end_s = leaf_end(signer->certificate, signing->now_s, signing->validity_s);
    if (end_s <= signing->now_s)
        return ek_fail(err, EK_CONFLICT, "EK-0719",
                       "the certificate authority has expired, or no time was asked for");
    EK_X509 *leaf = issue(signer, X509_REQ_get0_pubkey(request), signing, end_s);
    if (!leaf)
        return ek_fail_openssl(err, EK_SYSTEM, "EK-0716", "the certificate could not be made");
    return ek_x509_to_pem(leaf, ret_pem, err);
}

static int sign(const struct ek_authority *authority, const struct ek_signing *signing,
                struct ek_buffer *ret_pem, struct ek_error *err)
{
    struct signer signer = {.organization = authority->spec->organization};
    EK_X509_REQUEST *request = NULL;
    ERR_clear_error();
    int result = check_names(signing->names, signing->name_count, err);
    if (result == 0)
        result = read_request(signing->request_pem, &request, err);
    if (result == 0)
        result = load_signer(authority, &signer, err);
    if (result == 0)
        result = sign_with(&signer, request, signing, ret_pem, err);
    signer_done(&signer);
    return result;
}

const struct ek_certificate_driver ek_certificate_built_in = {
    .name = "built-in",
    .find = find,
    .create = create,
    .sign = sign,
};
