/* From the answers of a server to struct ek_mongodb_seen. Each reader takes one answer
 * and fills what it says; nothing here talks to anybody. */
#ifndef EK_DRIVERS_MONGODB_READ_H
#define EK_DRIVERS_MONGODB_READ_H

#include <bson/bson.h>

#include "drivers/mongodb/mongodb.h"

/* Server error codes that mean something to us. */
enum {
    EK_SERVER_BAD_VALUE = 2,
    EK_SERVER_UNAUTHORIZED = 13,
    EK_SERVER_AUTHENTICATION_FAILED = 18,
    EK_SERVER_ALREADY_INITIALIZED = 23,
    EK_SERVER_NODE_NOT_FOUND = 74,
    EK_SERVER_NO_REPLICATION = 76,
    EK_SERVER_INVALID_CONFIG = 93,
    EK_SERVER_NOT_YET_INITIALIZED = 94,
    EK_SERVER_INCOMPATIBLE_CONFIG = 103,
    EK_SERVER_USER_EXISTS = 51003,
};

/* Everything unknown. */
void ek_mongodb_seen_init(struct ek_mongodb_seen *seen);

/* isMaster or hello. */
void ek_mongodb_read_hello(const bson_t *reply, struct ek_mongodb_seen *seen);

void ek_mongodb_read_build_info(const bson_t *reply, struct ek_mongodb_seen *seen);

/* replSetGetStatus, also its failures 94 (no configuration yet) and 93 (removed). */
void ek_mongodb_read_status(const bson_t *reply, struct ek_mongodb_seen *seen);

/* replSetGetConfig, also its failures. */
void ek_mongodb_read_config(const bson_t *reply, struct ek_mongodb_seen *seen);

/* getParameter tlsMode (or sslMode). */
void ek_mongodb_read_mode(const bson_t *reply, struct ek_mongodb_seen *seen);

/* getCmdLineOpts. */
void ek_mongodb_read_options(const bson_t *reply, struct ek_mongodb_seen *seen);

/* serverStatus: pid and uptime. */
void ek_mongodb_read_server_status(const bson_t *reply, struct ek_mongodb_seen *seen);

/* $clusterTime.signature.keyId of any reply, 0 when it carries none. */
int64_t ek_mongodb_read_signing_key(const bson_t *reply);

/* Open connections of one server process that are known to use TLS: which kind a connection is of
 * never changes, and no two of a process have one id. */
struct ek_encrypted {
    int64_t *ids;
    size_t count;
};
void ek_encrypted_done(struct ek_encrypted *encrypted);

/* What a server says of its connections. Borrowed. */
struct ek_client_answers {
    const bson_t *current_op;       /* over all connections; asked before the log */
    const bson_t *log;              /* getLog "global" */
    bool plaintext_logged;          /* it writes a line for each connection in plaintext */
    bool external_is_x509;          /* nobody is a user of $external but by MONGODB-X509 */
    struct ek_encrypted *encrypted; /* what is known from before, and will be; or NULL */
};

/* Who still talks in plaintext. seen->mode_running, mode_at_start and, for the times,
 * clock_behind_s must be known by then. */
void ek_mongodb_read_clients(const struct ek_client_answers *answers, struct ek_mongodb_seen *seen);

/* Whether getParameter authenticationMechanisms leaves MONGODB-X509 alone to users of $external. */
bool ek_mongodb_external_is_x509(const bson_t *reply);

#endif
