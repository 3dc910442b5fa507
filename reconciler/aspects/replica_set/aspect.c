/* The aspect as the kernel knows it. */
#include "reconciler/kernel/aspect.h"

#include "reconciler/aspects/replica_set/fields.h"
#include "reconciler/aspects/replica_set/state.h"
#include "reconciler/aspects/replica_set/steps.h"

extern const struct ek_observer ek_replica_set_observer;
extern const struct ek_show ek_replica_set_show;

const struct ek_aspect ek_aspect_replica_set = {
    .name = "replica_set",
    .sizes = {[EK_PART_WHOLE] = sizeof(struct ek_replica_set),
              [EK_PART_MEMBERS] = sizeof(struct ek_member)},
    .fields = ek_replica_set_fields,
    .steps = ek_replica_set_steps,
    .observer = &ek_replica_set_observer,
    .show = &ek_replica_set_show,
};
