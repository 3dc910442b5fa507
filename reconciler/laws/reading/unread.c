/* Law 11: what could not be read is not replaced. */
#include "reconciler/laws/law.h"

static bool reads_unknown(const struct ek_law_question *q, const struct ek_field *field)
{
    size_t count = ek_state_count(q->state, field->part);
    if (!field->unread_forbids)
        return false;
    if (ek_field_of_member(field) && q->step->member >= 0)
        return ek_field_unknown(field, q->state, (size_t)q->step->member);
    for (size_t i = 0; i < count; i++)
        if (ek_field_unknown(field, q->state, i))
            return true;
    return false;
}

/* What has to be named in a file that leads to TLS is known, too. */
static bool writes_unknown_options(const struct ek_law_question *q)
{
    return ek_law_touches(q, &ek_field_options_configured) && q->step->member >= 0 &&
           ek_law_mode(q, &ek_field_mode_configured) != EK_SSL_DISABLED &&
           ek_member_transport(q->state, (size_t)q->step->member)->options_wanted.known != EK_YES;
}

static bool is_broken(const struct ek_law_question *q)
{
    bool unread = writes_unknown_options(q);
    for (const struct ek_field *const *touched = q->step->kind->touches; *touched; touched++)
        unread |= reads_unknown(q, *touched);
    return unread && ek_broken(q, "what %s would replace could not be read", q->step->kind->verb);
}

const struct ek_law ek_law_unread = {
    .id = "EK-0218",
    .guards = NULL,
    .is_broken = is_broken,
};
