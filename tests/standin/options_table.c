/* Every option that the stand-in knows: a row each. */
#include "options.h"
#include "version.h"

#include <string.h>

#define TLS "net.tls."

const struct option_row option_rows[] = {
    {"config", "config", OPT_STRING, NULL, NULL},
    {"configExpand", "configExpand", OPT_STRING, NULL, NULL},
    {"configExpandTimeoutSecs", "configExpandTimeoutSecs", OPT_INT, NULL, NULL},

    {"net.port", "port", OPT_INT, NULL, NULL},
    {"net.bindIp", "bind_ip", OPT_STRING, NULL, NULL},
    {"net.bindIpAll", "bind_ip_all", OPT_SWITCH, NULL, NULL},
    {"net.ipv6", "ipv6", OPT_SWITCH, NULL, NULL},
    {"net.listenBacklog", "listenBacklog", OPT_INT, NULL, NULL},
    {"net.maxIncomingConnections", "maxConns", OPT_INT, NULL, NULL},
    {"net.wireObjectCheck", NULL, OPT_BOOL, NULL, NULL},
    {"net.serviceExecutor", "serviceExecutor", OPT_STRING, NULL, NULL},
    {"net.transportLayer", "transportLayer", OPT_STRING, NULL, NULL},
    {"net.compression.compressors", "networkMessageCompressors", OPT_STRING, NULL, NULL},
    {"net.unixDomainSocket.enabled", NULL, OPT_BOOL, NULL, NULL},
    {"net.unixDomainSocket.pathPrefix", "unixSocketPrefix", OPT_STRING, NULL, NULL},
    {"net.unixDomainSocket.filePermissions", "filePermissions", OPT_STRING, NULL, NULL},
    {"nounixsocket", "nounixsocket", OPT_SWITCH, NULL, "net.unixDomainSocket.enabled=false"},

    {TLS "mode", "tlsMode", OPT_STRING, NULL, NULL},
    {TLS "certificateKeyFile", "tlsCertificateKeyFile", OPT_STRING, NULL, NULL},
    {TLS "certificateKeyFilePassword", "tlsCertificateKeyFilePassword", OPT_PASSWORD, NULL, NULL},
    {TLS "clusterFile", "tlsClusterFile", OPT_STRING, NULL, NULL},
    {TLS "clusterPassword", "tlsClusterPassword", OPT_PASSWORD, NULL, NULL},
    {TLS "CAFile", "tlsCAFile", OPT_STRING, NULL, NULL},
    {TLS "clusterCAFile", "tlsClusterCAFile", OPT_STRING, NULL, NULL},
    {TLS "CRLFile", "tlsCRLFile", OPT_STRING, NULL, NULL},
    {TLS "disabledProtocols", "tlsDisabledProtocols", OPT_STRING, NULL, NULL},
    {TLS "allowConnectionsWithoutCertificates", "tlsAllowConnectionsWithoutCertificates",
     OPT_SWITCH, NULL, NULL},
    {TLS "allowInvalidHostnames", "tlsAllowInvalidHostnames", OPT_SWITCH, NULL, NULL},
    {TLS "allowInvalidCertificates", "tlsAllowInvalidCertificates", OPT_SWITCH, NULL, NULL},
    {TLS "FIPSMode", "tlsFIPSMode", OPT_SWITCH, NULL, NULL},
    {TLS "logVersions", "tlsLogVersions", OPT_STRING, NULL, NULL},
    {TLS "tlsCipherConfig", "tlsCipherConfig", OPT_STRING, NULL, NULL},

    {"net.ssl.mode", "sslMode", OPT_STRING, NULL, NULL},
    {"net.ssl.PEMKeyFile", "sslPEMKeyFile", OPT_STRING, TLS "certificateKeyFile", NULL},
    {"net.ssl.PEMKeyPassword", "sslPEMKeyPassword", OPT_PASSWORD, TLS "certificateKeyFilePassword",
     NULL},
    {"net.ssl.clusterFile", "sslClusterFile", OPT_STRING, TLS "clusterFile", NULL},
    {"net.ssl.clusterPassword", "sslClusterPassword", OPT_PASSWORD, TLS "clusterPassword", NULL},
    {"net.ssl.CAFile", "sslCAFile", OPT_STRING, TLS "CAFile", NULL},
    {"net.ssl.clusterCAFile", "sslClusterCAFile", OPT_STRING, TLS "clusterCAFile", NULL},
    {"net.ssl.CRLFile", "sslCRLFile", OPT_STRING, TLS "CRLFile", NULL},
    {"net.ssl.disabledProtocols", "sslDisabledProtocols", OPT_STRING, TLS "disabledProtocols",
     NULL},
    {"net.ssl.allowConnectionsWithoutCertificates", "sslAllowConnectionsWithoutCertificates",
     OPT_SWITCH, TLS "allowConnectionsWithoutCertificates", NULL},
    {"net.ssl.weakCertificateValidation", "sslWeakCertificateValidation", OPT_SWITCH,
     TLS "allowConnectionsWithoutCertificates", NULL},
    {"net.ssl.allowInvalidHostnames", "sslAllowInvalidHostnames", OPT_SWITCH,
     TLS "allowInvalidHostnames", NULL},
    {"net.ssl.allowInvalidCertificates", "sslAllowInvalidCertificates", OPT_SWITCH,
     TLS "allowInvalidCertificates", NULL},
    {"net.ssl.FIPSMode", "sslFIPSMode", OPT_SWITCH, TLS "FIPSMode", NULL},
    {"net.ssl.sslCipherConfig", "sslCipherConfig", OPT_STRING, TLS "tlsCipherConfig", NULL},

    {"replication.replSetName", NULL, OPT_STRING, NULL, NULL},
    {"replication.replSet", "replSet", OPT_STRING, NULL, NULL},
    {"replication.oplogSizeMB", "oplogSize", OPT_INT, NULL, NULL},
    {"replication.enableMajorityReadConcern", "enableMajorityReadConcern", OPT_BOOL, NULL, NULL},
    {"sharding.clusterRole", NULL, OPT_STRING, NULL, NULL},

    {"security.keyFile", "keyFile", OPT_STRING, NULL, NULL},
    {"security.clusterAuthMode", "clusterAuthMode", OPT_STRING, NULL, NULL},
    {"security.authorization", NULL, OPT_STRING, NULL, NULL},
    {"auth", "auth", OPT_SWITCH, NULL, "security.authorization=enabled"},
    {"noauth", "noauth", OPT_SWITCH, NULL, "security.authorization=disabled"},
    {"security.transitionToAuth", "transitionToAuth", OPT_SWITCH, NULL, NULL},
    {"security.javascriptEnabled", NULL, OPT_BOOL, NULL, NULL},
    {"noscripting", "noscripting", OPT_SWITCH, NULL, "security.javascriptEnabled=false"},
    {"security.redactClientLogData", "redactClientLogData", OPT_SWITCH, NULL, NULL},

    {"storage.dbPath", "dbpath", OPT_STRING, NULL, NULL},
    {"storage.directoryPerDB", "directoryperdb", OPT_SWITCH, NULL, NULL},
    {"storage.engine", "storageEngine", OPT_STRING, NULL, NULL},
    {"storage.syncPeriodSecs", "syncdelay", OPT_DOUBLE, NULL, NULL},
    {"storage.journal.enabled", "journal", OPT_SWITCH, NULL, NULL},
    {"nojournal", "nojournal", OPT_SWITCH, NULL, "storage.journal.enabled=false"},
    {"storage.journal.commitIntervalMs", "journalCommitInterval", OPT_INT, NULL, NULL},
    {"storage.wiredTiger.engineConfig.cacheSizeGB", "wiredTigerCacheSizeGB", OPT_DOUBLE, NULL,
     NULL},
    {"storage.wiredTiger.engineConfig.journalCompressor", "wiredTigerJournalCompressor", OPT_STRING,
     NULL, NULL},
    {"storage.wiredTiger.engineConfig.directoryForIndexes", "wiredTigerDirectoryForIndexes",
     OPT_SWITCH, NULL, NULL},
    {"storage.wiredTiger.collectionConfig.blockCompressor", "wiredTigerCollectionBlockCompressor",
     OPT_STRING, NULL, NULL},
    {"storage.wiredTiger.indexConfig.prefixCompression", "wiredTigerIndexPrefixCompression",
     OPT_BOOL, NULL, NULL},

    {"systemLog.destination", NULL, OPT_STRING, NULL, NULL},
    {"systemLog.path", NULL, OPT_STRING, NULL, NULL},
    {"logpath", "logpath", OPT_STRING, NULL, NULL},
    {"syslog", "syslog", OPT_SWITCH, NULL, "systemLog.destination=syslog"},
    {"systemLog.syslogFacility", "syslogFacility", OPT_STRING, NULL, NULL},
    {"systemLog.logAppend", "logappend", OPT_SWITCH, NULL, NULL},
    {"systemLog.logRotate", "logRotate", OPT_STRING, NULL, NULL},
    {"systemLog.quiet", "quiet", OPT_SWITCH, NULL, NULL},
    {"systemLog.verbosity", "verbose", OPT_INT, NULL, NULL},
    {"systemLog.traceAllExceptions", "traceExceptions", OPT_SWITCH, NULL, NULL},
    {"systemLog.timeStampFormat", "timeStampFormat", OPT_STRING, NULL, NULL},
    {"systemLog.component.replication.verbosity", NULL, OPT_INT, NULL, NULL},
    {"systemLog.component.network.verbosity", NULL, OPT_INT, NULL, NULL},
    {"systemLog.component.accessControl.verbosity", NULL, OPT_INT, NULL, NULL},
    {"systemLog.component.command.verbosity", NULL, OPT_INT, NULL, NULL},

    {"processManagement.fork", "fork", OPT_SWITCH, NULL, NULL},
    {"processManagement.pidFilePath", "pidfilepath", OPT_STRING, NULL, NULL},
    {"processManagement.timeZoneInfo", "timeZoneInfo", OPT_STRING, NULL, NULL},

    {"operationProfiling.mode", NULL, OPT_STRING, NULL, NULL},
    {"operationProfiling.slowOpThresholdMs", "slowms", OPT_INT, NULL, NULL},
    {"operationProfiling.slowOpSampleRate", "slowOpSampleRate", OPT_DOUBLE, NULL, NULL},
    {NULL, NULL, OPT_STRING, NULL, NULL},
};

/* 8.0 no longer knows the ssl spellings. */
static bool is_known(const struct option_row *row)
{
    return strncmp(row->key, "net.ssl.", 8) != 0 || !version_at_least(8, 0);
}

const char *option_canonical(const struct option_row *row)
{
    return row->instead != NULL ? row->instead : row->key;
}

const struct option_row *option_by_key(const char *key)
{
    for (const struct option_row *row = option_rows; row->key != NULL; row++)
        if (strcmp(row->key, key) == 0 && is_known(row))
            return row;
    return NULL;
}

const struct option_row *option_by_flag(const char *flag)
{
    for (const struct option_row *row = option_rows; row->key != NULL; row++)
        if (row->flag != NULL && strcmp(row->flag, flag) == 0 && is_known(row))
            return row;
    return NULL;
}

static const char *const tls_words[] = {"disabled", "allowTLS", "preferTLS", "requireTLS"};
static const char *const ssl_words_table[] = {"disabled", "allowSSL", "preferSSL", "requireSSL"};

const char *tls_mode_name(enum tls_mode mode, bool ssl_words)
{
    return ssl_words ? ssl_words_table[mode] : tls_words[mode];
}

bool tls_mode_from(const char *word, bool ssl_words, enum tls_mode *ret_mode)
{
    for (int m = TLS_DISABLED; m <= TLS_REQUIRE; m++) {
        if (strcmp(word, tls_mode_name((enum tls_mode)m, ssl_words)) == 0) {
            *ret_mode = (enum tls_mode)m;
            return true;
        }
    }
    return false;
}
