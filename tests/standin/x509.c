#include "x509.h"
#include "log.h"
#include "options.h"
#include "version.h"

#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#define AUTHENTICATION_FAILED 18

static bool mode_is(const char *one, const char *other, const char *third)
{
    const char *now = options.cluster_auth_mode;

    return now != NULL &&
           (strcmp(now, one) == 0 || strcmp(now, other) == 0 || strcmp(now, third) == 0);
}

bool x509_sent(void)
{
    return mode_is("sendX509", "x509", "x509");
}

bool x509_accepted(void)
{
    return mode_is("sendKeyFile", "sendX509", "x509");
}

static char *subject_of(const X509 *certificate)
{
    BIO *out = BIO_new(BIO_s_mem());
    char *text, *copy;
    long n;

    X509_NAME_print_ex(out, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
    n = BIO_get_mem_data(out, &text);
    copy = strndup(text, (size_t)n);
    BIO_free(out);
    return copy;
}

/* The organization, its unit and its domain: what the members of one cluster have in common. */
static char *organization_of(const X509 *certificate)
{
    static const int kinds[] = {NID_organizationName, NID_organizationalUnitName,
                                NID_domainComponent};
    const X509_NAME *name = X509_get_subject_name(certificate);
    char *text = xstrdup("");

    for (size_t k = 0; k < COUNT_OF(kinds); k++) {
        int at = -1;

        while ((at = X509_NAME_get_index_by_NID(name, kinds[k], at)) >= 0) {
            const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
            char *more = xprintf("%s%d=%.*s,", text, kinds[k], ASN1_STRING_length(value),
                                 (const char *)ASN1_STRING_get0_data(value));

            free(text);
            text = more;
        }
    }
    return text;
}

static bool is_member(const X509 *own, const X509 *other)
{
    char *ours = organization_of(own), *theirs = organization_of(other);
    bool same = *ours != '\0' && strcmp(ours, theirs) == 0;

    free(ours);
    free(theirs);
    return same;
}

bson_t *x509_login(const struct stream *s)
{
    const X509 *own = s->ssl == NULL ? NULL : SSL_get_certificate(s->ssl);
    bson_t *command;
    char *subject;

    if (own == NULL)
        return NULL;
    command = bson_new();
    subject = subject_of(own);
    add_int(command, "authenticate", 1);
    add_str(command, "mechanism", "MONGODB-X509");
    add_str(command, "user", subject);
    add_str(command, "$db", "$external");
    free(subject);
    return command;
}

static int refuse(struct call *c, const char *user, const char *why)
{
    if (version_at_least(5, 0))
        log_line('I', "ACCESS", "Refused by certificate: %s as %s on %s: %s", c->conn->remote, user,
                 c->db, why);
    else
        log_line('I', "ACCESS",
                 "Failed to authenticate %s@%s from client %s with mechanism MONGODB-X509: "
                 "AuthenticationFailed: %s",
                 user, c->db, c->conn->remote, why);
    return fail(c, AUTHENTICATION_FAILED, "%s", why);
}

/* Clients with certificates of their own users aren't played: members only. */
static int let_in(struct call *c, const X509 *other, const char *subject)
{
    const char *user = doc_str(c->command, "user", subject);

    if (strcmp(user, subject) != 0)
        return refuse(c, user, "There is no x.509 client certificate matching the user.");
    if (!is_member(SSL_get_certificate(c->conn->stream.ssl), other))
        return refuse(c, user, "Could not find user");
    if (!x509_accepted())
        return refuse(c, user,
                      "The provided certificate can only be used for cluster authentication, not "
                      "client authentication. The current configuration does not allow x.509 "
                      "cluster authentication, check the --clusterAuthMode flag");
    login_add(&c->conn->login, "__system", "local");
    if (version_at_least(5, 0))
        log_line('I', "ACCESS", "Authenticated by certificate: %s as %s on %s", c->conn->remote,
                 user, c->db);
    else
        auth_log_login("MONGODB-X509", false, user, c->db, c->conn->remote);
    add_str(c->reply, "dbname", c->db);
    add_str(c->reply, "user", user);
    return 0;
}

int x509_authenticate(struct call *c)
{
    SSL *ssl = c->conn->stream.ssl;
    X509 *other = ssl == NULL ? NULL : SSL_get1_peer_certificate(ssl);
    char *text = bson_text(c->command), *subject;
    int rc;

    log_line('I', "ACCESS", " authenticate db: %s %s", c->db, text);
    free(text);
    if (other == NULL)
        return refuse(c, doc_str(c->command, "user", ""),
                      "No verified subject name available from client");
    subject = subject_of(other);
    rc = let_in(c, other, subject);
    free(subject);
    X509_free(other);
    return rc;
}
