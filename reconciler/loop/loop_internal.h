/* The inside of the loop, for the files of reconciler/loop/ that make it up. */
#ifndef EK_LOOP_LOOP_INTERNAL_H
#define EK_LOOP_LOOP_INTERNAL_H

#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "drivers/git/git.h"
#include "reconciler/base/hash.h"
#include "reconciler/consent/consent.h"
#include "reconciler/execute/assess.h"
#include "reconciler/execute/execute.h"
#include "reconciler/lease/decide.h"
#include "reconciler/loop/drift.h"
#include "reconciler/loop/loop.h"
#include "reconciler/loop/roster.h"
#include "reconciler/loop/turns.h"

/* A thread that sleeps until it is woken or due. Guarded by the loop's lock. */
struct ek_sleeper {
    pthread_t thread;
    bool started;
    bool ended;
    bool woken;
    int64_t due_ms;      /* ek_monotonic_ms */
    int64_t stalled_ms;  /* when it should have got on by; 0: it sleeps */
    pthread_cond_t wake; /* on the monotonic clock */
};

/* Follows one repository. */
struct ek_follower {
    struct ek_loop *loop;
    struct ek_sleeper sleeper;
    struct ek_loop_repository settings; /* own copies of the strings */
    bool dropped;                       /* no longer in the configuration */
    unsigned dropped_in;                /* by which reload */
    struct ek_desired *desired;         /* the latest, held */
    char commit[EK_COMMIT_ID_SIZE];     /* that was followed last, also before this start */
    bool tried;
    unsigned failures;
    char trouble[12]; /* id of what is wrong, "" nothing: said once */
};

enum ek_condition {
    EK_CONDITION_NEW, /* not looked at yet */
    EK_CONDITION_SYNCED,
    EK_CONDITION_DIFFERING, /* and nothing is in the way */
    EK_CONDITION_BLOCKED,
    EK_CONDITION_FAILING,
    EK_CONDITION_BROKEN, /* spec broken or claimed twice */
    EK_CONDITION_REMOVED,
};

/* Keeps one deployment. */
struct ek_keeper {
    struct ek_loop *loop;
    struct ek_sleeper sleeper;
    char account[64];
    char name[64];

    /* guarded by the loop's lock */
    struct ek_wanted wanted; /* .desired is held */
    enum ek_condition condition;
    bool acting;
    bool waiting; /* for its turn */
    bool retry;   /* also what was given up: somebody asked for it */
    size_t steps_done;
    atomic_int cancelled; /* stops an execution at its next step boundary */

    /* the thread's own */
    struct ek_desired *desired; /* what `assessment` was opened with, held */
    struct ek_assessment assessment;
    bool open;
    struct ek_synced synced;
    bool restored;  /* whether the store was asked when the deployment was last in sync */
    unsigned drift; /* fields that were told as drifted; 0 none */
    char drift_digest[EK_SHA256_HEX_SIZE];
    char health[16];
    char ending[256];                 /* of the authority, as far as it was told; "" nothing */
    char said[12];                    /* id of what was last told as being in the way, "" nothing */
    char planned[EK_SHA256_HEX_SIZE]; /* name of the plan that was told */
    char signer[128]; /* who signed the commit, of those who may approve; "" nobody */
    char approved[EK_SHA256_HEX_SIZE]; /* name of the plan that is carried out by approval */
    struct ek_guard guard;
    bool guarded;        /* `guard` is what held when it was last asked */
    unsigned guarded_in; /* by which reload */
    struct ek_lease_watch lease_watch;
    unsigned failures; /* of acts, in a row */
    int64_t act_not_before_ms;
    struct ek_error act_error; /* of this pass; code 0: none */
    bool hopeless;             /* an error that only a new commit mends */
    struct ek_step step;       /* in hand */
    bool stepping;
    int64_t step_begun_ms;  /* wall clock */
    struct ek_trace *trace; /* while acting, or NULL */
};

struct ek_loop {
    pthread_mutex_t lock;
    struct ek_loop_settings settings; /* repositories are the followers' */
    const struct ek_store_handle *store;
    struct ek_journal *journal;
    struct ek_metrics *metrics;
    struct ek_turns *turns;
    struct ek_follower **followers;
    size_t follower_count;
    struct ek_keeper **keepers;
    size_t keeper_count;
    struct ek_roster roster;
    bool store_failed;
    bool stopping;
    unsigned reloads;
    char *floor; /* own copy of settings.floor; guarded by the lock */
    int64_t started_ms;
    char who[192]; /* "evenkeel run on host, process 12" */
};

/* ---- sleeping (sleeper.c) ---- */

void ek_sleeper_init(struct ek_sleeper *sleeper, int64_t due_ms);
int ek_sleeper_start(struct ek_sleeper *sleeper, void *(*run)(void *argument), void *argument,
                     struct ek_error *err);

/* Sleep until woken or due; call it with the loop's lock held. False: the loop stops. */
bool ek_sleeper_sleep(struct ek_sleeper *sleeper, struct ek_loop *loop);

/* Wake it; call it with the loop's lock held. */
void ek_sleeper_wake(struct ek_sleeper *sleeper);

/* The thread has got on, and will again within `ms`. */
void ek_sleeper_gets_on(struct ek_sleeper *sleeper, struct ek_loop *loop, int64_t ms);

/* ---- time and chance ---- */

/* Any number, another one in each process: two reconcilers must not wait alike. */
uint32_t ek_loop_chance(void);

int64_t ek_loop_now_ms(const struct ek_loop *loop);

/* ---- telling (tell.c) ---- */

/* Write to the log, and what is of lasting interest to the store, with the detail, which is taken:
 * an object (NULL: there was no memory for it, and the event is not stored). */
void ek_tell(struct ek_loop *loop, const struct ek_journal_entry *entry, json_t *detail);
void ek_tell_error(struct ek_loop *loop, const struct ek_journal_entry *entry,
                   const struct ek_error *err);

/* Which events are meant. Borrowed. */
struct ek_event_search {
    const char *account;
    const char *deployment;
    const char *kind;
    const char *key;   /* that their detail has */
    const char *value; /* that it has there; NULL: any */
};

/* The latest of them; *ret_detail is the caller's, "" when there is none. */
int ek_tell_latest(struct ek_loop *loop, const struct ek_event_search *wanted, char **ret_detail,
                   int64_t *ret_at_ms, struct ek_error *err);

/* ---- the threads ---- */

void *ek_follow(void *follower); /* follow.c */
void *ek_keep(void *keeper);     /* keep.c */

/* What is asked of git about a repository at the revision, with what the loop knows of it; the
 * buffer holds what the request points into. */
struct ek_git_request ek_follower_request(struct ek_loop *loop, const char *repository,
                                          const char *revision, struct ek_buffer *cache);

/* Give everybody what is wanted of him by now; with the lock held (distribute.c). */
int ek_loop_distribute(struct ek_loop *loop, struct ek_error *err);

/* Carry out what the keeper's plan says, if it may and can be (act.c). */
void ek_keeper_act(struct ek_keeper *keeper);

/* What its plans need besides what the specs ask for, as it is now (rule.c). */
int ek_keeper_guard(struct ek_keeper *keeper, struct ek_error *err);

/* The deployment is as the specs say: what they ask of people holds from now on. EK_BLOCKED
 * (EK-1102, EK-1103) where that is less than before and the consent is missing. */
int ek_keeper_accept_rule(struct ek_keeper *keeper, const struct ek_consent *consent,
                          struct ek_error *err);

/* What is asked before each of its steps. */
struct ek_consent_question ek_keeper_question(const struct ek_keeper *keeper,
                                              const struct ek_state *state);

/* What is in the way is told when it is new, and again only after something else (keep.c). */
void ek_keeper_say(struct ek_keeper *keeper, enum ek_journal_event event, const char *id,
                   const char *sentence, const char *hint);
void ek_keeper_condition(struct ek_keeper *keeper, enum ek_condition condition);

/* "restart b". */
void ek_keeper_step_words(const struct ek_keeper *keeper, const struct ek_step *step,
                          struct ek_buffer *text);

/* Tell of its authority's end what was not told yet (endings.c). */
void ek_keeper_tell_endings(struct ek_keeper *keeper);

/* An event of its execution (tell.c). */
void ek_tell_execution(struct ek_keeper *keeper, const struct ek_event *event);

/* An entry about the keeper's deployment, to be filled in further. */
struct ek_journal_entry ek_keeper_entry(const struct ek_keeper *keeper,
                                        enum ek_journal_event event);

#endif
