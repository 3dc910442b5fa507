/* execute: observe, next, permit, act, observe until the effect is seen; again until done. */
#ifndef EK_EXECUTE_EXECUTE_H
#define EK_EXECUTE_EXECUTE_H

#include <stdatomic.h>

#include "reconciler/execute/world.h"
#include "reconciler/kernel/next.h"
#include "reconciler/kernel/plan.h"
#include "reconciler/lease/lease.h"

enum ek_event_kind {
    EK_EVENT_PLANNED, /* first: plan is set */
    EK_EVENT_STEP_BEGUN,
    EK_EVENT_STEP_WAITING, /* every 10 s while the effect is not seen; text says what is missing */
    EK_EVENT_STEP_DONE,
    EK_EVENT_WAITING,   /* between steps: something passing is in the way; text */
    EK_EVENT_REPLANNED, /* reality moved (an election, a crash): what is left was planned anew; plan
                           is set */
    EK_EVENT_FINISHED,
};

struct ek_event {
    enum ek_event_kind kind;
    int64_t at_ms;                /* wall clock */
    int64_t elapsed_ms;           /* of the step, or of the whole */
    size_t number;                /* of the step, from 1 */
    size_t total;                 /* steps in the current plan */
    const struct ek_step *step;   /* or NULL */
    const struct ek_plan *plan;   /* or NULL */
    const struct ek_state *state; /* as last observed */
    const char *text;             /* or NULL */
};

struct ek_execution {
    const struct ek_deployment_spec *spec;
    struct ek_policy policy;        /* to begin with */
    struct ek_lease *lease;         /* held before each act; NULL: nobody else can act (tests) */
    const struct ek_plan *approved; /* what was shown and agreed to; NULL: whatever next says */
    int64_t step_timeout_ms;        /* for one step's effect to be seen; default 180 000 */
    int64_t settle_timeout_ms;      /* for something passing to go away; default 60 000 */
    bool watches_clients; /* a watch over plaintext clients is waited for, as long as it lasts and
                             may take to settle; else it ends with EK_BLOCKED as other waits do */
    /* Brings the policy up to date with the clock and what people said: asked before every step
     * and every look at what comes next, with the fleet as it was just observed. A failure ends
     * the execution. NULL: the policy stays what it is. */
    int (*refresh)(void *context, const struct ek_state *state, struct ek_policy *policy,
                   struct ek_error *err);
    void (*on_event)(void *context, const struct ek_event *event); /* may be NULL */
    void *context;
    atomic_int *cancelled; /* set by a signal handler or another thread: stops at the next step
                              boundary; may be NULL */
};

struct ek_outcome {
    size_t steps_done;
    int restarts;
    int elections;
    bool complete;             /* the specs' state was reached */
    struct ek_blocked blocked; /* set when it ended with EK_BLOCKED */
};

/* Run until done. 0: complete (also when there was nothing to do).
 * EK_BLOCKED: ret_outcome->blocked says why (also a law that forbids the step; .waits when only
 * a window, an approval, a signature or the end of a pause is missing);
 * EK_STALE: an approved plan, and the fleet is in none of the states that it goes through; or
 * (EK-1013 to EK-1015) the lease is another's by now;
 * EK_CANCELLED; EK_TIMEOUT: an effect was not seen; other codes: an act failed.
 * ret_outcome is filled in every case. More elections than the approved plan has are never
 * caused: EK_STALE instead. */
int ek_execute(struct ek_world *world, const struct ek_execution *execution,
               struct ek_outcome *ret_outcome, struct ek_error *err);

#endif
