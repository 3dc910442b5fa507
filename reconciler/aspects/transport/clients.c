/* Whom requireSSL would shut out: clients in plaintext that are there, and those that come and go.
 * What is not known counts as plaintext. */
#include <inttypes.h>

#include "reconciler/aspects/replica_set/state.h"
#include "reconciler/aspects/transport/questions.h"
#include "reconciler/base/time_text.h"

static bool is_accepted(const struct ek_question *q)
{
    return q->spec->maintenance.plaintext_clients == EK_PLAINTEXT_DISCONNECT;
}

/* Arbiters serve no clients, and a process that is down has none. */
static bool has_clients(const struct ek_question *q, size_t m)
{
    const struct ek_member *member = ek_member(q->state, m);
    return !member->arbiter && member->process != EK_NO;
}

/* Where plaintext is refused already, only connections from before are left to lose. */
static bool refuses_plaintext(const struct ek_question *q, size_t m)
{
    return ek_member_transport(q->state, m)->mode_running == EK_SSL_REQUIRE;
}

static bool clients_of(const struct ek_question *q, size_t m)
{
    const struct ek_member *member = ek_member(q->state, m);
    int64_t clients = ek_member_transport(q->state, m)->plaintext_clients;
    if (!has_clients(q, m))
        return false;
    if (clients > 0)
        return ek_block(
            q,
            ek_lasting("EK-0119", (int)m,
                       "move them to TLS, or set maintenance.plaintextClients: disconnect"),
            "%" PRId64 " client connections to member %s are, or may be, still in plaintext",
            clients, member->name);
    return clients < 0 && !refuses_plaintext(q, m) &&
           ek_block(q,
                    ek_passing("EK-0119", (int)m,
                               "let its log tell (disableNonTLSConnectionLogging: false), or set "
                               "maintenance.plaintextClients: disconnect"),
                    "whether clients of member %s are still in plaintext is not known",
                    member->name);
}

/* ---- those that come and go ---- */

static int64_t watched_until_s(const struct ek_question *q, size_t m)
{
    int64_t since_s = ek_member_transport(q->state, m)->watched_since_s;
    return since_s > 0 ? since_s + q->spec->maintenance.plaintext_window_s : INT64_MAX;
}

/* The member whose watch ends last, -1: all are over. */
static int watched_longest(const struct ek_question *q)
{
    int longest = -1;
    for (size_t m = 0; m < q->state->member_count; m++)
        if (has_clients(q, m) && !refuses_plaintext(q, m) &&
            watched_until_s(q, m) > q->policy->now_s &&
            (longest < 0 || watched_until_s(q, m) > watched_until_s(q, (size_t)longest)))
            longest = (int)m;
    return longest;
}

static bool not_watched(const struct ek_question *q)
{
    int64_t window_s = q->spec->maintenance.plaintext_window_s;
    if (window_s == 0 || q->policy->clients_watched)
        return false;
    int m = watched_longest(q);
    if (m < 0)
        return false;
    char until[EK_TIME_TEXT_SIZE] = "";
    int64_t until_s = watched_until_s(q, (size_t)m);
    if (until_s != INT64_MAX)
        ek_time_text(until_s * 1000, false, until);
    bool in_minutes = window_s % 60 == 0;
    ek_block(q,
             ek_lasting("EK-0133", m,
                        "apply and run wait for it; maintenance.plaintextWindow says for how long"),
             "clients are watched for %" PRId64 " %s before plaintext is refused%s%s",
             in_minutes ? window_s / 60 : window_s, in_minutes ? "min" : "s",
             until[0] ? ", until " : "", until);
    q->verdict->blocked.waits = EK_WAIT_WATCH;
    q->verdict->blocked.until_s = until_s == INT64_MAX ? 0 : until_s;
    return true;
}

/* A client that dials one member in plaintext dials the others so when it has to: nobody goes to
 * requireSSL before all of them have moved. */
bool ek_plaintext_clients_in_the_way(const struct ek_question *q, size_t m, enum ek_ssl_mode mode)
{
    if (mode != EK_SSL_REQUIRE || is_accepted(q))
        return false;
    if (refuses_plaintext(q, m))
        return clients_of(q, m);
    for (size_t i = 0; i < q->state->member_count; i++)
        if (clients_of(q, i))
            return true;
    return not_watched(q);
}

/* Below preferSSL nothing tells who uses TLS: a member goes through it, unless its file says what
 * was decided before it went down. */
enum ek_ssl_mode ek_mode_for_clients(const struct ek_question *q, size_t m, enum ek_ssl_mode mode)
{
    const struct ek_member *member = ek_member(q->state, m);
    const struct ek_member_transport *transport = ek_member_transport(q->state, m);
    bool decided = member->process == EK_NO ? transport->mode_configured == EK_SSL_REQUIRE
                                            : transport->mode_running >= EK_SSL_PREFER;
    if (mode != EK_SSL_REQUIRE || member->arbiter || decided || is_accepted(q) ||
        !ek_mode_fits(q, m, EK_SSL_PREFER))
        return mode;
    return EK_SSL_PREFER;
}
