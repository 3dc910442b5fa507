/* Combinations of options that mongod refuses at start, with its words and its status. */
#include "log.h"
#include "options.h"
#include "version.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void options_bad_value(const char *fmt, ...)
{
    va_list ap;
    char *text = NULL;

    va_start(ap, fmt);
    if (vasprintf(&text, fmt, ap) < 0)
        abort();
    va_end(ap);
    log_line('F', "CONTROL", "Failed global initialization: BadValue: %s", text);
    exit(1);
}

static void check_protocols(const char *list)
{
    static const char *const known[] = {"TLS1_0",   "TLS1_1",   "TLS1_2",   "TLS1_3",
                                        "noTLS1_0", "noTLS1_1", "noTLS1_2", "noTLS1_3"};
    char *copy, *save = NULL;

    if (list == NULL || strcmp(list, "none") == 0)
        return;
    copy = xstrdup(list);
    for (char *word = strtok_r(copy, ", ", &save); word != NULL;
         word = strtok_r(NULL, ", ", &save)) {
        bool found = false;

        for (size_t i = 0; i < COUNT_OF(known); i++)
            found = found || strcmp(word, known[i]) == 0;
        if (!found)
            options_bad_value("Unrecognized disabledProtocols '%s'", word);
    }
    free(copy);
}

static bool system_authorities(const struct settings *s)
{
    const char *text = settings_get(s, "setParameter.tlsUseSystemCA");

    return text != NULL && (strcmp(text, "true") == 0 || strcmp(text, "1") == 0);
}

static void check_tls(const struct settings *s)
{
    static const char *const need_mode[] = {
        "net.tls.certificateKeyFile",
        "net.tls.certificateKeyFilePassword",
        "net.tls.clusterFile",
        "net.tls.clusterPassword",
        "net.tls.CAFile",
        "net.tls.CRLFile",
        "net.tls.tlsCipherConfig",
        "net.tls.disabledProtocols",
    };
    const struct options *o = &options;

    if (o->tls_mode == TLS_DISABLED) {
        bool any = o->tls_weak;

        for (size_t i = 0; i < COUNT_OF(need_mode); i++)
            any = any || settings_get(s, need_mode[i]) != NULL;
        if (any)
            options_bad_value("need to enable TLS via the sslMode/tlsMode flag when using TLS "
                              "configuration parameters");
        return;
    }
    if (o->tls_certificate == NULL)
        options_bad_value("need tlsCertificateKeyFile or certificateSelector when TLS is enabled");
    if (o->tls_ca != NULL && system_authorities(s))
        options_bad_value(
            "The use of both a CA File and the System Certificate store is not supported.");
    if (o->tls_ca == NULL && version_wants_authority() && !system_authorities(s))
        options_bad_value("The use of TLS without specifying a chain of trust is no longer "
                          "supported. See https://jira.mongodb.org/browse/SERVER-72839 for "
                          "details.");
    if (o->tls_crl != NULL && o->tls_ca == NULL)
        options_bad_value("need tlsCAFile with tlsCRLFile");
    check_protocols(o->tls_disabled_protocols);
}

static void check_cluster_auth(const struct settings *s)
{
    static const char *const known[] = {"keyFile", "sendKeyFile", "sendX509", "x509"};
    const char *mode = settings_get(s, "security.clusterAuthMode");
    const struct options *o = &options;
    bool found = false;

    if (o->transition_to_auth && o->key_file == NULL && (mode == NULL || strcmp(mode, "x509") != 0))
        options_bad_value("--transitionToAuth must be used with keyFile or x509 authentication");
    if (mode == NULL)
        return;
    for (size_t i = 0; i < COUNT_OF(known); i++)
        found = found || strcmp(mode, known[i]) == 0;
    if (!found)
        options_bad_value("unsupported value for clusterAuthMode %s", mode);
    if (strcmp(mode, "keyFile") == 0)
        return;
    if (o->tls_mode == TLS_DISABLED)
        options_bad_value("need to enable TLS via the tlsMode flag");
    if (o->tls_mode == TLS_ALLOW && strcmp(mode, "sendKeyFile") != 0)
        options_bad_value("cannot have x.509 cluster authentication in allowTLS mode");
    if ((strcmp(mode, "x509") == 0 || version_at_least(6, 0)) && o->tls_ca == NULL)
        options_bad_value("No TLS certificate validation can be performed since no CA file has "
                          "been provided; please "
                          "specify an tlsCAFile parameter");
}

void options_validate(const struct settings *s)
{
    const char *text = settings_get(s, "security.authorization");

    if (options.port < 1 || options.port > 65535)
        options_bad_value("bad --port number");
    if (text != NULL && strcmp(text, "enabled") != 0 && strcmp(text, "disabled") != 0)
        options_refuse("security.authorization must be either 'enabled' or 'disabled'");
    text = settings_get(s, "systemLog.destination");
    if (text != NULL && strcmp(text, "file") == 0 && options.log_path == NULL)
        options_refuse("systemLog.path must be set when systemLog.destination is 'file'");
    if (options.fork && options.log_path == NULL)
        options_bad_value("--fork has to be used with --logpath or --syslog");
    options_check_parameters(s);
    check_tls(s);
    check_cluster_auth(s);
}
