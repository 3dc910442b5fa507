/* The approval guards itself: whoever may push could drop `approval: signed` in the same commit.
 *
 * What the last commit that was carried out asked for is kept in the store, per deployment, as
 * events of kind "consent-rule". A commit that asks for less, or lets more people answer, needs
 * the consent that was needed before, also where it changes nothing else; a floor that the
 * controller's configuration sets is asked for besides, whatever the specs say. */
#ifndef EK_CONSENT_GUARD_H
#define EK_CONSENT_GUARD_H

#include "drivers/store/store.h"
#include "reconciler/base/hash.h"
#include "reconciler/base/public_key.h"
#include "specs/spec.h"

struct json_t;

/* A yes that is needed: what kind of it, and whose. */
struct ek_demand {
    enum ek_approval_rule rule; /* never default or none */
    const struct ek_approvers *approvers;
    const char *commit_signed_by; /* who of approvers.commit_keys signed the commit, or NULL */
    const char *plan_signed_by;   /* which of approvers.plan_keys signed the plan file, or NULL */
};

enum { EK_GUARD_DEMANDS = 2, EK_SIGNER_SIZE = 128 };

/* A rule that was kept, or is the controller's. */
struct ek_guard_rule {
    struct json_t *json; /* what the approvers point into */
    enum ek_approval_rule approval;
    struct ek_approvers approvers;
};

/* What a deployment's plan needs besides what its own specs say. Its demands point into it: it
 * stays where it is. */
struct ek_guard {
    bool moved;      /* the specs' rule is not the one that was kept */
    bool loosened;   /* it asks for less, or lets more people answer */
    char words[400]; /* how, for people: "approval signed -> none"; "" when not loosened */
    struct ek_demand also[EK_GUARD_DEMANDS];
    size_t also_count;
    char signers[EK_GUARD_DEMANDS][EK_SIGNER_SIZE];  /* room for commit_signed_by */
    char keys[EK_GUARD_DEMANDS][EK_PUBLIC_KEY_SIZE]; /* room for plan_signed_by */
    struct ek_guard_rule kept, floor;
    char change[EK_SHA256_HEX_SIZE]; /* names the loosening: a digest of both rules */
};

/* The rule of a controller as text, for ek_guard_load; *ret_text is the caller's, NULL where it
 * sets no floor. */
int ek_guard_floor_text(const struct ek_controller_spec *controller, char **ret_text,
                        struct ek_error *err);

/* Ask the store what held so far. `store` NULL: nothing is kept; `floor` NULL: there is none.
 * ret_guard is done with ek_guard_done, also after an error. */
int ek_guard_load(const struct ek_store_handle *store, const struct ek_deployment_spec *spec,
                  const char *floor, struct ek_guard *ret_guard, struct ek_error *err);
void ek_guard_done(struct ek_guard *guard);

/* Where the rule is loosened, that is a part of what a plan is made for: mix it into the digest of
 * the spec, so that no plan of another commit, and no approval of one, is taken for this one.
 * EK_NO_MEMORY. */
int ek_guard_digest(const struct ek_guard *guard, uint8_t digest[EK_SHA256_SIZE],
                    struct ek_error *err);

/* Who keeps a rule, and when. */
struct ek_guard_note {
    const char *who;
    const char *commit; /* or NULL */
    int64_t at_ms;      /* wall clock */
};

/* The deployment is as its specs say: from now on their rule is the one that held. Writes nothing
 * when it is the same, or when nothing was ever asked for. */
int ek_guard_keep(const struct ek_store_handle *store, const struct ek_deployment_spec *spec,
                  const struct ek_guard *guard, const struct ek_guard_note *note,
                  struct ek_error *err);

#endif
