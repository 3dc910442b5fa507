/* Phases that restart members, one at a time: secondaries first, the primary last, after a
 * stepdown. */
#include "reconciler/aspects/certificate/questions.h"
#include "reconciler/aspects/replica_set/questions.h"
#include "reconciler/aspects/transport/questions.h"
#include "reconciler/aspects/users/state.h"

/* Whose certificate has ended comes first: the others can't be restarted beside it. */
static bool goes_before(const struct ek_question *q, size_t a, size_t b)
{
    const struct ek_member *first = ek_member(q->state, a);
    const struct ek_member *second = ek_member(q->state, b);
    if (ek_certificate_lapsed(q, a) != ek_certificate_lapsed(q, b))
        return ek_certificate_lapsed(q, a);
    if (first->priority < second->priority || first->priority > second->priority)
        return first->priority < second->priority;
    return a > b;
}

typedef bool concern(const struct ek_question *q, size_t m);

static int choose_restart(const struct ek_question *q, bool arbiters, concern *concerned)
{
    int chosen = -1;
    for (size_t m = 0; m < q->state->member_count; m++)
        if ((int)m != ek_state_primary(q->state) && ek_member(q->state, m)->arbiter == arbiters &&
            concerned(q, m) && (chosen < 0 || goes_before(q, m, (size_t)chosen)))
            chosen = (int)m;
    return chosen;
}

static bool could_lead(const struct ek_question *q, size_t m)
{
    const struct ek_member *member = ek_member(q->state, m);
    return (int)m != ek_state_primary(q->state) && member->state == EK_MEMBER_SECONDARY &&
           member->priority > 0 && member->votes > 0 && !member->delayed;
}

/* Whom the server hands over to: the highest priority, the first of equals. */
static int successor(const struct ek_question *q)
{
    int chosen = -1;
    for (size_t m = 0; m < q->state->member_count; m++)
        if (could_lead(q, m) && (chosen < 0 || ek_member(q->state, m)->priority >
                                                   ek_member(q->state, chosen)->priority))
            chosen = (int)m;
    return chosen;
}

/* The server hands over to whoever has the last write at that instant: the expected successor,
 * or any other that could lead. So none of them may lack the keys. */
static bool cannot_sign_yet(const struct ek_question *q)
{
    if (ek_access(q->state)->authentication != EK_YES)
        return false;
    for (size_t m = 0; m < q->state->member_count; m++) {
        int64_t key = ek_member(q->state, m)->signing_key;
        if (!could_lead(q, m) ||
            (key > 0 &&
             key == ek_member(q->state, (size_t)ek_state_primary(q->state))->signing_key))
            continue;
        return ek_block(q,
                        ek_passing("EK-0116", (int)m, "wait a moment; it loads the keys by itself"),
                        "member %s has not loaded the keys that sign the cluster time yet; elected "
                        "now it would refuse every client",
                        ek_member(q->state, m)->name);
    }
    return false;
}

static bool voters_without(const struct ek_question *q, size_t m)
{
    int votes = 0;
    int left = 0;
    for (size_t i = 0; i < q->state->member_count; i++) {
        votes += ek_member(q->state, i)->votes;
        left += i == m ? 0 : ek_member(q->state, i)->votes;
    }
    return left > votes / 2;
}

static bool interrupts_writes(const struct ek_question *q, size_t m)
{
    int data_left = 0;
    for (size_t i = 0; i < q->state->member_count; i++)
        if (i != m && !ek_member(q->state, i)->arbiter && !ek_member(q->state, i)->delayed)
            data_left++;
    bool last_secondary =
        !ek_member(q->state, m)->arbiter && data_left < 2 && !ek_left_behind(q, m);
    return last_secondary || !voters_without(q, m);
}

static bool interruption_refused(const struct ek_question *q, size_t m)
{
    if (q->spec->maintenance.interruption == EK_INTERRUPTION_ACCEPT || !interrupts_writes(q, m))
        return false;
    return ek_block(
        q,
        ek_lasting("EK-0118", (int)m,
                   "add a data-bearing member, or set maintenance.interruption: accept"),
        "restarting member %s would interrupt writes: the replica set has no member "
        "to spare",
        ek_member(q->state, m)->name);
}

/* Will anything be left to restart once m is back? */
static bool more_restarts_after(const struct ek_question *q, size_t m, enum ek_ssl_mode after)
{
    const char *why;
    for (size_t i = 0; i < q->state->member_count; i++)
        if (i != m && ek_next_needs_restart(q, i, &why))
            return true;
    return after > q->spec->ssl_mode;
}

static bool propose_restart(const struct ek_question *q, size_t m)
{
    const struct ek_member *member = ek_member(q->state, m);
    int primary = ek_state_primary(q->state);
    const char *why;
    ek_next_needs_restart(q, m, &why);
    if (interruption_refused(q, m) || ek_next_before_restart(q, m))
        return true;
    struct ek_start_arguments *arguments =
        ek_start_arguments(ek_propose(q, &ek_step_restart, (int)m, "%s", why));
    arguments->mode = ek_mode_after_restart(q, m);
    arguments->hold = primary >= 0 && (int)m != primary &&
                      member->priority > ek_member(q->state, (size_t)primary)->priority &&
                      more_restarts_after(q, m, arguments->mode);
    return true;
}

static bool hand_over(const struct ek_question *q)
{
    int other = successor(q);
    if (other < 0) {
        if (q->state->member_count == 1)
            return propose_restart(q, (size_t)ek_state_primary(q->state));
        return ek_block(q,
                        ek_lasting("EK-0115", ek_state_primary(q->state),
                                   "give another member votes and priority"),
                        "no other member could take over from primary %s",
                        ek_member(q->state, (size_t)ek_state_primary(q->state))->name);
    }
    if (interruption_refused(q, (size_t)ek_state_primary(q->state)) || cannot_sign_yet(q))
        return true;
    ek_propose(q, &ek_step_step_down, ek_state_primary(q->state), "a primary is never stopped")
        ->other = other;
    return true;
}

static bool restarts_of(const struct ek_question *q, concern *concerned)
{
    int m = choose_restart(q, false, concerned);
    int arbiter = choose_restart(q, true, concerned);
    bool urgent = arbiter >= 0 && ek_certificate_lapsed(q, (size_t)arbiter);
    bool primary = m < 0 && !urgent && ek_state_primary(q->state) >= 0 &&
                   concerned(q, (size_t)ek_state_primary(q->state));
    /* An arbiter's mode never changes at run time: restarted last, it goes furthest at once. */
    if (urgent || m < 0)
        m = arbiter;
    if (m < 0 && !primary)
        return false;
    if (m >= 0 && ek_lost_by_certificate(q, (size_t)m) ? ek_unsettled_but(q, (size_t)m)
                                                       : ek_unsettled(q))
        return true;
    return primary ? hand_over(q) : propose_restart(q, (size_t)m);
}

bool ek_phase_restarts(const struct ek_question *q)
{
    return restarts_of(q, ek_next_restart_helps);
}

bool ek_phase_fetch_back(const struct ek_question *q)
{
    return restarts_of(q, ek_lost_by_certificate);
}

static bool urgent_restart(const struct ek_question *q, size_t m)
{
    return ek_renewal_urgent(q, m) && ek_next_restart_helps(q, m) &&
           ek_mode_fits(q, m, ek_member_transport(q->state, m)->mode_running);
}

/* Renewals that can't wait for the window come before everything that does. */
bool ek_phase_renew_urgently(const struct ek_question *q)
{
    return ek_next_window_closed(q) && restarts_of(q, urgent_restart);
}

static int wanted_primary(const struct ek_question *q)
{
    enum ek_choice choice = q->spec->maintenance.reinstate_primary;
    if (ek_state_primary(q->state) < 0 || choice == EK_CHOICE_NO)
        return -1;
    int best = ek_state_primary(q->state);
    for (size_t m = 0; m < q->state->member_count; m++)
        if (could_lead(q, m) &&
            ek_member(q->state, m)->priority > ek_member(q->state, best)->priority)
            best = (int)m;
    int former = q->policy->former_primary;
    if (best == ek_state_primary(q->state) && choice == EK_CHOICE_YES && former >= 0 &&
        could_lead(q, (size_t)former) &&
        ek_member(q->state, former)->priority >= ek_member(q->state, best)->priority)
        best = former;
    return best == ek_state_primary(q->state) ? -1 : best;
}

bool ek_phase_reinstate(const struct ek_question *q)
{
    int other = wanted_primary(q);
    if (other < 0)
        return false;
    if (ek_unsettled(q) || cannot_sign_yet(q))
        return true;
    ek_propose(q, &ek_step_reinstate, ek_state_primary(q->state), "%s is the one that should lead",
               ek_member(q->state, other)->name)
        ->other = other;
    return true;
}
