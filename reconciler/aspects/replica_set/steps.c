#include "reconciler/aspects/replica_set/steps.h"

#include "reconciler/aspects/replica_set/fields.h"
#include "reconciler/aspects/replica_set/rows.h"
#include "reconciler/aspects/transport/fields.h"

static const struct ek_argument no_arguments[] = {{.field = {.key = NULL}}};

static const struct ek_argument start_arguments[] = {
    {.field = {.key = "mode", EK_FIELD(struct ek_start_arguments, mode, mode)}},
    {.field = {.key = "hold", EK_FIELD(struct ek_start_arguments, hold, flag)}},
    {.field = {.key = NULL}},
};

static const struct ek_argument reconfigure_arguments[] = {
    {.field = {.key = "config_version",
               EK_FIELD(struct ek_reconfigure_arguments, config_version, long),
               .unknown = -1},
     .value_of = &ek_field_config_version},
    {.field = {.key = "label", EK_FIELD(struct ek_reconfigure_arguments, label, text)},
     .value_of = &ek_field_domain_label},
    {.field = {.key = NULL}},
};

const struct ek_step_kind ek_step_start = {
    .name = "start",
    .verb = "start",
    .change = EK_CHANGE_MODIFY,
    .on_member = true,
    .can_be_undone = true,
    .doc = "Starts a server that was never started, or whose restart by Evenkeel did not come up.",
    .touches = EK_FIELDS(&ek_field_process),
    .arguments = start_arguments,
    .note = ek_note_start,
    .effect = ek_effect_start,
    .seen = ek_seen_start,
    .act = ek_act_start,
};

const struct ek_step_kind ek_step_restart = {
    .name = "restart",
    .verb = "restart",
    .change = EK_CHANGE_REPLACE,
    .on_member = true,
    .disturbs = true,
    .restarts = 1,
    .doc = "Stops and starts one secondary, and waits until it has caught up and its peers see it.",
    .touches = EK_FIELDS(&ek_field_process),
    .arguments = start_arguments,
    .note = ek_note_restart,
    .effect = ek_effect_restart,
    .seen = ek_seen_restart,
    .act = ek_act_restart,
};

const struct ek_step_kind ek_step_initiate = {
    .name = "initiate",
    .verb = "initiate replica set",
    .change = EK_CHANGE_ADD,
    .on_all = true,
    .doc = "Gives the new members their first configuration.",
    .touches = EK_FIELDS(&ek_field_initiated, &ek_field_host),
    .arguments = no_arguments,
    .effect = ek_effect_initiate,
    .seen = ek_seen_initiate,
    .act = ek_act_initiate,
};

const struct ek_step_kind ek_step_reconfigure = {
    .name = "reconfigure",
    .verb = "reconfigure",
    .change = EK_CHANGE_MODIFY,
    .on_all = true,
    .disturbs = true,
    .can_be_undone = true,
    .doc = "Renames the members in the replica-set configuration, in one step; votes and ids stay.",
    .touches = EK_FIELDS(&ek_field_config_version, &ek_field_host),
    .arguments = reconfigure_arguments,
    .note = ek_note_reconfigure,
    .effect = ek_effect_reconfigure,
    .seen = ek_seen_reconfigure,
    .act = ek_act_reconfigure,
};

const struct ek_step_kind ek_step_step_down = {
    .name = "step-down",
    .verb = "step down",
    .change = EK_CHANGE_MODIFY,
    .on_member = true,
    .disturbs = true,
    .can_be_undone = true,
    .elections = 1,
    .doc = "Hands the primary's role to a caught-up secondary, without force.",
    .touches = EK_FIELDS(&ek_field_member_state),
    .arguments = no_arguments,
    .note = ek_note_election,
    .effect = ek_effect_step_down,
    .seen = ek_seen_step_down,
    .act = ek_act_step_down,
};

const struct ek_step_kind ek_step_reinstate = {
    .name = "reinstate",
    .verb = "reinstate primary",
    .change = EK_CHANGE_MODIFY,
    .on_member = true,
    .disturbs = true,
    .can_be_undone = true,
    .elections = 1,
    .doc = "Lets the member that should lead stand for election; the primary yields to it.",
    .touches = EK_FIELDS(&ek_field_member_state),
    .arguments = no_arguments,
    .note = ek_note_election,
    .effect = ek_effect_reinstate,
    .seen = ek_seen_reinstate,
    .act = ek_act_reinstate,
};

const struct ek_step_kind *const ek_replica_set_steps[] = {&ek_step_start,
                                                           &ek_step_restart,
                                                           &ek_step_initiate,
                                                           &ek_step_reconfigure,
                                                           &ek_step_step_down,
                                                           &ek_step_reinstate,
                                                           NULL};
