/* Which sslMode may stand where, as the planner sees it: on the ladder disabled, allowSSL,
 * preferSSL, requireSSL two members go together when they are at most one rung apart. */
#include <stdlib.h>
#include <string.h>

#include "reconciler/next_internal.h"

static bool one_rung(enum ek_ssl_mode a, enum ek_ssl_mode b)
{
    return abs((int)a - (int)b) <= 1;
}

static int distance(enum ek_ssl_mode a, enum ek_ssl_mode b)
{
    return abs((int)a - (int)b);
}

static bool names_its_host(const struct ek_certificate_state *certificate,
                           const struct ek_member_observed *member)
{
    char host[280];
    ek_host_without_port(member->host, host, sizeof host);
    return certificate->present == EK_YES && certificate->issued_by_authority == EK_YES &&
           strcmp(certificate->name, host) == 0;
}

static bool trusts_authority(const struct ek_question *q, const struct ek_trust_state *trust)
{
    size_t room = sizeof trust->sha256 / sizeof *trust->sha256;
    for (size_t i = 0; trust->present == EK_YES && i < trust->count && i < room; i++)
        if (memcmp(trust->sha256[i], q->state->authority_sha256, 32) == 0)
            return true;
    return false;
}

/* Can be dialled by TLS under the name that the configuration gives it, now and after a crash. */
static bool answers_tls(const struct ek_member_observed *member)
{
    return member->mode_running >= EK_SSL_ALLOW && member->mode_configured >= EK_SSL_ALLOW &&
           names_its_host(&member->certificate_running, member) &&
           names_its_host(&member->certificate_installed, member);
}

/* Lets in whoever comes by TLS with a certificate of the authority, now and after a crash. */
static bool takes_newcomers(const struct ek_question *q, size_t m)
{
    const struct ek_member_observed *member = &q->state->members[m];
    return !ek_next_lapsed(q, m) && trusts_authority(q, &member->trust_running) &&
           trusts_authority(q, &member->trust_installed);
}

bool ek_next_mode_fits(const struct ek_question *q, size_t m, enum ek_ssl_mode mode)
{
    const struct ek_member_observed *self = &q->state->members[m];
    bool somebody_dials_tls = false;
    bool dials_tls_already = self->mode_configured >= EK_SSL_PREFER &&
                             (self->process == EK_NO || self->mode_running >= EK_SSL_PREFER);
    for (size_t p = 0; p < q->state->member_count; p++) {
        const struct ek_member_observed *peer = &q->state->members[p];
        if (p == m)
            continue;
        if (peer->process == EK_YES && !one_rung(mode, peer->mode_running))
            return false;
        if (!one_rung(mode, peer->mode_configured))
            return false;
        if (mode >= EK_SSL_PREFER && peer->process == EK_YES && !answers_tls(peer))
            return false;
        if (mode >= EK_SSL_PREFER && !dials_tls_already && !takes_newcomers(q, p))
            return false;
        if (peer->mode_running >= EK_SSL_PREFER || peer->mode_configured >= EK_SSL_PREFER)
            somebody_dials_tls = true;
    }
    if (mode >= EK_SSL_ALLOW && self->certificate_installed.present != EK_YES)
        return false;
    return !somebody_dials_tls || names_its_host(&self->certificate_installed, self);
}

enum ek_ssl_mode ek_next_file_mode(const struct ek_question *q, size_t m)
{
    enum ek_ssl_mode wanted = q->spec->ssl_mode;
    const struct ek_member_observed *member = &q->state->members[m];
    enum ek_ssl_mode best = member->mode_configured;
    bool ahead = q->state->initiated == EK_YES && best > member->mode_running;
    bool fits = !ahead || ek_next_mode_fits(q, m, best);
    for (int mode = EK_SSL_DISABLED; mode <= (int)EK_SSL_REQUIRE; mode++)
        if ((!fits || distance((enum ek_ssl_mode)mode, wanted) < distance(best, wanted)) &&
            ek_next_mode_fits(q, m, (enum ek_ssl_mode)mode)) {
            best = (enum ek_ssl_mode)mode;
            fits = true;
        }
    return best;
}

bool ek_next_lapsed(const struct ek_question *q, size_t m)
{
    const struct ek_member_observed *member = &q->state->members[m];
    return member->mode_running >= EK_SSL_ALLOW && member->certificate_running.present == EK_YES &&
           member->certificate_running.not_after_s <= q->policy->now_s;
}

bool ek_next_wants_tls(const struct ek_question *q)
{
    return q->spec->ssl_mode > EK_SSL_DISABLED;
}

bool ek_next_certificate_due(const struct ek_question *q, size_t m, const char **ret_why)
{
    const struct ek_certificate_state *certificate = &q->state->members[m].certificate_installed;
    char name[256];
    *ret_why = NULL;
    if (certificate->present != EK_YES)
        *ret_why = "has none yet";
    else if (certificate->issued_by_authority != EK_YES)
        *ret_why = "the installed one is by another authority";
    else if (certificate->key_sealed != EK_YES)
        *ret_why = "the key of the installed one is not encrypted";
    else if (!ek_domain_name(q->spec, q->state->domain_label, m, name, sizeof name) ||
             strcmp(certificate->name, name) != 0 || certificate->sole_name != EK_YES)
        *ret_why = "the installed one is for another name";
    else if (certificate->not_after_s - q->policy->now_s < q->spec->certificates.renew_before_s)
        *ret_why = "the installed one ends soon";
    return *ret_why != NULL;
}

static bool same_bytes(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, 32) == 0;
}

static bool serves_other_certificate(const struct ek_member_observed *member)
{
    return member->certificate_installed.present == EK_YES &&
           !same_bytes(member->certificate_running.sha256, member->certificate_installed.sha256);
}

static bool runs_other_trust(const struct ek_member_observed *member)
{
    const struct ek_trust_state *running = &member->trust_running;
    const struct ek_trust_state *installed = &member->trust_installed;
    return running->present == EK_YES && installed->present == EK_YES &&
           (running->count != installed->count ||
            !same_bytes(running->sha256[0], installed->sha256[0]));
}

static bool runs_other_options(const struct ek_member_observed *member)
{
    return member->options_running.known == EK_YES && member->options_wanted.known == EK_YES &&
           !same_bytes(member->options_running.digest, member->options_wanted.digest);
}

bool ek_next_bad_certificate(const struct ek_question *q, size_t m)
{
    const struct ek_member_observed *member = &q->state->members[m];
    bool bad = member->certificate_running.present == EK_YES &&
               (ek_next_lapsed(q, m) || !names_its_host(&member->certificate_running, member));
    return bad && names_its_host(&member->certificate_installed, member) &&
           member->certificate_installed.not_after_s > q->policy->now_s;
}

bool ek_next_runs_old_files(const struct ek_question *q, size_t m, const char **ret_why)
{
    const struct ek_member_observed *member = &q->state->members[m];
    *ret_why = NULL;
    if (q->spec->ssl_mode == EK_SSL_DISABLED || member->mode_running == EK_SSL_DISABLED)
        return false;
    if (serves_other_certificate(member))
        *ret_why = "serves another certificate than the installed one";
    else if (runs_other_trust(member))
        *ret_why = member->trust_running.count == 0
                       ? "began before its trusted authorities were installed"
                       : "trusts other authorities than the installed ones";
    else if (runs_other_options(member))
        *ret_why = "runs with other TLS options than wanted";
    return *ret_why != NULL;
}

bool ek_next_needs_restart(const struct ek_question *q, size_t m, const char **ret_why)
{
    const struct ek_member_observed *member = &q->state->members[m];
    enum ek_ssl_mode wanted = q->spec->ssl_mode;
    if (member->mode_running == EK_SSL_DISABLED && wanted > EK_SSL_DISABLED)
        *ret_why = "disabled can be left by a restart only";
    else if (member->mode_running > wanted)
        *ret_why = "sslMode can be lowered by a restart only";
    else if (member->arbiter && member->mode_running != wanted)
        *ret_why = "an arbiter has no users to change it at run time as";
    else
        return ek_next_runs_old_files(q, m, ret_why);
    return true;
}
