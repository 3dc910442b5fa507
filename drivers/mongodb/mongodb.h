/* mongodb: one member at a time, by direct connection (libmongoc).
 *
 * observe() fills what it could see and leaves the rest unknown; it decides nothing. */
#ifndef EK_DRIVERS_MONGODB_MONGODB_H
#define EK_DRIVERS_MONGODB_MONGODB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/host/server_keys.h"
#include "reconciler/base/buffer.h"
#include "reconciler/base/error.h"
#include "reconciler/base/hash.h"
#include "reconciler/base/secret_bytes.h"
#include "reconciler/base/sizes.h"
#include "specs/spec.h"

/* A connection that is kept from one observation of a server process to the next. */
struct ek_mongodb_session;

enum { EK_CLIENT_PATH_SIZE = 64 };

/* Where there is a certificate of our own, for servers that let nobody in by TLS without one. */
struct ek_mongodb_client_maker {
    void *context;
    /* Write the path of a file with certificate and key into ret_path. False: there is none, and
     * with `make` none can be made. Called by several threads at once. */
    bool (*file)(void *context, bool make, char ret_path[static EK_CLIENT_PATH_SIZE]);
};

/* Whom to talk to and as whom. Borrowed. */
struct ek_mongodb_target {
    const char *member;
    const char *plain_host; /* name or address to dial a server that speaks no TLS */
    const char *tls_host;   /* name to dial and to verify over TLS, or NULL: plain_host */
    int port;
    const char
        *ca_file; /* trusted authorities (path on this machine), or NULL: TLS can't be verified */
    const char *user; /* whom to log in as (Evenkeel's own user), or NULL */
    const struct ek_secret *password;
    const char *user_database;        /* that knows the user, NULL: admin */
    const char *client_certificate;   /* PEM file on this machine, with its key, that is shown to a
                                         server over TLS; or NULL */
    bool by_certificate;              /* log in as the subject of that certificate */
    const struct ek_secret *key_file; /* the keys of the set's keyFile, one a line (key_file.h), or
                                         NULL: log in as __system@local, with the first of them
                                         that is taken, where the own user is unknown or can't
                                         exist (arbiters, first start) */
    const struct ek_mongodb_client_maker *client; /* or NULL: no server asks for one */
    struct ek_mongodb_session **session; /* of this member and server process, for observe; made
                                            and kept there, freed by the caller; or NULL */
};

enum ek_answer { EK_ANSWER_UNKNOWN, EK_ANSWER_NO, EK_ANSWER_YES };

/* One member as another one sees it, or as the configuration names it. */
struct ek_mongodb_member {
    int id;
    char host[EK_HOST_PORT_SIZE]; /* host:port as in the configuration */
    double priority;
    int votes;
    bool hidden, arbiter, build_indexes, delayed;
    bool view_known;          /* replSetGetStatus had a row for it */
    bool healthy;             /* health 1 (the row of the member itself: always true) */
    int state;                /* 0…10 as the server numbers them */
    int64_t heartbeat_age_ms; /* since its last heartbeat to that member, by its own clock; -1
                                 unknown (and for the row of the member itself) */
    int64_t optime_ms;        /* wall time of its last applied operation, -1 unknown */
    char heartbeat_message[256];
};

/* Which certificate a server presents to a TLS client, and whether it holds. */
struct ek_mongodb_handshake {
    enum ek_answer
        tls; /* NO: connected but the server closed or spoke no TLS; UNKNOWN: could not connect */
    bool verified;     /* chain and name hold against ca_file and tls_host */
    char problem[256]; /* why not verified, OpenSSL's words; "" */
    uint8_t certificate_sha256[EK_SHA256_SIZE]; /* all zero when none was seen */
    char *certificate_pem;                      /* or NULL; owned by the struct */
    int64_t not_after_s;
};
void ek_mongodb_handshake_done(struct ek_mongodb_handshake *handshake);

/* The other end of a connection, as the server names it: "192.0.2.7:52014", "[2001:db8::7]:52014".
 */
struct ek_mongodb_address {
    char text[72];
};

struct ek_mongodb_seen {
    bool answered;           /* isMaster came back */
    bool authenticated;      /* as own user or as __system, or no authentication is on */
    bool as_system;          /* it was __system */
    enum ek_answer own_user; /* whether the login as `user` worked (NO: refused with 18) */
    char problem[512];       /* why something stayed unknown; "" when all is known */
    bool by_tls;             /* which way the connection went; by TLS wherever it is spoken */
    struct ek_mongodb_handshake handshake;

    int version[3];
    int wire_version;
    int state;               /* server's number, -1 unknown; -2 no configuration yet (94) */
    enum ek_answer writable; /* ismaster */
    char set_name[128];
    char cluster_role[32]; /* in a sharded cluster: "shardsvr", "configsvr", "mongos"; "" none or
                              unknown */
    char me[EK_HOST_PORT_SIZE];
    char primary[EK_HOST_PORT_SIZE];     /* "" when it knows none */
    enum ek_answer initiated;            /* has a configuration */
    int64_t config_version, config_term; /* -1 unknown / absent */
    char set_id[EK_SET_ID_SIZE];         /* replicaSetId hex */
    int64_t election_term;               /* replSetGetStatus.term, -1 unknown */
    struct ek_mongodb_member members[EK_MEMBERS_MAX];
    size_t member_count;
    int64_t heartbeat_interval_ms, election_timeout_ms;

    enum ek_ssl_mode mode_running;  /* getParameter */
    enum ek_ssl_mode mode_at_start; /* getCmdLineOpts, absent = disabled */
    bool options_known;
    uint8_t options_digest[EK_SHA256_SIZE]; /* ek_server_options_digest over
                                               getCmdLineOpts.parsed.net.tls */
    char option_keys[EK_SERVER_KEYS_SIZE];  /* ek_server_keys_of getCmdLineOpts.parsed */
    char certificate_key_file[512], ca_file[512], key_file[512]; /* as started with; "" absent */
    char configuration[512]; /* the file that it was started with, as it was named; "" absent */
    enum ek_answer authorization; /* security.authorization or keyFile at start */
    int64_t pid;                  /* -1 unknown */
    int64_t uptime_ms;            /* -1 unknown */
    int64_t signing_key; /* keyId of $clusterTime of a reply to the own user; 0 none, -1 unknown
                            (also as
                            __system, whom servers answer unsigned, unless the greeting had one) */
    int64_t applied_ms;  /* wall time of its own last applied operation, -1 unknown */
    int64_t plaintext_clients; /* open client connections logged as not using SSL, own and members'
                                  connections not counted; -1 unknown */
    int64_t undecided_clients; /* open client connections of which the server's log no longer (or
                                  never) told which kind they are; -1 unknown */
    /* The other ends of the plaintext and undecided ones; NULL or owned by the struct. */
    struct ek_mongodb_address *doubtful_clients;
    size_t doubtful_count;
    struct ek_mongodb_address own_end; /* ours, of the connection that was asked over; "" unknown */
    int64_t clock_behind_ms; /* what its clock lacks to ours, rather more than less; INT64_MIN
                                unknown */
    /* Whole seconds of our own wall clock, 0 unknown: */
    int64_t clients_at_s;         /* when the clients were asked for */
    int64_t clients_told_since_s; /* since when its log, without a gap, would tell of a client that
                                     came in plaintext while it ran in the present mode, and
                                     doesn't */
    int64_t no_plaintext_since_s; /* since when no client can have come in plaintext untold */
};
void ek_mongodb_seen_done(struct ek_mongodb_seen *seen);

struct ek_mongodb_user {
    const char *name; /* in database admin */
    const struct ek_secret *password;
    const char *const *roles; /* of database admin, NULL-terminated */
};

/* What a server is asked to tell whole: replSetGetConfig, getCmdLineOpts, and the users of all
 * databases (usersInfo, without what they prove themselves by). */
enum ek_mongodb_question {
    EK_MONGODB_ASK_CONFIGURATION,
    EK_MONGODB_ASK_OPTIONS,
    EK_MONGODB_ASK_USERS,
};

/* A TLS handshake that is to be seen. Borrowed. */
struct ek_mongodb_tls_question {
    const char *host; /* to dial, and to find in the certificate (an address: in its IP SANs) */
    int port;
    const char *ca_file; /* trusted authorities (path on this machine), or NULL: none is known */
};

/* Which members of a replica set get which host. Borrowed. */
struct ek_mongodb_renaming {
    int64_t expected_version; /* of the configuration that it is based on */
    const int *ids;           /* members[]._id */
    const char *const *hosts; /* "host:port", one for each of ids */
    size_t count;
};

/* A replica set that is to be made. Borrowed. */
struct ek_mongodb_new_set {
    const char *name;
    const struct ek_mongodb_member *members; /* id, host, priority, votes, hidden, arbiter count */
    size_t count;
};

/* What is handed in is borrowed for the call. All acts: 0 or an error EK-0430…0455 whose sentence
 * carries the server's code and words; past `deadline` (ek_monotonic_ms() time) EK_TIMEOUT or
 * EK_UNREACHABLE. A network failure in the middle of an act is EK_UNREACHABLE: the effect is then
 * unknown. */
struct ek_mongodb_driver {
    const char *name; /* "libmongoc" */

    /* MUST. A session spares the login, not the look: who answers, and with which certificate, is
     * seen on a connection of its own each time. Give a session only to the process that it was
     * made with. Never fails because a server misbehaves: what is not known stays unknown and
     * ret_seen->problem says why. The caller calls ek_mongodb_seen_done. Safe to call from
     * several threads at once. */
    int (*observe)(const struct ek_mongodb_target *target, int64_t deadline,
                   struct ek_mongodb_seen *ret_seen, struct ek_error *err);

    /* MUST. The latest lines of the server's log, as far as it keeps them in memory; appended,
     * each with a newline. EK-04xx as an act. */
    int (*recent_log)(const struct ek_mongodb_target *target, int64_t deadline,
                      struct ek_buffer *ret_lines, struct ek_error *err);

    /* MUST. A server's own answer, as relaxed extended JSON; appended. EK-04xx as an act. */
    int (*ask)(const struct ek_mongodb_target *target, enum ek_mongodb_question question,
               int64_t deadline, struct ek_buffer *ret_json, struct ek_error *err);

    /* MUST. NULL is fine. */
    void (*session_free)(struct ek_mongodb_session *session);

    /* MUST. One TLS handshake, verified against ca_file and host. Fills ret_handshake, 0 even when
     * it did not verify; the caller calls ek_mongodb_handshake_done. EK-0446, EK-0447: the host or
     * the file of authorities can't be used. */
    int (*handshake)(const struct ek_mongodb_tls_question *question, int64_t deadline,
                     struct ek_mongodb_handshake *ret_handshake, struct ek_error *err);

    /* MUST. setParameter tlsMode (4.2+; sslMode before): one step up. */
    int (*set_ssl_mode)(const struct ek_mongodb_target *target, enum ek_ssl_mode mode,
                        int64_t deadline, struct ek_error *err);

    /* MUST. replSetStepDown without force: unelectable for `seconds` afterwards, and at most
     * `catch_up_seconds` of waiting for a secondary that has everything. EK_CONFLICT (EK-0434): it
     * is no primary; EK_TIMEOUT (EK-0436): nobody caught up, and it leads on. */
    int (*step_down)(const struct ek_mongodb_target *target, int seconds, int catch_up_seconds,
                     int64_t deadline, struct ek_error *err);

    /* MUST. replSetFreeze seconds (0 lifts it). */
    int (*freeze)(const struct ek_mongodb_target *target, int seconds, int64_t deadline,
                  struct ek_error *err);

    /* MUST. replSetStepUp: the member stands for election, by a dry run first; a primary that it
     * wins from steps down by itself, and what the member has not replicated yet it catches up
     * before it takes writes. An error means that it was not elected (it may try again). */
    int (*step_up)(const struct ek_mongodb_target *target, int64_t deadline, struct ek_error *err);

    /* MUST. replSetReconfig, never force: reads the configuration, checks that its version is
     * the expected one (else EK_STALE, EK-0439), replaces members[].host by _id, sends it with
     * version + 1 and everything else as it was. */
    int (*rename_members)(const struct ek_mongodb_target *target,
                          const struct ek_mongodb_renaming *renaming, int64_t deadline,
                          struct ek_error *err);

    /* MUST. replSetInitiate. EK_EXISTS when it is. */
    int (*initiate)(const struct ek_mongodb_target *target, const struct ek_mongodb_new_set *set,
                    int64_t deadline, struct ek_error *err);

    /* MUST. createUser with majority write concern, updateUser (password and roles) when it exists.
     * EK_DENIED (EK-0456): the server speaks TLS, but its certificate does not hold, so that nobody
     * knows who would get the password. A server that speaks no TLS gets what the password makes
     * for SCRAM-SHA-1, not the password itself. */
    int (*ensure_user)(const struct ek_mongodb_target *target, const struct ek_mongodb_user *user,
                       int64_t deadline, struct ek_error *err);
};

const struct ek_mongodb_driver *ek_mongodb_driver_named(const char *name);

#endif
