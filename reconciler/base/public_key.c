#include "reconciler/base/public_key.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

enum { RAW_BYTES = 32, DER_BYTES = 44 };

bool ek_base64_exactly(const char *text, unsigned char *bytes, size_t size)
{
    unsigned char room[128];
    char again[192];
    size_t length = strlen(text);
    if (length != (size + 2) / 3 * 4 || length > 128)
        return false;
    if (EVP_DecodeBlock(room, (const unsigned char *)text, (int)length) < (int)size)
        return false;
    EVP_EncodeBlock((unsigned char *)again, room, (int)size);
    if (strcmp(again, text) != 0)
        return false;
    memcpy(bytes, room, size);
    return true;
}

bool ek_public_key_print(EVP_PKEY *key, char ret_key[EK_PUBLIC_KEY_SIZE])
{
    unsigned char *der = NULL;
    int length = key && EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? i2d_PUBKEY(key, &der) : 0;
    if (length == DER_BYTES)
        EVP_EncodeBlock((unsigned char *)ret_key, der, length);
    OPENSSL_free(der);
    return length == DER_BYTES;
}

EVP_PKEY *ek_public_key_read(const char *text)
{
    unsigned char bytes[DER_BYTES];
    const unsigned char *at = bytes;
    if (strncmp(text, "-----BEGIN ", 11) == 0) {
        BIO *bio = BIO_new_mem_buf(text, -1);
        EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
        BIO_free(bio);
        return key;
    }
    if (ek_base64_exactly(text, bytes, RAW_BYTES))
        return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, bytes, RAW_BYTES);
    return ek_base64_exactly(text, bytes, DER_BYTES) ? d2i_PUBKEY(NULL, &at, DER_BYTES) : NULL;
}

bool ek_public_key_parse(const char *text, char ret_key[EK_PUBLIC_KEY_SIZE])
{
    EVP_PKEY *key = ek_public_key_read(text);
    bool good = ek_public_key_print(key, ret_key);
    EVP_PKEY_free(key);
    return good;
}
