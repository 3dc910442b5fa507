/* Phases about sslMode: raised at run time, lowered by restarts, and in the files. */
#include <stdlib.h>
#include <string.h>

#include "reconciler/aspects/certificate/questions.h"
#include "reconciler/aspects/replica_set/questions.h"
#include "reconciler/aspects/transport/questions.h"
#include "reconciler/aspects/transport/rows.h"
#include "reconciler/base/hash.h"

static bool other_domain(const struct ek_question *q, size_t i)
{
    const struct ek_member *member = ek_member(q->state, i);
    const struct ek_member_transport *transport = ek_member_transport(q->state, i);
    char expected[EK_DOMAIN_NAME_SIZE];
    if (transport->mode_running < EK_SSL_PREFER)
        return false; /* a file that says otherwise can be drawn back */
    if (!q->spec->ssl_domain.base || q->state->member_count == 1)
        return false; /* nobody dials a lone member */
    if (ek_domain_name(q->spec, ek_transport(q->state)->domain_label, i, expected,
                       sizeof expected)) {
        char host[EK_HOST_SIZE];
        ek_host_without_port(member->host, host, sizeof host);
        if (strcmp(host, expected) == 0)
            return false;
    }
    return ek_block(
        q,
        ek_lasting("EK-0121", (int)i,
                   "set sslMode to allowSSL first, then change sslDomain.base, then go on"),
        "member %s dials TLS under the name %s, which is not in the SSL domain that "
        "the specs name",
        member->name, member->host);
}

static bool mode_unknown(const struct ek_question *q, size_t m)
{
    const struct ek_member *member = ek_member(q->state, m);
    const struct ek_member_transport *transport = ek_member_transport(q->state, m);
    if (ek_ours_to_start(q, m))
        return false;
    if (transport->mode_running == EK_SSL_UNKNOWN)
        return ek_block(q,
                        ek_passing("EK-0109", (int)m,
                                   "check that Evenkeel can log in and may run getParameter"),
                        "the sslMode that member %s runs with could not be read", member->name);
    if (member->configuration == EK_UNKNOWN || transport->mode_configured == EK_SSL_UNKNOWN)
        return ek_block_configuration(q, m);
    return other_domain(q, m);
}

bool ek_phase_modes_known(const struct ek_question *q)
{
    if (ek_set(q->state)->initiated == EK_NO)
        return false;
    for (size_t m = 0; m < q->state->member_count; m++)
        if (mode_unknown(q, m))
            return true;
    return false;
}

static bool raise_member(const struct ek_question *q, size_t m)
{
    const struct ek_member *member = ek_member(q->state, m);
    const struct ek_member_transport *transport = ek_member_transport(q->state, m);
    const char *why;
    if (member->arbiter || transport->mode_running < EK_SSL_ALLOW ||
        transport->mode_running >= q->spec->ssl_mode)
        return false;
    if (ek_next_needs_restart(q, m, &why))
        return false; /* the restart will carry it */
    enum ek_ssl_mode mode = (enum ek_ssl_mode)(transport->mode_running + 1);
    if (!ek_mode_fits(q, m, mode))
        return false;
    if (ek_unsettled(q) || ek_plaintext_clients_in_the_way(q, m, mode))
        return true;
    ek_mode_argument(ek_propose(q, &ek_step_set_ssl_mode, (int)m, "at run time"))->mode = mode;
    return true;
}

bool ek_phase_raise_modes(const struct ek_question *q)
{
    return ek_secondaries_then_primary(q, raise_member);
}

static bool propose_file_of(const struct ek_question *q, size_t m, enum ek_ssl_mode mode,
                            const char *why)
{
    const struct ek_member_transport *transport = ek_member_transport(q->state, m);
    static const uint8_t none[EK_SHA256_SIZE];
    const uint8_t *wanted = mode == EK_SSL_DISABLED ? none : transport->options_wanted.digest;
    if (mode == transport->mode_configured &&
        memcmp(transport->options_configured.digest, wanted, sizeof none) == 0)
        return false;
    ek_mode_argument(
        ek_propose(q, &ek_step_write_configuration, (int)m, "%s%s", why, ek_with_old_files(q, m)))
        ->mode = mode;
    return true;
}

static bool propose_file(const struct ek_question *q, size_t m, const char *why)
{
    return propose_file_of(q, m, ek_file_mode(q, m), why);
}

/* A file that a crash would take further from what is wanted keeps the peers where they are. */
static bool file_leads_astray(const struct ek_question *q, size_t m)
{
    const struct ek_member_transport *transport = ek_member_transport(q->state, m);
    return abs((int)transport->mode_configured - (int)q->spec->ssl_mode) >
           abs((int)transport->mode_running - (int)q->spec->ssl_mode);
}

static bool follow_with_file(const struct ek_question *q, size_t m)
{
    const char *why;
    if (ek_next_needs_restart(q, m, &why) && !file_leads_astray(q, m))
        return false; /* its file is written right before the restart */
    return propose_file(q, m, "so that a crash changes nothing");
}

bool ek_phase_follow_with_files(const struct ek_question *q)
{
    return ek_secondaries_then_primary(q, follow_with_file);
}

/* Everybody runs and would run what is wanted, or the ladder has a rung too few. */
bool ek_phase_stuck(const struct ek_question *q)
{
    for (size_t m = 0; m < q->state->member_count; m++) {
        const struct ek_member *member = ek_member(q->state, m);
        const struct ek_member_transport *transport = ek_member_transport(q->state, m);
        if (transport->mode_running == q->spec->ssl_mode &&
            transport->mode_configured == q->spec->ssl_mode)
            continue;
        return ek_block(
            q,
            ek_lasting("EK-0117", (int)m,
                       "bring the members' files and modes within one stage of each other"),
            "member %s (running %s, configured %s) can't be moved towards %s without "
            "cutting it off from a peer",
            member->name, ek_ssl_mode_name(transport->mode_running),
            ek_ssl_mode_name(transport->mode_configured), ek_ssl_mode_name(q->spec->ssl_mode));
    }
    return false;
}

/* ---- what restarts are asked ---- */

static bool runs_other_options(const struct ek_question *q, size_t m)
{
    const struct ek_member_transport *transport = ek_member_transport(q->state, m);
    if (q->spec->ssl_mode == EK_SSL_DISABLED || transport->mode_running == EK_SSL_DISABLED)
        return false;
    return transport->options_running.known == EK_YES &&
           transport->options_wanted.known == EK_YES &&
           memcmp(transport->options_running.digest, transport->options_wanted.digest, 32) != 0;
}

static bool needs_restart(const struct ek_question *q, size_t m, const char **ret_why)
{
    enum ek_ssl_mode running = ek_member_transport(q->state, m)->mode_running;
    enum ek_ssl_mode wanted = q->spec->ssl_mode;
    if (running == EK_SSL_DISABLED && wanted > EK_SSL_DISABLED)
        *ret_why = "disabled can be left by a restart only";
    else if (running > wanted)
        *ret_why = "sslMode can be lowered by a restart only";
    else if (ek_member(q->state, m)->arbiter && running != wanted)
        *ret_why = "an arbiter has no users to change it at run time as";
    else if (runs_other_options(q, m))
        *ret_why = "runs with other TLS options than wanted";
    else
        return false;
    return true;
}

/* A restart that would end in the mode it began in, with nothing else new, helps nobody. */
static bool restart_helps(const struct ek_question *q, size_t m)
{
    enum ek_ssl_mode running = ek_member_transport(q->state, m)->mode_running;
    return ek_file_mode(q, m) != running ||
           (running <= q->spec->ssl_mode && runs_other_options(q, m));
}

static bool unread(const struct ek_question *q, size_t m)
{
    const struct ek_member_transport *transport = ek_member_transport(q->state, m);
    bool uses_tls =
        ek_member(q->state, m)->process == EK_YES && transport->mode_running >= EK_SSL_ALLOW;
    if (!ek_wants_tls(q) && !uses_tls && transport->mode_configured < EK_SSL_ALLOW)
        return false;
    if (transport->options_wanted.known == EK_YES)
        return false;
    return ek_block(
        q, ek_lasting("EK-0132", (int)m, "see the cause; what is not known is not replaced"),
        "member %s: what the TLS options have to name could not be read",
        ek_member(q->state, m)->name);
}

/* A new member's file names what is wanted; one that came not up, what its peers take. */
static bool before_start(const struct ek_question *q, size_t m)
{
    const struct ek_member *member = ek_member(q->state, m);
    if (ek_ours_to_start(q, m))
        return propose_file_of(q, m, ek_mode_for_clients(q, m, ek_file_mode(q, m)),
                               "before it is started again");
    if (member->configuration != EK_YES) {
        struct ek_step *step = ek_propose(q, &ek_step_write_configuration, (int)m, "a new member");
        ek_mode_argument(step)->mode = q->spec->ssl_mode;
        return true;
    }
    return propose_file_of(q, m, q->spec->ssl_mode, "a new member");
}

static bool before_restart(const struct ek_question *q, size_t m)
{
    enum ek_ssl_mode after = ek_mode_after_restart(q, m);
    return ek_plaintext_clients_in_the_way(q, m, after) ||
           propose_file_of(q, m, after, "read at the next start");
}

static void run_from_files(struct ek_state *state, size_t m)
{
    struct ek_member_transport *transport = ek_member_transport(state, m);
    transport->mode_running = transport->mode_configured;
    transport->options_running = transport->options_configured;
    ek_clients_come_anew(transport);
}

const struct ek_restart_rules ek_transport_restarts = {
    .needs_restart = needs_restart,
    .restart_helps = restart_helps,
    .unread = unread,
    .before_start = before_start,
    .before_restart = before_restart,
    .run_from_files = run_from_files,
};
