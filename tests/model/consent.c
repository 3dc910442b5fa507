/* Law 10 in every state that is walked: without what people or the clock have to say nothing is
 * proposed that needs it, and what is proposed meanwhile leads nowhere from where the rest can't
 * be done once they have said it. */
#include <stdio.h>
#include <string.h>

#include "reconciler/kernel/next.h"
#include "reconciler/laws/permit.h"
#include "tests/model/model.h"

enum { STEPS_MAX = 300 };

static const int64_t ever_s = (int64_t)10000 * 86400;

static void report(const struct model_case *c, struct model_totals *totals, const char *what,
                   const struct ek_verdict *verdict)
{
    model_report(c, totals, what,
                 verdict->kind == EK_VERDICT_STEP ? verdict->step.kind->verb
                                                  : verdict->blocked.sentence);
}

static bool refused_as(const struct model_case *c, const struct ek_state *state,
                       const struct ek_step *step, const struct ek_policy *policy, const char *id)
{
    struct ek_broken_law law = {0};
    return ek_permit(EK_SITUATION(&c->spec, state, policy), step, &law) == 1 &&
           strcmp(law.id, id) == 0;
}

/* The step that would come is withheld, by planner and laws alike. */
static void check_withheld(const struct model_case *c, const struct ek_state *state,
                           const struct ek_verdict *wanted, struct model_totals *totals)
{
    static const struct {
        enum ek_wait waits;
        const char *law;
    } kinds[] = {
        {EK_WAIT_PAUSE, "EK-0212"}, {EK_WAIT_APPROVAL, "EK-0214"}, {EK_WAIT_SIGNATURE, "EK-0215"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct ek_policy policy = c->policy;
        struct ek_verdict verdict;
        policy.paused = kinds[i].waits == EK_WAIT_PAUSE;
        if (kinds[i].waits == EK_WAIT_APPROVAL)
            policy.consent.approval = EK_AGREEMENT_MISSING;
        if (kinds[i].waits == EK_WAIT_SIGNATURE)
            policy.consent.signature = EK_AGREEMENT_MISSING;
        ek_next(EK_SITUATION(&c->spec, state, &policy), &verdict);
        if (verdict.kind != EK_VERDICT_BLOCKED || verdict.blocked.waits != kinds[i].waits)
            report(c, totals, "not withheld", &verdict);
        if (!refused_as(c, state, &wanted->step, &policy, kinds[i].law))
            report(c, totals, "not refused", wanted);
    }
}

/* A case's specs and policy, changed. */
struct asked {
    struct ek_deployment_spec spec;
    struct ek_policy policy;
};

/* As far as it goes with these specs and this policy, each step permitted. */
static void go_on(const struct model_case *c, const struct asked *asked, struct ek_state **state,
                  struct ek_verdict *ret_end, struct model_totals *totals)
{
    const struct ek_deployment_spec *spec = &asked->spec;
    const struct ek_policy *policy = &asked->policy;
    for (int steps = 0; steps < STEPS_MAX; steps++) {
        struct ek_broken_law law;
        ek_next(EK_SITUATION(spec, *state, policy), ret_end);
        if (ret_end->kind != EK_VERDICT_STEP)
            return;
        if (ek_permit(EK_SITUATION(spec, *state, policy), &ret_end->step, &law) > 0) {
            model_report(c, totals, law.id, law.sentence);
            return;
        }
        ek_effect(EK_SITUATION(spec, *state, policy), &ret_end->step, state, NULL);
    }
    report(c, totals, "endless outside the window", ret_end);
}

static void check_window(const struct model_case *c, const struct ek_state *state, bool urgent,
                         struct model_totals *totals)
{
    static struct ek_state *after;
    struct asked asked = {.spec = c->spec, .policy = c->policy};
    struct ek_verdict end;
    asked.spec.maintenance.urgent_renewal_s = urgent ? ever_s : 0;
    asked.policy.consent.window = EK_WINDOW_CLOSED;
    model_copy(&after, state);
    go_on(c, &asked, &after, &end, totals);
    if (end.kind == EK_VERDICT_BLOCKED && end.blocked.waits != EK_WAIT_WINDOW)
        report(c, totals, "blocked outside the window", &end);
    asked.policy.consent.window = EK_WINDOW_OPEN;
    go_on(c, &asked, &after, &end, totals);
    if (end.kind != EK_VERDICT_DONE)
        report(c, totals, "lost once the window opens", &end);
}

void model_consent(const struct model_case *c, const struct ek_state *state,
                   struct model_totals *totals)
{
    struct ek_verdict verdict;
    ek_next(EK_SITUATION(&c->spec, state, &c->policy), &verdict);
    if (verdict.kind != EK_VERDICT_STEP || c->spec.member_count > 3)
        return;
    check_withheld(c, state, &verdict, totals);
    check_window(c, state, false, totals);
    check_window(c, state, true, totals);
}
