/* One connection to one server, logged in as somebody, and commands over it. */
#ifndef EK_DRIVERS_MONGODB_LINK_H
#define EK_DRIVERS_MONGODB_LINK_H

#include <bson/bson.h>
#include <mongoc/mongoc.h>
#include <stdbool.h>
#include <stdint.h>

#include "drivers/mongodb/mongodb.h"
#include "reconciler/base/buffer.h"

/* maxWireVersion of the first server that knows SCRAM-SHA-256. */
enum { EK_WIRE_VERSION_4_0 = 7 };

enum ek_login { EK_LOGIN_NONE, EK_LOGIN_USER, EK_LOGIN_CERTIFICATE, EK_LOGIN_SYSTEM };

/* The login to begin with, by what the target has: user, certificate, keyFile, nothing. */
enum ek_login ek_mongodb_first_login(const struct ek_mongodb_target *target);

struct ek_mongodb_link {
    mongoc_client_t *client;
    int64_t deadline;
    bool by_tls;
    bool proven;         /* by TLS, and the server's certificate holds */
    enum ek_login login; /* as whom */
    bson_t hello;        /* the server's answer to the very first message, before any login */
};
void ek_mongodb_link_done(struct ek_mongodb_link *link);
#define EK_LINK EK_CLEANUP(ek_mongodb_link_done) struct ek_mongodb_link

/* What came back from one command. */
struct ek_mongodb_reply {
    bson_t document;
    bool ok;
    bool lost;       /* no answer: the connection broke, timed out, or was never made */
    bool refused;    /* the login before it was refused */
    int code;        /* the server's, 0 none */
    char words[384]; /* the server's or the library's */
};
void ek_mongodb_reply_done(struct ek_mongodb_reply *reply);
#define EK_REPLY EK_CLEANUP(ek_mongodb_reply_done) struct ek_mongodb_reply

/* Start libmongoc, once, and keep it from printing. */
void ek_mongodb_library_start(void);

/* A connection that is wanted. Borrowed. */
struct ek_mongodb_dial {
    const struct ek_mongodb_target *target;
    const struct ek_mongodb_handshake *handshake; /* that was just seen there */
    enum ek_login login;
    int64_t deadline;
};

/* Open a connection and log in as said: by TLS wherever the server was seen to speak it, also with
 * a certificate that does not hold (it has lapsed, or is by an authority of yesterday); in
 * plaintext only to a server that was seen not to speak it. Such a connection is not `proven`:
 * nothing that is a secret may be sent over it. Failures: EK_DENIED (EK-0432) login refused,
 * EK_UNREACHABLE (EK-0430) no connection. *ret_link is set in both cases (hello may be empty) and
 * the caller's to clean up. */
int ek_mongodb_link_open(const struct ek_mongodb_dial *dial, struct ek_mongodb_link *ret_link,
                         struct ek_error *err);

/* For acts: a handshake, then the first login that works: as own user, else as __system. */
int ek_mongodb_link_for_act(const struct ek_mongodb_target *target, int64_t deadline,
                            struct ek_mongodb_link *ret_link, struct ek_error *err);

/* Whether an error says that the server refused the login, and not that the connection broke. */
bool ek_mongodb_login_was_refused(const bson_error_t *error);

/* Run one command against admin. Never fails by itself: the reply tells. */
void ek_mongodb_command(struct ek_mongodb_link *link, const bson_t *command,
                        struct ek_mongodb_reply *ret_reply);

/* The error that a reply stands for; `what` is what was tried ("step down"). */
int ek_mongodb_reply_fail(const struct ek_mongodb_reply *reply, const char *member,
                          const char *what, struct ek_error *err);

/* A replica-set configuration with version + 1 and other hosts appended to the empty
 * *ret_config; everything else, known to us or not, in its place and of its type. Returns
 * how many of the members were found. */
size_t ek_mongodb_renamed_config(const bson_t *config, int64_t version,
                                 const struct ek_mongodb_renaming *names, bson_t *ret_config);

/* See struct ek_mongodb_driver. */
int ek_mongodb_handshake(const struct ek_mongodb_tls_question *question, int64_t deadline,
                         struct ek_mongodb_handshake *ret_handshake, struct ek_error *err);
int ek_mongodb_observe(const struct ek_mongodb_target *target, int64_t deadline,
                       struct ek_mongodb_seen *ret_seen, struct ek_error *err);
int ek_mongodb_recent_log(const struct ek_mongodb_target *target, int64_t deadline,
                          struct ek_buffer *ret_lines, struct ek_error *err);
int ek_mongodb_ask(const struct ek_mongodb_target *target, enum ek_mongodb_question question,
                   int64_t deadline, struct ek_buffer *ret_json, struct ek_error *err);
void ek_mongodb_session_free(struct ek_mongodb_session *session);
int ek_mongodb_set_ssl_mode(const struct ek_mongodb_target *target, enum ek_ssl_mode mode,
                            int64_t deadline, struct ek_error *err);
int ek_mongodb_step_down(const struct ek_mongodb_target *target, int seconds, int catch_up_seconds,
                         int64_t deadline, struct ek_error *err);
int ek_mongodb_step_up(const struct ek_mongodb_target *target, int64_t deadline,
                       struct ek_error *err);
int ek_mongodb_freeze(const struct ek_mongodb_target *target, int seconds, int64_t deadline,
                      struct ek_error *err);
int ek_mongodb_rename_members(const struct ek_mongodb_target *target,
                              const struct ek_mongodb_renaming *renaming, int64_t deadline,
                              struct ek_error *err);
int ek_mongodb_initiate(const struct ek_mongodb_target *target,
                        const struct ek_mongodb_new_set *set, int64_t deadline,
                        struct ek_error *err);
int ek_mongodb_ensure_user(const struct ek_mongodb_target *target,
                           const struct ek_mongodb_user *user, int64_t deadline,
                           struct ek_error *err);

#endif
