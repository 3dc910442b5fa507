/* Law 6: no client is shut out, seen or unseen. Who is not known to use TLS does not. */
#include "reconciler/laws/law.h"

static bool refuses_from_now_on(const struct ek_law_question *q)
{
    if (q->step->member < 0)
        return false;
    bool comes_up_so =
        ek_law_stops(q) &&
        ek_member_transport(q->state, (size_t)q->step->member)->mode_configured == EK_SSL_REQUIRE;
    return comes_up_so || ek_law_mode(q, &ek_field_mode_running) == EK_SSL_REQUIRE;
}

static bool watched(const struct ek_law_question *q, const struct ek_member_transport *transport)
{
    int64_t window_s = q->spec->maintenance.plaintext_window_s;
    return window_s == 0 || q->policy->clients_watched ||
           (transport->watched_since_s > 0 &&
            transport->watched_since_s + window_s <= q->policy->now_s);
}

static bool is_broken_for(const struct ek_law_question *q, size_t i)
{
    const struct ek_member *member = ek_member(q->state, i);
    const struct ek_member_transport *transport = ek_member_transport(q->state, i);
    if (member->arbiter || member->process == EK_NO)
        return false;
    if (transport->plaintext_clients > 0)
        return ek_broken(q, "%lld clients of member %s are, or may be, still in plaintext",
                         (long long)transport->plaintext_clients, member->name);
    if (transport->mode_running == EK_SSL_REQUIRE)
        return false; /* whoever comes in plaintext is refused already */
    if (transport->plaintext_clients < 0 || transport->mode_running != EK_SSL_PREFER)
        return ek_broken(q, "which clients of member %s are in plaintext is not known",
                         member->name);
    return !watched(q, transport) &&
           ek_broken(q, "clients of member %s were not watched for long enough", member->name);
}

static bool is_broken(const struct ek_law_question *q)
{
    if (q->spec->maintenance.plaintext_clients == EK_PLAINTEXT_DISCONNECT ||
        !refuses_from_now_on(q))
        return false;
    size_t subject = (size_t)q->step->member;
    if (ek_member_transport(q->state, subject)->mode_running == EK_SSL_REQUIRE)
        return is_broken_for(q, subject);
    for (size_t i = 0; i < q->state->member_count; i++)
        if (is_broken_for(q, i))
            return true;
    return false;
}

const struct ek_law ek_law_clients = {
    .id = "EK-0209",
    .guards = EK_FIELDS(&ek_field_mode_running, &ek_field_process),
    .is_broken = is_broken,
};
