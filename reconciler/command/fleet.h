/* From options to specs, from specs to what is observed and planned. */
#ifndef EK_COMMAND_FLEET_H
#define EK_COMMAND_FLEET_H

#include "drivers/git/git.h"
#include "drivers/store/store.h"
#include "reconciler/command/command.h"
#include "reconciler/consent/consent.h"
#include "reconciler/execute/assess.h"
#include "specs/spec.h"

struct ek_fleet_change;
struct ek_plan_file;

/* The specs of one run, where they came from, and the settings of this controller. */
struct ek_fleet {
    const struct ek_options *options;
    struct ek_specs specs;
    struct ek_plan_source source;
    struct ek_controller controller;
    struct ek_store_handle store;             /* ek_fleet_store; no driver: none */
    struct ek_fleet_change *change;           /* with --from, else NULL */
    const struct ek_deployment_spec **chosen; /* by --deployment and the change, else all */
    size_t chosen_count;
    char *floor;    /* what --config asks for at least, as ek_guard_load wants it; NULL: nothing */
    char *owned[8]; /* what source and controller point into */
    size_t owned_count;
};

/* Read and parse the specs that the options name; on spec errors all diagnostics were
 * already printed to standard error, and *ret_said is true (NULL: they are not printed). */
int ek_fleet_open(const struct ek_options *options, struct ek_fleet *ret_fleet, bool *ret_said,
                  struct ek_error *err);

/* The same for the specs that a plan file names. */
int ek_fleet_open_source(const struct ek_options *options, const struct ek_plan_source *source,
                         struct ek_fleet *ret_fleet, bool *ret_said, struct ek_error *err);
void ek_fleet_done(struct ek_fleet *fleet);

/* Print the warnings of the specs to standard error; not when quiet. */
void ek_fleet_warn(const struct ek_fleet *fleet);

/* Only the settings: state directory, master key. */
int ek_fleet_settings(struct ek_fleet *fleet, struct ek_error *err);

/* Only where the options say that the specs are; nothing is read. EK-0804. */
int ek_fleet_source(struct ek_fleet *fleet, struct ek_error *err);

/* How long a plan waits for what should pass by itself (an election, a member that starts)
 * before it calls the deployment blocked. */
#define EK_LOOK_PATIENCE_MS 10000

/* Open the store that the options name. `make`: it is made when missing; else there may be none,
 * and nobody has said anything then. */
int ek_fleet_store(struct ek_fleet *fleet, bool make, struct ek_error *err);

/* What the deployment needs besides what its specs ask for, with who signed the commit; its
 * loosening, if there is one, becomes a part of what `assessment` is a plan for. ret_guard is done
 * with ek_guard_done, also after an error. */
int ek_fleet_guard(const struct ek_fleet *fleet, struct ek_assessment *assessment,
                   struct ek_guard *ret_guard, struct ek_error *err);

/* The question about the consent that a deployment needs, as far as the fleet answers it: store,
 * spec, who signed the commit (kept in `signer`, 128 bytes) and who asks. Borrows. */
struct ek_consent_question ek_fleet_consent(const struct ek_fleet *fleet,
                                            const struct ek_assessment *assessment,
                                            const struct ek_guard *guard, char signer[128]);

/* Plan a deployment that was looked at once more, by what people and the clock say. */
int ek_fleet_consult(const struct ek_fleet *fleet, struct ek_assessment *assessment,
                     struct ek_error *err);

/* How the fleet's specs are read from git; the cache's path is kept in `cache`. */
struct ek_git_request ek_fleet_git_request(const struct ek_fleet *fleet, struct ek_buffer *cache);

/* ek_assess at one of the fleet's deployments, and plan it by what people and the clock say; said
 * when verbose. */
void ek_fleet_assess(const struct ek_fleet *fleet, const struct ek_deployment_spec *spec,
                     int64_t patience_ms, struct ek_assessment *ret_assessment);

/* plan's exit status, the gravest of what was found: an error, something in the way, changes,
 * nothing (plan.c). */
int ek_plan_status(const struct ek_assessment *assessment, size_t count);

/* The spec of the deployment that a plan file names at `index`; NULL: there is none any more. */
const struct ek_deployment_spec *ek_fleet_planned(const struct ek_fleet *fleet,
                                                  const struct ek_plan_file *file, size_t index);

/* The options that name the source again, for "evenkeel apply …"; appended. */
void ek_fleet_words(const struct ek_fleet *fleet, struct ek_buffer *text);

/* What tells the comments of this run from others of the same repository: --fleet, or where the
 * specs are and which deployment is asked for; appended. */
void ek_fleet_comment_name(const struct ek_options *options, struct ek_buffer *name);

#endif
