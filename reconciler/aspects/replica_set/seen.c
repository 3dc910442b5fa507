/* Whether an observation shows what the replica set's steps should have brought about. Pure. */
#include <string.h>

#include "reconciler/aspects/certificate/state.h"
#include "reconciler/aspects/replica_set/rows.h"
#include "reconciler/aspects/replica_set/state.h"

static const struct ek_member *now(const struct ek_confirmation *c)
{
    return ek_member(c->observed->state, (size_t)c->step->member);
}

static const struct ek_member *then(const struct ek_confirmation *c)
{
    return ek_member(c->expected, (size_t)c->step->member);
}

/* Who does not run sees nobody: it is waited for at its own start. */
static bool healthy_for_peers(const struct ek_confirmation *c, const struct ek_member *member)
{
    for (size_t i = 0; i < c->observed->state->member_count; i++) {
        uint64_t bit = (uint64_t)1 << i;
        const struct ek_member *peer = ek_member(c->observed->state, i);
        if (peer == member || (member->healthy_for & bit) || peer->process == EK_NO ||
            (peer->arbiter && !(member->viewed_by & bit)))
            continue;
        return ek_missing(c, "member %s does not see member %s as healthy yet", peer->name,
                          member->name);
    }
    return true;
}

static bool caught_up(const struct ek_confirmation *c, const struct ek_member *member)
{
    switch (member->state) {
    case EK_MEMBER_PRIMARY:
    case EK_MEMBER_ARBITER: return true;
    case EK_MEMBER_SECONDARY: break;
    default:
        return ek_missing(c, "member %s is %s", member->name, ek_member_state_name(member->state));
    }
    if (member->delayed ||
        (member->lag_ms >= 0 && member->lag_ms <= c->observed->spec->maintenance.max_lag_s * 1000))
        return true;
    if (member->lag_ms < 0)
        return ek_missing(c, "how far member %s lags is not known yet", member->name);
    return ek_missing(c, "member %s lags %lld s", member->name, (long long)(member->lag_ms / 1000));
}

/* Start times move a little when the machine's clock is set. */
static bool same_time(int64_t a_ms, int64_t b_ms)
{
    return a_ms - b_ms < 3000 && b_ms - a_ms < 3000;
}

/* What it runs with is what its files say. */
static bool runs_from_files(const struct ek_confirmation *c)
{
    size_t m = (size_t)c->step->member;
    const struct ek_member_transport *transport = ek_member_transport(c->observed->state, m);
    const struct ek_member_certificates *certificates =
        ek_member_certificates(c->observed->state, m);
    if (transport->mode_running != ek_member_transport(c->expected, m)->mode_running)
        return ek_missing(c, "member %s runs sslMode %s", now(c)->name,
                          ek_ssl_mode_name(transport->mode_running));
    if (transport->mode_running > EK_SSL_DISABLED &&
        memcmp(certificates->certificate_running.sha256, certificates->certificate_installed.sha256,
               32) != 0)
        return ek_missing(c, "member %s does not serve the installed certificate", now(c)->name);
    return true;
}

static bool runs_wanted_options(const struct ek_confirmation *c)
{
    size_t m = (size_t)c->step->member;
    return memcmp(ek_member_transport(c->observed->state, m)->options_running.digest,
                  ek_member_transport(c->expected, m)->options_running.digest, 32) == 0 ||
           ek_missing(c, "member %s runs with other options than its file says", now(c)->name);
}

/* The process that was started, not the old one, with what its files say, taken back by its
 * peers. */
bool ek_seen_start(const struct ek_confirmation *c)
{
    const struct ek_member *member = now(c);
    if (member->process != EK_YES)
        return ek_missing(c, "the server process of member %s does not run", member->name);
    if (member->pid == then(c)->pid && same_time(member->started_ms, then(c)->started_ms))
        return ek_missing(c, "member %s still runs the old process", member->name);
    if (member->reachable != EK_YES)
        return ek_missing(c, "member %s does not answer yet", member->name);
    if (!runs_from_files(c))
        return false;
    if (ek_set(c->observed->state)->initiated != EK_YES)
        return member->state == EK_MEMBER_UNINITIATED ||
               ek_missing(c, "member %s is %s", member->name, ek_member_state_name(member->state));
    return runs_wanted_options(c) && caught_up(c, member) && healthy_for_peers(c, member);
}

bool ek_seen_restart(const struct ek_confirmation *c)
{
    return ek_seen_start(c);
}

static bool hosts_seen(const struct ek_confirmation *c)
{
    for (size_t i = 0; i < c->observed->state->member_count; i++) {
        const struct ek_member *member = ek_member(c->observed->state, i);
        if (strcmp(member->host, ek_member(c->expected, i)->host) != 0)
            return ek_missing(c, "member %s is still named %s", member->name, member->host);
        if (!caught_up(c, member) || !healthy_for_peers(c, member))
            return false;
    }
    return ek_state_primary(c->observed->state) >= 0 ||
           ek_missing(c, "the replica set has no primary yet");
}

bool ek_seen_initiate(const struct ek_confirmation *c)
{
    if (ek_set(c->observed->state)->initiated != EK_YES)
        return ek_missing(c, "no member has a replica-set configuration yet");
    return hosts_seen(c);
}

bool ek_seen_reconfigure(const struct ek_confirmation *c)
{
    return hosts_seen(c);
}

bool ek_seen_step_down(const struct ek_confirmation *c)
{
    int primary = ek_state_primary(c->observed->state);
    if (primary < 0)
        return ek_missing(c, "the replica set has no primary yet");
    return primary != c->step->member ||
           ek_missing(c, "member %s is still the primary", now(c)->name);
}

bool ek_seen_reinstate(const struct ek_confirmation *c)
{
    return ek_state_primary(c->observed->state) == c->step->other ||
           ek_missing(c, "member %s is not the primary yet",
                      ek_member(c->observed->state, (size_t)c->step->other)->name);
}
