/* SCRAM-SHA-1 and SCRAM-SHA-256, both ends. */
#ifndef STANDIN_SCRAM_H
#define STANDIN_SCRAM_H

#include "util.h"

enum scram_kind { SCRAM_SHA_1, SCRAM_SHA_256 };

struct scram_keys {
    int32_t iterations;
    uint8_t salt[28];
    size_t salt_len; /* 16 or 28; clients refuse anything else */
    uint8_t stored[32], server[32];
    size_t len; /* of the two */
};

const char *scram_name(enum scram_kind kind);
bool scram_kind_from(const char *name, enum scram_kind *ret_kind);

/* New credentials with a random salt. */
void scram_make(enum scram_kind kind, const char *user, const char *password,
                struct scram_keys *ret_keys);
/* The two keys from the salt and count that are already there. */
void scram_derive(enum scram_kind kind, const char *user, const char *password,
                  struct scram_keys *k);
void scram_to_doc(bson_t *to, enum scram_kind kind, const struct scram_keys *keys);
bool scram_from_doc(const bson_t *credentials, enum scram_kind kind, struct scram_keys *ret_keys);

/* The server's end. */
struct scram_server {
    enum scram_kind kind;
    char user[256];
    char *client_bare, *first, *nonce;
    struct scram_keys keys[2]; /* a second set where either of two passwords will do */
    int n_keys;
};
/* Reads the client's first message: sets user and nonce. */
bool scram_server_begin(struct scram_server *s, const char *message);
/* After the keys are set: the answer; the caller frees it. */
char *scram_server_first(struct scram_server *s);
/* Checks the proof; the final answer or NULL. */
char *scram_server_final(struct scram_server *s, const char *message);
void scram_server_done(struct scram_server *s);

/* The client's end. */
struct scram_client {
    enum scram_kind kind;
    const char *user, *password;
    char *bare, *nonce;
    uint8_t expected[32];
};
char *scram_client_first(struct scram_client *c);
char *scram_client_final(struct scram_client *c, const char *server_first);
bool scram_client_check(struct scram_client *c, const char *server_final);
void scram_client_done(struct scram_client *c);

#endif
