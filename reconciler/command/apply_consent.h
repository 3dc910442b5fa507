/* What apply asks people: whose signature a plan file carries, whether the windows may be left
 * out of account, and what was agreed to, before every step. */
#ifndef EK_COMMAND_APPLY_CONSENT_H
#define EK_COMMAND_APPLY_CONSENT_H

#include "reconciler/command/fleet.h"
#include "reconciler/command/store.h"
#include "reconciler/consent/sign.h"
#include "reconciler/report/plan_file.h"

/* Of one deployment while it is changed. */
struct ek_apply_consent {
    struct ek_consent_question question; /* points into what follows and into the fleet */
    char signer[128];                    /* of the commit */
    char key[EK_PUBLIC_KEY_SIZE];        /* that signed the plan file */
    char plan[65];                       /* the plan that is held to */
    char approved[65];                   /* the approved plan that it is a part of, "" none */
    char who[160];
};

/* Who signed the file, by the deployment's keys: ret_key is "" for nobody. An error where the
 * specs or --trusted-key ask for a signature and there is none that counts (EK-1120, EK-1121). */
int ek_plan_file_signer(const struct ek_options *options, const struct ek_plan_file *file,
                        const struct ek_deployment_spec *spec, char ret_key[EK_PUBLIC_KEY_SIZE],
                        struct ek_error *err);

/* The plan that is to be carried out. Borrowed. */
struct ek_apply_plan {
    const struct ek_plan_file *file; /* NULL for one that was just made */
    const char *name;                /* 64 hex digits */
};

/* Fill it for that plan. The fleet and what was looked at outlive it. */
int ek_apply_consent_init(struct ek_apply_consent *consent, const struct ek_fleet *fleet,
                          const struct ek_looked *looked, const struct ek_apply_plan *plan,
                          struct ek_error *err);

/* As ek_execution.refresh wants it, of the consent. A state of NULL: not looked at yet, so that
 * only what fits the plan's name counts as an approval. */
int ek_apply_consent_refresh(struct ek_apply_consent *consent, const struct ek_state *state,
                             struct ek_policy *policy, struct ek_error *err);

/* --outside-window: when no window is open, ask for the deployment's name (unless --yes) and
 * record it. EK_DENIED (EK-0811) when it was not given. */
int ek_apply_outside_window(const struct ek_options *options, struct ek_apply_consent *consent,
                            struct ek_record *record, struct ek_error *err);

/* The rollout is complete: its approval is spent. */
int ek_apply_consent_spend(struct ek_apply_consent *consent, struct ek_error *err);

#endif
