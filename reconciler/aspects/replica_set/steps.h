/* The replica set's kinds of steps and their arguments. */
#ifndef EK_ASPECTS_REPLICA_SET_STEPS_H
#define EK_ASPECTS_REPLICA_SET_STEPS_H

#include "reconciler/aspects/transport/state.h"
#include "reconciler/kernel/step.h"

extern const struct ek_step_kind ek_step_start, ek_step_restart, ek_step_initiate,
    ek_step_reconfigure, ek_step_step_down, ek_step_reinstate;

/* All of them, NULL last. */
extern const struct ek_step_kind *const ek_replica_set_steps[];

/* start, restart */
struct ek_start_arguments {
    enum ek_ssl_mode mode; /* that it leads to */
    bool hold;             /* keep the member from standing for election for a while */
};
EK_STEP_ARGUMENTS(ek_start_arguments, struct ek_start_arguments);
#define ek_start_arguments(step) EK_ARGUMENTS_OF(ek_start_arguments, step)

/* reconfigure */
struct ek_reconfigure_arguments {
    int64_t config_version;    /* that it is based on */
    char label[EK_LABEL_SIZE]; /* of the SSL domain */
};
EK_STEP_ARGUMENTS(ek_reconfigure_arguments, struct ek_reconfigure_arguments);
#define ek_reconfigure_arguments(step) EK_ARGUMENTS_OF(ek_reconfigure_arguments, step)

#endif
