/* The store that the options name. */
#ifndef EK_COMMAND_STORE_H
#define EK_COMMAND_STORE_H

#include "drivers/store/store.h"
#include "reconciler/base/hash.h"
#include "reconciler/command/options.h"
#include "reconciler/execute/execute.h"
#include "reconciler/loop/journal.h"
#include "specs/spec.h"

/* Open it: --store, or evenkeel.db in the state directory, which is made when missing unless
 * `must_exist` (then EK_NOT_FOUND, EK-1001). */
int ek_store_of(const struct ek_options *options, const char *state_directory, bool must_exist,
                struct ek_store_handle *ret_handle, struct ek_error *err);

/* Who works this command: "alice@ops1". */
void ek_this_person(char *buffer, size_t size);

/* What one apply tells the store about one deployment; borrowed. */
struct ek_record {
    const struct ek_store_handle *store;
    const struct ek_deployment_spec *spec;
    const char *commit;            /* or NULL */
    char plan[EK_SHA256_HEX_SIZE]; /* its name */
    char who[160];                 /* "alice@ops1" */
    size_t steps_done;
    bool begun;
    struct ek_error error; /* of the first event that could not be kept, code 0 none */
};

void ek_record_init(struct ek_record *record, const struct ek_store_handle *store,
                    const struct ek_deployment_spec *spec, const char *commit);

/* Keep what lasts of the executor's events: begun, step-done, reconciled. */
void ek_record_event(struct ek_record *record, const struct ek_event *event);

/* Something that a person said: approved, paused, resumed, outside-window. */
void ek_record_said(struct ek_record *record, enum ek_journal_event kind, int64_t at_ms,
                    const char *text);

/* That it ended otherwise: reconcile-failed, or stopped on request. */
void ek_record_failure(struct ek_record *record, const struct ek_error *why);

#endif
