#include "reconciler/state.h"

#include <stdio.h>
#include <string.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/hash.h"

void ek_state_copy(struct ek_state *to, const struct ek_state *from)
{
    size_t used = offsetof(struct ek_state, members) + from->member_count * sizeof *from->members;
    memcpy(to, from, used);
}

int ek_state_primary(const struct ek_state *state)
{
    for (size_t i = 0; i < state->member_count; i++)
        if (state->members[i].state == EK_MEMBER_PRIMARY && state->members[i].writable == EK_YES)
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
    const struct ek_member_observed *member = &state->members[index];
    return (member->viewed_by & others) != 0 && (member->healthy_for & others) == 0;
}

bool ek_member_serves(const struct ek_state *state, size_t index, uint64_t *ret_deaf_peers)
{
    const struct ek_member_observed *member = &state->members[index];
    uint64_t deaf = member->viewed_by & ~member->healthy_for & ~((uint64_t)1 << index);
    for (size_t i = 0; i < state->member_count; i++)
        if (is_alone(state, i))
            deaf &= ~((uint64_t)1 << i);
    if (ret_deaf_peers)
        *ret_deaf_peers = deaf;
    return member->reachable == EK_YES && deaf == 0 && ek_member_state_serves(member->state);
}

static bool fits(int used, size_t size)
{
    return used > 0 && (size_t)used < size;
}

bool ek_domain_name(const struct ek_deployment_spec *spec, const char *label, size_t index,
                    char *buffer, size_t size)
{
    if (!spec->ssl_domain.base || !label[0])
        return false;
    return fits(
        snprintf(buffer, size, "%s.%s.%s", spec->members[index].name, label, spec->ssl_domain.base),
        size);
}

bool ek_wanted_host(const struct ek_deployment_spec *spec, const char *label, size_t index,
                    char *buffer, size_t size)
{
    const struct ek_member_spec *member = &spec->members[index];
    char name[256];
    if (spec->ssl_mode == EK_SSL_DISABLED)
        return fits(snprintf(buffer, size, "%s:%d", member->host, member->port), size);
    if (!ek_domain_name(spec, label, index, name, sizeof name))
        return false;
    return fits(snprintf(buffer, size, "%s:%d", name, member->port), size);
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

static const char *tri(enum ek_tri value)
{
    static const char *const words[] = {"unknown", "no", "yes"};
    return words[value];
}

/* Which certificate a member holds matters only by what it is good for: fingerprints of
 * certificates that a plan will issue can't be known beforehand. */
static void certificate_facts(struct ek_buffer *lines, const char *member, const char *which,
                              const struct ek_certificate_state *certificate,
                              const struct ek_deployment_spec *spec, const struct ek_policy *policy)
{
    if (certificate->present != EK_YES) {
        ek_buffer_printf(lines, "%s certificate %s: %s\n", member, which,
                         certificate->present == EK_NO ? "none" : "unknown");
        return;
    }
    bool due = certificate->not_after_s - policy->now_s < spec->certificates.renew_before_s;
    ek_buffer_printf(lines, "%s certificate %s: %s, by the authority %s, sealed %s%s\n", member,
                     which, certificate->name, tri(certificate->issued_by_authority),
                     tri(certificate->key_sealed), due ? ", due for renewal" : "");
}

static bool same_certificate(const struct ek_certificate_state *a,
                             const struct ek_certificate_state *b)
{
    return a->present == b->present &&
           (a->present != EK_YES || memcmp(a->sha256, b->sha256, sizeof a->sha256) == 0);
}

static bool same_trust(const struct ek_trust_state *a, const struct ek_trust_state *b)
{
    return a->present == b->present && a->count == b->count &&
           memcmp(a->sha256[0], b->sha256[0], sizeof a->sha256[0]) == 0;
}

static void options_facts(struct ek_buffer *lines, const char *member, const char *which,
                          const struct ek_options_state *options,
                          const struct ek_options_state *wanted)
{
    static const uint8_t none[32];
    const char *word = "other";
    if (options->known != EK_YES)
        word = "unknown";
    else if (memcmp(options->digest, none, sizeof none) == 0)
        word = "none";
    else if (memcmp(options->digest, wanted->digest, sizeof none) == 0)
        word = "as wanted";
    ek_buffer_printf(lines, "%s TLS options %s: %s\n", member, which, word);
}

static void member_facts(struct ek_buffer *lines, const struct ek_deployment_spec *spec,
                         const struct ek_member_observed *member, const struct ek_policy *policy)
{
    const char *name = member->name;
    ek_buffer_printf(lines, "%s process: %s\n", name, tri(member->process));
    ek_buffer_printf(lines, "%s role: %s\n", name, ek_member_state_name(member->state));
    ek_buffer_printf(lines, "%s restart begun: %s\n", name, tri(member->restart_begun));
    ek_buffer_printf(lines, "%s host: %s\n", name, member->host);
    ek_buffer_printf(lines, "%s sslMode running: %s\n", name,
                     ek_ssl_mode_name(member->mode_running));
    ek_buffer_printf(lines, "%s sslMode configured: %s\n", name,
                     ek_ssl_mode_name(member->mode_configured));
    ek_buffer_printf(lines, "%s votes %d priority %g%s%s\n", name, member->votes, member->priority,
                     member->hidden ? " hidden" : "", member->arbiter ? " arbiter" : "");
    options_facts(lines, name, "configured", &member->options_configured, &member->options_wanted);
    options_facts(lines, name, "running", &member->options_running, &member->options_wanted);
    certificate_facts(lines, name, "installed", &member->certificate_installed, spec, policy);
    if (member->mode_running > EK_SSL_DISABLED)
        ek_buffer_printf(
            lines, "%s serves the installed certificate: %s\n", name,
            same_certificate(&member->certificate_running, &member->certificate_installed) ? "yes"
                                                                                           : "no");
    ek_buffer_printf(lines, "%s trust installed: %s, %zu\n", name,
                     tri(member->trust_installed.present), member->trust_installed.count);
    if (member->mode_running > EK_SSL_DISABLED)
        ek_buffer_printf(lines, "%s runs with the installed trust: %s\n", name,
                         same_trust(&member->trust_running, &member->trust_installed) ? "yes"
                                                                                      : "no");
    ek_buffer_printf(lines, "%s keyFile: %s\n", name, tri(member->key_file));
    ek_buffer_printf(lines, "%s name bound: %s\n", name, tri(member->domain_name_bound));
}

void ek_state_facts(const struct ek_deployment_spec *spec, const struct ek_state *state,
                    const struct ek_policy *policy, struct ek_buffer *ret_lines)
{
    ek_buffer_printf(ret_lines, "deployment: %s/%s\n", state->account, state->deployment);
    ek_buffer_printf(ret_lines, "replica set: %s, initiated %s, configuration version %lld\n",
                     state->set_name, tri(state->initiated), (long long)state->config_version);
    ek_buffer_printf(ret_lines, "SSL domain label: %s\n", state->domain_label);
    ek_buffer_printf(ret_lines, "authority: %s\n", tri(state->authority));
    ek_buffer_printf(ret_lines, "authentication: %s, own user %s\n", tri(state->authentication),
                     tri(state->own_user));
    if (state->foreign_member[0])
        ek_buffer_printf(ret_lines, "member outside the specs: %s\n", state->foreign_member);
    for (size_t i = 0; i < state->member_count; i++)
        member_facts(ret_lines, spec, &state->members[i], policy);
}

bool ek_facts_have(const char *facts, const char *line, size_t length)
{
    for (const char *at = facts; *at;) {
        size_t here = strcspn(at, "\n");
        if (here == length && memcmp(at, line, length) == 0)
            return true;
        at += here + (at[here] == '\n');
    }
    return false;
}

int ek_state_digest(const struct ek_deployment_spec *spec, const struct ek_state *state,
                    const struct ek_policy *policy, char ret_hex[65])
{
    EK_BUFFER lines = {0};
    ek_state_facts(spec, state, policy, &lines);
    return ek_sha256_hex_of(&lines, ret_hex, NULL);
}
