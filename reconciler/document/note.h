/* What a plan says beside a step: written by the aspect whose step it is. */
#ifndef EK_DOCUMENT_NOTE_H
#define EK_DOCUMENT_NOTE_H

#include "reconciler/document/planned.h"

struct ek_note {
    const struct ek_deployment_spec *spec;
    const struct ek_plan *plan;
    const struct ek_step *step;
    const char *why; /* "; reason", or "" where the row before of this kind gave the same one */
    int election;    /* its number in the plan, from 1 */
    bool lonely;     /* there is no member to spare */
    struct ek_buffer *text; /* the note is appended here */
};

#endif
