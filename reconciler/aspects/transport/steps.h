/* Transport's kinds of steps and their arguments. */
#ifndef EK_ASPECTS_TRANSPORT_STEPS_H
#define EK_ASPECTS_TRANSPORT_STEPS_H

#include "reconciler/aspects/transport/state.h"
#include "reconciler/kernel/step.h"

extern const struct ek_step_kind ek_step_bind_name, ek_step_write_configuration,
    ek_step_set_ssl_mode;

/* All of them, NULL last. */
extern const struct ek_step_kind *const ek_transport_steps[];

/* write configuration, set sslMode */
struct ek_mode_argument {
    enum ek_ssl_mode mode;
};
EK_STEP_ARGUMENTS(ek_mode_argument, struct ek_mode_argument);
#define ek_mode_argument(step) EK_ARGUMENTS_OF(ek_mode_argument, step)

/* bind name, issue certificate */
struct ek_label_argument {
    char label[EK_LABEL_SIZE]; /* of the SSL domain */
};
EK_STEP_ARGUMENTS(ek_label_argument, struct ek_label_argument);
#define ek_label_argument(step) EK_ARGUMENTS_OF(ek_label_argument, step)

#endif
