/* One law: a row, in a file of its own. It guards fields, and is asked of every step that touches
 * one of them, whatever its kind: a step that nobody thought of is judged by all that it touches.
 *
 * Laws share structs and rows of fields with the aspects, never their phases, effects or rules. */
#ifndef EK_LAWS_LAW_H
#define EK_LAWS_LAW_H

#include "reconciler/aspects/certificate/fields.h"
#include "reconciler/aspects/certificate/state.h"
#include "reconciler/aspects/replica_set/fields.h"
#include "reconciler/aspects/replica_set/state.h"
#include "reconciler/aspects/transport/fields.h"
#include "reconciler/aspects/transport/state.h"
#include "reconciler/aspects/users/fields.h"
#include "reconciler/aspects/users/state.h"
#include "reconciler/kernel/step.h"

/* What a law is asked. */
struct ek_law_question {
    const struct ek_deployment_spec *spec;
    const struct ek_state *state;
    const struct ek_policy *policy;
    const struct ek_step *step;
    char *sentence;  /* what would be broken, of EK_SENTENCE_SIZE */
    bool *no_memory; /* to be set where that can't be told for want of it */
};

struct ek_law {
    const char *id;                       /* row of the catalogue */
    const struct ek_field *const *guards; /* NULL last; NULL: every step */
    bool (*is_broken)(const struct ek_law_question *q);
};

/* Say what would be broken; returns true, so that a law can return it. */
bool ek_broken(const struct ek_law_question *q, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The member that the step acts on, NULL for the deployment as a whole. */
const struct ek_member *ek_law_subject(const struct ek_law_question *q);

/* Whether the step changes the field. */
bool ek_law_touches(const struct ek_law_question *q, const struct ek_field *field);

/* The sslMode that the step gives that field; EK_SSL_UNKNOWN when it doesn't. */
enum ek_ssl_mode ek_law_mode(const struct ek_law_question *q, const struct ek_field *field);

/* The label of the SSL domain that the step names, else the one that is. */
const char *ek_law_label(const struct ek_law_question *q);

/* Whether the step stops a process: one that runs, or may run, or one that was there when a restart
 * was thought of. */
bool ek_law_stops(const struct ek_law_question *q);

/* Whether the step moves the primary's role. */
bool ek_law_moves_primary(const struct ek_law_question *q);

/* Whether the running set feels the step. */
bool ek_law_is_felt(const struct ek_law_question *q);

/* Whether the member answers, serves and, as a secondary, is within the lag that is allowed. */
bool ek_law_fit(const struct ek_law_question *q, const struct ek_member *member);

#endif
