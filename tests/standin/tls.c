#include "tls.h"
#include "log.h"
#include "version.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static SSL_CTX *server_ctx, *client_ctx;
static pthread_mutex_t contexts_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic int mode_now;
static atomic_long count_by_version[5]; /* 1.0 1.1 1.2 1.3 unknown */
static char *subject;
static int64_t expires_ms;

enum tls_mode tls_mode_now(void)
{
    return (enum tls_mode)atomic_load(&mode_now);
}

void tls_mode_set(enum tls_mode mode)
{
    atomic_store(&mode_now, (int)mode);
}

static const char *oldest_error(void)
{
    static _Thread_local char text[256];
    int code = (int)ERR_get_error(); /* mongod keeps it in an int, which shows in system errors */

    ERR_error_string_n((unsigned long)code, text, sizeof text);
    ERR_clear_error();
    return text;
}

static int password_callback(char *buf, int size, int rwflag, void *password)
{
    (void)rwflag;
    if (password != NULL) {
        put(buf, (size_t)size, "%s", (const char *)password);
        return (int)strlen(buf);
    }
    if (EVP_read_pw_string(buf, size, "Enter PEM passphrase", 0) != 0) {
        unsigned long code = ERR_peek_error();
        char text[256];

        ERR_error_string_n(code, text, sizeof text);
        ERR_get_error();
        log_line('E', "NETWORK",
                 "Unable to fetch password: UnknownError: Failed to read user provided decryption "
                 "password: %s",
                 text);
        return -1;
    }
    return (int)strlen(buf);
}

/* NULL, or what goes into the last line. */
static const char *load_pem(SSL_CTX *ctx, const char *path, char *password, const char *what)
{
    BIO *in;
    EVP_PKEY *key;

    SSL_CTX_set_default_passwd_cb(ctx, password_callback);
    SSL_CTX_set_default_passwd_cb_userdata(ctx, password);
    if (SSL_CTX_use_certificate_chain_file(ctx, path) != 1) {
        log_line('E', "NETWORK", "cannot read certificate file: %s %s", path, oldest_error());
        return what;
    }
    in = BIO_new_file(path, "r");
    key = in == NULL ? NULL : PEM_read_bio_PrivateKey(in, NULL, password_callback, password);
    BIO_free(in);
    if (key == NULL) {
        log_line('E', "NETWORK", "cannot read PEM key file: %s %s", path, oldest_error());
        return what;
    }
    if (SSL_CTX_use_PrivateKey(ctx, key) != 1) {
        EVP_PKEY_free(key);
        log_line('E', "NETWORK", "cannot use PEM key file: %s %s", path, oldest_error());
        return what;
    }
    EVP_PKEY_free(key);
    if (SSL_CTX_check_private_key(ctx) != 1) {
        log_line('E', "NETWORK", "SSL certificate validation: %s", oldest_error());
        return what;
    }
    return NULL;
}

static int always_go_on(int ok, X509_STORE_CTX *store)
{
    (void)ok;
    (void)store;
    return 1;
}

static const char *load_authority(SSL_CTX *ctx, const char *path)
{
    static char text[600];

    SSL_CTX_set_client_CA_list(ctx, SSL_load_client_CA_file(path));
    if (SSL_CTX_load_verify_locations(ctx, path, NULL) != 1) {
        put(text, sizeof text, "cannot read certificate authority file: %s %s", path,
            oldest_error());
        return text;
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, always_go_on);
    return NULL;
}

static const char *load_crl(SSL_CTX *ctx, const char *path)
{
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());

    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
    if (X509_load_crl_file(lookup, path, X509_FILETYPE_PEM) == 0) {
        log_line('E', "NETWORK", "cannot read CRL file: %s %s", path, oldest_error());
        return "Can not set up CRL file.";
    }
    return NULL;
}

static void disable_protocols(SSL_CTX *ctx)
{
    static const struct {
        const char *name;
        uint64_t option;
    } known[] = {{"TLS1_0", SSL_OP_NO_TLSv1},
                 {"TLS1_1", SSL_OP_NO_TLSv1_1},
                 {"TLS1_2", SSL_OP_NO_TLSv1_2},
                 {"TLS1_3", SSL_OP_NO_TLSv1_3}};
    const char *list = options.tls_disabled_protocols;

    SSL_CTX_set_options(ctx, SSL_OP_NO_SSLv3);
    if (list == NULL)
        list = "TLS1_0";
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (strstr(list, known[i].name) != NULL)
            SSL_CTX_set_options(ctx, known[i].option);
}

/* NULL when something is wrong with the files: `ret_why` then says what. */
static SSL_CTX *new_context(bool server, const char **ret_why)
{
    const struct options *o = &options;
    bool cluster = !server && o->tls_cluster_file != NULL;
    const char *ca = server && o->tls_cluster_ca != NULL ? o->tls_cluster_ca : o->tls_ca;
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());
    const char *why = NULL;

    disable_protocols(ctx);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"standin", 7);
    if (o->tls_ciphers != NULL && SSL_CTX_set_cipher_list(ctx, o->tls_ciphers) != 1)
        why = "Can not set supported cipher suites.";
    if (why == NULL && cluster)
        why = load_pem(ctx, o->tls_cluster_file, o->tls_cluster_password,
                       "Can not set up ssl clusterFile.");
    else if (why == NULL)
        why = load_pem(ctx, o->tls_certificate, o->tls_password, "Can not set up PEM key file.");
    if (why == NULL && ca != NULL)
        why = load_authority(ctx, ca);
    if (why == NULL && o->tls_crl != NULL)
        why = load_crl(ctx, o->tls_crl);
    if (why != NULL) {
        SSL_CTX_free(ctx);
        *ret_why = why;
        return NULL;
    }
    return ctx;
}

static int64_t time_ms(const ASN1_TIME *t)
{
    struct tm tm;

    ASN1_TIME_to_tm(t, &tm);
    return (int64_t)timegm(&tm) * 1000;
}

static bool is_valid_now(const SSL_CTX *ctx)
{
    const X509 *cert = SSL_CTX_get0_certificate(ctx);

    return wall_ms() < time_ms(X509_get0_notAfter(cert)) &&
           wall_ms() >= time_ms(X509_get0_notBefore(cert));
}

static char *name_text(X509_NAME *name)
{
    BIO *out = BIO_new(BIO_s_mem());
    char *text;
    long n;

    X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253);
    n = BIO_get_mem_data(out, &text);
    text = strndup(text, (size_t)n);
    BIO_free(out);
    return text;
}

/* As a server prints a moment. */
static void moment_text(const ASN1_TIME *t, char *to, size_t size)
{
    struct tm tm;

    ASN1_TIME_to_tm(t, &tm);
    strftime(to, size, "%Y-%m-%dT%H:%M:%S.000+00:00", &tm);
}

static void log_own_certificate(const X509 *cert)
{
    char *whose = name_text(X509_get_subject_name(cert)),
         *issuer = name_text(X509_get_issuer_name(cert)), from[64], until[64],
         thumbprint[2 * EVP_MAX_MD_SIZE + 1];
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned int n = 0;

    X509_digest(cert, EVP_sha1(), hash, &n);
    for (unsigned int i = 0; i < n; i++)
        put(thumbprint + 2 * i, 3, "%02X", hash[i]);
    moment_text(X509_get0_notBefore(cert), from, sizeof from);
    moment_text(X509_get0_notAfter(cert), until, sizeof until);
    log_line('I', "NETWORK", "Certificate information: %s %s %s %s %s %s", whose, issuer,
             thumbprint, from, until, options.tls_certificate);
    free(whose);
    free(issuer);
}

static void remember_own_certificate(void)
{
    const X509 *cert = SSL_CTX_get0_certificate(server_ctx);

    free(subject);
    subject = name_text(X509_get_subject_name(cert));
    expires_ms = time_ms(X509_get0_notAfter(cert));
    if (version_at_least(5, 0))
        log_own_certificate(cert);
}

/* What 5.0 and later say of it, where older ones end themselves. */
static void expired_text(const SSL_CTX *ctx, char *to, size_t size)
{
    const X509 *cert = SSL_CTX_get0_certificate(ctx);
    char from[64], until[64];

    moment_text(X509_get0_notBefore(cert), from, sizeof from);
    moment_text(X509_get0_notAfter(cert), until, sizeof until);
    put(to, size,
        "ssl %s initialization problem for certificate: %s :: caused by :: The provided SSL "
        "certificate is expired or not yet valid. notBefore %s, notAfter %s",
        options.tls_cluster_file == NULL ? "client" : "server", options.tls_certificate, from,
        until);
}

void tls_init(void)
{
    const char *why = NULL;
    char expired[1024];

    if (options.tls_disabled_protocols == NULL)
        log_line('I', "CONTROL",
                 "Automatically disabling TLS 1.0, to force-enable TLS 1.0 specify "
                 "--sslDisabledProtocols 'none'");
    tls_mode_set(options.tls_mode);
    if (options.tls_mode == TLS_DISABLED)
        return;
    server_ctx = new_context(true, &why);
    client_ctx = server_ctx == NULL ? NULL : new_context(false, &why);
    if (client_ctx != NULL && version_at_least(5, 0) && !is_valid_now(server_ctx)) {
        expired_text(server_ctx, expired, sizeof expired);
        why = expired;
    }
    if (why != NULL) {
        log_line('F', "CONTROL", "Failed global initialization: InvalidSSLConfiguration: %s", why);
        exit(1);
    }
    if (!is_valid_now(server_ctx)) {
        log_line('F', "NETWORK", "The provided SSL certificate is expired or not yet valid.");
        log_line('F', "-",
                 "Fatal Assertion 28652 at src/mongo/util/net/ssl_manager_openssl.cpp 1106");
        log_line('F', "-", "\n\n***aborting after fassert() failure\n\n");
        exit(14);
    }
    remember_own_certificate();
}

bool tls_reload(char *why, size_t size)
{
    SSL_CTX *server, *client;
    const char *wrong = NULL;

    if (options.tls_mode == TLS_DISABLED)
        return true;
    server = new_context(true, &wrong);
    client = server == NULL ? NULL : new_context(false, &wrong);
    if (client == NULL) {
        put(why, size, "%s", wrong);
        SSL_CTX_free(server);
        return false;
    }
    if (!is_valid_now(server)) {
        expired_text(server, why, size);
        SSL_CTX_free(server);
        SSL_CTX_free(client);
        return false;
    }
    pthread_mutex_lock(&contexts_lock);
    SSL_CTX_free(server_ctx);
    SSL_CTX_free(client_ctx);
    server_ctx = server;
    client_ctx = client;
    log_line('I', "NETWORK", "Successfully rotated X509 certificates.");
    remember_own_certificate();
    pthread_mutex_unlock(&contexts_lock);
    return true;
}

/* A connection keeps the certificates that it began with. */
static SSL *new_session(SSL_CTX *const *ctx)
{
    SSL *ssl;

    pthread_mutex_lock(&contexts_lock);
    ssl = SSL_new(*ctx);
    pthread_mutex_unlock(&contexts_lock);
    return ssl;
}

static void count_version(const SSL *ssl)
{
    int v = SSL_version(ssl);
    int i = v >= TLS1_VERSION && v <= TLS1_3_VERSION ? v - TLS1_VERSION : 4;

    atomic_fetch_add(&count_by_version[i], 1);
}

/* `*` stands for the first label. */
static bool name_matches(const char *pattern, const char *host)
{
    size_t n = strlen(host), p = strlen(pattern);

    if (n > 0 && host[n - 1] == '.')
        n--;
    if (p > 0 && pattern[p - 1] == '.')
        p--;
    if (strncmp(pattern, "*.", 2) == 0) {
        const char *dot = strchr(host, '.');

        return dot != NULL && n - (size_t)(dot - host) == p - 1 &&
               strncasecmp(dot, pattern + 1, p - 1) == 0;
    }
    return n == p && strncasecmp(pattern, host, n) == 0;
}

static void common_name(const X509 *cert, char *to, size_t size)
{
    to[0] = '\0';
    X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, to, (int)size);
}

/* `names`: what the certificate has instead. */
static bool host_matches(X509 *cert, const char *host, char *names_text, size_t size)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    bson_string_t *seen = bson_string_new(NULL);
    bool found = false;
    char cn[256];

    common_name(cert, cn, sizeof cn);
    for (int i = 0; names != NULL && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if (name->type == GEN_DNS) {
            const char *text = (const char *)ASN1_STRING_get0_data(name->d.dNSName);

            found = found || name_matches(text, host);
            bson_string_append_printf(seen, "%s%s", seen->len == 0 ? "" : " ", text);
        } else if (name->type == GEN_IPADD) {
            ASN1_OCTET_STRING *ip = a2i_IPADDRESS(host);

            found = found || (ip != NULL && ASN1_OCTET_STRING_cmp(ip, name->d.iPAddress) == 0);
            ASN1_OCTET_STRING_free(ip);
        }
    }
    if (names == NULL)
        found = name_matches(cn, host);
    if (!found)
        put(names_text, size, "%s%s%sCN: %s", names != NULL ? "SAN(s): " : "", seen->str,
            names != NULL ? ", " : "", cn);
    GENERAL_NAMES_free(names);
    bson_string_free(seen, true);
    return found;
}

#define MISMATCH                                                                                   \
    "The server certificate does not match the host name. Hostname: %s does not match %s"

/* What mongod checks after the handshake. */
static int judge(const SSL *ssl, const char *host, char *why, size_t size)
{
    char names[512];
    X509 *cert;
    long result;
    int rc = 0;

    if (options.tls_ca == NULL)
        return 0;
    cert = SSL_get1_peer_certificate(ssl);
    if (cert == NULL) {
        if (options.tls_weak || host != NULL) {
            log_line('W', "NETWORK", "no SSL certificate provided by peer");
            return 0;
        }
        put(why, size, "no SSL certificate provided by peer; connection rejected");
        log_line('E', "NETWORK", "no SSL certificate provided by peer; connection rejected");
        return -1;
    }
    result = SSL_get_verify_result(ssl);
    if (result != X509_V_OK) {
        bool accept = options.tls_any_certificate;
        const char *reason = X509_verify_cert_error_string(result);

        put(why, size, "SSL peer certificate validation failed: %s", reason);
        log_line(accept ? 'W' : 'E', "NETWORK", "SSL peer certificate validation failed: %s",
                 reason);
        rc = accept ? 0 : -1;
    } else if (host != NULL && !host_matches(cert, host, names, sizeof names)) {
        bool accept = options.tls_any_certificate || options.tls_any_hostname;

        put(why, size, MISMATCH, host, names);
        log_line(accept ? 'W' : 'E', "NETWORK", MISMATCH, host, names);
        rc = accept ? 0 : -1;
    }
    X509_free(cert);
    return rc;
}

int tls_accept(struct stream *s, char *why, size_t size)
{
    SSL *ssl = new_session(&server_ctx);

    why[0] = '\0';
    SSL_set_fd(ssl, s->fd);
    if (SSL_accept(ssl) != 1) {
        ERR_clear_error();
        SSL_free(ssl);
        return -1;
    }
    count_version(ssl);
    s->ssl = ssl;
    return judge(ssl, NULL, why, size);
}

int tls_connect(struct stream *s, const char *host, char *why, size_t size)
{
    SSL *ssl = new_session(&client_ctx);
    int rc;

    SSL_set_fd(ssl, s->fd);
    if (strspn(host, "0123456789.") != strlen(host) && strchr(host, ':') == NULL)
        SSL_set_tlsext_host_name(ssl, host);
    ERR_clear_error();
    errno = 0;
    rc = SSL_connect(ssl);
    if (rc != 1) {
        unsigned long code = ERR_peek_error();
        int kind = SSL_get_error(ssl, rc);
        const char *reason = ERR_reason_error_string(code);

        if (kind == SSL_ERROR_WANT_READ || errno == EAGAIN)
            put(why, size, "Operation timed out");
        else if (kind == SSL_ERROR_SYSCALL ||
                 ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
            put(why, size, "stream truncated");
        else
            put(why, size, "%s", reason == NULL ? "handshake failed" : reason);
        ERR_clear_error();
        SSL_free(ssl);
        return -1;
    }
    count_version(ssl);
    s->ssl = ssl;
    return judge(ssl, host, why, size);
}

/* Nobody counts here: the names and noughts. */
static void add_login_counters(bson_t *to)
{
    static const char *const mechanisms[] = {"MONGODB-X509", "SCRAM-SHA-1", "SCRAM-SHA-256"};
    static const char *const kinds[] = {"speculativeAuthenticate", "clusterAuthenticate",
                                        "authenticate"};
    bson_t all, one, counts;

    add_long(to, "saslSupportedMechsReceived", 0);
    bson_append_document_begin(to, "mechanisms", -1, &all);
    for (size_t i = 0; i < COUNT_OF(mechanisms); i++) {
        bson_append_document_begin(&all, mechanisms[i], -1, &one);
        for (size_t k = 0; k < COUNT_OF(kinds); k++) {
            bson_append_document_begin(&one, kinds[k], -1, &counts);
            add_long(&counts, "received", 0);
            add_long(&counts, "successful", 0);
            bson_append_document_end(&one, &counts);
        }
        bson_append_document_end(&all, &one);
    }
    bson_append_document_end(to, &all);
}

void tls_security_status(bson_t *to)
{
    bson_t sub, list, empty = BSON_INITIALIZER;

    if (subject == NULL && !version_at_least(4, 4))
        return;
    bson_append_document_begin(to, "security", -1, &sub);
    if (version_at_least(4, 4)) { /* there without TLS, too */
        bson_append_document_begin(&sub, "authentication", -1, &list);
        if (version_at_least(5, 0))
            add_login_counters(&list);
        else
            add_doc(&list, "mechanisms", &empty);
        bson_append_document_end(&sub, &list);
    }
    if (subject == NULL) {
        bson_append_document_end(to, &sub);
        return;
    }
    add_str(&sub, "SSLServerSubjectName", subject);
    add_bool(&sub, "SSLServerHasCertificateAuthority", options.tls_ca != NULL);
    add_date(&sub, "SSLServerCertificateExpirationDate", expires_ms);
    bson_append_document_end(to, &sub);
}

void tls_counters(bson_t *to)
{
    static const char *const names[] = {"1.0", "1.1", "1.2", "1.3", "unknown"};
    bson_t sub;

    bson_append_document_begin(to, "transportSecurity", -1, &sub);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        add_long(&sub, names[i], (int64_t)atomic_load(&count_by_version[i]));
    bson_append_document_end(to, &sub);
}
