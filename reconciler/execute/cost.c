#include "reconciler/execute/cost.h"

#include "reconciler/aspects/replica_set/state.h"

/* Start times move a little when the machine's clock is set. */
enum { SAME_START_MS = 3000 };

/* The process that ran before is gone, whether another one stands in its place or not. */
static bool is_gone(const struct ek_member *before, const struct ek_member *after)
{
    int64_t apart_ms = after->started_ms - before->started_ms;
    if (before->pid <= 0 || after->process == EK_UNKNOWN)
        return false;
    return before->pid != after->pid || apart_ms > SAME_START_MS || apart_ms < -SAME_START_MS;
}

bool ek_process_replaced(const struct ek_step *step, const struct ek_state *before,
                         const struct ek_state *after)
{
    if (step->member < 0 || ek_member(after, step->member)->pid <= 0)
        return false;
    return is_gone(ek_member(before, step->member), ek_member(after, step->member));
}

/* By the terms where both are known, else by who leads. */
static int elections_between(const struct ek_state *before, const struct ek_state *after)
{
    int64_t then = ek_set(before)->election_term;
    int64_t now = ek_set(after)->election_term;
    if (then >= 0 && now >= 0)
        return now > then ? (int)(now - then) : 0;
    int primary = ek_state_primary(after);
    return primary >= 0 && primary != ek_state_primary(before);
}

void ek_cost_of(const struct ek_step *step, const struct ek_state *before,
                const struct ek_state *after, struct ek_cost *ret_cost)
{
    *ret_cost = (struct ek_cost){0};
    if (step->kind->restarts > 0 && step->member >= 0)
        ret_cost->restarts =
            is_gone(ek_member(before, step->member), ek_member(after, step->member));
    if (step->kind->elections > 0)
        ret_cost->elections = elections_between(before, after);
}
