#include "reconciler/aspects/users/steps.h"

#include "reconciler/aspects/users/fields.h"
#include "reconciler/aspects/users/rows.h"

static const struct ek_argument no_arguments[] = {{.field = {.key = NULL}}};

const struct ek_step_kind ek_step_install_key_file = {
    .name = "install-key-file",
    .verb = "install keyFile",
    .verbs = "install keyFiles",
    .change = EK_CHANGE_ADD,
    .on_member = true,
    .keeps_secrets = true,
    .can_be_undone = true,
    .doc = "Puts the set's keyFile on the host of a member that was never started.",
    .touches = EK_FIELDS(&ek_field_key_file),
    .arguments = no_arguments,
    .effect = ek_effect_install_key_file,
    .seen = ek_seen_install_key_file,
    .act = ek_act_install_key_file,
};

const struct ek_step_kind ek_step_create_user = {
    .name = "create-user",
    .verb = "create user",
    .change = EK_CHANGE_ADD,
    .keeps_secrets = true,
    .can_be_undone = true,
    .doc = "Makes Evenkeel's own user with the least privileges that its work needs.",
    .touches = EK_FIELDS(&ek_field_own_user),
    .arguments = no_arguments,
    .effect = ek_effect_create_user,
    .seen = ek_seen_create_user,
    .act = ek_act_create_user,
};

const struct ek_step_kind *const ek_users_steps[] = {&ek_step_install_key_file,
                                                     &ek_step_create_user, NULL};
