/* Phases that look: is this the set that the specs mean, and does everybody answer? */
#include <string.h>

#include "reconciler/aspects/replica_set/questions.h"
#include "reconciler/aspects/transport/state.h"

bool ek_phase_other_set(const struct ek_question *q)
{
    const struct ek_state *state = q->state;
    if (ek_set(state)->initiated == EK_YES &&
        strcmp(ek_set(state)->set_name, q->spec->set_name) != 0)
        return ek_block(
            q,
            ek_lasting("EK-0101", -1, "correct replicaSet.name, or the members' hosts and ports"),
            "the members belong to replica set \"%s\", the specs say \"%s\"",
            ek_set(state)->set_name, q->spec->set_name);
    if (ek_set(state)->cluster_role[0])
        return ek_block(q,
                        ek_lasting("EK-0135", -1,
                                   "leave it to whoever runs the cluster: its mongos and its other "
                                   "shards would be shut out"),
                        "the replica set is part of a sharded cluster (sharding.clusterRole: %s)",
                        ek_set(state)->cluster_role);
    if (ek_set(state)->foreign_member[0])
        return ek_block(
            q,
            ek_lasting("EK-0102", -1,
                       "add it to replicaSet.members, or remove it from the replica set"),
            "the replica set has a member that the specs don't name: %s",
            ek_set(state)->foreign_member);
    return false;
}

static bool member_is_missing(const struct ek_question *q, size_t m)
{
    const struct ek_member *member = ek_member(q->state, m);
    int index = (int)m;
    if (ek_set(q->state)->initiated == EK_YES && member->id < 0)
        return ek_block(
            q,
            ek_lasting("EK-0103", index, "add it to the replica set, or take it out of the specs"),
            "member %s of the specs (%s:%d) is not in the replica set", member->name,
            q->spec->members[m].host, q->spec->members[m].port);
    if (ek_ours_to_start(q, m))
        return false;
    if (member->process == EK_NO)
        return ek_block(
            q, ek_lasting("EK-0106", index, "start it, look at its log, and run this again"),
            "member %s is down: its server process does not run", member->name);
    if (member->reachable != EK_YES)
        return ek_block(q, ek_passing("EK-0105", index, "check the network and the server's log"),
                        "member %s does not answer", member->name);
    if (member->state == EK_MEMBER_REMOVED)
        return ek_block(
            q,
            ek_lasting("EK-0123", index, "check that its name in the configuration resolves to it"),
            "member %s does not find itself in the replica-set configuration", member->name);
    return false;
}

bool ek_phase_members_answer(const struct ek_question *q)
{
    if (ek_set(q->state)->initiated == EK_NO)
        return false; /* judged by the phase that creates */
    for (size_t m = 0; m < q->state->member_count; m++)
        if (member_is_missing(q, m))
            return true;
    return false;
}

/* Whether everybody has stopped, and the specs want all started again. */
static bool is_to_be_started(const struct ek_question *q)
{
    bool all = q->spec->maintenance.start_stopped == EK_START_ALWAYS;
    for (size_t m = 0; m < q->state->member_count; m++)
        all = all && ek_ours_to_start(q, m);
    return all;
}

bool ek_phase_configuration_known(const struct ek_question *q)
{
    if (ek_set(q->state)->initiated != EK_UNKNOWN)
        return false;
    if (is_to_be_started(q))
        return false; /* once they are back, they tell */
    return ek_block(
        q, ek_passing("EK-0104", -1, "check that Evenkeel can reach and log in to a member"),
        "no member told its replica-set configuration");
}

bool ek_phase_unread(const struct ek_question *q)
{
    for (size_t m = 0; m < q->state->member_count; m++)
        if (ek_next_unread_of(q, m))
            return true;
    return false;
}

/* What a member has from its command line alone goes with its process. */
static bool command_line_in_the_way(const struct ek_question *q, size_t m)
{
    const struct ek_member *member = ek_member(q->state, m);
    const char *why;
    const char *lost = ek_state_text(q->state, member->options_lost);
    const char *added = ek_state_text(q->state, member->options_added);
    bool unknown = ek_member_transport(q->state, m)->mode_running == EK_SSL_UNKNOWN;
    if ((!lost[0] && !added[0]) || (!unknown && !ek_next_needs_restart(q, m, &why)))
        return false;
    return ek_block(q,
                    ek_lasting("EK-0136", (int)m,
                               lost[0]
                                   ? "put them into its configuration file, or into what starts it"
                                   : "restart it yourself, or take them out of what starts it"),
                    lost[0] ? "member %s runs with options that its next start would lose: %s"
                            : "member %s would start with options that it does not run with: %s",
                    member->name, lost[0] ? lost : added);
}

bool ek_phase_command_lines(const struct ek_question *q)
{
    if (ek_set(q->state)->initiated == EK_NO)
        return false;
    for (size_t m = 0; m < q->state->member_count; m++)
        if (ek_member(q->state, m)->process == EK_YES && command_line_in_the_way(q, m))
            return true;
    return false;
}
