#include "reconciler/kernel/next.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "reconciler/kernel/question.h"

typedef bool phase(const struct ek_question *q);

#define EK_PHASE(function, urgent, reason) phase ek_phase_##function;
#include "reconciler/order.def"
#undef EK_PHASE

static const struct {
    phase *ask;
    bool urgent; /* what it proposes waits for no window */
} phases[] = {
#define EK_PHASE(function, urgent_, reason) {.ask = ek_phase_##function, .urgent = (urgent_)},
#include "reconciler/order.def"
#undef EK_PHASE
};

void ek_next(const struct ek_situation *situation, struct ek_verdict *ret_verdict)
{
    const struct ek_question q = {.spec = situation->spec,
                                  .state = situation->state,
                                  .policy = situation->policy,
                                  .verdict = ret_verdict};
    for (size_t i = 0; i < sizeof phases / sizeof *phases; i++)
        if (phases[i].ask(&q)) {
            ek_next_withhold(&q, phases[i].urgent);
            return;
        }
    memset(ret_verdict, 0, sizeof *ret_verdict);
    ret_verdict->kind = EK_VERDICT_DONE;
}

struct ek_step *ek_propose(const struct ek_question *q, const struct ek_step_kind *kind, int member,
                           const char *why, ...)
{
    struct ek_verdict *verdict = q->verdict;
    memset(verdict, 0, sizeof *verdict);
    verdict->kind = EK_VERDICT_STEP;
    struct ek_step *step = &verdict->step;
    step->kind = kind;
    step->member = member;
    step->other = -1;
    va_list args;
    va_start(args, why);
    vsnprintf(step->why, sizeof step->why, why, args);
    va_end(args);
    return step;
}

bool ek_block(const struct ek_question *q, struct ek_obstacle obstacle, const char *sentence, ...)
{
    struct ek_verdict *verdict = q->verdict;
    memset(verdict, 0, sizeof *verdict);
    verdict->kind = EK_VERDICT_BLOCKED;
    struct ek_blocked *blocked = &verdict->blocked;
    snprintf(blocked->id, sizeof blocked->id, "%s", obstacle.id);
    snprintf(blocked->hint, sizeof blocked->hint, "%s", obstacle.hint);
    blocked->passing = obstacle.passing;
    blocked->member = obstacle.member;
    va_list args;
    va_start(args, sentence);
    vsnprintf(blocked->sentence, sizeof blocked->sentence, sentence, args);
    va_end(args);
    return true;
}

/* ---- what the aspects say of a restart ---- */

bool ek_next_needs_restart(const struct ek_question *q, size_t m, const char **ret_why)
{
    for (size_t i = 0; i < EK_ASPECTS; i++) {
        const struct ek_restart_rules *restarts = ek_aspect_at(i)->restarts;
        if (restarts && restarts->needs_restart && restarts->needs_restart(q, m, ret_why))
            return true;
    }
    return false;
}

bool ek_next_restart_helps(const struct ek_question *q, size_t m)
{
    for (size_t i = 0; i < EK_ASPECTS; i++) {
        const char *why;
        const struct ek_restart_rules *restarts = ek_aspect_at(i)->restarts;
        if (restarts && restarts->needs_restart && restarts->restart_helps &&
            restarts->needs_restart(q, m, &why) && restarts->restart_helps(q, m))
            return true;
    }
    return false;
}

bool ek_next_unread_of(const struct ek_question *q, size_t m)
{
    for (size_t i = 0; i < EK_ASPECTS; i++) {
        const struct ek_restart_rules *restarts = ek_aspect_at(i)->restarts;
        if (restarts && restarts->unread && restarts->unread(q, m))
            return true;
    }
    return false;
}

bool ek_next_before_start(const struct ek_question *q, size_t m)
{
    for (size_t i = EK_ASPECTS; i-- > 0;) {
        const struct ek_restart_rules *restarts = ek_aspect_at(i)->restarts;
        if (restarts && restarts->before_start && restarts->before_start(q, m))
            return true;
    }
    return false;
}

bool ek_next_before_restart(const struct ek_question *q, size_t m)
{
    for (size_t i = EK_ASPECTS; i-- > 0;) {
        const struct ek_restart_rules *restarts = ek_aspect_at(i)->restarts;
        if (restarts && restarts->before_restart && restarts->before_restart(q, m))
            return true;
    }
    return false;
}
