/* effect: what the replica set's steps bring about. Pure. */
#include <stdio.h>

#include "reconciler/aspects/replica_set/rows.h"
#include "reconciler/aspects/replica_set/state.h"
#include "reconciler/aspects/users/state.h"
#include "reconciler/kernel/aspect.h"

static struct ek_member *member_of(const struct ek_effect *e)
{
    return ek_member(e->state, (size_t)e->step->member);
}

/* A new process runs what its files say. */
static void run_from_files(struct ek_effect *e)
{
    struct ek_member *member = member_of(e);
    member->process = EK_YES;
    member->restart_begun = EK_NO;
    member->reachable = EK_YES;
    member->data = EK_YES;
    for (size_t i = 0; i < EK_ASPECTS; i++) {
        const struct ek_restart_rules *rules = ek_aspect_at(i)->restarts;
        if (rules && rules->run_from_files)
            rules->run_from_files(e->state, (size_t)e->step->member);
    }
}

static void make_ready(struct ek_effect *e)
{
    struct ek_member *member = member_of(e);
    int primary = ek_state_primary(e->state);
    member->lag_ms = 0;
    member->writable = EK_NO;
    if (member->arbiter)
        member->state = EK_MEMBER_ARBITER;
    else if (primary >= 0 && primary != e->step->member)
        member->state = EK_MEMBER_SECONDARY;
    else { /* nobody else can lead: it does again */
        member->state = EK_MEMBER_PRIMARY;
        member->writable = EK_YES;
    }
    if (primary >= 0)
        member->signing_key = ek_member(e->state, (size_t)primary)->signing_key;
    for (size_t i = 0; i < e->state->member_count; i++) {
        ek_member(e->state, i)->healthy_for |= (uint64_t)1 << e->step->member;
        member->healthy_for |= (uint64_t)1 << i;
    }
}

int ek_effect_start(struct ek_effect *e, struct ek_error *err)
{
    (void)err;
    run_from_files(e);
    if (ek_set(e->state)->initiated == EK_YES)
        make_ready(e);
    else
        member_of(e)->state = EK_MEMBER_UNINITIATED;
    return 0;
}

int ek_effect_restart(struct ek_effect *e, struct ek_error *err)
{
    return ek_effect_start(e, err);
}

static void initiate_member(struct ek_effect *e, size_t i)
{
    struct ek_member *member = ek_member(e->state, i);
    const struct ek_member_spec *wanted = &e->spec->members[i];
    member->id = (int)i;
    member->priority = wanted->priority;
    member->votes = wanted->votes;
    member->hidden = wanted->hidden;
    member->arbiter = wanted->arbiter;
    member->state = wanted->arbiter ? EK_MEMBER_ARBITER : EK_MEMBER_SECONDARY;
    member->writable = EK_NO;
    member->lag_ms = 0;
    member->signing_key = 1;
    member->healthy_for = member->viewed_by =
        (((uint64_t)1 << (e->state->member_count - 1)) << 1) - 1;
    ek_wanted_host(e->spec, ek_transport(e->state)->domain_label, i, member->host,
                   sizeof member->host);
}

int ek_effect_initiate(struct ek_effect *e, struct ek_error *err)
{
    struct ek_replica_set *set = ek_set(e->state);
    struct ek_access *access = ek_access(e->state);
    size_t first = 0;
    (void)err;
    set->initiated = EK_YES;
    access->authentication = EK_YES; /* its keyFile turns it on */
    if (access->own_user == EK_UNKNOWN)
        access->own_user = EK_NO;
    set->config_version = 1;
    snprintf(set->set_name, sizeof set->set_name, "%s", e->spec->set_name);
    for (size_t i = 0; i < e->state->member_count; i++) {
        initiate_member(e, i);
        if (ek_member(e->state, i)->priority > ek_member(e->state, first)->priority)
            first = i;
    }
    ek_member(e->state, first)->state = EK_MEMBER_PRIMARY;
    ek_member(e->state, first)->writable = EK_YES;
    return 0;
}

int ek_effect_reconfigure(struct ek_effect *e, struct ek_error *err)
{
    (void)err;
    ek_set(e->state)->config_version++;
    for (size_t i = 0; i < e->state->member_count; i++)
        ek_wanted_host(e->spec, ek_transport(e->state)->domain_label, i,
                       ek_member(e->state, i)->host, EK_HOST_SIZE);
    return 0;
}

int ek_effect_step_down(struct ek_effect *e, struct ek_error *err)
{
    struct ek_member *before = member_of(e);
    struct ek_member *after = ek_member(e->state, (size_t)e->step->other);
    (void)err;
    before->state = EK_MEMBER_SECONDARY;
    before->writable = EK_NO;
    after->state = EK_MEMBER_PRIMARY;
    after->writable = EK_YES;
    ek_set(e->state)->election_term++;
    return 0;
}

/* member is the primary now, other the one that should be. */
int ek_effect_reinstate(struct ek_effect *e, struct ek_error *err)
{
    return ek_effect_step_down(e, err);
}
