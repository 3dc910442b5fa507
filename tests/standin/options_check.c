/* Combinations of options that mongod refuses at start, with its words and its status. */
#include "log.h"
#include "options.h"
#include "version.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void options_bad_value(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    char *text = xvprintf(fmt, ap);
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

/* Refused when values are taken over, before the log is anywhere but on standard error. */
_Noreturn PRINTF(1, 2) static void refuse_value(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    char *text = xvprintf(fmt, ap);
    va_end(ap);
    options_refuse("BadValue: %s", text);
}

/* Whether a blank-separated list has the word, in whatever case. */
static bool one_of(const char *list, const char *word)
{
    size_t n = strlen(word);

    for (const char *at = list; *at != '\0'; at += strcspn(at, " "), at += strspn(at, " "))
        if (strcspn(at, " ") == n && strncasecmp(at, word, n) == 0)
            return true;
    return false;
}

void options_check_constraints(const struct settings *s)
{
    static const struct {
        const char *key, *other;
    } conflicts[] = {
        {"net.tls.mode", "net.ssl.mode"},
        {"systemLog.path", "syslog"},
        {"logpath", "syslog"},
        {"noauth", "auth"},
        {"noauth", "security.keyFile"},
        {"security.transitionToAuth", "noauth"},
    };
    static const struct {
        const char *key, *words, *complaint;
    } words[] = {
        {"security.authorization", "enabled disabled",
         "security.authorization expects either 'enabled' or 'disabled'"},
        {"security.clusterAuthMode", "keyFile sendKeyFile sendX509 x509",
         "security.clusterAuthMode expects one of 'keyFile', 'sendKeyFile', 'sendX509', or "
         "'X509'"},
        {"systemLog.destination", "syslog file",
         "systemLog.destination expects one of 'syslog' or 'file'"},
        {"operationProfiling.mode", "off slowOp all",
         "operationProfiling.mode expects 'off', 'slowOp', or 'all'"},
        {"sharding.clusterRole", "configsvr shardsvr",
         "sharding.clusterRole must be one of 'configsvr' or 'shardsvr'"},
    };
    const char *text;

    for (size_t i = 0; i < COUNT_OF(conflicts); i++)
        if (settings_get(s, conflicts[i].key) != NULL &&
            settings_get(s, conflicts[i].other) != NULL)
            options_bad_value("%s is not allowed when %s is specified", conflicts[i].other,
                              conflicts[i].key);
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if ((text = settings_get(s, words[i].key)) != NULL && !one_of(words[i].words, text))
            options_bad_value("%s", words[i].complaint);
    text = settings_get(s, "replication.replSetName");
    if (text != NULL && strchr(text, '/') != NULL)
        options_bad_value("replication.replSetName must not contain a '/' character");
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
        "setParameter.opensslCipherConfig",
    };
    const struct options *o = &options;
    const char *mode = settings_get(s, "net.tls.mode");
    enum tls_mode known;

    if (mode != NULL && !tls_mode_from(mode, false, &known))
        options_bad_value("unsupported value for tlsMode %s", mode);
    check_protocols(o->tls_disabled_protocols);
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
}

static void check_cluster_auth(void)
{
    const struct options *o = &options;
    const char *mode = o->cluster_auth_mode;

    if (mode == NULL || strcmp(mode, "keyFile") == 0)
        return;
    if (o->tls_mode == TLS_DISABLED)
        options_bad_value("need to enable TLS via the tlsMode flag");
    if (o->tls_mode == TLS_ALLOW &&
        (strcmp(mode, "sendX509") == 0 || (strcmp(mode, "x509") == 0 && !o->transition_to_auth)))
        options_bad_value("cannot have x.509 cluster authentication in allowTLS mode");
    if ((strcmp(mode, "x509") == 0 || version_at_least(6, 0)) && o->tls_ca == NULL)
        options_bad_value("No TLS certificate validation can be performed since no CA file has "
                          "been provided; please specify an tlsCAFile parameter");
}

static void check_log(const struct settings *s)
{
    const char *destination = settings_get(s, "systemLog.destination"),
               *rotate = settings_get(s, "systemLog.logRotate");
    bool file = destination != NULL && strcmp(destination, "file") == 0;

    if (file && options.log_path == NULL)
        refuse_value("systemLog.path is required if systemLog.destination is to a file");
    if (!file && options.log_path != NULL)
        refuse_value("Can only use systemLog.path if systemLog.destination is to a file");
    if (rotate != NULL && strcmp(rotate, "reopen") == 0 && !options.log_append)
        refuse_value("logAppend must equal true if logRotate is set to reopen");
    if (rotate != NULL && strcmp(rotate, "reopen") != 0 && strcmp(rotate, "rename") != 0)
        refuse_value("unsupported value for logRotate %s", rotate);
}

/* The least and the most that a number may be, and what is said otherwise. */
static void check_numbers(const struct settings *s)
{
    static const struct {
        const char *key;
        long least, most;
        const char *complaint;
    } rows[] = {
        {"net.maxIncomingConnections", 5, INT_MAX, "maxConns has to be at least 5"},
        {"storage.journal.commitIntervalMs", 1, 500,
         "--journalCommitInterval out of allowed range (1-500ms)"},
        {"replication.oplogSizeMB", 1, INT_MAX, NULL},
        {"net.port", 0, 65535, "bad --port number"},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *text = settings_get(s, rows[i].key);
        long value = text == NULL ? 0 : strtol(text, NULL, 10);

        if (text == NULL || (value >= rows[i].least && value <= rows[i].most))
            continue;
        if (rows[i].complaint == NULL)
            refuse_value("bad --oplogSize, arg must be greater than 0,found: %ld", value);
        refuse_value("%s", rows[i].complaint);
    }
}

static void check_words(const struct settings *s)
{
    static const char *const modes[] = {"keyFile", "sendKeyFile", "sendX509", "x509"};
    const char *mode = settings_get(s, "security.clusterAuthMode"),
               *used = options.cluster_auth_mode;
    bool found = mode == NULL;

    for (size_t i = 0; i < COUNT_OF(modes); i++)
        found = found || strcmp(mode, modes[i]) == 0;
    if (!found)
        refuse_value("unsupported value for clusterAuthMode %s", mode);
    if (options.fork && options.log_path == NULL)
        refuse_value("--fork has to be used with --logpath or --syslog");
    if (options.transition_to_auth &&
        (used == NULL || (strcmp(used, "keyFile") != 0 && strcmp(used, "x509") != 0)))
        refuse_value("--transitionToAuth must be used with keyFile or x509 authentication");
}

/* A word that isn't an option was once a command. */
static void check_command(const struct settings *s)
{
    const char *word = settings_get(s, "command");

    if (word == NULL || strcmp(word, "run") == 0)
        return;
    if (strcmp(word, "dbpath") == 0) {
        printf("%s\n", options.db_path);
        exit(0);
    }
    printf("Invalid command: %s\n", word);
    exit(1);
}

void options_validate(const struct settings *s)
{
    options_check_parameters(s);
    check_log(s);
    check_numbers(s);
    check_words(s);
    check_tls(s);
    check_cluster_auth();
    check_command(s);
}
