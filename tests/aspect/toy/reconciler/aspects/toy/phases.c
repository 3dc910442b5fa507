/* The toy's phase: every member gets a badge. */
#include "reconciler/aspects/toy/state.h"
#include "reconciler/aspects/toy/steps.h"
#include "reconciler/kernel/question.h"

bool ek_phase_hang_badges(const struct ek_question *q)
{
    for (size_t m = 0; m < q->state->member_count; m++)
        if (ek_member_toy(q->state, m)->badge == EK_NO) {
            ek_propose(q, &ek_step_hang_badge, (int)m, "wears none");
            return true;
        }
    return false;
}
