/* Connections as byte streams, plain or TLS, and the messages on them. */
#ifndef STANDIN_WIRE_H
#define STANDIN_WIRE_H

#include "util.h"

#include <openssl/ssl.h>

#define MAX_MESSAGE 48000000

struct stream {
    int fd;
    SSL *ssl;
};
/* 0, or negative: STREAM_CLOSED the other end closed, STREAM_FAILED with errno, STREAM_TIMEOUT. */
enum { STREAM_CLOSED = -1, STREAM_FAILED = -2, STREAM_TIMEOUT = -3, STREAM_BAD = -4 };
int stream_read(struct stream *s, void *to, size_t n);
int stream_write(struct stream *s, const void *from, size_t n);
/* Closes without a reset even if the other end sent something that nobody read. */
void stream_close(struct stream *s);

enum { OP_REPLY = 1, OP_QUERY = 2004, OP_MSG = 2013 };
enum { MSG_MORE_TO_COME = 1u << 1, MSG_EXHAUST_ALLOWED = 1u << 16 }; /* flags of OP_MSG */

struct message {
    int32_t id, response_to, op;
    uint32_t flags;    /* of OP_MSG */
    bool secondary_ok; /* as OP_QUERY says it */
    bson_t command;    /* sequences folded in as arrays, `$db` always there */
    size_t size;
};
int message_read(struct stream *s, struct message *m);
void message_done(struct message *m);
/* Parses what follows the header; exposed for fuzzing. 0 or STREAM_BAD. */
int message_parse(struct message *m, const uint8_t *body, size_t n);

/* Answers `m` in its own kind. `more`: another answer follows unasked, and will refer to this one.
 * Returns the bytes sent, or negative. */
int64_t reply_write(struct stream *s, struct message *m, const bson_t *reply, bool more);
int request_write(struct stream *s, int32_t id, const bson_t *command);
int response_read(struct stream *s, bson_t *ret_reply);

#endif
