#include "reconciler/aspects/replica_set/state.h"

#include <stdio.h>
#include <string.h>

#include "reconciler/kernel/aspect.h"

const char *ek_member_name(const struct ek_state *state, size_t member)
{
    return ek_member(state, member)->name;
}

const char *ek_state_identity(const struct ek_state *state)
{
    return ek_set(state)->set_id;
}

int ek_state_primary(const struct ek_state *state)
{
    for (size_t i = 0; i < state->member_count; i++)
        if (ek_member(state, i)->state == EK_MEMBER_PRIMARY &&
            ek_member(state, i)->writable == EK_YES)
            return (int)i;
    return -1;
}

bool ek_member_state_serves(enum ek_member_state state)
{
    return state == EK_MEMBER_PRIMARY || state == EK_MEMBER_SECONDARY || state == EK_MEMBER_ARBITER;
}

/* Nobody sees it, so what it says of the others is about itself. */
static bool is_alone(const struct ek_state *state, size_t index)
{
    uint64_t others = ~((uint64_t)1 << index);
    const struct ek_member *member = ek_member(state, index);
    return (member->viewed_by & others) != 0 && (member->healthy_for & others) == 0;
}

bool ek_member_serves(const struct ek_state *state, size_t index, uint64_t *ret_deaf_peers)
{
    const struct ek_member *member = ek_member(state, index);
    uint64_t deaf = member->viewed_by & ~member->healthy_for & ~((uint64_t)1 << index);
    for (size_t i = 0; i < state->member_count; i++)
        if (is_alone(state, i))
            deaf &= ~((uint64_t)1 << i);
    if (ret_deaf_peers)
        *ret_deaf_peers = deaf;
    return member->reachable == EK_YES && deaf == 0 && ek_member_state_serves(member->state);
}

void ek_host_without_port(const char *host, char *buffer, size_t size)
{
    const char *colon = strrchr(host, ':');
    int length = colon ? (int)(colon - host) : (int)strlen(host);
    snprintf(buffer, size, "%.*s", length, host);
}

const char *ek_member_state_name(enum ek_member_state state)
{
    static const char *const names[] = {
        [EK_MEMBER_UNKNOWN] = "unknown",     [EK_MEMBER_UNINITIATED] = "uninitiated",
        [EK_MEMBER_STARTUP] = "STARTUP",     [EK_MEMBER_PRIMARY] = "PRIMARY",
        [EK_MEMBER_SECONDARY] = "SECONDARY", [EK_MEMBER_RECOVERING] = "RECOVERING",
        [EK_MEMBER_STARTUP2] = "STARTUP2",   [EK_MEMBER_ARBITER] = "ARBITER",
        [EK_MEMBER_DOWN] = "DOWN",           [EK_MEMBER_ROLLBACK] = "ROLLBACK",
        [EK_MEMBER_REMOVED] = "REMOVED",
    };
    return names[state];
}
