/* effect: what the toy's step brings about. Pure. */
#include "reconciler/aspects/toy/rows.h"
#include "reconciler/aspects/toy/state.h"

int ek_effect_hang_badge(struct ek_effect *e, struct ek_error *err)
{
    (void)err;
    ek_member_toy(e->state, (size_t)e->step->member)->badge = EK_YES;
    return 0;
}
