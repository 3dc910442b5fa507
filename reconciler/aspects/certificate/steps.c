#include "reconciler/aspects/certificate/steps.h"

#include "reconciler/aspects/certificate/fields.h"
#include "reconciler/aspects/certificate/rows.h"
#include "reconciler/aspects/transport/fields.h"

static const struct ek_argument no_arguments[] = {{.field = {.key = NULL}}};

static const struct ek_argument issue_arguments[] = {
    {.field = {.key = "label", EK_FIELD(struct ek_issue_arguments, domain.label, text)},
     .value_of = &ek_field_domain_label},
    {.field = {.key = "authority_ends_s",
               EK_FIELD(struct ek_issue_arguments, authority_ends_s, long)}},
    {.field = {.key = NULL}},
};

const struct ek_step_kind ek_step_create_authority = {
    .name = "create-authority",
    .verb = "create authority",
    .change = EK_CHANGE_ADD,
    .keeps_secrets = true,
    .can_be_undone = true,
    .doc = "Makes the certificate authority: its key is sealed on the controller, its root "
           "certificate is public.",
    .touches = EK_FIELDS(&ek_field_authority),
    .arguments = no_arguments,
    .effect = ek_effect_create_authority,
    .seen = ek_seen_create_authority,
    .act = ek_act_create_authority,
};

const struct ek_step_kind ek_step_install_trust = {
    .name = "install-trust",
    .verb = "install trust",
    .change = EK_CHANGE_ADD,
    .on_member = true,
    .can_be_undone = true,
    .doc = "Puts the authority's root certificate on the member's host; read at the next start.",
    .touches = EK_FIELDS(&ek_field_trust_installed, &ek_field_old_files_configured),
    .arguments = no_arguments,
    .effect = ek_effect_install_trust,
    .seen = ek_seen_install_trust,
    .act = ek_act_install_trust,
};

const struct ek_step_kind ek_step_issue_certificate = {
    .name = "issue-certificate",
    .verb = "issue certificate",
    .verbs = "issue certificates",
    .change = EK_CHANGE_ADD,
    .on_member = true,
    .keeps_secrets = true,
    .can_be_undone = true,
    .doc = "Makes a key pair on the member's host (encrypted, it never leaves), and installs a "
           "certificate for it.",
    .touches = EK_FIELDS(&ek_field_certificate_installed, &ek_field_key_password,
                         &ek_field_old_files_configured),
    .arguments = issue_arguments,
    .note = ek_note_issue,
    .effect = ek_effect_issue_certificate,
    .seen = ek_seen_issue_certificate,
    .act = ek_act_issue_certificate,
};

const struct ek_step_kind ek_step_remove_old_files = {
    .name = "remove-old-files",
    .verb = "remove old files",
    .change = EK_CHANGE_REMOVE,
    .on_member = true,
    .doc = "Removes the member's files from where earlier versions kept them, once neither its "
           "configuration nor its process names them.",
    .touches = EK_FIELDS(&ek_field_old_files),
    .arguments = no_arguments,
    .effect = ek_effect_remove_old_files,
    .seen = ek_seen_remove_old_files,
    .act = ek_act_remove_old_files,
};

const struct ek_step_kind *const ek_certificate_steps[] = {
    &ek_step_create_authority, &ek_step_install_trust, &ek_step_issue_certificate,
    &ek_step_remove_old_files, NULL};
