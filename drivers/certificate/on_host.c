/* Key pairs on the hosts that use them, made by the host's own openssl(1): only requests
 * and public keys come back. */
#include <libgen.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "drivers/certificate/x509.h"

enum { PASSWORD_MAX = 512 };

struct host_call {
    const struct ek_host_driver *driver;
    const struct ek_host *host;
    int64_t deadline;
};

/* Run a program that must end with status 0. */
static int run(const struct host_call *call, const char *const *argv, const struct ek_secret *input,
               struct ek_buffer *ret_output, struct ek_error *err)
{
    EK_BUFFER output = {0};
    EK_BUFFER errors = {0};
    EK_SECRET_BUFFER line = {0};
    int status;
    if (input) {
        ek_buffer_add(&line, ek_secret_reveal(input), ek_secret_length(input));
        ek_buffer_add(&line, "\n", 1);
    }
    int result = ek_buffer_check(&line, err);
    if (result == 0)
        result = call->driver->run(call->host, argv, line.bytes, line.length, call->deadline,
                                   &output, &errors, &status, err);
    if (result != 0)
        return result;
    if (status != 0) {
        ek_fail(err, EK_SYSTEM, "EK-0717", "%s %s on the host of %s/%s: exit status %d", argv[0],
                argv[1], call->host->deployment, call->host->member, status);
        ek_cause(err, "%s", ek_buffer_text(&errors));
        return EK_SYSTEM;
    }
    if (ret_output) {
        *ret_output = output;
        output = (struct ek_buffer){0};
    }
    return 0;
}

/* openssl(1) reads a password as the first line of its input. */
static int check_password(const struct ek_secret *password, struct ek_error *err)
{
    const char *text = ek_secret_reveal(password);
    size_t length = ek_secret_length(password);
    bool good = length > 0 && length <= PASSWORD_MAX && strlen(text) == length;
    for (size_t i = 0; good && i < length; i++)
        good = text[i] > ' ' && text[i] < 0x7f; /* the server trims blanks at both ends */
    return good ? 0
                : ek_fail(err, EK_INVALID, "EK-0720",
                          "a key password must be one line of printable letters without blanks");
}

static int generate(const struct host_call *call, const char *path, enum ek_key_algorithm algorithm,
                    const struct ek_secret *password, struct ek_error *err)
{
    bool rsa = algorithm == EK_KEY_RSA3072;
    const char *const argv[] = {
        "openssl",      "genpkey",
        "-algorithm",   rsa ? "RSA" : "EC",
        "-pkeyopt",     rsa ? "rsa_keygen_bits:3072" : "ec_paramgen_curve:P-256",
        "-aes-256-cbc", "-pass",
        "stdin",        "-out",
        path,           NULL};
    const char *const to_disk[] = {"sync", path, NULL};
    int result = run(call, argv, password, NULL, err);
    return result ? result : run(call, to_disk, NULL, NULL, err);
}

static int request(const struct host_call *call, const char *path, const struct ek_secret *password,
                   const char *common_name, struct ek_buffer *ret_pem, struct ek_error *err)
{
    char subject[512];
    size_t length = strlen(common_name) <= 64 ? strlen(common_name) : strcspn(common_name, ".");
    snprintf(subject, sizeof subject, "/CN=%.*s", (int)length, common_name);
    const char *const argv[] = {"openssl", "req",   "-new",  "-sha256", "-key",   path,
                                "-passin", "stdin", "-subj", subject,   "-batch", NULL};
    return run(call, argv, password, ret_pem, err);
}

/* Give a complete file its name, for good. */
static int put_in_place(const struct host_call *call, const char *from, const char *to,
                        struct ek_error *err)
{
    char copy[PATH_MAX];
    snprintf(copy, sizeof copy, "%s", to);
    const char *const move[] = {"mv", "-T", "--", from, to, NULL};
    const char *const to_disk[] = {"sync", dirname(copy), NULL};
    int result = run(call, move, NULL, NULL, err);
    return result ? result : run(call, to_disk, NULL, NULL, err);
}

int ek_certificate_request_on_host(const struct ek_host_driver *driver, const struct ek_host *host,
                                   const char *key_path, enum ek_key_algorithm algorithm,
                                   const struct ek_secret *password, const char *common_name,
                                   int64_t deadline, struct ek_buffer *ret_request_pem,
                                   struct ek_error *err)
{
    const struct host_call call = {driver, host, deadline};
    char fresh[PATH_MAX];
    EK_BUFFER pem = {0};
    int used = snprintf(fresh, sizeof fresh, "%s.new", key_path);
    if (used < 0 || (size_t)used >= sizeof fresh)
        return ek_fail(err, EK_INVALID, "EK-0415", "%s: name too long", key_path);
    if (!ek_is_dns_name(common_name))
        return ek_fail(err, EK_INVALID, "EK-0718", "'%s' is not a DNS name", common_name);
    int result = check_password(password, err);
    /* An empty file first: it has its directory, owner and mode before the key is in it. */
    if (result == 0)
        result = driver->write_file(host, fresh, "", 0, 0600, deadline, err);
    if (result != 0)
        return result;
    result = generate(&call, fresh, algorithm, password, err);
    if (result == 0)
        result = request(&call, fresh, password, common_name, &pem, err);
    if (result == 0)
        result = put_in_place(&call, fresh, key_path, err);
    if (result != 0) {
        driver->remove_file(host, fresh, deadline, NULL);
        return result;
    }
    *ret_request_pem = pem;
    pem = (struct ek_buffer){0};
    return 0;
}

/* Does the certificate carry the public key of the sealed key on the host? */
static int check_key(const struct host_call *call, const char *certificate_pem,
                     const char *key_path, const struct ek_secret *password, struct ek_error *err)
{
    const char *const argv[] = {"openssl", "pkey",  "-in",     key_path,
                                "-passin", "stdin", "-pubout", NULL};
    EK_X509 *certificate = NULL;
    EK_BUFFER pem = {0};
    int result = ek_x509_first(certificate_pem, strlen(certificate_pem), &certificate, err);
    if (result == 0)
        result = check_password(password, err);
    if (result == 0)
        result = run(call, argv, password, &pem, err);
    if (result != 0)
        return result;
    EK_BIO *bio = BIO_new_mem_buf(ek_buffer_text(&pem), (int)pem.length);
    EK_KEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
    if (!key || EVP_PKEY_eq(key, X509_get0_pubkey(certificate)) != 1) {
        ERR_clear_error();
        return ek_fail(err, EK_CONFLICT, "EK-0705",
                       "the certificate was issued for another key than %s", key_path);
    }
    return 0;
}

int ek_certificate_install_on_host(const struct ek_host_driver *driver, const struct ek_host *host,
                                   const char *certificate_pem, const char *key_path,
                                   const char *pem_path, const struct ek_secret *password,
                                   int64_t deadline, struct ek_error *err)
{
    const struct host_call call = {driver, host, deadline};
    char fresh[PATH_MAX];
    char from[PATH_MAX];
    char to[PATH_MAX];
    int used = snprintf(fresh, sizeof fresh, "%s.new", pem_path);
    if (used < 0 || (size_t)used >= sizeof fresh || strlen(key_path) > PATH_MAX - 8)
        return ek_fail(err, EK_INVALID, "EK-0415", "%s: name too long", pem_path);
    snprintf(from, sizeof from, "if=%.*s", PATH_MAX - 8, key_path);
    snprintf(to, sizeof to, "of=%.*s", PATH_MAX - 8, fresh);
    EK_BUFFER head = {0};
    ek_buffer_text_add(&head, certificate_pem);
    if (head.length > 0 && head.bytes[head.length - 1] != '\n')
        ek_buffer_text_add(&head, "\n");
    int result = ek_buffer_check(&head, err);
    if (result == 0)
        result = check_key(&call, certificate_pem, key_path, password, err);
    if (result == 0)
        result = driver->write_file(host, fresh, head.bytes, head.length, 0600, deadline, err);
    if (result != 0)
        return result;
    /* The host joins the two; the key, sealed as it is, stays there. */
    const char *const append[] = {"dd",          from, to, "oflag=append", "conv=notrunc,fsync",
                                  "status=none", NULL};
    result = run(&call, append, NULL, NULL, err);
    if (result == 0)
        result = put_in_place(&call, fresh, pem_path, err);
    if (result != 0)
        driver->remove_file(host, fresh, deadline, NULL);
    return result;
}
