#include "reconciler/aspects/toy/steps.h"

#include "reconciler/aspects/toy/fields.h"
#include "reconciler/aspects/toy/rows.h"

static const struct ek_argument no_arguments[] = {{.field = {.key = NULL}}};

const struct ek_step_kind ek_step_hang_badge = {
    .name = "hang-badge",
    .verb = "hang badge",
    .verbs = "hang badges",
    .change = EK_CHANGE_ADD,
    .on_member = true,
    .can_be_undone = true,
    .doc = "Puts a badge on a member.",
    .touches = EK_FIELDS(&ek_field_badge),
    .arguments = no_arguments,
    .effect = ek_effect_hang_badge,
    .seen = ek_seen_hang_badge,
    .act = ek_act_hang_badge,
};

const struct ek_step_kind *const ek_toy_steps[] = {&ek_step_hang_badge, NULL};
