#include "reconciler/consent/consent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/consent/approvals.h"
#include "specs/window.h"

enum { WINDOWS_MAX = 16 };

/* ---- windows -------------------------------------------------------------------------- */

/* A window that can't be understood any more, because its zone is gone, never opens. */
static void ask_windows(const struct ek_consent_question *question, struct ek_consent *consent)
{
    const struct ek_deployment_spec *spec = question->spec;
    struct ek_window *windows[WINDOWS_MAX] = {0};
    const char *texts[WINDOWS_MAX];
    struct ek_windows_answer answer;
    size_t count = 0;
    for (size_t i = 0; i < spec->maintenance.window_count && count < WINDOWS_MAX; i++) {
        struct ek_window_problem ignored;
        texts[count] = spec->maintenance.windows[i];
        if (ek_window_parse(texts[count], &windows[count], &ignored))
            count++;
    }
    ek_windows_at((const struct ek_window *const *)windows, count, question->now_ms / 1000,
                  &answer);
    consent->window = answer.open ? EK_WINDOW_OPEN : EK_WINDOW_CLOSED;
    consent->window_changes_s = answer.changes_s;
    if (answer.which < count)
        snprintf(consent->window_words, sizeof consent->window_words, "%s", texts[answer.which]);
    for (size_t i = 0; i < count; i++)
        ek_window_free(windows[i]);
}

/* ---- pauses --------------------------------------------------------------------------- */

static int ask_pause(const struct ek_consent_question *question, struct ek_policy *policy,
                     struct ek_error *err)
{
    const struct ek_deployment_spec *spec = question->spec;
    struct ek_error none = {0};
    struct ek_pause pause;
    int result = question->store->driver->get_pause(question->store->store, spec->account,
                                                    spec->name, &pause, &none);
    if (result == EK_NOT_FOUND)
        return 0;
    if (result != 0) {
        if (err)
            *err = none;
        return result;
    }
    if (pause.until_ms <= question->now_ms)
        return 0;
    policy->paused = true;
    policy->consent.paused_until_s = pause.until_ms / 1000;
    snprintf(policy->consent.paused_by, sizeof policy->consent.paused_by, "%s", pause.who);
    snprintf(policy->consent.paused_why, sizeof policy->consent.paused_why, "%s", pause.why);
    return 0;
}

/* ---- approvals ------------------------------------------------------------------------ */

static void give(enum ek_agreement *agreement, struct ek_consent *consent, const char *by,
                 const char *how)
{
    *agreement = EK_AGREEMENT_GIVEN;
    snprintf(consent->by, sizeof consent->by, "%s", by);
    snprintf(consent->how, sizeof consent->how, "%s", how);
}

/* What the spec itself asks for; its rule may be none. */
static struct ek_demand own_demand(const struct ek_consent_question *question)
{
    return (struct ek_demand){.rule = question->spec->maintenance.approval,
                              .approvers = &question->spec->maintenance.approvers,
                              .commit_signed_by = question->commit_signed_by,
                              .plan_signed_by = question->plan_signed_by};
}

static int ask_one(const struct ek_consent_question *question, const struct ek_demand *demand,
                   const struct ek_policy *policy, struct ek_consent *consent, struct ek_error *err)
{
    bool signature = demand->rule == EK_APPROVAL_SIGNED;
    enum ek_agreement *wanted = signature ? &consent->signature : &consent->approval;
    struct ek_consent_question about = *question;
    struct ek_approval approval;
    if (demand->rule != EK_APPROVAL_REQUIRED && !signature)
        return 0;
    about.demand = demand;
    if (demand->plan_signed_by) {
        give(wanted, consent, demand->plan_signed_by, "signed-plan");
        return 0;
    }
    if (!signature && demand->commit_signed_by) {
        give(wanted, consent, demand->commit_signed_by, "signed-commit");
        return 0;
    }
    int result = ek_approval_find(&about, policy, NULL, &approval, err);
    if (result == 0)
        give(wanted, consent, approval.who, approval.how);
    else
        *wanted = EK_AGREEMENT_MISSING;
    return result == EK_NOT_FOUND ? 0 : result;
}

/* One yes for each demand: what is missing for one is not made up for by another. */
static void add(enum ek_agreement *whole, enum ek_agreement part)
{
    if (*whole != EK_AGREEMENT_MISSING && part != EK_AGREEMENT_NOT_NEEDED)
        *whole = part;
}

static int ask_approval(const struct ek_consent_question *question, const struct ek_policy *policy,
                        struct ek_consent *consent, struct ek_error *err)
{
    struct ek_demand own = own_demand(question);
    size_t also = question->guard ? question->guard->also_count : 0;
    int result = ask_one(question, &own, policy, consent, err);
    for (size_t i = 0; i < also && result == 0; i++) {
        struct ek_consent part = *consent;
        part.approval = part.signature = EK_AGREEMENT_NOT_NEEDED;
        result = ask_one(question, &question->guard->also[i], policy, &part, err);
        add(&part.approval, consent->approval);
        add(&part.signature, consent->signature);
        *consent = part;
    }
    return result;
}

int ek_consent_missing(const struct ek_deployment_spec *spec, const struct ek_consent *consent,
                       struct ek_error *err)
{
    if (consent->signature == EK_AGREEMENT_MISSING) {
        ek_fail(err, EK_BLOCKED, "EK-1103",
                "%s: only plans signed by a key that counts are "
                "carried out",
                spec->name);
        ek_hint(err, "evenkeel plan --out FILE --sign-key KEY, then evenkeel apply FILE");
        return EK_BLOCKED;
    }
    if (consent->approval == EK_AGREEMENT_MISSING) {
        ek_fail(err, EK_BLOCKED, "EK-1102", "%s: the plan needs an approval", spec->name);
        ek_hint(err, "evenkeel approve %s", spec->name);
        return EK_BLOCKED;
    }
    return 0;
}

/* ---- the policy ----------------------------------------------------------------------- */

int ek_consent_refresh(const struct ek_consent_question *question, struct ek_policy *policy,
                       struct ek_error *err)
{
    struct ek_policy fresh = *policy;
    fresh.now_s = question->now_ms / 1000;
    fresh.paused = false;
    fresh.consent = (struct ek_consent){0};
    if (question->spec->maintenance.window_count > 0 && !question->outside_window)
        ask_windows(question, &fresh.consent);
    int result = question->store ? ask_pause(question, &fresh, err) : 0;
    if (result == 0)
        result = ask_approval(question, &fresh, &fresh.consent, err);
    if (result == 0)
        *policy = fresh;
    return result;
}

/* The strictest of what is asked for: a plan that answers it is the one to be held to. */
static struct ek_demand strictest(const struct ek_consent_question *question)
{
    struct ek_demand demand = own_demand(question);
    for (size_t i = 0; question->guard && i < question->guard->also_count; i++)
        if (question->guard->also[i].rule > demand.rule)
            demand = question->guard->also[i];
    return demand;
}

int ek_consent_approved_plan(const struct ek_consent_question *question, struct ek_policy *policy,
                             struct ek_plan *ret_plan, struct ek_approval *ret_approval,
                             struct ek_error *err)
{
    struct ek_approved approved = {0};
    struct ek_demand demand = strictest(question);
    struct ek_consent_question about = *question;
    about.demand = &demand;
    int result = ek_approval_find(&about, policy, &approved, ret_approval, err);
    if (result != 0)
        return result;
    memcpy(policy->new_label, approved.policy.new_label, sizeof policy->new_label);
    policy->former_primary = approved.policy.former_primary;
    *ret_plan = approved.plan;
    return 0;
}
