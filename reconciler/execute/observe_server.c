/* What the servers say, one by one and as a set. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "reconciler/execute/observe.h"

/* A session is good for the process that it was made with. */
static struct ek_mongodb_session **session_of(struct ek_look *look, size_t i)
{
    struct ek_world *world = look->world;
    const struct ek_member_observed *member = &look->observation->state.members[i];
    if (world->session_pid[i] != member->pid ||
        world->session_started_ms[i] != member->started_ms) {
        world->mongodb->session_free(world->sessions[i]);
        world->sessions[i] = NULL;
    }
    world->session_pid[i] = member->pid;
    world->session_started_ms[i] = member->started_ms;
    return member->pid > 0 ? &world->sessions[i] : NULL;
}

void ek_look_at_server(struct ek_look *look, size_t i)
{
    struct ek_world *world = look->world;
    const struct ek_state *state = &look->observation->state;
    struct ek_mongodb_target target;
    struct ek_error err = {0};
    char name[256];
    const char *label = state->members[i].domain_name_bound == EK_YES ? state->domain_label : "";
    struct ek_mongodb_session **session = session_of(look, i);
    if (state->members[i].process == EK_NO)
        return;
    ek_world_target(world, i, label, name, sizeof name, &target);
    target.session = session;
    if (world->mongodb->observe(&target, look->deadline, &look->seen[i], &err) != 0)
        ek_look_failed(look, i, &err);
    else if (look->seen[i].problem[0])
        ek_look_problem(look, i, "%s", look->seen[i].problem);
}

static enum ek_tri tri_of(enum ek_answer answer)
{
    static const enum ek_tri values[] = {
        [EK_ANSWER_UNKNOWN] = EK_UNKNOWN, [EK_ANSWER_NO] = EK_NO, [EK_ANSWER_YES] = EK_YES};
    return values[answer];
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

static void take_tls(struct ek_look *look, size_t i)
{
    struct ek_member_observed *member = &look->observation->state.members[i];
    const struct ek_mongodb_seen *seen = &look->seen[i];
    if (member->mode_running == EK_SSL_DISABLED || seen->handshake.tls == EK_ANSWER_NO) {
        member->certificate_running.present = EK_NO;
        member->trust_running = (struct ek_trust_state){.present = EK_NO};
        return;
    }
    if (seen->handshake.certificate_pem)
        ek_look_certificate(look, seen->handshake.certificate_pem,
                            strlen(seen->handshake.certificate_pem), &member->certificate_running);
}

static void take_member(struct ek_look *look, size_t i)
{
    struct ek_member_observed *member = &look->observation->state.members[i];
    const struct ek_mongodb_seen *seen = &look->seen[i];
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
    member->mode_running = seen->mode_running;
    if (seen->options_known) {
        member->options_running.known = EK_YES;
        memcpy(member->options_running.digest, seen->options_digest, 32);
    }
    member->signing_key = seen->signing_key;
    member->plaintext_clients = seen->plaintext_clients;
    take_tls(look, i);
}

static bool newer(const struct ek_mongodb_seen *a, const struct ek_mongodb_seen *b)
{
    if (a->config_term != b->config_term)
        return a->config_term > b->config_term;
    return a->config_version > b->config_version;
}

/* The configuration that counts: the primary's, else the newest that anybody has. */
static const struct ek_mongodb_seen *authoritative(const struct ek_look *look)
{
    const struct ek_mongodb_seen *best = NULL;
    for (size_t i = 0; i < look->observation->state.member_count; i++) {
        const struct ek_mongodb_seen *seen = &look->seen[i];
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
static int member_of_host(const struct ek_look *look, const char *host)
{
    const struct ek_deployment_spec *spec = look->world->spec;
    const struct ek_state *state = &look->observation->state;
    char candidate[280];
    char name[256];
    for (size_t i = 0; i < spec->member_count; i++) {
        snprintf(candidate, sizeof candidate, "%s:%d", spec->members[i].host,
                 spec->members[i].port);
        if (strcasecmp(candidate, host) == 0)
            return (int)i;
        if (!ek_domain_name(spec, state->domain_label, i, name, sizeof name))
            continue;
        snprintf(candidate, sizeof candidate, "%s:%d", name, spec->members[i].port);
        if (strcasecmp(candidate, host) == 0)
            return (int)i;
    }
    return -1;
}

static void take_configuration(struct ek_look *look, const struct ek_mongodb_seen *seen,
                               int *ret_index_of)
{
    struct ek_state *state = &look->observation->state;
    memcpy(state->set_name, seen->set_name, sizeof state->set_name);
    memcpy(state->set_id, seen->set_id, sizeof state->set_id);
    state->config_version = seen->config_version;
    state->config_term = seen->config_term;
    state->election_term = seen->election_term;
    for (size_t m = 0; m < seen->member_count; m++) {
        const struct ek_mongodb_member *found = &seen->members[m];
        int i = member_of_host(look, found->host);
        ret_index_of[m] = i;
        if (i < 0) {
            snprintf(state->foreign_member, sizeof state->foreign_member, "%s", found->host);
            continue;
        }
        struct ek_member_observed *member = &state->members[i];
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
                                   const struct ek_member_observed *member)
{
    return row->heartbeat_age_ms < 0 || member->process != EK_YES ||
           row->heartbeat_age_ms < member->age_ms;
}

/* Rows of other members' statuses are matched by _id: names may differ for a moment. */
static void take_views(struct ek_look *look)
{
    struct ek_state *state = &look->observation->state;
    for (size_t viewer = 0; viewer < state->member_count; viewer++) {
        const struct ek_mongodb_seen *seen = &look->seen[viewer];
        for (size_t m = 0; m < seen->member_count; m++) {
            if (!seen->members[m].view_known)
                continue;
            for (size_t i = 0; i < state->member_count; i++) {
                if (state->members[i].id != seen->members[m].id || state->members[i].id < 0)
                    continue;
                state->members[i].viewed_by |= (uint64_t)1 << viewer;
                if (seen->members[m].healthy &&
                    speaks_of_this_process(&seen->members[m], &state->members[i]))
                    state->members[i].healthy_for |= (uint64_t)1 << viewer;
            }
        }
    }
}

static void take_lags(struct ek_look *look)
{
    struct ek_state *state = &look->observation->state;
    int primary = ek_state_primary(state);
    if (primary < 0 || look->seen[primary].applied_ms < 0)
        return;
    for (size_t i = 0; i < state->member_count; i++) {
        int64_t applied = look->seen[i].applied_ms;
        if (look->seen[i].answered && applied >= 0) {
            int64_t lag = look->seen[primary].applied_ms - applied;
            state->members[i].lag_ms = lag > 0 ? lag : 0;
        }
    }
}

static void judge_initiated(struct ek_look *look)
{
    struct ek_state *state = &look->observation->state;
    state->initiated = EK_NO;
    for (size_t i = 0; i < state->member_count; i++) {
        const struct ek_member_observed *member = &state->members[i];
        if (look->seen[i].initiated == EK_ANSWER_YES) {
            state->initiated = EK_YES;
            return;
        }
        bool never_ran =
            member->process == EK_NO && (member->data == EK_NO || member->restart_begun == EK_YES);
        if (!never_ran && look->seen[i].initiated != EK_ANSWER_NO)
            state->initiated = EK_UNKNOWN;
    }
}

static void judge_access(struct ek_look *look)
{
    struct ek_state *state = &look->observation->state;
    bool let_in = false;
    for (size_t i = 0; i < state->member_count; i++) {
        const struct ek_mongodb_seen *seen = &look->seen[i];
        if (seen->authorization == EK_ANSWER_YES)
            state->authentication = EK_YES;
        else if (seen->authorization == EK_ANSWER_NO && state->authentication == EK_UNKNOWN)
            state->authentication = EK_NO;
        if (seen->own_user == EK_ANSWER_YES)
            state->own_user = EK_YES;
        else if (seen->own_user == EK_ANSWER_NO && state->own_user == EK_UNKNOWN)
            state->own_user = EK_NO;
        let_in |= seen->authenticated;
    }
    if (state->own_user == EK_UNKNOWN && let_in && !look->world->own_password)
        state->own_user = EK_NO; /* we hold no password: there is no user of ours */
}

void ek_look_at_set(struct ek_look *look)
{
    int index_of[EK_MEMBERS_MAX];
    for (size_t i = 0; i < look->observation->state.member_count; i++)
        take_member(look, i);
    judge_initiated(look);
    judge_access(look);
    const struct ek_mongodb_seen *seen = authoritative(look);
    if (seen)
        take_configuration(look, seen, index_of);
    else if (look->observation->state.initiated == EK_YES)
        look->observation->state.initiated = EK_UNKNOWN; /* cut short: a set, but which? */
    take_views(look);
    take_lags(look);
}
