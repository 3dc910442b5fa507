/* The planner's look before it plans: what contradicts the specs, what is not known, what is
 * not healthy enough to be disturbed. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/next_internal.h"

enum { CLOCKS_APART_MS = 300000 };

struct ek_step *ek_propose(const struct ek_question *q, enum ek_step_kind kind, int member,
                           const char *why, ...)
{
    struct ek_verdict *verdict = q->verdict;
    memset(verdict, 0, sizeof *verdict);
    verdict->kind = EK_VERDICT_STEP;
    struct ek_step *step = &verdict->step;
    step->kind = kind;
    step->member = member;
    step->other = -1;
    step->config_version = q->state->config_version;
    memcpy(step->label, q->state->domain_label, sizeof step->label);
    va_list args;
    va_start(args, why);
    vsnprintf(step->why, sizeof step->why, why, args);
    va_end(args);
    return step;
}

bool ek_block(const struct ek_question *q, const char *id, bool passing, int member,
              const char *hint, const char *sentence, ...)
{
    struct ek_verdict *verdict = q->verdict;
    memset(verdict, 0, sizeof *verdict);
    verdict->kind = EK_VERDICT_BLOCKED;
    struct ek_blocked *blocked = &verdict->blocked;
    snprintf(blocked->id, sizeof blocked->id, "%s", id);
    snprintf(blocked->hint, sizeof blocked->hint, "%s", hint);
    blocked->passing = passing;
    blocked->member = member;
    va_list args;
    va_start(args, sentence);
    vsnprintf(blocked->sentence, sizeof blocked->sentence, sentence, args);
    va_end(args);
    return true;
}

bool ek_block_configuration(const struct ek_question *q, size_t m)
{
    return ek_block(q, "EK-0107", false, (int)m,
                    "check that the file exists, can be read and names a known mode",
                    "the configuration file of member %s could not be understood",
                    q->state->members[m].name);
}

static bool other_set(const struct ek_question *q)
{
    const struct ek_state *state = q->state;
    if (state->initiated == EK_YES && strcmp(state->set_name, q->spec->set_name) != 0)
        return ek_block(q, "EK-0101", false, -1,
                        "correct replicaSet.name, or the members' hosts and ports",
                        "the members belong to replica set \"%s\", the specs say \"%s\"",
                        state->set_name, q->spec->set_name);
    if (state->foreign_member[0])
        return ek_block(q, "EK-0102", false, -1,
                        "add it to replicaSet.members, or remove it from the replica set",
                        "the replica set has a member that the specs don't name: %s",
                        state->foreign_member);
    return false;
}

static bool other_domain(const struct ek_question *q, size_t i)
{
    const struct ek_member_observed *member = &q->state->members[i];
    char expected[280];
    if (member->mode_running < EK_SSL_PREFER)
        return false; /* a file that says otherwise can be drawn back */
    if (!q->spec->ssl_domain.base || q->state->member_count == 1)
        return false; /* nobody dials a lone member */
    if (ek_domain_name(q->spec, q->state->domain_label, i, expected, sizeof expected)) {
        char host[280];
        ek_host_without_port(member->host, host, sizeof host);
        if (strcmp(host, expected) == 0)
            return false;
    }
    return ek_block(q, "EK-0121", false, (int)i,
                    "set sslMode to allowSSL first, then change sslDomain.base, then go on",
                    "member %s dials TLS under the name %s, which is not in the SSL domain that "
                    "the specs name",
                    member->name, member->host);
}

/* Certificates are valid by the clock of whoever looks at them: one that is made by a wrong clock
 * keeps a server from starting. */
static bool clocks_differ(const struct ek_question *q, size_t i)
{
    const struct ek_member_observed *member = &q->state->members[i];
    long long ahead_s = (long long)(member->clock_ahead_ms / 1000);
    if (member->clock_ahead_ms == EK_CLOCK_UNKNOWN ||
        llabs(member->clock_ahead_ms) <= CLOCKS_APART_MS)
        return false;
    if (!ek_next_wants_tls(q) && member->mode_running == EK_SSL_DISABLED)
        return false;
    return ek_block(q, "EK-0130", true, (int)i, "set the clocks right, by NTP on both machines",
                    "the clock of member %s's host is %lld s %s that of Evenkeel's machine",
                    member->name, llabs(ahead_s), ahead_s > 0 ? "ahead of" : "behind");
}

static bool member_contradicts(const struct ek_question *q, size_t i)
{
    const struct ek_member_observed *member = &q->state->members[i];
    int index = (int)i;
    if (q->state->initiated == EK_YES && member->id < 0)
        return ek_block(q, "EK-0103", false, index,
                        "add it to the replica set, or take it out of the specs",
                        "member %s of the specs (%s:%d) is not in the replica set", member->name,
                        q->spec->members[i].host, q->spec->members[i].port);
    if (member->process == EK_NO && member->restart_begun == EK_YES)
        return false; /* ours to repair */
    if (member->process == EK_NO)
        return ek_block(q, "EK-0106", false, index, "start it, look at its log, and run this again",
                        "member %s is down: its server process does not run", member->name);
    if (member->reachable != EK_YES)
        return ek_block(q, "EK-0105", true, index, "check the network and the server's log",
                        "member %s does not answer", member->name);
    if (clocks_differ(q, i))
        return true;
    if (member->state == EK_MEMBER_REMOVED)
        return ek_block(
            q, "EK-0123", false, index, "check that its name in the configuration resolves to it",
            "member %s does not find itself in the replica-set configuration", member->name);
    if (member->mode_running == EK_SSL_UNKNOWN)
        return ek_block(q, "EK-0109", true, index,
                        "check that Evenkeel can log in and may run getParameter",
                        "the sslMode that member %s runs with could not be read", member->name);
    if (member->configuration == EK_UNKNOWN || member->mode_configured == EK_SSL_UNKNOWN)
        return ek_block_configuration(q, i);
    return other_domain(q, i);
}

bool ek_next_contradicted(const struct ek_question *q)
{
    if (other_set(q))
        return true;
    if (q->state->initiated == EK_NO)
        return false; /* judged by the phase that creates */
    for (size_t i = 0; i < q->state->member_count; i++)
        if (member_contradicts(q, i))
            return true;
    if (q->state->initiated == EK_UNKNOWN)
        return ek_block(q, "EK-0104", true, -1,
                        "check that Evenkeel can reach and log in to a member",
                        "no member told its replica-set configuration");
    return false;
}

static bool unread(const struct ek_question *q, size_t m, bool passing, const char *what)
{
    return ek_block(q, "EK-0132", passing, (int)m,
                    "see the cause; what is not known is not replaced",
                    "member %s: %s could not be read", q->state->members[m].name, what);
}

bool ek_next_unread_of(const struct ek_question *q, size_t m)
{
    const struct ek_member_observed *member = &q->state->members[m];
    bool uses_tls = member->process == EK_YES && member->mode_running >= EK_SSL_ALLOW;
    if (!ek_next_wants_tls(q) && !uses_tls && member->mode_configured < EK_SSL_ALLOW)
        return false;
    if (member->trust_installed.present == EK_UNKNOWN)
        return unread(q, m, false, "the file of trusted authorities");
    if (member->certificate_installed.present == EK_UNKNOWN)
        return unread(q, m, false, "the certificate file");
    if (member->options_wanted.known != EK_YES)
        return unread(q, m, false, "what the TLS options have to name");
    if (ek_next_wants_tls(q) && uses_tls && q->state->initiated == EK_YES &&
        member->certificate_running.present != EK_YES)
        return unread(q, m, true, "the certificate that is presented");
    return false;
}

bool ek_next_unread(const struct ek_question *q)
{
    for (size_t m = 0; m < q->state->member_count; m++)
        if (ek_next_unread_of(q, m))
            return true;
    return false;
}

static bool member_unsettled(const struct ek_question *q, size_t i)
{
    const struct ek_member_observed *member = &q->state->members[i];
    int index = (int)i;
    switch (member->state) {
    case EK_MEMBER_PRIMARY:
    case EK_MEMBER_ARBITER: return false;
    case EK_MEMBER_SECONDARY: break;
    default:
        return ek_block(q, "EK-0111", true, index, "wait until it is SECONDARY, or see its log",
                        "member %s is %s", member->name, ek_member_state_name(member->state));
    }
    if (member->delayed)
        return false;
    if (member->lag_ms < 0)
        return ek_block(q, "EK-0110", true, index, "check replSetGetStatus on the primary",
                        "how far member %s lags is not known", member->name);
    if (member->lag_ms > q->spec->maintenance.max_lag_s * 1000)
        return ek_block(q, "EK-0110", true, index, "wait until it has caught up",
                        "member %s lags %lld s behind the primary, the limit is %lld s",
                        member->name, (long long)(member->lag_ms / 1000),
                        (long long)q->spec->maintenance.max_lag_s);
    return false;
}

static bool pair_unsettled(const struct ek_question *q, size_t viewer, size_t viewed)
{
    const struct ek_member_observed *member = &q->state->members[viewed];
    uint64_t bit = (uint64_t)1 << viewer;
    if (viewer == viewed || (member->healthy_for & bit))
        return false;
    if (!(member->viewed_by & bit) && q->state->members[viewer].arbiter)
        return false; /* an arbiter has no user to ask as */
    return ek_block(q, "EK-0114", true, (int)viewed,
                    "check names, certificates and sslModes of the two, and the network between",
                    "member %s does not see member %s as healthy", q->state->members[viewer].name,
                    member->name);
}

bool ek_next_cut_off(const struct ek_question *q, size_t m, enum ek_ssl_mode mode)
{
    for (size_t p = 0; p < q->state->member_count; p++) {
        const struct ek_member_observed *peer = &q->state->members[p];
        if (p == m || !ek_next_lapsed(q, p) ||
            (mode < EK_SSL_PREFER && peer->mode_running < EK_SSL_PREFER))
            continue;
        return ek_block(q, "EK-0131", false, (int)m, "evenkeel explain EK-0131 tells what is left",
                        "the certificate that member %s runs with has ended: restarted now, member "
                        "%s would be cut off from it",
                        peer->name, q->state->members[m].name);
    }
    return false;
}

bool ek_next_lost(const struct ek_question *q, size_t m)
{
    const struct ek_member_observed *member = &q->state->members[m];
    uint64_t peers = ~((uint64_t)1 << m);
    for (size_t i = 0; i < q->state->member_count; i++)
        if (i != m && q->state->members[i].mode_running < EK_SSL_PREFER)
            return false; /* who dials in plaintext asks for no certificate */
    return member->state == EK_MEMBER_SECONDARY && (member->viewed_by & peers) != 0 &&
           (member->healthy_for & peers) == 0 && ek_next_bad_certificate(q, m);
}

bool ek_next_left_behind(const struct ek_question *q, size_t m)
{
    int64_t lag_ms = q->state->members[m].lag_ms;
    return lag_ms < 0 || lag_ms > q->spec->maintenance.max_lag_s * 1000;
}

bool ek_next_unsettled(const struct ek_question *q)
{
    return ek_next_unsettled_but(q, q->state->member_count);
}

bool ek_next_unsettled_but(const struct ek_question *q, size_t m)
{
    size_t count = q->state->member_count;
    for (size_t i = 0; i < count; i++)
        if (i != m && member_unsettled(q, i))
            return true;
    if (q->primary < 0)
        return ek_block(q, "EK-0112", true, -1, "wait for the election, or see the members' logs",
                        "the replica set has no primary");
    for (size_t viewer = 0; viewer < count; viewer++)
        for (size_t viewed = 0; viewed < count; viewed++)
            if (viewer != m && viewed != m && pair_unsettled(q, viewer, viewed))
                return true;
    return false;
}
