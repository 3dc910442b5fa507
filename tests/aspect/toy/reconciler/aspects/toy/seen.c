/* Whether an observation shows what the toy's step should have brought about. Pure. */
#include "reconciler/aspects/toy/rows.h"
#include "reconciler/aspects/toy/state.h"
#include "reconciler/kernel/aspect.h"

bool ek_seen_hang_badge(const struct ek_confirmation *c)
{
    size_t m = (size_t)c->step->member;
    return ek_member_toy(c->observed->state, m)->badge == EK_YES ||
           ek_missing(c, "member %s wears no badge", ek_member_name(c->observed->state, m));
}
