/* Which sslMode may stand where, as the planner sees it: on the ladder disabled, allowSSL,
 * preferSSL, requireSSL two members go together when they are at most one rung apart. */
#include <stdlib.h>

#include "reconciler/aspects/certificate/questions.h"
#include "reconciler/aspects/replica_set/state.h"
#include "reconciler/aspects/transport/questions.h"

static bool one_rung(enum ek_ssl_mode a, enum ek_ssl_mode b)
{
    return abs((int)a - (int)b) <= 1;
}

static int distance(enum ek_ssl_mode a, enum ek_ssl_mode b)
{
    return abs((int)a - (int)b);
}

/* Can be dialled by TLS under the name that the configuration gives it, now and after a crash. */
static bool answers_tls(const struct ek_question *q, size_t m)
{
    const struct ek_member_transport *transport = ek_member_transport(q->state, m);
    const struct ek_member_certificates *certificates = ek_member_certificates(q->state, m);
    return transport->mode_running >= EK_SSL_ALLOW && transport->mode_configured >= EK_SSL_ALLOW &&
           ek_certificate_names_host(q, m, &certificates->certificate_running) &&
           ek_certificate_names_host(q, m, &certificates->certificate_installed);
}

/* Lets in whoever comes by TLS with a certificate of the authority, now and after a crash. */
static bool takes_newcomers(const struct ek_question *q, size_t m)
{
    const struct ek_member_certificates *certificates = ek_member_certificates(q->state, m);
    return !ek_certificate_lapsed(q, m) && ek_trusts_authority(q, &certificates->trust_running) &&
           ek_trusts_authority(q, &certificates->trust_installed);
}

bool ek_mode_fits(const struct ek_question *q, size_t m, enum ek_ssl_mode mode)
{
    const struct ek_member *self = ek_member(q->state, m);
    const struct ek_member_transport *self_transport = ek_member_transport(q->state, m);
    const struct ek_member_certificates *self_certificates = ek_member_certificates(q->state, m);
    bool somebody_dials_tls = false;
    bool dials_tls_already =
        self_transport->mode_configured >= EK_SSL_PREFER &&
        (self->process == EK_NO || self_transport->mode_running >= EK_SSL_PREFER);
    for (size_t p = 0; p < q->state->member_count; p++) {
        const struct ek_member *peer = ek_member(q->state, p);
        const struct ek_member_transport *peer_transport = ek_member_transport(q->state, p);
        if (p == m)
            continue;
        if (peer->process == EK_YES && !one_rung(mode, peer_transport->mode_running))
            return false;
        if (!one_rung(mode, peer_transport->mode_configured))
            return false;
        if (mode >= EK_SSL_PREFER && peer->process == EK_YES && !answers_tls(q, p))
            return false;
        if (mode >= EK_SSL_PREFER && !dials_tls_already && !takes_newcomers(q, p))
            return false;
        if (peer_transport->mode_running >= EK_SSL_PREFER ||
            peer_transport->mode_configured >= EK_SSL_PREFER)
            somebody_dials_tls = true;
    }
    if (mode >= EK_SSL_ALLOW && self_certificates->certificate_installed.present != EK_YES)
        return false;
    return !somebody_dials_tls ||
           ek_certificate_names_host(q, m, &self_certificates->certificate_installed);
}

enum ek_ssl_mode ek_file_mode(const struct ek_question *q, size_t m)
{
    enum ek_ssl_mode wanted = q->spec->ssl_mode;
    const struct ek_member_transport *transport = ek_member_transport(q->state, m);
    enum ek_ssl_mode best = transport->mode_configured;
    bool ahead = ek_set(q->state)->initiated == EK_YES && best > transport->mode_running;
    bool fits = !ahead || ek_mode_fits(q, m, best);
    for (int mode = EK_SSL_DISABLED; mode <= (int)EK_SSL_REQUIRE; mode++)
        if ((!fits || distance((enum ek_ssl_mode)mode, wanted) < distance(best, wanted)) &&
            ek_mode_fits(q, m, (enum ek_ssl_mode)mode)) {
            best = (enum ek_ssl_mode)mode;
            fits = true;
        }
    return best;
}

/* Outside a window a restart changes no more than it must. */
enum ek_ssl_mode ek_mode_after_restart(const struct ek_question *q, size_t m)
{
    enum ek_ssl_mode running = ek_member_transport(q->state, m)->mode_running;
    return ek_next_window_closed(q) && ek_mode_fits(q, m, running)
               ? running
               : ek_mode_for_clients(q, m, ek_file_mode(q, m));
}

bool ek_wants_tls(const struct ek_question *q)
{
    return q->spec->ssl_mode > EK_SSL_DISABLED;
}
