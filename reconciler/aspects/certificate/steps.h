/* The certificates' kinds of steps; issue certificate has the label argument of transport. */
#ifndef EK_ASPECTS_CERTIFICATE_STEPS_H
#define EK_ASPECTS_CERTIFICATE_STEPS_H

#include "reconciler/aspects/transport/steps.h"

extern const struct ek_step_kind ek_step_create_authority, ek_step_install_trust,
    ek_step_issue_certificate;

/* All of them, NULL last. */
extern const struct ek_step_kind *const ek_certificate_steps[];

#endif
