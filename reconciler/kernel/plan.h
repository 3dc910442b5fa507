/* A plan: next and effect, unrolled from what was observed. */
#ifndef EK_KERNEL_PLAN_H
#define EK_KERNEL_PLAN_H

#include "reconciler/base/hash.h"
#include "reconciler/base/sizes.h"
#include "reconciler/kernel/facts.h"
#include "reconciler/kernel/next.h"

#define EK_PLAN_STEPS_MAX 2000

/* Something that a plan waits for before one of its steps. */
struct ek_plan_wait {
    size_t before; /* index of the step */
    struct ek_blocked blocked;
};

enum { EK_PLAN_WAITS_MAX = 5 }; /* one of each kind */

struct ek_plan {
    struct ek_step *steps;
    char (*digests)[EK_SHA256_HEX_SIZE]; /* digests[i]: of the state before step i; digests[count]:
                                            at the end */
    size_t count;
    char set_id[EK_SET_ID_SIZE]; /* of the replica set that it was made for, "" for one that is to
                                    be made */
    enum ek_verdict_kind end;    /* EK_VERDICT_DONE, or EK_VERDICT_BLOCKED after the steps shown */
    struct ek_blocked blocked;
    /* What of the policy's consent is missing; the steps are shown as if it came. Not part of
     * what the plan is: it comes and goes while the plan stays the same. */
    struct ek_plan_wait waits[EK_PLAN_WAITS_MAX];
    size_t wait_count;
    int restarts;
    int elections;
    int to_add, to_change, to_destroy;
    int64_t write_pause_ms; /* expected, in all */
};

/* Unroll. Where the planner proposes what the laws forbid in a modelled state, the plan has no
 * steps and is blocked by the law. EK_BUG (EK-0190) when it does not end; EK_NO_MEMORY (EK-0599).
 */
int ek_plan_make(const struct ek_situation *situation, struct ek_plan *ret_plan,
                 struct ek_error *err);

void ek_plan_done(struct ek_plan *plan);

/* Where in the plan a fleet in this state is: the index of the next step, plan->count for its end;
 * of the one that was begun where only the rest of a step is missing, as after a kill. -1 for
 * nowhere, also for another replica set than the plan was made for. EK_NO_MEMORY. */
int ek_plan_fits(const struct ek_plan *plan, const struct ek_situation *situation);

/* Where in the plan the state with this digest is, as ek_plan_fits. */
int ek_plan_find(const struct ek_plan *plan, const char digest[EK_SHA256_HEX_SIZE]);

#endif
