/* Whether an observation shows what transport's steps should have brought about. Pure. */
#include <string.h>

#include "reconciler/aspects/replica_set/state.h"
#include "reconciler/aspects/transport/rows.h"

static const struct ek_member_transport *now(const struct ek_confirmation *c)
{
    return ek_member_transport(c->observed->state, (size_t)c->step->member);
}

static const struct ek_member_transport *then(const struct ek_confirmation *c)
{
    return ek_member_transport(c->expected, (size_t)c->step->member);
}

static const char *name(const struct ek_confirmation *c)
{
    return ek_member(c->observed->state, (size_t)c->step->member)->name;
}

bool ek_seen_bind_name(const struct ek_confirmation *c)
{
    if (now(c)->domain_name_bound == EK_YES &&
        strcmp(ek_transport(c->observed->state)->domain_label,
               ek_transport(c->expected)->domain_label) == 0)
        return true;
    return ek_missing(c, "the name of member %s does not resolve to it", name(c));
}

bool ek_seen_write_configuration(const struct ek_confirmation *c)
{
    if (now(c)->mode_configured == then(c)->mode_configured &&
        memcmp(now(c)->options_configured.digest, then(c)->options_configured.digest, 32) == 0)
        return true;
    return ek_missing(c, "the configuration file of member %s does not say what was written",
                      name(c));
}

bool ek_seen_set_ssl_mode(const struct ek_confirmation *c)
{
    return now(c)->mode_running == then(c)->mode_running ||
           ek_missing(c, "member %s runs sslMode %s", name(c),
                      ek_ssl_mode_name(now(c)->mode_running));
}
