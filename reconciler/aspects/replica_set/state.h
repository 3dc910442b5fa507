/* The replica set's part of a state: its configuration, and its members with their processes. */
#ifndef EK_ASPECTS_REPLICA_SET_STATE_H
#define EK_ASPECTS_REPLICA_SET_STATE_H

#include "reconciler/base/sizes.h"
#include "reconciler/kernel/state.h"

/* The server's own replication states, and two that only an observer knows. */
enum ek_member_state {
    EK_MEMBER_UNKNOWN = 0,
    EK_MEMBER_UNINITIATED, /* runs, but was never given a configuration */
    EK_MEMBER_STARTUP,
    EK_MEMBER_PRIMARY,
    EK_MEMBER_SECONDARY,
    EK_MEMBER_RECOVERING,
    EK_MEMBER_STARTUP2, /* initial sync */
    EK_MEMBER_ARBITER,
    EK_MEMBER_DOWN,
    EK_MEMBER_ROLLBACK,
    EK_MEMBER_REMOVED,
};

enum {
    EK_NAME_SIZE = 64,                /* of an account, a deployment or a member, with its NUL */
    EK_SET_NAME_SIZE = 128,           /* of a replica set */
    EK_HOST_SIZE = EK_HOST_PORT_SIZE, /* "host:port" of a member */
};

/* A clock of a host that could not be compared. */
#define EK_CLOCK_UNKNOWN INT64_MIN

#define EK_CLUSTER_ROLE_SIZE 32 /* of sharding.clusterRole */

struct ek_replica_set {
    char account[EK_NAME_SIZE];
    char deployment[EK_NAME_SIZE];
    enum ek_tri initiated;
    char set_name[EK_SET_NAME_SIZE];
    char set_id[EK_SET_ID_SIZE];
    int64_t config_version;            /* -1 unknown */
    int64_t config_term;               /* -1 unknown or none */
    int64_t election_term;             /* -1 unknown */
    char foreign_member[EK_HOST_SIZE]; /* host of a member that the specs don't name, "" none */
    char cluster_role[EK_CLUSTER_ROLE_SIZE]; /* of any member, in a sharded cluster; "" none */
};

struct ek_member {
    char name[EK_NAME_SIZE];

    /* host */
    enum ek_tri process; /* the server process exists */
    int64_t pid;         /* 0 unknown or none */
    int64_t started_ms;
    int64_t age_ms;                   /* how long that process has run */
    int64_t clock_ahead_ms;           /* the host's clock before Evenkeel's; EK_CLOCK_UNKNOWN */
    enum ek_tri restart_begun;        /* Evenkeel began a restart whose process never came up */
    enum ek_tri data;                 /* the data directory holds something */
    enum ek_tri configuration;        /* the configuration file exists and is understood */
    struct ek_text_ref options_lost;  /* options that only the command line of its process has: its
                                         next start would not; "" none */
    struct ek_text_ref options_added; /* options that its next start alone would have */

    /* server */
    enum ek_tri reachable; /* answered our own connection */
    enum ek_member_state state;
    enum ek_tri writable;
    int version[3];
    int64_t signing_key; /* key id that signs the cluster time; 0 none yet, -1 unknown */
    int64_t lag_ms;      /* behind the primary, -1 unknown */

    /* replica-set configuration */
    int id; /* _id, -1: not in the configuration */
    char host[EK_HOST_SIZE];
    double priority;
    int votes;
    bool hidden;
    bool arbiter;
    bool delayed;
    uint64_t healthy_for; /* bit j: member j reports this one healthy */
    uint64_t viewed_by;   /* bit j: member j's view was read */

    enum ek_tri spec_host_resolves; /* the name that the specs give it */
};

EK_STATE_PART(ek_set, struct ek_replica_set, EK_PART_replica_set)
EK_STATE_PART(ek_member, struct ek_member, EK_PART_replica_set_members)
#define ek_set(state) EK_STATE_ELEMENT(ek_set, state, 0)
#define ek_member(state, i) EK_STATE_ELEMENT(ek_member, state, i)

/* Index of the primary that is writable, or -1. */
int ek_state_primary(const struct ek_state *state);

/* PRIMARY, SECONDARY or ARBITER. */
bool ek_member_state_serves(enum ek_member_state state);

/* Whether member `index` serves: it answers, is PRIMARY, SECONDARY or ARBITER, and no peer reports
 * it as not healthy, but such as nobody sees themselves. ret_deaf_peers (or NULL): the peers that
 * do, bit j for member j. */
bool ek_member_serves(const struct ek_state *state, size_t index, uint64_t *ret_deaf_peers);

/* "PRIMARY", "unknown", …; static storage. */
const char *ek_member_state_name(enum ek_member_state state);

/* The host of "host:port", into buffer. */
void ek_host_without_port(const char *host, char *buffer, size_t size);

#endif
