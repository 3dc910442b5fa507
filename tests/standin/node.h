/* This member: everything that its threads share, under one lock. */
#ifndef STANDIN_NODE_H
#define STANDIN_NODE_H

#include "util.h"

#include <pthread.h>

enum member_state {
    S_STARTUP = 0,
    S_PRIMARY = 1,
    S_SECONDARY = 2,
    S_RECOVERING = 3,
    S_STARTUP2 = 5,
    S_UNKNOWN = 6,
    S_ARBITER = 7,
    S_DOWN = 8,
    S_ROLLBACK = 9,
    S_REMOVED = 10
};
const char *state_name(enum member_state s);
/* What it says that it is: a secondary whose login nobody takes, and who sees nobody, says
 * RECOVERING. */
enum member_state repl_state_told(void);

#define MAX_MEMBERS 50
#define HOST_SIZE 300

/* One entry of the configuration's `members`. */
struct member {
    int32_t id, votes;
    int64_t delay;
    double priority;
    int32_t votes_written; /* while it is newly added, it has neither votes nor priority */
    double priority_written;
    bool arbiter, hidden, build_indexes, newly_added;
    char host[HOST_SIZE];
};
struct config {
    bson_t *doc; /* as replSetGetConfig shows it; NULL: none yet */
    char name[128];
    int64_t version, term; /* term: -1 before 4.4, and when forced */
    int64_t heartbeat_interval, heartbeat_timeout, election_timeout, catchup_timeout;
    int n;
    struct member m[MAX_MEMBERS];
};

/* What this member knows of another, mostly from heartbeats. */
struct view {
    bool up, heard, auth_failed;
    enum member_state state;
    int64_t last_heartbeat, last_received, up_since; /* wall */
    int64_t alive; /* mono: last sign of life in either direction */
    int64_t ping, config_version, config_term;
    struct optime applied, durable, pulled;
    int32_t sync_source; /* member id or -1 */
    uint32_t election_secs, election_inc;
    char message[600], sync_host[HOST_SIZE];
};

enum election_reason { WHY_TIMEOUT, WHY_STEP_UP, WHY_PRIORITY, WHY_CATCHUP, WHY_FREEZE, WHY_COUNT };

struct node {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* anything below, the log, or what is durable */
    int64_t started;        /* wall */
    bool stopping;
    int64_t quiesce_until; /* mono: answers nothing but that it will end (5.0 and later) */

    struct config config;
    int self;            /* index, -1 when not (yet) a member */
    uint32_t generation; /* of the configuration: heartbeat threads of older ones end */
    uint32_t kick;       /* raised to have heartbeats sent at once */
    struct optime floor; /* what was committed when the configuration came into use */
    struct view view[MAX_MEMBERS];

    int64_t term, vote_term;
    int32_t vote_for; /* member id */
    enum member_state state;
    bool writable;      /* primary, and through with catching up */
    bool stepping_down; /* a stepdown waits: no writes */
    bool election_running, handing_off;
    uint32_t leadership; /* raised when this member stops being primary: waiting writers give up */
    int primary;         /* index, -1 unknown */
    int64_t election_deadline, takeover_at, unelectable_until, catchup_deadline; /* mono; 0 none */
    struct optime catchup_target;
    int64_t elected_at;      /* mono: of the own last election as primary */
    bool catchup_given_up;   /* who has more has something else, too */
    int64_t fresh_until;     /* mono: just initiated, be quick */
    int64_t drained_at;      /* mono: elected, but not through with its own log before that */
    int64_t secondary_since; /* mono */
    struct optime commit;
    struct optime initial_target;
    bool initial_sync;
    int sync_source; /* index or -1 */
    int32_t rbid;

    /* signing keys */
    bool keys_loaded, restarted; /* with a configuration from before */
    bool rejoining;              /* and that is not in use yet */
    int64_t keys_at, keys_refuse_until, key_id;
    uint8_t key[20];
    struct optime cluster_time; /* .term unused */

    /* numbers for replSetGetStatus and serverStatus */
    struct {
        int64_t called[WHY_COUNT], successful[WHY_COUNT];
        int64_t higher_term, catchups_done;
        bool candidate, participant, voted, majority_noted;
        enum election_reason reason;
        int64_t date, new_term_date, term, majority_date, vote_date, vote_applied_date;
        struct optime committed_then, seen_then;
        int32_t votes_needed, vote_candidate;
        int64_t vote_term;
        char vote_reason[200];
        struct optime vote_applied;
    } metrics;
    uint32_t election_secs, election_inc; /* of the own last election as primary */
    int64_t lock_count;                   /* fsync lock */
};
extern struct node node;

void node_init(void);
void node_lock(void);
void node_unlock(void);
/* Wakes everybody who waits for a change. */
void node_changed(void);
/* Waits for a change until then (mono); false when the time is over. */
bool node_wait(int64_t until);

#endif
