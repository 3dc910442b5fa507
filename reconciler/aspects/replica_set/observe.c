/* The replica set as it is: its processes, its configuration file, its servers' answers. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "reconciler/aspects/replica_set/state.h"
#include "reconciler/base/clock.h"
#include "reconciler/execute/observe.h"

/* ---- the hosts ---- */

static void look_at_process(struct ek_observing *o, size_t i)
{
    struct ek_world *world = o->world;
    struct ek_member *member = ek_member(o->state, i);
    struct ek_host_facts facts;
    struct ek_error err = {0};
    int result = world->hosts->facts(&world->host[i], o->deadline, &facts, &err);
    ek_observe_result(o, result);
    if (result != 0) {
        ek_observe_problem(o, i, "%s (%s)", err.sentence, err.id);
        o->members[i].out_of_reach = result == EK_UNREACHABLE || result == EK_DENIED ||
                                     result == EK_UNSUPPORTED || result == EK_TIMEOUT;
        return;
    }
    member->process = facts.running ? EK_YES : EK_NO;
    member->pid = facts.pid;
    member->started_ms = facts.started_ms;
    member->age_ms = facts.age_ms;
    /* What a process's times are measured by is exact; a host without one tells all the same. */
    if (facts.running)
        member->clock_ahead_ms = facts.started_ms + facts.age_ms - ek_wall_ms();
    else if (facts.now_ms != 0)
        member->clock_ahead_ms = facts.now_ms - ek_wall_ms();
    member->restart_begun = facts.restart_begun ? EK_YES : EK_NO;
    member->data = facts.data_present ? EK_YES : EK_NO;
    ek_observe_text(o, i, &member->options_lost, facts.options.lost);
    ek_observe_text(o, i, &member->options_added, facts.options.added);
    o->members[i].options = facts.options;
}

static void look_at_configuration(struct ek_observing *o, size_t i)
{
    struct ek_observing_member *found = &o->members[i];
    const char *path = o->world->spec->members[i].configuration;
    struct ek_error err = {0};
    int result = ek_observe_file(o, i, path, &found->configuration);
    if (result == EK_NOT_FOUND)
        ek_member(o->state, i)->configuration = EK_NO;
    if (result != 0)
        return;
    const struct ek_buffer *text = &found->configuration.content;
    if (ek_server_configuration_parse(ek_buffer_text(text), text->length, path, &found->parsed,
                                      &err) != 0)
        ek_observe_failure(o, i, &err);
    else
        ek_member(o->state, i)->configuration = EK_YES;
}

static void look_at_host(struct ek_observing *o, size_t i)
{
    look_at_process(o, i);
    if (!o->members[i].out_of_reach)
        look_at_configuration(o, i);
}

/* ---- the servers ---- */

/* A session is good for the process that it was made with. */
static struct ek_mongodb_session **session_of(struct ek_observing *o, size_t i)
{
    struct ek_world *world = o->world;
    const struct ek_member *member = ek_member(o->state, i);
    if (world->session_pid[i] != member->pid ||
        world->session_started_ms[i] != member->started_ms) {
        world->mongodb->session_free(world->sessions[i]);
        world->sessions[i] = NULL;
    }
    world->session_pid[i] = member->pid;
    world->session_started_ms[i] = member->started_ms;
    return member->pid > 0 ? &world->sessions[i] : NULL;
}

static void look_at_server(struct ek_observing *o, size_t i)
{
    struct ek_world *world = o->world;
    const struct ek_state *state = o->state;
    struct ek_mongodb_target target;
    struct ek_error err = {0};
    char name[EK_DOMAIN_NAME_SIZE];
    const char *label = ek_member_transport(state, i)->domain_name_bound == EK_YES
                            ? ek_transport(state)->domain_label
                            : "";
    struct ek_mongodb_session **session = session_of(o, i);
    if (ek_member(state, i)->process == EK_NO)
        return;
    ek_world_target(world, i, label, name, &target);
    target.session = session;
    int result = world->mongodb->observe(&target, o->deadline, &o->members[i].seen, &err);
    ek_observe_result(o, result);
    if (result != 0)
        ek_observe_problem(o, i, "%s", err.sentence);
    else if (o->members[i].seen.problem[0])
        ek_observe_problem(o, i, "%s", o->members[i].seen.problem);
}

static enum ek_member_state state_of(int number)
{
    static const enum ek_member_state states[] = {
        EK_MEMBER_STARTUP, EK_MEMBER_PRIMARY,  EK_MEMBER_SECONDARY, EK_MEMBER_RECOVERING,
        EK_MEMBER_UNKNOWN, EK_MEMBER_STARTUP2, EK_MEMBER_UNKNOWN,   EK_MEMBER_ARBITER,
        EK_MEMBER_DOWN,    EK_MEMBER_ROLLBACK, EK_MEMBER_REMOVED};
    if (number == -2)
        return EK_MEMBER_UNINITIATED;
    if (number < 0 || number >= (int)(sizeof states / sizeof *states))
        return EK_MEMBER_UNKNOWN;
    return states[number];
}

static enum ek_tri tri_of(enum ek_answer answer)
{
    static const enum ek_tri values[] = {
        [EK_ANSWER_UNKNOWN] = EK_UNKNOWN, [EK_ANSWER_NO] = EK_NO, [EK_ANSWER_YES] = EK_YES};
    return values[answer];
}

static void take_member(struct ek_observing *o, size_t i)
{
    struct ek_member *member = ek_member(o->state, i);
    const struct ek_mongodb_seen *seen = &o->members[i].seen;
    if (member->process == EK_NO) {
        member->reachable = EK_NO;
        member->state = EK_MEMBER_DOWN;
        return;
    }
    member->reachable = seen->answered ? EK_YES : EK_NO;
    if (!seen->answered)
        return;
    member->state = state_of(seen->state);
    member->writable = tri_of(seen->writable);
    memcpy(member->version, seen->version, sizeof member->version);
    member->signing_key = seen->signing_key;
}

/* ---- the set ---- */

/* What one member's file or options say of a sharded cluster holds for the set. */
static void take_cluster_role(struct ek_observing *o, size_t i)
{
    const struct ek_observing_member *found = &o->members[i];
    char *role = ek_set(o->state)->cluster_role;
    if (!role[0] && found->parsed.cluster_role)
        snprintf(role, EK_CLUSTER_ROLE_SIZE, "%s", found->parsed.cluster_role);
    if (!role[0])
        snprintf(role, EK_CLUSTER_ROLE_SIZE, "%s", found->seen.cluster_role);
}

static bool newer(const struct ek_mongodb_seen *a, const struct ek_mongodb_seen *b)
{
    if (a->config_term != b->config_term)
        return a->config_term > b->config_term;
    return a->config_version > b->config_version;
}

/* The configuration that counts: the primary's, else the newest that anybody has. */
static const struct ek_mongodb_seen *authoritative(const struct ek_observing *o)
{
    const struct ek_mongodb_seen *best = NULL;
    for (size_t i = 0; i < o->state->member_count; i++) {
        const struct ek_mongodb_seen *seen = &o->members[i].seen;
        if (seen->initiated != EK_ANSWER_YES || seen->member_count == 0)
            continue;
        if (seen->writable == EK_ANSWER_YES &&
            (!best || best->writable != EK_ANSWER_YES || newer(seen, best)))
            best = seen;
        else if (!best || (best->writable != EK_ANSWER_YES && newer(seen, best)))
            best = seen;
    }
    return best;
}

/* Which member of the specs the configuration means by `host`; -1 none. */
static int member_of_host(const struct ek_observing *o, const char *host)
{
    const struct ek_deployment_spec *spec = o->world->spec;
    const struct ek_state *state = o->state;
    char candidate[EK_HOST_SIZE];
    char name[EK_DOMAIN_NAME_SIZE];
    for (size_t i = 0; i < spec->member_count; i++) {
        snprintf(candidate, sizeof candidate, "%s:%d", spec->members[i].host,
                 spec->members[i].port);
        if (strcasecmp(candidate, host) == 0)
            return (int)i;
        if (!ek_domain_name(spec, ek_transport(state)->domain_label, i, name, sizeof name))
            continue;
        snprintf(candidate, sizeof candidate, "%s:%d", name, spec->members[i].port);
        if (strcasecmp(candidate, host) == 0)
            return (int)i;
    }
    return -1;
}

static void take_configuration(struct ek_observing *o, const struct ek_mongodb_seen *seen,
                               int *ret_index_of)
{
    struct ek_state *state = o->state;
    memcpy(ek_set(state)->set_name, seen->set_name, sizeof ek_set(state)->set_name);
    memcpy(ek_set(state)->set_id, seen->set_id, sizeof ek_set(state)->set_id);
    ek_set(state)->config_version = seen->config_version;
    ek_set(state)->config_term = seen->config_term;
    ek_set(state)->election_term = seen->election_term;
    for (size_t m = 0; m < seen->member_count; m++) {
        const struct ek_mongodb_member *found = &seen->members[m];
        int i = member_of_host(o, found->host);
        ret_index_of[m] = i;
        if (i < 0) {
            snprintf(ek_set(state)->foreign_member, sizeof ek_set(state)->foreign_member, "%s",
                     found->host);
            continue;
        }
        struct ek_member *member = ek_member(state, i);
        member->id = found->id;
        memcpy(member->host, found->host, sizeof member->host);
        member->priority = found->priority;
        member->votes = found->votes;
        member->hidden = found->hidden;
        member->arbiter = found->arbiter;
        member->delayed = found->delayed;
    }
}

/* A peer's word about a process that it has not heard of yet is about the one before it. */
static bool speaks_of_this_process(const struct ek_mongodb_member *row,
                                   const struct ek_member *member)
{
    return row->heartbeat_age_ms < 0 || member->process != EK_YES ||
           row->heartbeat_age_ms < member->age_ms;
}

/* Rows of other members' statuses are matched by _id: names may differ for a moment. */
static void take_views(struct ek_observing *o)
{
    struct ek_state *state = o->state;
    for (size_t viewer = 0; viewer < state->member_count; viewer++) {
        const struct ek_mongodb_seen *seen = &o->members[viewer].seen;
        for (size_t m = 0; m < seen->member_count; m++) {
            if (!seen->members[m].view_known)
                continue;
            for (size_t i = 0; i < state->member_count; i++) {
                if (ek_member(state, i)->id != seen->members[m].id || ek_member(state, i)->id < 0)
                    continue;
                ek_member(state, i)->viewed_by |= (uint64_t)1 << viewer;
                if (seen->members[m].healthy &&
                    speaks_of_this_process(&seen->members[m], ek_member(state, i)))
                    ek_member(state, i)->healthy_for |= (uint64_t)1 << viewer;
            }
        }
    }
}

static void take_lags(struct ek_observing *o)
{
    struct ek_state *state = o->state;
    int primary = ek_state_primary(state);
    if (primary < 0 || o->members[primary].seen.applied_ms < 0)
        return;
    for (size_t i = 0; i < state->member_count; i++) {
        int64_t applied = o->members[i].seen.applied_ms;
        if (o->members[i].seen.answered && applied >= 0) {
            int64_t lag = o->members[primary].seen.applied_ms - applied;
            ek_member(state, i)->lag_ms = lag > 0 ? lag : 0;
        }
    }
}

static void judge_initiated(struct ek_observing *o)
{
    struct ek_state *state = o->state;
    ek_set(state)->initiated = EK_NO;
    for (size_t i = 0; i < state->member_count; i++) {
        const struct ek_member *member = ek_member(state, i);
        if (o->members[i].seen.initiated == EK_ANSWER_YES) {
            ek_set(state)->initiated = EK_YES;
            return;
        }
        bool never_ran =
            member->process == EK_NO && (member->data == EK_NO || member->restart_begun == EK_YES);
        if (!never_ran && o->members[i].seen.initiated != EK_ANSWER_NO)
            ek_set(state)->initiated = EK_UNKNOWN;
    }
}

static void look_at_set(struct ek_observing *o)
{
    int index_of[EK_MEMBERS_MAX];
    for (size_t i = 0; i < o->state->member_count; i++) {
        take_member(o, i);
        take_cluster_role(o, i);
    }
    judge_initiated(o);
    const struct ek_mongodb_seen *seen = authoritative(o);
    if (seen)
        take_configuration(o, seen, index_of);
    else if (ek_set(o->state)->initiated == EK_YES)
        ek_set(o->state)->initiated = EK_UNKNOWN; /* cut short: a set, but which? */
    take_views(o);
    take_lags(o);
}

static int begin(struct ek_observing *o, struct ek_error *err)
{
    const struct ek_deployment_spec *spec = o->world->spec;
    struct ek_replica_set *set = ek_set(o->state);
    (void)err;
    snprintf(set->account, sizeof set->account, "%s", spec->account);
    snprintf(set->deployment, sizeof set->deployment, "%s", spec->name);
    for (size_t i = 0; i < spec->member_count; i++) {
        struct ek_member *member = ek_member(o->state, i);
        snprintf(member->name, sizeof member->name, "%s", spec->members[i].name);
        member->arbiter = spec->members[i].arbiter;
    }
    return 0;
}

extern const struct ek_observer ek_replica_set_observer;
const struct ek_observer ek_replica_set_observer = {
    .controller = begin, .host = look_at_host, .server = look_at_server, .set = look_at_set};
