/* What the owners of the fleet, the people and the moment decide: passed in, never read from a
 * clock. */
#ifndef EK_KERNEL_POLICY_H
#define EK_KERNEL_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "reconciler/base/sizes.h"

/* What people have to say to a deployment's steps, at the moment of policy.now_s. All zero:
 * nothing is asked for. reconciler/consent/ fills it from the specs and the store. */
enum ek_window_state { EK_WINDOW_ANY_TIME = 0, EK_WINDOW_OPEN, EK_WINDOW_CLOSED };
enum ek_agreement { EK_AGREEMENT_NOT_NEEDED = 0, EK_AGREEMENT_GIVEN, EK_AGREEMENT_MISSING };

struct ek_consent {
    enum ek_window_state window;
    int64_t window_changes_s; /* when it closes, or opens; 0: never, or not known */
    char window_words[128];   /* the one that is open, or opens next: "sat 02:00-05:00 UTC" */
    enum ek_agreement approval;
    enum ek_agreement signature;   /* of the plan, by a key that the specs name */
    char by[128];                  /* who approved or signed; "" nobody */
    char how[EK_CONSENT_HOW_SIZE]; /* "command", "signed-plan", "signed-commit" */
    int64_t paused_until_s;        /* what follows is set while the deployment is paused */
    char paused_by[128];
    char paused_why[256];
};

/* What the owners of the fleet and the moment decide; passed in, never read from a clock. */
struct ek_policy {
    int64_t now_s;
    char new_label[EK_LABEL_SIZE]; /* random label for an SSL domain that has none yet */
    int former_primary;            /* member to reinstate when priorities don't tell; -1 none */
    bool paused;
    bool clients_watched; /* in a plan, behind its wait for that: as if it were over */
    struct ek_consent consent;
};

#endif
