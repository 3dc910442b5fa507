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

/* Who still talks in plaintext, from getLog "global" and currentOp over all connections.
 * seen->mode_running and mode_at_start must be known by then. */
void ek_mongodb_read_clients(const bson_t *log, const bson_t *current_op,
                             struct ek_mongodb_seen *seen);

#endif
