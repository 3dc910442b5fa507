/* What apply asks people: whose signature a plan file carries, whether the windows may be left
 * out of account, and what was agreed to, before every step. */
#ifndef EK_COMMAND_APPLY_CONSENT_H
#define EK_COMMAND_APPLY_CONSENT_H

#include "reconciler/base/hash.h"
#include "reconciler/command/fleet.h"
#include "reconciler/command/store.h"
#include "reconciler/consent/sign.h"
#include "reconciler/document/plan_file.h"

/* Of one deployment while it is changed. */
struct ek_apply_consent {
    struct ek_guard guard;
    struct ek_consent_question question; /* points into what follows and into the fleet */
    char signer[128];                    /* of the commit */
    char key[EK_PUBLIC_KEY_SIZE];        /* that signed the plan file */
    char plan[EK_SHA256_HEX_SIZE];       /* the plan that is held to */
    char approved[EK_SHA256_HEX_SIZE];   /* the approved plan that it is a part of, "" none */
    char who[160];
};

/* Who signed the file, by the deployment's keys: ret_key is "" for nobody. An error where the
 * specs or --trusted-key ask for a signature and there is none that counts (EK-1120, EK-1121). */
int ek_plan_file_signer(const struct ek_options *options, const struct ek_plan_file *file,
                        const struct ek_deployment_spec *spec, char ret_key[EK_PUBLIC_KEY_SIZE],
                        struct ek_error *err);

/* The same by the keys that count besides the deployment's: of the rule that held before, and of
 * the controller. ret_key is untouched when it is none of them. */
int ek_guard_signer(const struct ek_fleet *fleet, struct ek_assessment *assessment,
                    const struct ek_plan_file *file, char ret_key[EK_PUBLIC_KEY_SIZE],
                    struct ek_error *err);

/* What is applied; `file` is NULL for a plan that was just made. Borrowed. */
struct ek_apply_subject {
    struct ek_assessment *assessment;
    const struct ek_plan_file *file;
    const char *plan; /* its name */
};

/* Fill it in place, where it stays. */
int ek_apply_consent_init(struct ek_apply_consent *consent, const struct ek_fleet *fleet,
                          const struct ek_apply_subject *subject, struct ek_error *err);
void ek_apply_consent_done(struct ek_apply_consent *consent);

/* As ek_execution.refresh wants it, of the consent. A state of NULL: not looked at yet, so that
 * only what fits the plan's name counts as an approval. */
int ek_apply_consent_refresh(struct ek_apply_consent *consent, const struct ek_state *state,
                             struct ek_policy *policy, struct ek_error *err);

/* --outside-window: when no window is open, ask for the deployment's name (unless --yes) and
 * record it. EK_DENIED (EK-0811) when it was not given. */
int ek_apply_outside_window(const struct ek_options *options, struct ek_apply_consent *consent,
                            struct ek_record *record, struct ek_error *err);

/* The rollout is complete, so that what the specs ask of people holds from now on, and its approval
 * is spent. EK_BLOCKED (EK-1102, EK-1103) where they ask for less than before and nobody agreed to
 * that. */
int ek_apply_consent_complete(struct ek_apply_consent *consent, const struct ek_fleet *fleet,
                              const struct ek_policy *policy, struct ek_error *err);

#endif
