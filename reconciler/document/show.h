/* How an aspect shows itself in plans, beside its steps and fields. */
#ifndef EK_DOCUMENT_SHOW_H
#define EK_DOCUMENT_SHOW_H

#include "reconciler/document/view.h"

/* A view in the making. */
struct ek_showing {
    struct ek_arena *arena;
    const struct ek_planned *planned;
    const struct ek_deployment_spec *spec;
    const struct ek_state *state;
    const struct ek_plan *plan;
    struct ek_view *view;
};

/* Each slot MAY be NULL. They read the showing and add to its view. */
struct ek_show {
    /* What member m and its own files disagree about, appended as a sentence: somebody else's hand,
     * or an apply that was cut short. */
    void (*disagrees)(const struct ek_deployment_spec *spec, const struct ek_state *state, size_t m,
                      struct ek_buffer *text);
    void (*changes)(struct ek_showing *s); /* the lines of what changes: ek_show_change */
    void (*clients)(struct ek_showing *s); /* what clients notice: ek_show_client */
    /* Why the plan needs as many restarts as it has, or NULL; static storage. The first aspect that
     * has a reason gives it. */
    const char *(*why_not_fewer)(const struct ek_showing *s);
};

/* Whether the plan has a step of that kind. */
bool ek_show_has_step(const struct ek_showing *s, const struct ek_step_kind *kind);

/* Add a line of what changes; both texts outlive the view. */
void ek_show_change(struct ek_showing *s, enum ek_change change, const char *what, const char *how);

/* Add a sentence about clients, which outlives the view. */
void ek_show_client(struct ek_showing *s, const char *sentence);

/* A copy of the buffer's text that lives as long as the view. */
const char *ek_show_keep(struct ek_showing *s, const struct ek_buffer *text);

#endif
