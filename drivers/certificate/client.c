#include "drivers/certificate/client.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "drivers/certificate/x509.h"
#include "reconciler/base/file.h"

enum { VALIDITY_S = 7 * 86400 };

/* What is in a memory BIO. */
static void text_of(BIO *bio, struct ek_buffer *ret_text)
{
    char *bytes = NULL;
    long length = BIO_get_mem_data(bio, &bytes);
    ek_buffer_add(ret_text, bytes, length > 0 ? (size_t)length : 0);
}

static int request_for(EVP_PKEY *key, const char *name, struct ek_buffer *ret_pem,
                       struct ek_error *err)
{
    EK_X509_REQUEST *request = X509_REQ_new();
    EK_BIO *bio = BIO_new(BIO_s_mem());
    X509_NAME *subject = request ? X509_REQ_get_subject_name(request) : NULL;
    bool made = bio && subject &&
                X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                           (const unsigned char *)name, -1, -1, 0) == 1 &&
                X509_REQ_set_pubkey(request, key) == 1 &&
                X509_REQ_sign(request, key, EVP_sha256()) > 0 &&
                PEM_write_bio_X509_REQ(bio, request) == 1;
    if (!made)
        return ek_fail_openssl(err, EK_SYSTEM, "EK-0717", "the request of a client's certificate");
    text_of(bio, ret_pem);
    return ek_buffer_check(ret_pem, err);
}

static int to_memory(const struct ek_buffer *certificate_pem, EVP_PKEY *key, int *ret_fd,
                     struct ek_error *err)
{
    EK_BIO *bio = BIO_new(BIO_s_secmem());
    char *bytes = NULL;
    if (!bio || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
        return ek_fail_openssl(err, EK_SYSTEM, "EK-0717", "the key of a client's certificate");
    long length = BIO_get_mem_data(bio, &bytes);
    int fd = memfd_create("evenkeel-client", MFD_CLOEXEC);
    if (fd < 0)
        return ek_fail_errno(err, "EK-0717", "memory for a client's certificate");
    if (ek_fd_write_all(fd, ek_buffer_text(certificate_pem), certificate_pem->length) != 0 ||
        ek_fd_write_all(fd, bytes, (size_t)length) != 0) {
        ek_fail_errno(err, "EK-0717", "memory for a client's certificate");
        close(fd);
        return EK_SYSTEM;
    }
    *ret_fd = fd;
    return 0;
}

int ek_certificate_for_client(const struct ek_client_order *order, int *ret_fd,
                              struct ek_error *err)
{
    EK_BUFFER request = {0};
    EK_BUFFER certificate = {0};
    EK_KEY *key = EVP_EC_gen("P-256");
    if (!key)
        return ek_fail_openssl(err, EK_SYSTEM, "EK-0717", "the key of a client's certificate");
    int result = request_for(key, order->name, &request, err);
    const struct ek_signing signing = {.request_pem = ek_buffer_text(&request),
                                       .names = &order->name,
                                       .name_count = 1,
                                       .deployment = "evenkeel",
                                       .now_s = order->now_s,
                                       .validity_s = VALIDITY_S};
    if (result == 0)
        result = order->driver->sign(order->authority, &signing, &certificate, err);
    return result ? result : to_memory(&certificate, key, ret_fd, err);
}
