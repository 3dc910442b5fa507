#include "reconciler/aspects/transport/steps.h"

#include "reconciler/aspects/certificate/fields.h"
#include "reconciler/aspects/replica_set/fields.h"
#include "reconciler/aspects/transport/fields.h"
#include "reconciler/aspects/transport/rows.h"

static const struct ek_argument label_argument[] = {
    {.field = {.key = "label", EK_FIELD(struct ek_label_argument, label, text)},
     .value_of = &ek_field_domain_label},
    {.field = {.key = NULL}},
};

static const struct ek_argument configured_argument[] = {
    {.field = {.key = "mode", EK_FIELD(struct ek_mode_argument, mode, mode)},
     .value_of = &ek_field_mode_configured},
    {.field = {.key = NULL}},
};

static const struct ek_argument running_argument[] = {
    {.field = {.key = "mode", EK_FIELD(struct ek_mode_argument, mode, mode)},
     .value_of = &ek_field_mode_running},
    {.field = {.key = NULL}},
};

const struct ek_step_kind ek_step_bind_name = {
    .name = "bind-name",
    .verb = "bind name",
    .verbs = "bind names",
    .change = EK_CHANGE_ADD,
    .on_member = true,
    .can_be_undone = true,
    .doc = "Binds the member's name in its SSL domain to its address; nothing uses the name yet.",
    .touches = EK_FIELDS(&ek_field_domain_name_bound, &ek_field_domain_label),
    .arguments = label_argument,
    .effect = ek_effect_bind_name,
    .seen = ek_seen_bind_name,
    .act = ek_act_bind_name,
};

const struct ek_step_kind ek_step_write_configuration = {
    .name = "write-configuration",
    .verb = "write configuration",
    .verbs = "write configurations",
    .change = EK_CHANGE_MODIFY,
    .on_member = true,
    .can_be_undone = true,
    .doc = "Edits net.tls in the server's configuration file, atomically; read at the next start.",
    .touches = EK_FIELDS(&ek_field_configuration, &ek_field_mode_configured,
                         &ek_field_options_configured, &ek_field_old_files_configured),
    .arguments = configured_argument,
    .note = ek_note_mode,
    .detail = ek_detail_mode,
    .effect = ek_effect_write_configuration,
    .seen = ek_seen_write_configuration,
    .act = ek_act_write_configuration,
};

const struct ek_step_kind ek_step_set_ssl_mode = {
    .name = "set-ssl-mode",
    .verb = "set sslMode",
    .change = EK_CHANGE_MODIFY,
    .on_member = true,
    .disturbs = true,
    .doc = "Raises sslMode by one at run time; open connections stay as they are.",
    .touches = EK_FIELDS(&ek_field_mode_running),
    .arguments = running_argument,
    .note = ek_note_mode,
    .detail = ek_detail_mode,
    .effect = ek_effect_set_ssl_mode,
    .seen = ek_seen_set_ssl_mode,
    .act = ek_act_set_ssl_mode,
};

const struct ek_step_kind *const ek_transport_steps[] = {
    &ek_step_bind_name, &ek_step_write_configuration, &ek_step_set_ssl_mode, NULL};
