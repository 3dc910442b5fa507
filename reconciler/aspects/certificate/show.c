/* How certificates show themselves. */
#include "reconciler/document/show.h"
#include "reconciler/aspects/certificate/rows.h"
#include "reconciler/aspects/certificate/validity.h"
#include "reconciler/base/time_text.h"
#include "reconciler/document/note.h"

static const char *why_not_fewer(const struct ek_showing *s)
{
    (void)s;
    return "these servers read their certificates and TLS options at the start "
           "only (evenkeel explain EK-0113).";
}

void ek_note_issue(struct ek_note *note)
{
    int64_t ends_s = ek_issue_arguments(note->step)->authority_ends_s;
    char when[EK_TIME_TEXT_SIZE];
    ek_buffer_printf(note->text, "%s; %s, ", note->step->why,
                     ek_certificate_key_wanted(note->spec));
    if (ends_s != 0) {
        ek_time_text(ends_s * 1000, false, when);
        ek_buffer_printf(note->text, "until the authority ends, %s: renew that before", when);
    } else {
        ek_buffer_printf(note->text, "%lld days",
                         (long long)(note->spec->certificates.validity_s / 86400));
    }
    ek_buffer_text_add(note->text, "; the key never leaves its host");
}

const struct ek_show ek_certificate_show = {.why_not_fewer = why_not_fewer};
