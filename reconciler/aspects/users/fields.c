#include "reconciler/aspects/users/fields.h"

#include "reconciler/aspects/users/state.h"

static const struct ek_field authentication = {.key = "authentication",
                                               .label = "authentication",
                                               .part = EK_PART_users,
                                               EK_FIELD(struct ek_access, authentication, tri),
                                               .role = EK_FIELD_PLANNED,
                                               .drift = EK_DRIFT_USERS};
const struct ek_field ek_field_own_user = {.key = "own_user",
                                           .label = "own user",
                                           .part = EK_PART_users,
                                           EK_FIELD(struct ek_access, own_user, tri),
                                           .role = EK_FIELD_PLANNED,
                                           .drift = EK_DRIFT_USERS};
const struct ek_field ek_field_key_file = {.key = "key_file",
                                           .label = "keyFile",
                                           .part = EK_PART_users_members,
                                           EK_FIELD(struct ek_member_access, key_file, tri),
                                           .role = EK_FIELD_PLANNED,
                                           .drift = EK_DRIFT_CERTIFICATES,
                                           .unread_forbids = true};

const struct ek_field *const ek_users_fields[] = {&authentication, &ek_field_own_user,
                                                  &ek_field_key_file, NULL};
