/* getParameter and setParameter. */
#include "cmd.h"
#include "log.h"
#include "options.h"
#include "server.h"
#include "tls.h"
#include "version.h"

#include <stdlib.h>
#include <string.h>

struct parameter {
    const char *name;
    void (*get)(bson_t *to, const char *key);
    int (*set)(struct call *c, const char *key, const bson_iter_t *value); /* NULL: only at start */
};

static bool flag_bypass = true;
static int32_t log_level;

static void get_tls_mode(bson_t *to, const char *key)
{
    add_str(to, key, tls_mode_name(tls_mode_now(), false));
}

static void get_ssl_mode(bson_t *to, const char *key)
{
    static bool warned;

    if (!warned)
        log_line('W', "COMMAND",
                 "Use of deprecated server parameter 'sslMode', please use 'tlsMode' instead.");
    warned = true;
    add_str(to, key, tls_mode_name(tls_mode_now(), true));
}

static int set_mode(struct call *c, const char *key, const bson_iter_t *value)
{
    bool ssl = key[0] == 's';
    const char *word = BSON_ITER_HOLDS_UTF8(value) ? bson_iter_utf8(value, NULL) : "";
    enum tls_mode want, now = tls_mode_now();
    bool ok;

    if (!tls_mode_from(word, ssl, &want))
        return fail(c, 2,
                    "Invalid %s setting '%s', expected one of: 'disabled', '%s', '%s', or '%s'",
                    key, word, tls_mode_name(TLS_ALLOW, ssl), tls_mode_name(TLS_PREFER, ssl),
                    tls_mode_name(TLS_REQUIRE, ssl));
    ok = (now == TLS_ALLOW && want == TLS_PREFER) || (now == TLS_PREFER && want == TLS_REQUIRE);
    if (!ok)
        return fail(c, 2, "Illegal state transition for %s, attempt to change from %s to %s", key,
                    tls_mode_name(now, ssl), tls_mode_name(want, ssl));
    tls_mode_set(want);
    return 0;
}

static void get_cluster_auth(bson_t *to, const char *key)
{
    add_str(to, key, options.cluster_auth_mode == NULL ? "undefined" : options.cluster_auth_mode);
}

/* From 5.0 on also from the key to both: one step at a time, and only with TLS outwards. */
static int set_cluster_auth_5(struct call *c, const char *now, const char *want)
{
    static const char *const words[] = {"keyFile", "sendKeyFile", "sendX509", "x509"};
    size_t from = COUNT_OF(words), to = COUNT_OF(words);

    for (size_t i = 0; i < COUNT_OF(words); i++) {
        from = strcmp(words[i], now) == 0 ? i : from;
        to = strcmp(words[i], want) == 0 ? i : to;
    }
    if (to == COUNT_OF(words))
        return fail(c, 2, "Invalid clusterAuthMode '%s'", want);
    if (to > 0 && tls_mode_now() < TLS_PREFER)
        return fail(c, 2,
                    "Illegal state transition for clusterAuthMode, need to enable SSL for outgoing "
                    "connections");
    if (from == COUNT_OF(words) || to != from + 1)
        return fail(c, 5579202, "Illegal state transition for clusterAuthMode from '%s' to '%s'",
                    now, want);
    free(options.cluster_auth_mode);
    options.cluster_auth_mode = xstrdup(want);
    return 0;
}

/* The members' logins stay as they are: with the key, which a server has loaded until it ends. */
static int set_cluster_auth(struct call *c, const char *key, const bson_iter_t *value)
{
    static const char *const words[] = {"keyFile", "sendKeyFile", "sendX509", "x509"};
    bool known = false;
    const char *now = options.cluster_auth_mode == NULL ? "undefined" : options.cluster_auth_mode;
    const char *want = BSON_ITER_HOLDS_UTF8(value) ? bson_iter_utf8(value, NULL) : "";

    if (version_at_least(5, 0))
        return set_cluster_auth_5(c, now, want);
    if (strcmp(now, "sendKeyFile") == 0 && strcmp(want, "sendX509") == 0 &&
        tls_mode_now() < TLS_PREFER)
        return fail(c, 2,
                    "Illegal state transition for %s, need to enable SSL for outgoing connections",
                    key);
    for (size_t i = 0; i < COUNT_OF(words); i++)
        known = known || strcmp(want, words[i]) == 0;
    if (!known)
        return fail(c, 2,
                    "Invalid %s '%s', expected one of: 'keyFile', 'sendKeyFile', "
                    "'sendX509', or 'x509'",
                    key, want);
    if ((strcmp(now, words[1]) == 0 && strcmp(want, words[2]) == 0) ||
        (strcmp(now, words[2]) == 0 && strcmp(want, words[3]) == 0)) {
        free(options.cluster_auth_mode);
        options.cluster_auth_mode = xstrdup(want);
        return 0;
    }
    return fail(c, 2, "Illegal state transition for %s, change from %s to %s", key, now, want);
}

void add_feature_version(bson_t *to, const char *key)
{
    add_str(to, key, version.feature);
}

static void get_fcv(bson_t *to, const char *key)
{
    bson_t sub;

    bson_append_document_begin(to, key, -1, &sub);
    add_feature_version(&sub, "version");
    bson_append_document_end(to, &sub);
}

static void get_true(bson_t *to, const char *key)
{
    add_bool(to, key, true);
}

static void get_false(bson_t *to, const char *key)
{
    add_bool(to, key, false);
}

static void get_empty(bson_t *to, const char *key)
{
    add_str(to, key, "");
}

static void get_number(bson_t *to, const char *key)
{
    static const struct {
        const char *key;
        int32_t value;
    } rows[] = {{"authSchemaVersion", 5},
                {"authorizationManagerCacheSize", 100},
                {"authorizationManagerPinnedUsersRefreshIntervalMillis", 1000},
                {"scramIterationCount", 10000},
                {"scramSHA256IterationCount", 15000}};

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (strcmp(rows[i].key, key) == 0)
            add_int(to, key, rows[i].value);
}

static void get_mechanisms(bson_t *to, const char *key)
{
    bson_t arr = BSON_INITIALIZER;
    uint32_t n = 0;

    push_str(&arr, &n, "MONGODB-X509");
    push_str(&arr, &n, "SCRAM-SHA-1");
    push_str(&arr, &n, "SCRAM-SHA-256");
    add_arr(to, key, &arr);
    bson_destroy(&arr);
}

static void get_empty_array(bson_t *to, const char *key)
{
    bson_t arr = BSON_INITIALIZER;

    add_arr(to, key, &arr);
    bson_destroy(&arr);
}

static void get_log_plain(bson_t *to, const char *key)
{
    add_bool(to, key, options.plaintext_unlogged);
}

static void get_bypass(bson_t *to, const char *key)
{
    add_bool(to, key, flag_bypass);
}

static void get_log_level(bson_t *to, const char *key)
{
    add_int(to, key, log_level);
}

static int set_log_level(struct call *c, const char *key, const bson_iter_t *value)
{
    char *text;
    int rc;

    if (iter_is_number(value) && bson_iter_as_int64(value) >= 0) {
        log_level = (int32_t)bson_iter_as_int64(value);
        return 0;
    }
    text = iter_text(value);
    rc = fail(c, 2, "Invalid value for logLevel: %s: %s", key, text);
    free(text);
    return rc;
}

static int set_nothing(struct call *c, const char *key, const bson_iter_t *value)
{
    (void)c;
    (void)key;
    (void)value;
    return 0;
}

static void get_failpoint(bson_t *to, const char *key)
{
    bson_t sub, data;

    bson_append_document_begin(to, key, -1, &sub);
    add_int(&sub, "mode", 0);
    bson_append_document_begin(&sub, "data", -1, &data);
    bson_append_document_end(&sub, &data);
    add_int(&sub, "timesEntered", 0);
    bson_append_document_end(to, &sub);
}

static const struct parameter parameters[] = {
    {"allowRolesFromX509Certificates", get_true, NULL},
    {"authSchemaVersion", get_number, NULL},
    {"authenticationMechanisms", get_mechanisms, NULL},
    {"authorizationManagerCacheSize", get_number, set_nothing},
    {"authorizationManagerPinnedUsers", get_empty_array, set_nothing},
    {"authorizationManagerPinnedUsersRefreshIntervalMillis", get_number, set_nothing},
    {"clusterAuthMode", get_cluster_auth, set_cluster_auth},
    {"disableNonSSLConnectionLogging", get_log_plain, NULL},
    {"disableNonTLSConnectionLogging", get_log_plain, NULL},
    {"enableLocalhostAuthBypass", get_bypass, NULL},
    {"enableTestCommands", get_true, NULL},
    {"failpoint.featureCompatibilityDowngrade", get_failpoint, NULL},
    {"failpoint.featureCompatibilityUpgrade", get_failpoint, NULL},
    {"failpoint.smallTLSReads", get_failpoint, NULL},
    {"featureCompatibilityVersion", get_fcv, NULL},
    {"logLevel", get_log_level, set_log_level},
    {"opensslCipherConfig", get_empty, NULL},
    {"opensslDiffieHellmanParameters", get_empty, NULL},
    {"saslauthdPath", get_empty, NULL},
    {"scramIterationCount", get_number, set_nothing},
    {"scramSHA256IterationCount", get_number, set_nothing},
    {"sslMode", get_ssl_mode, set_mode},
    {"sslWithholdClientCertificate", get_false, NULL},
    {"startupAuthSchemaValidation", get_true, NULL},
    {"suppressNoTLSPeerCertificateWarning", get_false, NULL},
    {"tlsMode", get_tls_mode, set_mode},
    {"tlsWithholdClientCertificate", get_false, NULL},
};

/* Parameters that are only told, with their defaults: a text, a number, true or false. */
static const struct {
    const char *name, *value;
} told[] = {
    {"connPoolMaxConnsPerHost", "200"},
    {"cursorTimeoutMillis", "600000L"},
    {"diagnosticDataCollectionDirectorySizeMB", "200"},
    {"diagnosticDataCollectionEnabled", "true"},
    {"diagnosticDataCollectionFileSizeMB", "10"},
    {"diagnosticDataCollectionPeriodMillis", "1000"},
    {"disableJavaScriptJIT", "true"},
    {"enableElectionHandoff", "true"},
    {"enableFlowControl", "true"},
    {"initialSyncSourceReadPreference", "'"},
    {"internalQueryExecMaxBlockingSortBytes", "33554432"},
    {"localLogicalSessionTimeoutMinutes", "30"},
    {"logicalSessionRefreshMillis", "300000"},
    {"maxIndexBuildMemoryUsageMegabytes", "500"},
    {"maxLogSizeKB", "10"},
    {"maxSessions", "1000000"},
    {"maxTransactionLockRequestTimeoutMillis", "5"},
    {"notablescan", "false"},
    {"numInitialSyncAttempts", "10"},
    {"opensslCipherSuiteConfig", "'"},
    {"periodicNoopIntervalSecs", "10"},
    {"quiet", "false"},
    {"replWriterThreadCount", "16"},
    {"rollbackTimeLimitSecs", "86400L"},
    {"saslHostName", "'"},
    {"saslServiceName", "'mongodb"},
    {"syncdelay", "60.0"},
    {"tlsX509ClusterAuthDNOverride", "'"},
    {"traceExceptions", "false"},
    {"transactionLifetimeLimitSeconds", "60"},
    {"ttlMonitorEnabled", "true"},
    {"ttlMonitorSleepSecs", "60"},
    {"waitForStepDownOnNonCommandShutdown", "true"},
    {"writePeriodicNoops", "true"},
};

static void add_told(bson_t *to, const char *name, const char *value)
{
    size_t n = strlen(value);

    if (*value == '\'')
        add_str(to, name, value + 1);
    else if (*value == 't' || *value == 'f')
        add_bool(to, name, *value == 't');
    else if (value[n - 1] == 'L')
        add_long(to, name, strtol(value, NULL, 10));
    else if (strchr(value, '.') != NULL)
        add_num(to, name, strtod(value, NULL));
    else
        add_int(to, name, (int32_t)strtol(value, NULL, 10));
}

/* 8.0 no longer knows the ssl spellings. */
static bool is_known(const struct parameter *p)
{
    return !version_at_least(8, 0) || strncmp(p->name, "ssl", 3) != 0;
}

static const struct parameter *find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(parameters); i++)
        if (strcmp(parameters[i].name, name) == 0 && is_known(&parameters[i]))
            return &parameters[i];
    return NULL;
}

static int get_parameter(struct call *c)
{
    bool all = strcmp(doc_str(c->command, "getParameter", ""), "*") == 0, any = all;

    for (size_t i = 0; i < COUNT_OF(parameters); i++) {
        if ((!all && !doc_has(c->command, parameters[i].name)) || !is_known(&parameters[i]))
            continue;
        parameters[i].get(c->reply, parameters[i].name);
        any = true;
    }
    for (size_t i = 0; i < COUNT_OF(told); i++) {
        if (!all && !doc_has(c->command, told[i].name))
            continue;
        add_told(c->reply, told[i].name, told[i].value);
        any = true;
    }
    return any ? 0 : fail(c, version_at_least(6, 0) ? 72 : 0, "no option found to get");
}

/* The log tells the values as documents show them, and what was only of the first. */
static void note_set(const char *name, const bson_iter_t *value, const bson_t *was)
{
    char *now = iter_text(value), *before;
    bson_iter_t it;

    if (was != NULL && doc_find(was, "was", &it)) {
        before = iter_text(&it);
        log_line('I', "COMMAND", "successfully set parameter %s to %s (was %s)", name, now, before);
        free(before);
    } else {
        log_line('I', "COMMAND", "successfully set parameter %s to %s", name, now);
    }
    free(now);
}

static int set_one(struct call *c, const struct parameter *p, const bson_iter_t *value, bool first)
{
    bson_t was = BSON_INITIALIZER;
    int rc;

    p->get(&was, "was");
    rc = p->set(c, p->name, value);
    if (rc == 0)
        note_set(p->name, value, first ? &was : NULL);
    if (rc == 0 && first)
        bson_concat(c->reply, &was);
    bson_destroy(&was);
    return rc;
}

/* In the order of their names, stopping at the first that can't be set. */
static int set_parameter(struct call *c)
{
    int no_code = version_at_least(6, 0) ? 72 : 0, rc = 0;
    bson_iter_t it;
    bool first = true;

    bson_iter_init(&it, c->command);
    while (bson_iter_next(&it)) {
        const char *key = bson_iter_key(&it);
        const struct parameter *p = find(key);

        if (strcmp(key, "setParameter") == 0 || key[0] == '$' || strcmp(key, "lsid") == 0 ||
            strcmp(key, "writeConcern") == 0 || strcmp(key, "maxTimeMS") == 0)
            continue;
        if (p == NULL)
            return fail(
                c, no_code,
                "attempted to set unrecognized parameter [%s], use help:true to see options ", key);
        if (p->set == NULL)
            return fail(c, version_at_least(6, 0) ? 20 : 0, "not allowed to change [%s] at runtime",
                        key);
        first = false;
    }
    if (first)
        return fail(c, no_code, "no option found to set, use help:true to see options ");
    for (size_t i = 0; rc == 0 && i < COUNT_OF(parameters); i++) {
        if (!doc_find(c->command, parameters[i].name, &it))
            continue;
        rc = set_one(c, &parameters[i], &it, !first);
        first = true;
    }
    return rc;
}

static int rotate_certificates(struct call *c)
{
    char why[1200];

    if (!tls_reload(why, sizeof why))
        return fail(c, 140, "%s", why);
    log_line('I', "COMMAND", "Certificate rotation completed successfully: %s",
             doc_str(c->command, "message", ""));
    return 0;
}

const struct command parameter_commands[] = {
    {"getParameter", F_ADMIN, A_PARAMETER, get_parameter},
    {"rotateCertificates", F_ADMIN | F_UNLOCKED, A_HOST, rotate_certificates},
    {"setParameter", F_ADMIN, A_HOST, set_parameter},
    {NULL, 0, A_NONE, NULL},
};
