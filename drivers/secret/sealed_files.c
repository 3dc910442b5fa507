/* secret "sealed-files": one file per secret, AES-256-GCM under a key derived from the
 * master key for this file alone.
 *
 *   "EKSEAL" | version 1 | 0 | salt (16) | nonce (12) | ciphertext | tag (16)
 *
 * key = HKDF-SHA-256(master, salt, "evenkeel sealed file v1"); the authenticated data is
 * everything before the nonce and the secret's name, so that a file can neither be moved to
 * another name nor read as another version. */
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "drivers/secret/drivers.h"
#include "drivers/secret/master_key.h"
#include "reconciler/base/buffer.h"
#include "reconciler/base/file.h"
#include "reconciler/base/memory.h"

enum {
    HEAD = 8, /* magic and version */
    SALT = 16,
    NONCE = 12,
    TAG = 16,
    OVERHEAD = HEAD + SALT + NONCE + TAG,
    SECRET_MAX = 1 << 16,
};

static const unsigned char head[HEAD] = {'E', 'K', 'S', 'E', 'A', 'L', 1, 0};

static bool is_good_name(const char *name)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    for (const char *segment = name;;) {
        size_t length = strspn(segment, letters);
        if (length == 0 || *segment == '.')
            return false;
        if (!segment[length])
            return strlen(name) < 512;
        if (segment[length] != '/')
            return false;
        segment += length + 1;
    }
}

static int path_of(const struct ek_secret_store *store, const char *name,
                   char ret_path[static PATH_MAX], struct ek_error *err)
{
    if (!is_good_name(name))
        return ek_fail(err, EK_INVALID, "EK-0707", "'%s' is no name for a secret", name);
    int used = snprintf(ret_path, PATH_MAX, "%s/secrets/%s.sealed", store->directory, name);
    if (used < 0 || used >= PATH_MAX)
        return ek_fail(err, EK_INVALID, "EK-0707", "%s: name too long", name);
    return 0;
}

static int sealing_key(const struct ek_secret *master, const unsigned char *salt,
                       unsigned char ret_key[EK_MASTER_KEY_BYTES], struct ek_error *err)
{
    static const char info[] = "evenkeel sealed file v1";
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)ek_secret_reveal(master),
                                          ek_secret_length(master)),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)salt, SALT),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)info, sizeof info - 1),
        OSSL_PARAM_construct_end(),
    };
    bool good = context && EVP_KDF_derive(context, ret_key, EK_MASTER_KEY_BYTES, parameters) == 1;
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
    return good ? 0 : ek_fail(err, EK_SYSTEM, "EK-0716", "HKDF is not available");
}

static bool encrypt(EVP_CIPHER_CTX *context, const unsigned char *key, const char *name,
                    const struct ek_secret *secret, unsigned char *sealed)
{
    unsigned char *nonce = sealed + HEAD + SALT;
    unsigned char *text = nonce + NONCE;
    int length = (int)ek_secret_length(secret);
    int done;
    return EVP_EncryptInit_ex2(context, EVP_aes_256_gcm(), key, nonce, NULL) == 1 &&
           EVP_EncryptUpdate(context, NULL, &done, sealed, HEAD + SALT) == 1 &&
           EVP_EncryptUpdate(context, NULL, &done, (const unsigned char *)name,
                             (int)strlen(name)) == 1 &&
           EVP_EncryptUpdate(context, text, &done, (const unsigned char *)ek_secret_reveal(secret),
                             length) == 1 &&
           EVP_EncryptFinal_ex(context, text + done, &done) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG, text + length) == 1;
}

static bool decrypt(EVP_CIPHER_CTX *context, const unsigned char *key, const char *name,
                    const struct ek_buffer *file, unsigned char *ret_text)
{
    const unsigned char *sealed = (const unsigned char *)file->bytes;
    const unsigned char *nonce = sealed + HEAD + SALT;
    const unsigned char *text = nonce + NONCE;
    int text_length = (int)(file->length - OVERHEAD);
    unsigned char tag[TAG];
    int done;
    memcpy(tag, text + text_length, TAG);
    return EVP_DecryptInit_ex2(context, EVP_aes_256_gcm(), key, nonce, NULL) == 1 &&
           EVP_DecryptUpdate(context, NULL, &done, sealed, HEAD + SALT) == 1 &&
           EVP_DecryptUpdate(context, NULL, &done, (const unsigned char *)name,
                             (int)strlen(name)) == 1 &&
           EVP_DecryptUpdate(context, ret_text, &done, text, text_length) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG, tag) == 1 &&
           EVP_DecryptFinal_ex(context, ret_text + done, &done) == 1;
}

static int make_directory_of(const char *path, struct ek_error *err)
{
    char directory[PATH_MAX];
    snprintf(directory, sizeof directory, "%s", path);
    *strrchr(directory, '/') = 0;
    return ek_directory_make(directory, 0700, err);
}

static int seal(const struct ek_secret_store *store, const char *name,
                const struct ek_secret *secret, struct ek_error *err)
{
    char path[PATH_MAX];
    unsigned char key[EK_MASTER_KEY_BYTES];
    EK_SECRET *master = NULL;
    EK_BUFFER sealed = {0};
    int result = path_of(store, name, path, err);
    if (result != 0)
        return result;
    if (ek_secret_length(secret) > SECRET_MAX)
        return ek_fail(err, EK_INVALID, "EK-0709", "%s: larger than %d bytes", name, SECRET_MAX);
    result = ek_master_key_read(store, &master, err);
    if (result != 0)
        return result;
    unsigned char random[SALT + NONCE];
    static const char room[1024];
    if (RAND_bytes(random, sizeof random) != 1)
        return ek_fail(err, EK_SYSTEM, "EK-0503", "the system's random generator gave nothing");
    ek_buffer_add(&sealed, head, HEAD);
    ek_buffer_add(&sealed, random, sizeof random);
    size_t whole = OVERHEAD + ek_secret_length(secret);
    while (sealed.length < whole && !sealed.failed)
        ek_buffer_add(&sealed, room,
                      whole - sealed.length < sizeof room ? whole - sealed.length : sizeof room);
    result = ek_buffer_check(&sealed, err);
    if (result == 0)
        result = sealing_key(master, random, key, err);
    if (result == 0) {
        EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
        if (!context || !encrypt(context, key, name, secret, (unsigned char *)sealed.bytes))
            result = ek_fail(err, EK_SYSTEM, "EK-0716", "AES-256-GCM is not available");
        EVP_CIPHER_CTX_free(context);
    }
    OPENSSL_cleanse(key, sizeof key);
    if (result == 0)
        result = make_directory_of(path, err);
    if (result == 0)
        result = ek_file_write(path, sealed.bytes, sealed.length, 0600, err);
    return result;
}

static int not_sealed(const char *name, struct ek_error *err)
{
    return ek_fail(err, EK_NOT_FOUND, "EK-0706", "no sealed secret '%s'", name);
}

static int read_sealed(const char *path, const char *name, struct ek_buffer *ret_sealed,
                       struct ek_error *err)
{
    int result = ek_file_read(path, OVERHEAD + SECRET_MAX, ret_sealed, NULL, err);
    if (result == EK_NOT_FOUND)
        return not_sealed(name, err);
    if (result != 0)
        return result;
    if (ret_sealed->length < OVERHEAD || memcmp(ret_sealed->bytes, head, HEAD) != 0)
        return ek_fail(err, EK_INVALID, "EK-0709", "%s: not a sealed secret", path);
    return 0;
}

static int unseal(const struct ek_secret_store *store, const char *name,
                  struct ek_secret **ret_secret, struct ek_error *err)
{
    char path[PATH_MAX];
    unsigned char key[EK_MASTER_KEY_BYTES];
    unsigned char *text = NULL;
    EK_SECRET *master = NULL;
    EK_BUFFER sealed = {0};
    int result = path_of(store, name, path, err);
    if (result == 0)
        result = read_sealed(path, name, &sealed, err);
    if (result != 0)
        return result;
    result = ek_master_key_read(store, &master, err);
    if (result == EK_NOT_FOUND) { /* the key is missing, not the secret */
        if (err)
            err->code = EK_DENIED;
        ek_hint(err, "'%s' was sealed with a master key: bring back its copy", name);
        return EK_DENIED;
    }
    if (result != 0)
        return result;
    const unsigned char *bytes = (const unsigned char *)sealed.bytes;
    size_t length = sealed.length - OVERHEAD;
    result = sealing_key(master, bytes + HEAD, key, err);
    if (result == 0) {
        EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
        text = OPENSSL_malloc(length + 1);
        if (!context || !text)
            result = ek_no_memory(err);
        else if (!decrypt(context, key, name, &sealed, text))
            result = ek_fail(err, EK_DENIED, "EK-0703", "the master key does not open '%s'", name);
        else
            result = ek_secret_make(text, length, ret_secret, err);
        EVP_CIPHER_CTX_free(context);
        OPENSSL_clear_free(text, length + 1);
    }
    OPENSSL_cleanse(key, sizeof key);
    return result;
}

static int find(const struct ek_secret_store *store, const char *name, struct ek_error *err)
{
    char path[PATH_MAX];
    int result = path_of(store, name, path, err);
    if (result != 0)
        return result;
    if (access(path, F_OK) == 0)
        return 0;
    result = ek_fail_errno(err, "EK-0501", path);
    return result == EK_NOT_FOUND ? not_sealed(name, err) : result;
}

const struct ek_secret_driver ek_secret_sealed_files = {
    .name = "sealed-files",
    .seal = seal,
    .unseal = unseal,
    .find = find,
};
