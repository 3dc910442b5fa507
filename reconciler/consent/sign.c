#include "reconciler/consent/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/file.h"
#include "reconciler/base/json.h"
#include "reconciler/base/memory.h"

enum { SIGNATURE_BYTES = 64, KEY_FILE_MAX = 8192 };

static const char algorithm[] = "ed25519";

/* ---- private keys --------------------------------------------------------------------- */

static int write_new(const char *path, const char *bytes, size_t length, struct ek_error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == EEXIST) {
        ek_fail(err, EK_EXISTS, "EK-1123", "%s exists; a key is never written over", path);
        return ek_hint(err, "give another file");
    }
    if (fd < 0)
        return ek_fail_errno(err, "EK-1124", path);
    int result = ek_fd_write_all(fd, bytes, length) == 0 && fsync(fd) == 0
                     ? 0
                     : ek_fail_errno(err, "EK-1124", path);
    close(fd);
    if (result == 0 && ek_directory_sync_of(path) != 0)
        result = ek_fail_errno(err, "EK-1124", path);
    if (result != 0)
        unlink(path);
    return result;
}

int ek_sign_key_create(const char *path, char ret_public[EK_PUBLIC_KEY_SIZE], struct ek_error *err)
{
    char public[EK_PUBLIC_KEY_SIZE];
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    BIO *bio = BIO_new(BIO_s_secmem());
    char *bytes = NULL;
    long length = 0;
    if (key && bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1)
        length = BIO_get_mem_data(bio, &bytes);
    int result = length > 0 && ek_public_key_print(key, public)
                     ? write_new(path, bytes, (size_t)length, err)
                     : ek_fail(err, EK_SYSTEM, "EK-1124", "no key could be made");
    BIO_free(bio);
    EVP_PKEY_free(key);
    if (result == 0)
        memcpy(ret_public, public, sizeof public);
    return result;
}

static int check_mode(const char *path, struct ek_error *err)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return ek_fail_errno(err, "EK-1124", path);
    if (status.st_mode & 0077) {
        ek_fail(err, EK_DENIED, "EK-1122", "%s has mode %04o; others than its owner may use it",
                path, (unsigned)status.st_mode & 07777);
        return ek_hint(err, "chmod 600 %s; when others could read it, make a new one", path);
    }
    return 0;
}

static int read_private(const char *path, EVP_PKEY **ret_key, struct ek_error *err)
{
    EK_CLEANUP(ek_buffer_wipe) struct ek_buffer text = {0};
    int result = check_mode(path, err);
    if (result == 0)
        result = ek_input_read(path, KEY_FILE_MAX, &text, err);
    if (result != 0)
        return result;
    BIO *bio = BIO_new_mem_buf(ek_buffer_text(&text), (int)text.length);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)(uintptr_t) "") : NULL;
    BIO_free(bio);
    if (key && EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519) {
        *ret_key = key;
        return 0;
    }
    EVP_PKEY_free(key);
    ek_fail(err, EK_INVALID, "EK-1124", "%s is no Ed25519 private key in PEM", path);
    return ek_hint(err, "evenkeel key new FILE makes one");
}

/* ---- documents ------------------------------------------------------------------------ */

/* What a signature is over: all of the document but the signature. */
static int signed_text(const json_t *document, struct ek_buffer *text, struct ek_error *err)
{
    json_t *copy = ek_json_copy(document);
    if (copy)
        json_object_del(copy, "signature");
    ek_json_print(copy, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII, text);
    return ek_buffer_check(text, err);
}

static bool sign(EVP_PKEY *key, const char *text, unsigned char ret_signature[SIGNATURE_BYTES])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t length = SIGNATURE_BYTES;
    bool good = context && EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestSign(context, ret_signature, &length, (const unsigned char *)text,
                               strlen(text)) == 1 &&
                length == SIGNATURE_BYTES;
    EVP_MD_CTX_free(context);
    return good;
}

int ek_plan_sign(struct json_t *document, const char *key_path, struct ek_error *err)
{
    unsigned char signature[SIGNATURE_BYTES];
    char public[EK_PUBLIC_KEY_SIZE];
    char value[SIGNATURE_BYTES * 2];
    EVP_PKEY *key = NULL;
    int result = read_private(key_path, &key, err);
    if (result != 0)
        return result;
    EK_BUFFER text = {0};
    result = signed_text(document, &text, err);
    if (result == 0 &&
        (!ek_public_key_print(key, public) || !sign(key, ek_buffer_text(&text), signature))) {
        result = ek_fail(err, EK_SYSTEM, "EK-1124", "the plan could not be signed");
    } else if (result == 0) {
        EVP_EncodeBlock((unsigned char *)value, signature, SIGNATURE_BYTES);
        json_t *signed_by =
            json_pack("{s:s, s:s, s:s}", "algorithm", algorithm, "key", public, "value", value);
        if (json_object_set_new(document, "signature", signed_by) != 0)
            result = ek_no_memory(err);
    }
    EVP_PKEY_free(key);
    return result;
}

static bool verified(const char *key_text, const char *text, const unsigned char *signature)
{
    EVP_PKEY *key = ek_public_key_read(key_text);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = key && context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestVerify(context, signature, SIGNATURE_BYTES, (const unsigned char *)text,
                                 strlen(text)) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return good;
}

int ek_plan_verify(const struct json_t *document, const char *const *keys, size_t count,
                   char ret_key[EK_PUBLIC_KEY_SIZE], struct ek_error *err)
{
    unsigned char signature[SIGNATURE_BYTES];
    char canonical[EK_PUBLIC_KEY_SIZE];
    const json_t *held = json_object_get(document, "signature");
    const char *kind = json_string_value(json_object_get(held, "algorithm"));
    const char *by = json_string_value(json_object_get(held, "key"));
    const char *value = json_string_value(json_object_get(held, "value"));
    if (!held || json_is_null(held))
        return ek_fail(err, EK_NOT_FOUND, "EK-1120", "the plan is not signed");
    bool known = false;
    bool good = kind && by && value && json_object_size(held) == 3 &&
                strcmp(kind, algorithm) == 0 &&
                ek_base64_exactly(value, signature, SIGNATURE_BYTES);
    for (size_t i = 0; good && i < count && !known; i++)
        known = ek_public_key_parse(keys[i], canonical) && strcmp(canonical, by) == 0;
    if (good && !known) {
        ek_fail(err, EK_DENIED, "EK-1121",
                "the plan is signed by a key that nobody here trusts: %s", by);
        return ek_hint(err, "evenkeel explain EK-1121");
    }
    EK_BUFFER text = {0};
    if (good && signed_text(document, &text, err) != 0)
        return EK_NO_MEMORY;
    good = good && verified(by, ek_buffer_text(&text), signature);
    if (!good)
        return ek_fail(err, EK_DENIED, "EK-1121",
                       "the signature does not fit: the plan was changed after it was signed");
    memcpy(ret_key, canonical, sizeof canonical);
    return 0;
}
