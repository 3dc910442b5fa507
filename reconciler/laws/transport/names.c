/* Law 4, about names: no name is used before it resolves. */
#include "reconciler/laws/law.h"

static bool is_broken(const struct ek_law_question *q)
{
    bool in_domain = q->spec->ssl_mode != EK_SSL_DISABLED;
    for (size_t i = 0; i < q->state->member_count; i++) {
        const struct ek_member *member = ek_member(q->state, i);
        if (in_domain ? ek_member_transport(q->state, i)->domain_name_bound != EK_YES
                      : member->spec_host_resolves == EK_NO)
            return ek_broken(q, "the new name of member %s does not resolve to it", member->name);
    }
    return false;
}

const struct ek_law ek_law_names = {
    .id = "EK-0208",
    .guards = EK_FIELDS(&ek_field_host),
    .is_broken = is_broken,
};
