/* A connection from this member to another (or to itself): dialled by name, TLS when the own mode
 * says so, authenticated with the keyFile or the certificate. */
#ifndef STANDIN_PEER_H
#define STANDIN_PEER_H

#include "wire.h"

struct peer {
    char host[300]; /* host:port as in the configuration */
    struct stream stream;
    bool open;
    bool knows_no_key; /* it told no mechanism for the members' user */
    int32_t next_id;
    unsigned int drops; /* how often peers_drop() had been called for it when it was dialled */
};

struct failure {
    int code; /* as in the server's error table; 0 when the answer itself is what failed */
    char text[700];
};

void peer_init(struct peer *p, const char *host);
/* Every connection to that member (host:port) is made anew before it is used again. */
void peers_drop(const char *host);
void peer_close(struct peer *p);
/* Sends a command and reads the answer, dialling first when needed. 0, and the caller owns the
 * reply; or -1. */
int peer_call(struct peer *p, const bson_t *command, int64_t timeout_ms, bson_t *ret_reply,
              struct failure *failure);

/* "host:port" into its parts; the port is 27017 when missing. */
void host_split(const char *text, char *host, size_t size, char *port, size_t port_size);

#endif
