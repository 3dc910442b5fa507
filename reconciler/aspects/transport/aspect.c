/* The aspect as the kernel knows it. */
#include "reconciler/kernel/aspect.h"

#include "reconciler/aspects/transport/fields.h"
#include "reconciler/aspects/transport/state.h"
#include "reconciler/aspects/transport/steps.h"

extern const struct ek_restart_rules ek_transport_restarts;
extern const struct ek_observer ek_transport_observer;
extern const struct ek_show ek_transport_show;

const struct ek_aspect ek_aspect_transport = {
    .name = "transport",
    .sizes = {[EK_PART_WHOLE] = sizeof(struct ek_transport),
              [EK_PART_MEMBERS] = sizeof(struct ek_member_transport)},
    .fields = ek_transport_fields,
    .steps = ek_transport_steps,
    .restarts = &ek_transport_restarts,
    .observer = &ek_transport_observer,
    .show = &ek_transport_show,
};
