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

/* Run a program that must end with status 0. */
static int run(const struct ek_key_host *call, const char *const *argv,
               const struct ek_secret *input, struct ek_buffer *ret_output, struct ek_error *err)
{
    EK_COMMAND_RESULT ran = {0};
    EK_SECRET_BUFFER line = {0};
    if (input) {
        ek_buffer_add(&line, ek_secret_reveal(input), ek_secret_length(input));
        ek_buffer_add(&line, "\n", 1);
    }
    const struct ek_command command = {argv, line.bytes, line.length};
    int result = ek_buffer_check(&line, err);
    if (result == 0)
        result = call->driver->run(call->host, &command, call->deadline, &ran, err);
    if (result != 0)
        return result;
    if (ran.status != 0) {
        ek_fail(err, EK_SYSTEM, "EK-0717", "%s %s on the host of %s/%s: exit status %d", argv[0],
                argv[1], call->host->deployment, call->host->member, ran.status);
        ek_cause(err, "%s", ek_buffer_text(&ran.errors));
        return EK_SYSTEM;
    }
    if (ret_output) {
        *ret_output = ran.output;
        ran.output = (struct ek_buffer){0};
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

static int generate(const struct ek_key_host *call, const char *path,
                    const struct ek_key_order *order, struct ek_error *err)
{
    bool rsa = order->algorithm == EK_KEY_RSA3072;
    const char *const argv[] = {
        "openssl",      "genpkey",
        "-algorithm",   rsa ? "RSA" : "EC",
        "-pkeyopt",     rsa ? "rsa_keygen_bits:3072" : "ec_paramgen_curve:P-256",
        "-aes-256-cbc", "-pass",
        "stdin",        "-out",
        path,           NULL};
    const char *const to_disk[] = {"sync", path, NULL};
    int result = run(call, argv, order->password, NULL, err);
    return result ? result : run(call, to_disk, NULL, NULL, err);
}

static int request(const struct ek_key_host *call, const char *path,
                   const struct ek_key_order *order, struct ek_buffer *ret_pem,
                   struct ek_error *err)
{
    const char *common_name = order->common_name;
    char subject[512];
    size_t length = strlen(common_name) <= 64 ? strlen(common_name) : strcspn(common_name, ".");
    snprintf(subject, sizeof subject, "/CN=%.*s", (int)length, common_name);
    const char *const argv[] = {"openssl", "req",   "-new",  "-sha256", "-key",   path,
                                "-passin", "stdin", "-subj", subject,   "-batch", NULL};
    return run(call, argv, order->password, ret_pem, err);
}

/* Give a complete file its name, for good. */
static int put_in_place(const struct ek_key_host *call, const char *from, const char *to,
                        struct ek_error *err)
{
    char copy[PATH_MAX];
    snprintf(copy, sizeof copy, "%s", to);
    const char *const move[] = {"mv", "-T", "--", from, to, NULL};
    const char *const to_disk[] = {"sync", dirname(copy), NULL};
    int result = run(call, move, NULL, NULL, err);
    return result ? result : run(call, to_disk, NULL, NULL, err);
}

/* An empty file: it has its directory, owner and mode before a key is in it. */
static int make_empty(const struct ek_key_host *at, const char *path, struct ek_error *err)
{
    const struct ek_file_content empty = {path, "", 0, 0600, false};
    return at->driver->write_file(at->host, &empty, at->deadline, err);
}

int ek_certificate_request_on_host(const struct ek_key_host *at, const struct ek_key_order *order,
                                   struct ek_buffer *ret_request_pem, struct ek_error *err)
{
    char fresh[PATH_MAX];
    EK_BUFFER pem = {0};
    int used = snprintf(fresh, sizeof fresh, "%s.new", order->key_path);
    if (used < 0 || (size_t)used >= sizeof fresh)
        return ek_fail(err, EK_INVALID, "EK-0415", "%s: name too long", order->key_path);
    if (!ek_is_dns_name(order->common_name))
        return ek_fail(err, EK_INVALID, "EK-0718", "'%s' is not a DNS name", order->common_name);
    int result = check_password(order->password, err);
    if (result == 0)
        result = make_empty(at, fresh, err);
    if (result != 0)
        return result;
    result = generate(at, fresh, order, err);
    if (result == 0)
        result = request(at, fresh, order, &pem, err);
    if (result == 0)
        result = put_in_place(at, fresh, order->key_path, err);
    if (result != 0) {
        at->driver->remove_file(at->host, fresh, at->deadline, NULL);
        return result;
    }
    *ret_request_pem = pem;
    pem = (struct ek_buffer){0};
    return 0;
}

/* Does the certificate carry the public key of the sealed key on the host? */
static int check_key(const struct ek_key_host *call, const struct ek_installation *installation,
                     struct ek_error *err)
{
    const char *certificate_pem = installation->certificate_pem;
    const char *key_path = installation->key_path;
    const char *const argv[] = {"openssl", "pkey",  "-in",     key_path,
                                "-passin", "stdin", "-pubout", NULL};
    EK_X509 *certificate = NULL;
    EK_BUFFER pem = {0};
    int result = ek_x509_first(certificate_pem, strlen(certificate_pem), &certificate, err);
    if (result == 0)
        result = check_password(installation->password, err);
    if (result == 0)
        result = run(call, argv, installation->password, &pem, err);
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

int ek_certificate_install_on_host(const struct ek_key_host *at,
                                   const struct ek_installation *installation, struct ek_error *err)
{
    const char *key_path = installation->key_path;
    const char *pem_path = installation->pem_path;
    char fresh[PATH_MAX];
    char from[PATH_MAX];
    char to[PATH_MAX];
    int used = snprintf(fresh, sizeof fresh, "%s.new", pem_path);
    if (used < 0 || (size_t)used >= sizeof fresh || strlen(key_path) > PATH_MAX - 8)
        return ek_fail(err, EK_INVALID, "EK-0415", "%s: name too long", pem_path);
    snprintf(from, sizeof from, "if=%.*s", PATH_MAX - 8, key_path);
    snprintf(to, sizeof to, "of=%.*s", PATH_MAX - 8, fresh);
    EK_BUFFER head = {0};
    ek_buffer_text_add(&head, installation->certificate_pem);
    if (head.length > 0 && head.bytes[head.length - 1] != '\n')
        ek_buffer_text_add(&head, "\n");
    const struct ek_file_content content = {fresh, head.bytes, head.length, 0600, false};
    int result = ek_buffer_check(&head, err);
    if (result == 0)
        result = check_key(at, installation, err);
    if (result == 0)
        result = at->driver->write_file(at->host, &content, at->deadline, err);
    if (result != 0)
        return result;
    /* The host joins the two; the key, sealed as it is, stays there. */
    const char *const append[] = {"dd",          from, to, "oflag=append", "conv=notrunc,fsync",
                                  "status=none", NULL};
    result = run(at, append, NULL, NULL, err);
    if (result == 0)
        result = put_in_place(at, fresh, pem_path, err);
    if (result != 0)
        at->driver->remove_file(at->host, fresh, at->deadline, NULL);
    return result;
}
