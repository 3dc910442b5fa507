/* The aspect as the kernel knows it. */
#include "reconciler/kernel/aspect.h"

#include "reconciler/aspects/toy/fields.h"
#include "reconciler/aspects/toy/state.h"
#include "reconciler/aspects/toy/steps.h"

extern const struct ek_observer ek_toy_observer;

const struct ek_aspect ek_aspect_toy = {
    .name = "toy",
    .sizes = {[EK_PART_MEMBERS] = sizeof(struct ek_member_toy)},
    .fields = ek_toy_fields,
    .steps = ek_toy_steps,
    .observer = &ek_toy_observer,
};
