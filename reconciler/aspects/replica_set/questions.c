#include "reconciler/aspects/replica_set/questions.h"

static bool member_unsettled(const struct ek_question *q, size_t i)
{
    const struct ek_member *member = ek_member(q->state, i);
    int index = (int)i;
    switch (member->state) {
    case EK_MEMBER_PRIMARY:
    case EK_MEMBER_ARBITER: return false;
    case EK_MEMBER_SECONDARY: break;
    default:
        return ek_block(q,
                        ek_passing("EK-0111", index, "wait until it is SECONDARY, or see its log"),
                        "member %s is %s", member->name, ek_member_state_name(member->state));
    }
    if (member->delayed)
        return false;
    if (member->lag_ms < 0)
        return ek_block(q, ek_passing("EK-0110", index, "check replSetGetStatus on the primary"),
                        "how far member %s lags is not known", member->name);
    if (member->lag_ms > q->spec->maintenance.max_lag_s * 1000)
        return ek_block(q, ek_passing("EK-0110", index, "wait until it has caught up"),
                        "member %s lags %lld s behind the primary, the limit is %lld s",
                        member->name, (long long)(member->lag_ms / 1000),
                        (long long)q->spec->maintenance.max_lag_s);
    return false;
}

static bool pair_unsettled(const struct ek_question *q, size_t viewer, size_t viewed)
{
    const struct ek_member *member = ek_member(q->state, viewed);
    uint64_t bit = (uint64_t)1 << viewer;
    if (viewer == viewed || (member->healthy_for & bit))
        return false;
    if (!(member->viewed_by & bit) && ek_member(q->state, viewer)->arbiter)
        return false; /* an arbiter has no user to ask as */
    return ek_block(
        q,
        ek_passing("EK-0114", (int)viewed,
                   "check names, certificates and sslModes of the two, and the network between"),
        "member %s does not see member %s as healthy", ek_member(q->state, viewer)->name,
        member->name);
}

bool ek_left_behind(const struct ek_question *q, size_t m)
{
    int64_t lag_ms = ek_member(q->state, m)->lag_ms;
    return lag_ms < 0 || lag_ms > q->spec->maintenance.max_lag_s * 1000;
}

bool ek_unsettled(const struct ek_question *q)
{
    return ek_unsettled_but(q, q->state->member_count);
}

bool ek_unsettled_but(const struct ek_question *q, size_t m)
{
    size_t count = q->state->member_count;
    for (size_t i = 0; i < count; i++)
        if (i != m && member_unsettled(q, i))
            return true;
    if (ek_state_primary(q->state) < 0)
        return ek_block_no_primary(q);
    for (size_t viewer = 0; viewer < count; viewer++)
        for (size_t viewed = 0; viewed < count; viewed++)
            if (viewer != m && viewed != m && pair_unsettled(q, viewer, viewed))
                return true;
    return false;
}

/* Secondaries first: what goes wrong goes wrong where nobody writes. */
bool ek_secondaries_then_primary(const struct ek_question *q,
                                 bool (*propose)(const struct ek_question *q, size_t m))
{
    for (size_t m = 0; m < q->state->member_count; m++)
        if ((int)m != ek_state_primary(q->state) && propose(q, m))
            return true;
    return ek_state_primary(q->state) >= 0 && propose(q, (size_t)ek_state_primary(q->state));
}

bool ek_spec_host_unresolved(const struct ek_question *q)
{
    for (size_t m = 0; m < q->state->member_count; m++)
        if (ek_member(q->state, m)->spec_host_resolves == EK_NO)
            return ek_block(q,
                            ek_lasting("EK-0120", (int)m,
                                       "make the name resolve, or correct replicaSet.members"),
                            "the host of member %s, %s, does not resolve",
                            ek_member(q->state, m)->name, q->spec->members[m].host);
    return false;
}

bool ek_block_configuration(const struct ek_question *q, size_t m)
{
    return ek_block(q,
                    ek_lasting("EK-0107", (int)m,
                               "check that the file exists, can be read and names a known mode"),
                    "the configuration file of member %s could not be understood",
                    ek_member(q->state, m)->name);
}

bool ek_block_no_primary(const struct ek_question *q)
{
    return ek_block(q, ek_passing("EK-0112", -1, "wait for the election, or see the members' logs"),
                    "the replica set has no primary");
}

bool ek_ours_to_start(const struct ek_question *q, size_t m)
{
    const struct ek_member *member = ek_member(q->state, m);
    bool always = q->spec->maintenance.start_stopped == EK_START_ALWAYS && member->data == EK_YES;
    return member->process == EK_NO && (member->restart_begun == EK_YES || always);
}
