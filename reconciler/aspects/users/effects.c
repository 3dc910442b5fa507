/* effect: what the users' steps bring about. Pure. */
#include "reconciler/aspects/users/rows.h"
#include "reconciler/aspects/users/state.h"

int ek_effect_install_key_file(struct ek_effect *e, struct ek_error *err)
{
    (void)err;
    ek_member_access(e->state, (size_t)e->step->member)->key_file = EK_YES;
    return 0;
}

int ek_effect_create_user(struct ek_effect *e, struct ek_error *err)
{
    (void)err;
    ek_access(e->state)->own_user = EK_YES;
    return 0;
}
