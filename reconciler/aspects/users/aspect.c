/* The aspect as the kernel knows it. */
#include "reconciler/kernel/aspect.h"

#include "reconciler/aspects/users/fields.h"
#include "reconciler/aspects/users/state.h"
#include "reconciler/aspects/users/steps.h"

extern const struct ek_restart_rules ek_users_restarts;
extern const struct ek_observer ek_users_observer;

const struct ek_aspect ek_aspect_users = {
    .name = "users",
    .sizes = {[EK_PART_WHOLE] = sizeof(struct ek_access),
              [EK_PART_MEMBERS] = sizeof(struct ek_member_access)},
    .fields = ek_users_fields,
    .steps = ek_users_steps,
    .restarts = &ek_users_restarts,
    .observer = &ek_users_observer,
};
