/* The loop: desired state is fetched, every deployment is looked at, and what differs is put
 * right, for ever.
 *
 * One thread follows each repository and one keeps each deployment, so that nothing slow or dead
 * delays anything else. Everything is level-based: a thread that is woken looks at what is and
 * at what is wanted, whatever it was that woke it. */
#ifndef EK_LOOP_LOOP_H
#define EK_LOOP_LOOP_H

#include "drivers/store/store.h"
#include "reconciler/execute/world.h"
#include "reconciler/loop/journal.h"
#include "reconciler/loop/metrics.h"
#include "reconciler/loop/trace.h"

struct ek_loop_repository {
    const char *name;
    const char *url;       /* or NULL: directory */
    const char *directory; /* a plain one, or a file */
    const char *revision;  /* or NULL */
    const char *folder;    /* or NULL */
    const char *token_file;
    const char *ssh_key_file;
    int64_t interval_ms;
    bool accept_rewritten;
};

/* What time it is for windows, pauses and certificates. Zeroed: the wall clock. */
struct ek_loop_clock {
    int64_t origin_ms; /* since the epoch, at the loop's start; 0: the wall clock */
    int64_t rate;      /* how many milliseconds pass in one */
};

/* Copied by ek_loop_start and ek_loop_reload. */
struct ek_loop_settings {
    const struct ek_loop_repository *repositories;
    size_t repository_count;
    struct ek_controller controller; /* its strings outlive the loop */
    int64_t observe_ms;              /* between two looks at a deployment */
    size_t acting_total;
    size_t acting_per_account;
    int64_t step_timeout_ms;
    int64_t settle_timeout_ms;
    struct ek_traces *traces; /* or NULL; outlives the loop */
    const char *floor;        /* of every plan's consent, as ek_guard_load wants it; or NULL */
    bool once;                /* one look at, and one act on, each deployment */
    struct ek_loop_clock clock;
};

struct ek_loop;

/* Where a loop tells what happens. All of it outlives the loop. */
struct ek_loop_records {
    const struct ek_store_handle *store;
    struct ek_journal *journal;
    struct ek_metrics *metrics;
};

/* Start the threads. The caller stops and frees the loop. */
int ek_loop_start(const struct ek_loop_settings *settings, const struct ek_loop_records *records,
                  struct ek_loop **ret_loop, struct ek_error *err);

/* Fetch the repository of that name, or every one (NULL), now. EK_NOT_FOUND (EK-1303). */
int ek_loop_fetch(struct ek_loop *loop, const char *repository, struct ek_error *err);

/* Go by other settings (all but controller, clock, traces and once). */
int ek_loop_reload(struct ek_loop *loop, const struct ek_loop_settings *settings,
                   struct ek_error *err);

/* Ask every thread to end at its next step boundary. */
void ek_loop_stop(struct ek_loop *loop);

/* Whether all keepers have ended: after ek_loop_stop, or with `once` when all is done. */
bool ek_loop_ended(struct ek_loop *loop);

/* Wait for the end and free everything. A repository that hangs in a fetch is not waited for: then
 * false, and what the loop was started with has to stay until the process ends. */
bool ek_loop_free(struct ek_loop *loop);

/* Whether every thread got on within its own time; when not, the sentence says which did not. */
bool ek_loop_gets_on(struct ek_loop *loop, char *ret_sentence, size_t size);

/* Whether every repository was read, every deployment looked at, and the store answers. */
bool ek_loop_ready(struct ek_loop *loop, char *ret_sentence, size_t size);

/* How the deployments are now. */
struct ek_loop_summary {
    size_t deployments, synced, differing, blocked, failing, acting, waiting, broken, removed;
    size_t steps_done;
    size_t failed_repositories;
};
void ek_loop_sum_up(struct ek_loop *loop, struct ek_loop_summary *ret_summary);

#endif
