/* How certificates show themselves. */
#include "reconciler/report/show.h"
#include "reconciler/aspects/certificate/rows.h"
#include "reconciler/report/note.h"

static const char *why_not_fewer(const struct ek_showing *s)
{
    (void)s;
    return "these servers read their certificates and TLS options at the start "
           "only (evenkeel explain EK-0113).";
}

void ek_note_issue(struct ek_note *note)
{
    ek_buffer_printf(note->text, "%s; %s, %lld days; the key never leaves its host",
                     note->step->why,
                     note->spec->certificates.algorithm == EK_KEY_P256 ? "P-256" : "RSA 3072",
                     (long long)(note->spec->certificates.validity_s / 86400));
}

const struct ek_show ek_certificate_show = {.why_not_fewer = why_not_fewer};
