/* What the phases of the planner are asked, and how they answer. The laws never include this. */
#ifndef EK_KERNEL_QUESTION_H
#define EK_KERNEL_QUESTION_H

#include "reconciler/kernel/aspect.h"
#include "reconciler/kernel/next.h"

/* One question to the planner. */
struct ek_question {
    const struct ek_deployment_spec *spec;
    const struct ek_state *state;
    const struct ek_policy *policy;
    struct ek_verdict *verdict;
};

/* What stands in the way. */
struct ek_obstacle {
    const char *id; /* row of the catalogue */
    int member;     /* whom it concerns, -1: the deployment */
    bool passing;   /* may go away by itself soon */
    const char *hint;
};

static inline struct ek_obstacle ek_passing(const char *id, int member, const char *hint)
{
    return (struct ek_obstacle){.id = id, .member = member, .passing = true, .hint = hint};
}

static inline struct ek_obstacle ek_lasting(const char *id, int member, const char *hint)
{
    return (struct ek_obstacle){.id = id, .member = member, .hint = hint};
}

/* Answer with a step, whose arguments the caller fills in; never NULL. The format is the reason for
 * people. */
struct ek_step *ek_propose(const struct ek_question *q, const struct ek_step_kind *kind, int member,
                           const char *why, ...) __attribute__((format(printf, 4, 5)));

/* Answer that it is blocked; returns true, so that a phase can return it. The format is the
 * sentence about what is in the way. */
bool ek_block(const struct ek_question *q, struct ek_obstacle obstacle, const char *sentence, ...)
    __attribute__((format(printf, 3, 4)));

/* Whether no maintenance window is open where one is asked for. */
bool ek_next_window_closed(const struct ek_question *q);

/* A proposed step for which the policy lacks something turns into "blocked"; `urgent`: it may do
 * without a window. */
void ek_next_withhold(const struct ek_question *q, bool urgent);

/* What the aspects say of member m's restart, the first that has something to say; see struct
 * ek_restart_reasons. The two of what comes before ask in the reverse order. */
bool ek_next_needs_restart(const struct ek_question *q, size_t m, const char **ret_why);
bool ek_next_restart_helps(const struct ek_question *q, size_t m);
bool ek_next_unread_of(const struct ek_question *q, size_t m);
bool ek_next_before_start(const struct ek_question *q, size_t m);
bool ek_next_before_restart(const struct ek_question *q, size_t m);

#endif
