/* Replication: configuration, roles, heartbeats, elections, pulling the log. */
#ifndef STANDIN_REPL_H
#define STANDIN_REPL_H

#include "node.h"
#include "storage.h"

/* --- the configuration (repl_config.c) --- */

/* Reads and completes a configuration. 0, or the error code with a reason. */
int config_parse(const bson_t *doc, bool initiate, struct config *ret_config, char *why,
                 size_t size);
/* The rules inside one configuration; 0 or BadValue. */
int config_validate(const struct config *c, char *why, size_t size);
/* The rules between an old and a new one; 0 or 103. */
int config_compare(const struct config *old, const struct config *new, bool force, char *why,
                   size_t size);
/* The rules of 4.4 and later (repl_safety.c): 0 or 103. */
int config_newer_only(const struct config *old, const struct config *new, char *why, size_t size);
/* 0, or 103 and why: what writes wait for when nothing is said would change with this (5.0). */
int config_keeps_default(const struct config *old, const struct config *new, char *why,
                         size_t size);
int config_safe_change(const struct config *old, const struct config *new, bool force, char *why,
                       size_t size);
/* Whether a majority uses the configuration that is in use here; with the lock held. */
bool config_is_committed(void);
/* Waits until it is and, with `log_too`, until a majority in it has what was committed before it.
 * 0, 50 when the time is over, or 10107 when this member stopped being primary. */
int config_await(bool log_too, int64_t until, char *why, size_t size);
/* Members that 5.0 and later let vote only when they have caught up: marking them in a new
 * configuration, and, as primary, letting those vote that have. */
void config_mark_newly_added(const struct config *old, bson_t *doc);
void config_hide_newly_added(bson_t *doc);
void config_admit_newly_added(void);
/* The document of setDefaultRWConcern (cmd_defaults.c), NULL: never set. Borrowed. */
const bson_t *default_concerns(void);
/* What a write without a concern waits for (5.0 and later): majority, or 1. */
bool config_implies_majority(const struct config *c);
/* Whether a replaces b: by its term where both have one (4.4 and later), then by its version. */
bool config_newer(const struct config *a, const struct config *b);
void config_done(struct config *c);
/* Which member is this process? Resolves names and may connect; not with the lock held. -1: none.
 */
int config_find_self(const struct config *c);
int config_voters(const struct config *c);
int config_majority(const struct config *c);
int config_data_voters(const struct config *c);
/* Data-bearing voters that must have a write. */
int config_write_majority(const struct config *c);
extern bson_oid_t process_id; /* what _isSelf answers */

/* --- roles (repl.c); with the lock held unless said otherwise --- */
void repl_load(void);  /* what is on disk; before anything listens */
void repl_start(void); /* the threads; without the lock */
/* Takes the configuration over. `self` as found. */
void repl_install(struct config *c, int self);
void repl_save_meta(void);
/* A new primary makes the configuration one of its term (4.4 and later). */
void repl_stamp_config(void);
bool repl_active(void); /* started with a set name */
/* Milliseconds that the real server takes for something; next to none with STANDIN_FAST=1. */
int64_t repl_pace(int64_t least, uint32_t spread);
bool repl_electable(char *why, size_t size);
/* A higher term was seen: adopt it, and stop being primary. */
void repl_saw_term(int64_t term);
void repl_step_down(const char *reason);
void repl_set_state(enum member_state s);
void repl_reset_election_timer(void);
void repl_become_primary(enum election_reason reason);
void repl_set_primary(int index);
bool repl_accepts_writes(void);
/* Gives the entry its place and time, logs it and does it. Takes the document. */
struct optime repl_append(bson_t *entry);
bson_t *repl_entry(const char *op, const char *ns);
void repl_advance_commit(void);
void repl_learn_commit(struct optime commit);
struct optime repl_next_time(void);

/* --- until when a write is waited for (concern.c) --- */
struct write_concern {
    bool majority, journal;
    int n;
    int64_t timeout;    /* 0: none */
    char mode[64];      /* another word than majority; none here is known */
    const char *source; /* who said so, as 4.4 and later tell; NULL: the client */
};
struct write_concern write_concern_of(const bson_t *command);
struct call;
/* What is wrong with what the command says of it: 0, or what fail() returned. */
int write_concern_check(struct call *c);
/* Waits until `at` is as safe as asked. Adds writeConcernError to the reply when it isn't. False
 * when this member stopped being primary meanwhile: the whole command fails with 11602. */
bool repl_await(struct optime at, struct write_concern wc, bson_t *reply);

/* The form of a configuration that a client gives (repl_config_check.c): 0, or what fail()
 * returned.
 */
int config_check_form(struct call *c, const bson_t *doc, bool initiate);

/* --- heartbeats (repl_heartbeat.c) --- */
void heartbeat_threads_start(void);
void heartbeat_request(bson_t *to, const struct config *c, int self, bool check_empty);
void heartbeat_answer(const bson_t *request, bson_t *reply);
/* Has the configuration of that host fetched and installed if it is newer. */
void config_fetch(const char *host);
/* Asks the members of a new configuration; 0, or the code with a reason. Without the lock. */
int quorum_check(const struct config *c, int self, bool initiate, char *why, size_t size);

/* --- elections (repl_election.c) --- */
void election_start(enum election_reason reason, bool dry_run);
void vote_answer(const bson_t *request, bson_t *reply);
/* replSetStepDown: 0, or a code with a reason. Without the lock; waits. */
int step_down(int64_t seconds, int64_t catch_up_ms, bool force, char *why, size_t size);

/* --- pulling the log (repl_sync.c) --- */
void *sync_thread(void *arg);
/* The log's last words on pulling, when the process ends; with the lock held. */
void sync_end(void);
void pull_answer(const bson_t *request, bson_t *reply);

/* --- signing keys (repl_keys.c) --- */
void keys_tick(int64_t now);

/* Called some twenty times a second with the lock held (repl_tick.c). */
void *tick_thread(void *arg);

#endif
