/* store: what several reconcilers and their people must agree on, and what happened.
 *
 * Events, plans, approvals, pauses, notices and leases. No progress of a rollout is kept
 * here: a fleet whose store is lost is still reconciled from specs and observation. */
#ifndef EK_DRIVERS_STORE_STORE_H
#define EK_DRIVERS_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reconciler/base/error.h"
#include "reconciler/base/hash.h"
#include "reconciler/base/sizes.h"

struct ek_store; /* opaque; used by several threads at once */

/* Where a store is; borrowed strings. One of path and uri is set. */
struct ek_store_location {
    const char *path;          /* SQLite: the database file; made, mode 0600, when missing */
    const char *uri;           /* MongoDB: mongodb://… without a password */
    const char *password_file; /* MongoDB: or NULL */
    const char *ca_file;       /* MongoDB: or NULL */
    bool must_exist;           /* for who only reads: never make one; EK_NOT_FOUND (EK-1001) */
};

/* Something that happened. Strings are never NULL ("" when there is nothing to say). */
struct ek_store_event {
    int64_t number;         /* from 1, without gaps; given by the store */
    int64_t at_ms;          /* wall clock */
    const char *account;    /* "" : of the controller itself */
    const char *deployment; /* "" : of the controller itself */
    const char *kind;       /* "step-done", "drift", "approved", … : a closed set of words */
    const char *who;        /* "alice@host", "reconciler host:pid" */
    const char *commit;
    const char *plan;              /* its name, 64 hex digits */
    const char *text;              /* one sentence for people */
    const char *detail;            /* a JSON object, canonical; "{}" when there is nothing more */
    char hash[EK_SHA256_HEX_SIZE]; /* over the event and the hash of the one before; given by the
                                      store */
};

struct ek_store_query {
    const char *account;    /* NULL: all */
    const char *deployment; /* NULL: all */
    const char *kind;       /* NULL: all */
    int64_t after;          /* only events with a higher number; 0: from the first */
    int64_t since_ms;       /* only events of that time (wall clock) or later; 0: of any */
    size_t most;            /* the latest so many of them, oldest first; 0: all */
};

/* An agreement to one plan of one deployment. */
struct ek_approval {
    char account[64];
    char deployment[64];
    char plan[EK_SHA256_HEX_SIZE]; /* name of the plan */
    char who[128];
    char how[EK_CONSENT_HOW_SIZE]; /* "command", "signed-plan", "signed-commit" */
    int64_t at_ms;
};

/* Room for approvals; the room itself is the caller's. */
struct ek_approvals {
    struct ek_approval *at;
    size_t max;   /* how many there is room for */
    size_t count; /* how many were written */
};

/* A plan as it is kept. Borrowed. */
struct ek_plan_record {
    const char *account;
    const char *deployment;
    const char *name;     /* 64 hex digits */
    const char *document; /* JSON text */
    int64_t at_ms;        /* wall clock */
};

struct ek_pause {
    char who[128];
    char why[256];
    int64_t since_ms;
    int64_t until_ms;
};

/* That a member had no client in plaintext from one moment to another, as far as it was looked at
 * without a gap. Seconds of the wall clock; all zero: nothing is known. */
struct ek_client_watch {
    int64_t since_s;
    int64_t until_s; /* of the latest look */
};

/* Whose watch is meant. Borrowed. */
struct ek_watch_key {
    const char *account;
    const char *deployment;
    const char *member;
};

/* Who may act. `beat` grows with each renewal, `token` with each new holder and never shrinks,
 * also over releases: it is what fences are made of. */
struct ek_lease_record {
    int64_t token;    /* 0: there never was a holder */
    int64_t beat;     /* of that holder */
    char holder[512]; /* "" : released; else a JSON object, see reconciler/lease/ */
};

/* Every slot but open and close: safe to call from several threads at once. What is handed in is
 * borrowed for the call; what comes back by ret_... is the caller's, untouched on failure. Times in
 * milliseconds of the wall clock. EK-10xx: not reachable, not writable, full, damaged. */
struct ek_store_driver {
    const char *name; /* "sqlite", "mongodb" */

    /* MUST. The caller closes the store. EK-10xx: as above, or of a newer version (EK-1002). */
    int (*open)(const struct ek_store_location *location, struct ek_store **ret_store,
                struct ek_error *err);
    /* MUST. NULL is fine. */
    void (*close)(struct ek_store *store);

    /* MUST. Append; durable when it returns. number and hash of `event` are ignored. */
    int (*append)(struct ek_store *store, const struct ek_store_event *event, int64_t *ret_number,
                  struct ek_error *err);
    /* MUST. Give each event to `take`, which returns false to stop and may itself use the store:
     * no lock is held meanwhile. Strings are borrowed for that call. */
    int (*events)(struct ek_store *store, const struct ek_store_query *query,
                  bool (*take)(void *context, const struct ek_store_event *event), void *context,
                  struct ek_error *err);
    /* MUST. Number and hash of the last event as noted apart from the events, so that one cut
     * off at the end is missed; 0 and "" before the first. */
    int (*head)(struct ek_store *store, int64_t *ret_number,
                char ret_hash[static EK_SHA256_HEX_SIZE], struct ek_error *err);

    /* MUST. Keep a plan's document (JSON text) under its name; the same name twice is fine. */
    int (*put_plan)(struct ek_store *store, const struct ek_plan_record *plan,
                    struct ek_error *err);
    /* MUST. EK_NOT_FOUND (EK-1011). The caller frees *ret_document. */
    int (*get_plan)(struct ek_store *store, const char *name, char **ret_document,
                    struct ek_error *err);

    /* MUST. Keep one more agreement; durable when it returns. */
    int (*put_approval)(struct ek_store *store, const struct ek_approval *approval,
                        struct ek_error *err);
    /* MUST. The latest approvals of a deployment, newest first, as many as there is room for. */
    int (*get_approvals)(struct ek_store *store, const char *account, const char *deployment,
                         struct ek_approvals *ret_approvals, struct ek_error *err);

    /* MUST. until_ms 0 ends the pause. */
    int (*put_pause)(struct ek_store *store, const char *account, const char *deployment,
                     const struct ek_pause *pause, struct ek_error *err);
    /* MUST. EK_NOT_FOUND: not paused. Also returned when over: the caller compares until_ms. */
    int (*get_pause)(struct ek_store *store, const char *account, const char *deployment,
                     struct ek_pause *ret_pause, struct ek_error *err);

    /* MUST. Keep a member's watch instead of the one before. */
    int (*put_watch)(struct ek_store *store, const struct ek_watch_key *key,
                     const struct ek_client_watch *watch, struct ek_error *err);
    /* MUST. All zero when there never was one. */
    int (*get_watch)(struct ek_store *store, const struct ek_watch_key *key,
                     struct ek_client_watch *ret_watch, struct ek_error *err);

    /* MUST. Remember `key`; *ret_first tells whether it was new. For what is said only once. */
    int (*note_once)(struct ek_store *store, const char *key, int64_t at_ms, bool *ret_first,
                     struct ek_error *err);

    /* MUST. An all-zero record when there never was one. */
    int (*get_lease)(struct ek_store *store, const char *name, struct ek_lease_record *ret_record,
                     struct ek_error *err);
    /* MUST. Replace `expected` by `wanted` in one indivisible step, durable on a majority;
     * EK_CONFLICT when the record is another one by now. EK_TIMEOUT, EK_UNREACHABLE: unknown. */
    int (*swap_lease)(struct ek_store *store, const char *name,
                      const struct ek_lease_record *expected, const struct ek_lease_record *wanted,
                      struct ek_error *err);
};

/* The driver that serves a location; NULL for a URI of another kind. */
const struct ek_store_driver *ek_store_driver_for(const struct ek_store_location *location);

/* A store and its driver, as it is handed around. */
struct ek_store_handle {
    const struct ek_store_driver *driver;
    struct ek_store *store;
};

int ek_store_open(const struct ek_store_location *location, struct ek_store_handle *ret_handle,
                  struct ek_error *err);
void ek_store_close(struct ek_store_handle *handle);

/* Recompute the chain of hashes from the first event on. EK_CONFLICT (EK-1010) names the first
 * event that was changed, removed or put in between. */
int ek_store_verify(const struct ek_store_handle *handle, int64_t *ret_events,
                    struct ek_error *err);

/* What chains an event to the one before: SHA-256, in hex, over
 *     "evenkeel event 1" and the hash before ("" for the first),
 *     number and at_ms, each in decimal with a line feed behind,
 *     account, deployment, kind, who, commit, plan, text, detail,
 * where each text is written as its length in bytes, a colon, the text, a line feed. */
int ek_store_chain(const char *before, const struct ek_store_event *event,
                   char ret_hash[static EK_SHA256_HEX_SIZE], struct ek_error *err);

#endif
