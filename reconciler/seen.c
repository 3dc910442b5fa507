/* Whether an observation shows what a step should have brought about, facet by facet. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "reconciler/step.h"

struct comparison {
    const struct ek_deployment_spec *spec;
    const struct ek_state *expected;
    const struct ek_state *observed;
    const struct ek_step *step;
    const struct ek_policy *policy;
    char *why;
    size_t size;
};

typedef bool facet_seen(const struct comparison *c);

static bool missing(const struct comparison *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool missing(const struct comparison *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(c->why, c->size, format, args);
    va_end(args);
    return false;
}

static const struct ek_member_observed *now(const struct comparison *c)
{
    return &c->observed->members[c->step->member];
}

static const struct ek_member_observed *then(const struct comparison *c)
{
    return &c->expected->members[c->step->member];
}

static bool authority_seen(const struct comparison *c)
{
    return c->observed->authority == EK_YES || missing(c, "the authority is not there");
}

static bool names_seen(const struct comparison *c)
{
    if (now(c)->domain_name_bound == EK_YES &&
        strcmp(c->observed->domain_label, c->expected->domain_label) == 0)
        return true;
    return missing(c, "the name of member %s does not resolve to it", now(c)->name);
}

static bool trust_file_seen(const struct comparison *c)
{
    const struct ek_trust_state *trust = &now(c)->trust_installed;
    if (trust->present == EK_YES && trust->count == 1 &&
        memcmp(trust->sha256[0], c->observed->authority_sha256, 32) == 0)
        return true;
    return missing(c, "the authority's certificate is not on the host of member %s", now(c)->name);
}

static bool certificate_file_seen(const struct comparison *c)
{
    const struct ek_certificate_state *certificate = &now(c)->certificate_installed;
    if (certificate->present == EK_YES && certificate->issued_by_authority == EK_YES &&
        certificate->key_sealed == EK_YES &&
        strcmp(certificate->name, then(c)->certificate_installed.name) == 0 &&
        certificate->not_after_s - c->policy->now_s >= c->spec->certificates.renew_before_s)
        return true;
    return missing(c, "the new certificate is not on the host of member %s", now(c)->name);
}

static bool key_file_seen(const struct comparison *c)
{
    return now(c)->key_file == EK_YES ||
           missing(c, "the keyFile is not on the host of member %s", now(c)->name);
}

static bool configuration_seen(const struct comparison *c)
{
    if (now(c)->mode_configured == then(c)->mode_configured &&
        memcmp(now(c)->options_configured.digest, then(c)->options_configured.digest, 32) == 0)
        return true;
    return missing(c, "the configuration file of member %s does not say what was written",
                   now(c)->name);
}

static bool healthy_for_peers(const struct comparison *c, const struct ek_member_observed *member)
{
    for (size_t i = 0; i < c->observed->member_count; i++) {
        uint64_t bit = (uint64_t)1 << i;
        const struct ek_member_observed *peer = &c->observed->members[i];
        if (peer == member || (member->healthy_for & bit) ||
            (peer->arbiter && !(member->viewed_by & bit)))
            continue;
        return missing(c, "member %s does not see member %s as healthy yet", peer->name,
                       member->name);
    }
    return true;
}

static bool caught_up(const struct comparison *c, const struct ek_member_observed *member)
{
    switch (member->state) {
    case EK_MEMBER_PRIMARY:
    case EK_MEMBER_ARBITER: return true;
    case EK_MEMBER_SECONDARY: break;
    default:
        return missing(c, "member %s is %s", member->name, ek_member_state_name(member->state));
    }
    if (member->delayed ||
        (member->lag_ms >= 0 && member->lag_ms <= c->spec->maintenance.max_lag_s * 1000))
        return true;
    if (member->lag_ms < 0)
        return missing(c, "how far member %s lags is not known yet", member->name);
    return missing(c, "member %s lags %lld s", member->name, (long long)(member->lag_ms / 1000));
}

/* Start times move a little when the machine's clock is set. */
static bool same_time(int64_t a_ms, int64_t b_ms)
{
    return a_ms - b_ms < 3000 && b_ms - a_ms < 3000;
}

/* The process that was started, not the old one, with what its files say, taken back by its
 * peers. */
static bool process_seen(const struct comparison *c)
{
    const struct ek_member_observed *member = now(c);
    if (member->process != EK_YES)
        return missing(c, "the server process of member %s does not run", member->name);
    if (member->pid == then(c)->pid && same_time(member->started_ms, then(c)->started_ms))
        return missing(c, "member %s still runs the old process", member->name);
    if (member->reachable != EK_YES)
        return missing(c, "member %s does not answer yet", member->name);
    if (member->mode_running != then(c)->mode_running)
        return missing(c, "member %s runs sslMode %s", member->name,
                       ek_ssl_mode_name(member->mode_running));
    if (member->mode_running > EK_SSL_DISABLED &&
        memcmp(member->certificate_running.sha256, member->certificate_installed.sha256, 32) != 0)
        return missing(c, "member %s does not serve the installed certificate", member->name);
    if (c->observed->initiated != EK_YES)
        return member->state == EK_MEMBER_UNINITIATED ||
               missing(c, "member %s is %s", member->name, ek_member_state_name(member->state));
    if (memcmp(member->options_running.digest, then(c)->options_running.digest, 32) != 0)
        return missing(c, "member %s runs with other options than its file says", member->name);
    return caught_up(c, member) && healthy_for_peers(c, member);
}

static bool primary_seen(const struct comparison *c)
{
    int primary = ek_state_primary(c->observed);
    if (primary < 0)
        return missing(c, "the replica set has no primary yet");
    return primary != c->step->member || missing(c, "member %s is still the primary", now(c)->name);
}

static bool leader_seen(const struct comparison *c)
{
    return ek_state_primary(c->observed) == c->step->other ||
           missing(c, "member %s is not the primary yet",
                   c->observed->members[c->step->other].name);
}

static bool mode_seen(const struct comparison *c)
{
    return now(c)->mode_running == then(c)->mode_running ||
           missing(c, "member %s runs sslMode %s", now(c)->name,
                   ek_ssl_mode_name(now(c)->mode_running));
}

static bool hosts_seen(const struct comparison *c)
{
    for (size_t i = 0; i < c->observed->member_count; i++) {
        const struct ek_member_observed *member = &c->observed->members[i];
        if (strcmp(member->host, c->expected->members[i].host) != 0)
            return missing(c, "member %s is still named %s", member->name, member->host);
        if (!caught_up(c, member) || !healthy_for_peers(c, member))
            return false;
    }
    return ek_state_primary(c->observed) >= 0 || missing(c, "the replica set has no primary yet");
}

static bool initiated_seen(const struct comparison *c)
{
    return c->observed->initiated == EK_YES ||
           missing(c, "no member has a replica-set configuration yet");
}

static bool user_seen(const struct comparison *c)
{
    return c->observed->own_user == EK_YES || missing(c, "logging in as Evenkeel's own user fails");
}

static const struct {
    unsigned facet;
    facet_seen *seen;
} facets[] = {
    {EK_FACET_AUTHORITY, authority_seen},
    {EK_FACET_NAMES, names_seen},
    {EK_FACET_TRUST_FILE, trust_file_seen},
    {EK_FACET_CERTIFICATE_FILE, certificate_file_seen},
    {EK_FACET_KEY_FILE, key_file_seen},
    {EK_FACET_CONFIGURATION, configuration_seen},
    {EK_FACET_PROCESS, process_seen},
    {EK_FACET_PRIMARY, primary_seen},
    {EK_FACET_LEADER, leader_seen},
    {EK_FACET_MODE, mode_seen},
    {EK_FACET_INITIATED, initiated_seen},
    {EK_FACET_HOSTS, hosts_seen},
    {EK_FACET_USER, user_seen},
};

bool ek_step_seen(const struct ek_deployment_spec *spec, const struct ek_state *expected,
                  const struct ek_state *observed, const struct ek_step *step,
                  const struct ek_policy *policy, char *ret_why, size_t size)
{
    struct comparison c = {.spec = spec,
                           .expected = expected,
                           .observed = observed,
                           .step = step,
                           .policy = policy,
                           .why = ret_why,
                           .size = size};
    unsigned touched = ek_step_row(step->kind)->facets;
    for (size_t i = 0; i < sizeof facets / sizeof *facets; i++)
        if ((touched & facets[i].facet) && !facets[i].seen(&c))
            return false;
    return true;
}
