/* A step: the smallest change that is made and confirmed as one.
 *
 * Every kind is one row of reconciler/steps.def; plan text, JSON, Markdown, metrics, the
 * model checker and the executor all follow from the row. */
#ifndef EK_STEP_H
#define EK_STEP_H

#include "reconciler/state.h"

/* Parts of the state that a step touches: what is compared to see that it took effect. */
enum ek_facet {
    EK_FACET_AUTHORITY = 1 << 0,
    EK_FACET_NAMES = 1 << 1,
    EK_FACET_TRUST_FILE = 1 << 2,
    EK_FACET_CERTIFICATE_FILE = 1 << 3,
    EK_FACET_KEY_FILE = 1 << 4,
    EK_FACET_CONFIGURATION = 1 << 5,
    EK_FACET_PROCESS = 1 << 6, /* running with what its files say, and ready */
    EK_FACET_PRIMARY = 1 << 7,
    EK_FACET_MODE = 1 << 8,
    EK_FACET_HOSTS = 1 << 9,
    EK_FACET_INITIATED = 1 << 10,
    EK_FACET_USER = 1 << 11,
    EK_FACET_LEADER = 1 << 12, /* the primary is the one that should lead */
};

enum ek_change { EK_CHANGE_ADD, EK_CHANGE_MODIFY, EK_CHANGE_REPLACE, EK_CHANGE_REMOVE };

enum ek_step_kind {
#define EK_STEP(kind, ...) EK_STEP_##kind,
#include "reconciler/steps.def"
#undef EK_STEP
    EK_STEP_KINDS,
};

struct ek_step {
    enum ek_step_kind kind;
    int member;             /* index, -1: the deployment as a whole */
    int other;              /* step down: who should take over; else -1 */
    enum ek_ssl_mode mode;  /* write configuration, set sslMode, restart: the mode it leads to */
    char label[32];         /* of the SSL domain, where names are concerned */
    int64_t config_version; /* reconfigure: the version it is based on */
    bool hold;              /* restart: keep the member from standing for election for a while */
    char why[160];          /* reason for people */
};

struct ek_step_row {
    enum ek_step_kind kind;
    const char *name;      /* stable identifier for JSON: "write-configuration" */
    const char *verb;      /* for people: "write configuration" */
    enum ek_change change; /* + ~ -/+ - */
    bool on_member;        /* acts on a member, else on the deployment */
    bool disturbs;         /* the running service notices: healthy set needed, windows apply */
    int restarts;
    int elections;
    bool can_be_undone;
    unsigned facets;
    void (*effect)(const struct ek_deployment_spec *spec, struct ek_state *state,
                   const struct ek_step *step, const struct ek_policy *policy);
    const char *doc; /* one sentence for the reference */
};

/* The row of a kind; static storage. */
const struct ek_step_row *ek_step_row(enum ek_step_kind kind);

/* effect: the state that the step should bring about. Pure. */
void ek_effect(const struct ek_deployment_spec *spec, struct ek_state *state,
               const struct ek_step *step, const struct ek_policy *policy);

/* Whether `observed` shows what `expected` (the effect) says in the facets that the step
 * touches. When not, the first difference is written as a sentence into ret_why. */
bool ek_step_seen(const struct ek_deployment_spec *spec, const struct ek_state *expected,
                  const struct ek_state *observed, const struct ek_step *step,
                  const struct ek_policy *policy, char *ret_why, size_t size);

#endif
