/* next: the planner. A pure function from what is wanted and what is to the one step that
 * comes now, or to "done", or to "blocked" with the reason. */
#ifndef EK_KERNEL_NEXT_H
#define EK_KERNEL_NEXT_H

#include "reconciler/kernel/step.h"

enum ek_verdict_kind { EK_VERDICT_STEP, EK_VERDICT_DONE, EK_VERDICT_BLOCKED };

/* What people can give, or time brings: what stands between a plan and its steps although
 * nothing is wrong. */
enum ek_wait {
    EK_WAIT_NONE = 0,
    EK_WAIT_PAUSE,
    EK_WAIT_APPROVAL,
    EK_WAIT_SIGNATURE,
    EK_WAIT_WINDOW,
    EK_WAIT_WATCH /* until clients were watched for as long as the specs say */
};

enum { EK_HINT_SIZE = 256 };

struct ek_blocked {
    char id[EK_ID_SIZE]; /* row of the catalogue, EK-01xx or EK-11xx */
    enum ek_wait waits;  /* not NONE: only for this; a plan goes on behind it */
    bool passing;        /* may go away by itself soon (a member that is starting, an election) */
    int member;          /* whom it concerns, -1 */
    int64_t until_s;     /* waits: when a watch will be over (wall clock); 0 not known */
    char sentence[EK_SENTENCE_SIZE]; /* what is in the way */
    char hint[EK_HINT_SIZE];         /* what a person can do */
};

struct ek_verdict {
    enum ek_verdict_kind kind;
    struct ek_step step;       /* EK_VERDICT_STEP */
    struct ek_blocked blocked; /* EK_VERDICT_BLOCKED */
};

/* The next step: what the first phase of order.def that has something to say, says. */
void ek_next(const struct ek_situation *situation, struct ek_verdict *ret_verdict);

#endif
