/* The certificates' kinds of steps. */
#ifndef EK_ASPECTS_CERTIFICATE_STEPS_H
#define EK_ASPECTS_CERTIFICATE_STEPS_H

#include "reconciler/aspects/transport/steps.h"

/* Of issue certificate; ek_label_argument reads its beginning. */
struct ek_issue_arguments {
    struct ek_label_argument domain;
    int64_t authority_ends_s; /* where the certificate ends by that; else 0 */
};

EK_STEP_ARGUMENTS(ek_issue_arguments, struct ek_issue_arguments);
#define ek_issue_arguments(step) EK_ARGUMENTS_OF(ek_issue_arguments, step)

extern const struct ek_step_kind ek_step_create_authority, ek_step_install_trust,
    ek_step_issue_certificate, ek_step_remove_old_files;

/* All of them, NULL last. */
extern const struct ek_step_kind *const ek_certificate_steps[];

#endif
