/* The toy's part of a state: who wears a badge. */
#ifndef EK_ASPECTS_TOY_STATE_H
#define EK_ASPECTS_TOY_STATE_H

#include "reconciler/kernel/state.h"

struct ek_member_toy {
    enum ek_tri badge; /* a file beside the server's own */
};

EK_STATE_PART(ek_member_toy, struct ek_member_toy, EK_PART_toy_members)
#define ek_member_toy(state, i) EK_STATE_ELEMENT(ek_member_toy, state, i)

#endif
