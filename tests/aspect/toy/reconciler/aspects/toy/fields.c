#include "reconciler/aspects/toy/fields.h"

#include "reconciler/aspects/toy/state.h"

const struct ek_field ek_field_badge = {.key = "badge",
                                        .label = "badge",
                                        .part = EK_PART_toy_members,
                                        EK_FIELD(struct ek_member_toy, badge, tri),
                                        .role = EK_FIELD_PLANNED,
                                        .drift = EK_DRIFT_CONFIGURATION,
                                        .unread_forbids = true};

const struct ek_field *const ek_toy_fields[] = {&ek_field_badge, NULL};
