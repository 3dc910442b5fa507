/* permit: the safety rules. Written without looking at the planner; asked on a fresh
 * observation right before each act, and everywhere by the model checker. */
#ifndef EK_LAWS_PERMIT_H
#define EK_LAWS_PERMIT_H

#include "reconciler/kernel/step.h"

struct ek_broken_law {
    char id[EK_ID_SIZE];             /* EK-02xx, row of the catalogue */
    char sentence[EK_SENTENCE_SIZE]; /* what the step would have broken, with the members' names */
};

/* How many laws the step would break in this situation; the one of the lowest id is written to
 * *ret_first (may be NULL). 0: permitted. EK_NO_MEMORY, below 0, when a law can't be judged. */
int ek_permit(const struct ek_situation *situation, const struct ek_step *step,
              struct ek_broken_law *ret_first);

#endif
