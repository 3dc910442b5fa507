#include "reconciler/laws/law.h"

#include <stdarg.h>
#include <stdio.h>

bool ek_broken(const struct ek_law_question *q, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(q->sentence, EK_SENTENCE_SIZE, format, args);
    va_end(args);
    return true;
}

const struct ek_member *ek_law_subject(const struct ek_law_question *q)
{
    return q->step->member < 0 ? NULL : ek_member(q->state, (size_t)q->step->member);
}

bool ek_law_touches(const struct ek_law_question *q, const struct ek_field *field)
{
    return ek_step_touches(q->step, field);
}

enum ek_ssl_mode ek_law_mode(const struct ek_law_question *q, const struct ek_field *field)
{
    const enum ek_ssl_mode *mode = ek_step_value(q->step, field);
    return mode ? *mode : EK_SSL_UNKNOWN;
}

const char *ek_law_label(const struct ek_law_question *q)
{
    const char *label = ek_step_value(q->step, &ek_field_domain_label);
    return label ? label : ek_transport(q->state)->domain_label;
}

bool ek_law_stops(const struct ek_law_question *q)
{
    return ek_law_touches(q, &ek_field_process) && q->step->member >= 0 &&
           (q->step->kind->restarts > 0 || ek_law_subject(q)->process != EK_NO);
}

bool ek_law_moves_primary(const struct ek_law_question *q)
{
    return ek_law_touches(q, &ek_field_member_state);
}

bool ek_law_is_felt(const struct ek_law_question *q)
{
    bool renames = ek_law_touches(q, &ek_field_host) && ek_set(q->state)->initiated != EK_NO;
    return ek_law_stops(q) || renames || ek_law_moves_primary(q) ||
           ek_law_touches(q, &ek_field_mode_running);
}

bool ek_law_fit(const struct ek_law_question *q, const struct ek_member *member)
{
    if (member->process == EK_NO || member->reachable != EK_YES)
        return false;
    if (member->state == EK_MEMBER_PRIMARY || member->state == EK_MEMBER_ARBITER)
        return true;
    if (member->state != EK_MEMBER_SECONDARY)
        return false;
    return member->delayed ||
           (member->lag_ms >= 0 && member->lag_ms <= q->spec->maintenance.max_lag_s * 1000);
}
