/* One member fails, in every way there is and in every state: the planner proposes nothing that
 * disturbs the set, and permit refuses what was about to be done. */
#include <stdio.h>
#include <string.h>

#include "reconciler/kernel/next.h"
#include "reconciler/laws/permit.h"
#include "tests/model/model.h"

enum answer {
    ANSWER_BLOCKED, /* nothing at all is proposed */
    ANSWER_QUIET,   /* nothing that the set would feel */
    ANSWER_HEIR,    /* the member is not made the primary */
};

static bool goes_down(struct ek_state *state, size_t m)
{
    struct ek_member *member = ek_member(state, m);
    if (member->process != EK_YES)
        return false;
    member->process = member->reachable = EK_NO;
    member->state = EK_MEMBER_DOWN;
    member->writable = EK_NO;
    return true;
}

static bool goes_silent(struct ek_state *state, size_t m)
{
    struct ek_member *member = ek_member(state, m);
    struct ek_member_transport *transport = ek_member_transport(state, m);
    if (member->process != EK_YES)
        return false;
    member->reachable = EK_NO;
    member->state = EK_MEMBER_UNKNOWN;
    transport->mode_running = EK_SSL_UNKNOWN;
    member->writable = EK_UNKNOWN;
    return true;
}

static bool keeps_its_mode_secret(struct ek_state *state, size_t m)
{
    if (ek_member(state, m)->process != EK_YES)
        return false;
    ek_member_transport(state, m)->mode_running = EK_SSL_UNKNOWN;
    return true;
}

static bool is_secondary(const struct ek_state *state, size_t m)
{
    return ek_member(state, m)->process == EK_YES &&
           ek_member(state, m)->state == EK_MEMBER_SECONDARY;
}

static bool recovers(struct ek_state *state, size_t m)
{
    if (!is_secondary(state, m))
        return false;
    ek_member(state, m)->state = EK_MEMBER_RECOVERING;
    return true;
}

static bool lags(struct ek_state *state, size_t m)
{
    if (!is_secondary(state, m))
        return false;
    ek_member(state, m)->lag_ms = 10001;
    return true;
}

static bool lags_nobody_knows_how_far(struct ek_state *state, size_t m)
{
    if (!is_secondary(state, m))
        return false;
    ek_member(state, m)->lag_ms = -1;
    return true;
}

static bool is_unhealthy_for_a_peer(struct ek_state *state, size_t m)
{
    if (state->member_count < 2)
        return false;
    ek_member(state, m)->healthy_for &= ~((uint64_t)1 << ((m + 1) % state->member_count));
    return true;
}

static bool does_not_see_a_peer(struct ek_state *state, size_t m)
{
    if (state->member_count < 2)
        return false;
    ek_member(state, (m + 1) % state->member_count)->healthy_for &= ~((uint64_t)1 << m);
    return true;
}

static bool stops_leading(struct ek_state *state, size_t m)
{
    if (ek_state_primary(state) != (int)m)
        return false;
    ek_member(state, m)->state = EK_MEMBER_SECONDARY;
    ek_member(state, m)->writable = EK_NO;
    return true;
}

static bool has_no_signing_key(struct ek_state *state, size_t m)
{
    ek_member(state, m)->signing_key = 0;
    return is_secondary(state, m);
}

static bool signs_with_another_key(struct ek_state *state, size_t m)
{
    ek_member(state, m)->signing_key++;
    return is_secondary(state, m);
}

static bool has_another_time(struct ek_state *state, size_t m)
{
    ek_member(state, m)->clock_ahead_ms = m % 2 ? 300001 : -300001;
    return ek_member(state, m)->process == EK_YES &&
           ek_member_transport(state, m)->mode_running > EK_SSL_DISABLED;
}

static bool uses_tls(const struct ek_state *state, size_t m)
{
    const struct ek_member *member = ek_member(state, m);
    const struct ek_member_transport *transport = ek_member_transport(state, m);
    return transport->mode_configured > EK_SSL_DISABLED ||
           (member->process == EK_YES && transport->mode_running > EK_SSL_DISABLED);
}

static bool hides_its_trust(struct ek_state *state, size_t m)
{
    ek_member_certificates(state, m)->trust_installed.present = EK_UNKNOWN;
    return uses_tls(state, m);
}

static bool hides_its_certificate(struct ek_state *state, size_t m)
{
    ek_member_certificates(state, m)->certificate_installed.present = EK_UNKNOWN;
    return uses_tls(state, m);
}

static bool hides_its_options(struct ek_state *state, size_t m)
{
    ek_member_transport(state, m)->options_wanted = (struct ek_options_state){.known = EK_UNKNOWN};
    return uses_tls(state, m);
}

static const struct {
    const char *name;
    bool (*befall)(struct ek_state *state, size_t m);
    enum answer answer;
    bool permit_sees; /* permit can tell from the state (it judges no plan) */
} failures[] = {
    {"down", goes_down, ANSWER_BLOCKED, true},
    {"silent", goes_silent, ANSWER_BLOCKED, true},
    {"mode unknown", keeps_its_mode_secret, ANSWER_BLOCKED, false},
    {"another time", has_another_time, ANSWER_BLOCKED, true},
    {"trust unread", hides_its_trust, ANSWER_QUIET, false},
    {"certificate unread", hides_its_certificate, ANSWER_QUIET, false},
    {"options unread", hides_its_options, ANSWER_QUIET, false},
    {"recovering", recovers, ANSWER_QUIET, true},
    {"lagging", lags, ANSWER_QUIET, true},
    {"lag unknown", lags_nobody_knows_how_far, ANSWER_QUIET, true},
    {"unhealthy for a peer", is_unhealthy_for_a_peer, ANSWER_QUIET, true},
    {"does not see a peer", does_not_see_a_peer, ANSWER_QUIET, true},
    {"leads no more", stops_leading, ANSWER_QUIET, false},
    {"no signing key", has_no_signing_key, ANSWER_HEIR, true},
    {"another signing key", signs_with_another_key, ANSWER_HEIR, true},
};

static bool is_felt(const struct ek_step_kind *kind)
{
    return kind->disturbs && kind != &ek_step_start;
}

static bool is_wrong(enum answer answer, const struct ek_verdict *verdict, size_t m)
{
    if (verdict->kind != EK_VERDICT_STEP)
        return answer == ANSWER_BLOCKED && verdict->kind != EK_VERDICT_BLOCKED;
    switch (answer) {
    case ANSWER_BLOCKED: return true;
    case ANSWER_QUIET: return is_felt(verdict->step.kind);
    case ANSWER_HEIR: return verdict->step.other == (int)m;
    }
    return true;
}

static bool should_be_refused(size_t failure, const struct ek_step *step, size_t m)
{
    if (!failures[failure].permit_sees)
        return false;
    return failures[failure].answer == ANSWER_HEIR ? step->other == (int)m : is_felt(step->kind);
}

/* Seen by nobody, with a certificate that has ended. */
static bool somebody_is_lost(const struct model_case *c, const struct ek_state *state)
{
    for (size_t m = 0; m < state->member_count; m++) {
        const struct ek_member *member = ek_member(state, m);
        const struct ek_member_certificates *certificates = ek_member_certificates(state, m);
        uint64_t others = ~((uint64_t)1 << m) & (((uint64_t)1 << state->member_count) - 1);
        if (others && !(member->healthy_for & others) &&
            certificates->certificate_running.present == EK_YES &&
            certificates->certificate_running.not_after_s <= c->policy.now_s)
            return true;
    }
    return false;
}

/* Where a member fails: what was observed, and what would have come next. */
struct place {
    const struct ek_state *state;
    struct ek_verdict was;
};

static void fail_member(const struct model_case *c, const struct place *place, size_t m,
                        size_t failure, struct model_totals *totals)
{
    const struct ek_state *state = place->state;
    const struct ek_verdict *was = &place->was;
    static struct ek_state *failed;
    struct ek_verdict verdict;
    char detail[160];
    model_copy(&failed, state);
    if (!failures[failure].befall(failed, m))
        return;
    if (somebody_is_lost(c, failed))
        return; /* he is restarted: tests/unit/next_lost.c */
    totals->failures++;
    ek_next(EK_SITUATION(&c->spec, failed, &c->policy), &verdict);
    snprintf(detail, sizeof detail, "member %s %s", ek_member(state, m)->name,
             failures[failure].name);
    if (is_wrong(failures[failure].answer, &verdict, m))
        model_report(c, totals, "goes on all the same", detail);
    if (verdict.kind == EK_VERDICT_STEP &&
        ek_permit(EK_SITUATION(&c->spec, failed, &c->policy), &verdict.step, NULL) > 0)
        model_report(c, totals, "proposed and not permitted", detail);
    if (was->kind == EK_VERDICT_STEP && should_be_refused(failure, &was->step, m) &&
        ek_permit(EK_SITUATION(&c->spec, failed, &c->policy), &was->step, NULL) == 0)
        model_report(c, totals, was->step.kind->verb, detail);
}

void model_failures(const struct model_case *c, const struct ek_state *state,
                    struct model_totals *totals)
{
    struct place place = {.state = state};
    if (ek_set(state)->initiated != EK_YES)
        return;
    ek_next(EK_SITUATION(&c->spec, state, &c->policy), &place.was);
    for (size_t m = 0; m < state->member_count; m++)
        for (size_t failure = 0; failure < sizeof failures / sizeof *failures; failure++)
            fail_member(c, &place, m, failure, totals);
}
