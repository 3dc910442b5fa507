/* The server's YAML configuration file, edited by key and otherwise left as it was found
 * (comments, order, indentation, line ends of every line not concerned). */
#ifndef EK_DRIVERS_HOST_SERVER_CONFIGURATION_H
#define EK_DRIVERS_HOST_SERVER_CONFIGURATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/host/server_keys.h"
#include "reconciler/base/buffer.h"
#include "reconciler/base/error.h"
#include "reconciler/base/hash.h"
#include "reconciler/ssl_mode.h"
#include "specs/spec.h"

/* What Evenkeel sets under net.tls; paths on the member's host. */
struct ek_server_tls {
    enum ek_ssl_mode mode; /* EK_SSL_DISABLED: the whole net.tls (and net.ssl) section goes away */
    const char *certificate_key_file; /* leaf + encrypted key */
    const char *ca_file;
    const char *password_file; /* read at start by __exec: cat; NULL: no password */

    /* What people decide. By default as found: what the file says stays as it is; where it says
     * nothing, clients need no certificate, unless they did so far. */
    enum ek_choice allow_connections_without_certificates;
    const char *disabled_protocols; /* NULL: as found */
    const char *ciphers;            /* tlsCipherConfig; NULL: as found */
};

/* What a file (or a running server's getCmdLineOpts) says. */
struct ek_server_configuration {
    enum ek_ssl_mode mode;                  /* absent: disabled; unreadable word: EK_SSL_UNKNOWN */
    uint8_t options_digest[EK_SHA256_SIZE]; /* SHA-256 over the canonical form of every net.tls key
                                   but mode (passwords and expansions as "<password>") and switches
                                   that are off, all zero when there is none */
    char keys[EK_SERVER_KEYS_SIZE];         /* see ek_server_keys_of */
    bool keys_fit;
    char *certificate_key_file; /* or NULL */
    char *ca_file;              /* or NULL */
    char *key_file;             /* security.keyFile, or NULL */
    char *replica_set;          /* replication.replSetName, or NULL */
    char *db_path;              /* storage.dbPath, or NULL */
    char *log_path;             /* systemLog.path, or NULL */
    char *cluster_role;         /* sharding.clusterRole, or NULL: no part of a sharded cluster */
    int port;                   /* net.port, 27017 when absent */
    bool authorization;         /* security.authorization enabled or keyFile given */
    bool password_by_exec; /* net.tls.certificateKeyFilePassword.__exec is there: --configExpand
                              exec is needed */
};

void ek_server_configuration_done(struct ek_server_configuration *configuration);

/* Parse the text of a mongod.conf. net.ssl.* counts as net.tls.* with the new key names.
 * EK_INVALID (EK-0410) with line and column on YAML that the server would not take either. */
int ek_server_configuration_parse(const char *text, size_t length, const char *path,
                                  struct ek_server_configuration *ret_configuration,
                                  struct ek_error *err);

/* A mongod.conf as it was read. Borrowed. */
struct ek_server_text {
    const char *bytes;
    size_t length;
    const char *path; /* for messages */
};

/* The canonical options digest that ek_server_configuration_parse would find after
 * ek_server_configuration_edit wrote `tls` (so that wanted and found can be compared). */
int ek_server_tls_digest(const struct ek_server_tls *tls, uint8_t ret_digest[EK_SHA256_SIZE],
                         struct ek_error *err);

/* What the file will say once `tls` is written into it: with the keys that people set under net.tls
 * themselves. The one to compare such a file with. Free with ..._done. */
int ek_server_configuration_wanted(const struct ek_server_text *file,
                                   const struct ek_server_tls *tls,
                                   struct ek_server_configuration *ret_configuration,
                                   struct ek_error *err);

/* The same digest from single options as a running server reports them
 * (getCmdLineOpts.parsed.net.tls): names and values of every key but mode, any order. */
int ek_server_options_digest(const char *const *names, const char *const *values, size_t count,
                             uint8_t ret_digest[EK_SHA256_SIZE], struct ek_error *err);

/* The file with net.tls replaced by what `tls` says and nothing else touched; other keys
 * under net.tls that people set themselves (CRLFile, …) are kept: while TLS is off, when servers
 * take none of them, as comments in their place, which become keys again with TLS.
 * The result is parsed again before it is returned; a file that can't be edited safely
 * (flow style, anchors inside net) is refused with EK_UNSUPPORTED (EK-0411). */
int ek_server_configuration_edit(const struct ek_server_text *file, const struct ek_server_tls *tls,
                                 struct ek_buffer *ret_text, struct ek_error *err);

/* A complete configuration for a member that has none yet. */
struct ek_server_new {
    const char *bind_ip;
    int port;
    const char *replica_set;
    const char *db_path;
    const char *log_path;
    const char *key_file;
};
int ek_server_configuration_create(const struct ek_server_new *server,
                                   const struct ek_server_tls *tls, struct ek_buffer *ret_text,
                                   struct ek_error *err);

#endif
