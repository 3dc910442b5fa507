/* A plan put into words once; text and Markdown only lay it out. */
#ifndef EK_DOCUMENT_VIEW_H
#define EK_DOCUMENT_VIEW_H

#include "reconciler/document/planned.h"
#include "specs/arena.h"

struct ek_view_row {
    size_t first, last; /* step numbers */
    enum ek_change change;
    const char *verb;    /* "bind names" */
    const char *members; /* "a b c" */
    const char *note;    /* why, and what it costs */
};

struct ek_view_change {
    enum ek_change change;
    const char *what;
    const char *how;
};

struct ek_view {
    const char *title;    /* "orders (account acme)" */
    const char *commit;   /* "3f2c1ab \"Enable SSL\"" or "directory /srv/specs" */
    const char *observed; /* "observed …" */
    const char *drift;    /* or "none" */
    struct ek_view_change *changes;
    size_t change_count;
    struct ek_view_row *rows;
    size_t row_count;
    const char *disruption;
    const char **clients; /* sentences */
    size_t client_count;
    const char *connection_string; /* the new one when it changes, or NULL */
    const char *why_not_fewer;     /* or NULL */
    const char
        *waits[EK_PLAN_WAITS_MAX]; /* sentences: what the plan waits for, from which step on */
    size_t wait_count;
    const char **problems;
    size_t problem_count;
};

/* Words for one plan, owned by the arena. */
void ek_view_make(struct ek_arena *arena, const struct ek_plan_source *source,
                  const struct ek_planned *planned, struct ek_view *ret_view);

/* Of several plans. */
struct ek_plan_sums {
    int add, change, destroy;
    int restarts;
    int elections;
    int64_t write_pause_ms;
    size_t steps;
    size_t busy; /* deployments with steps */
    const char *first_busy;
    size_t stuck;
};
struct ek_plan_sums ek_plan_sums(const struct ek_planned *planned, size_t count);

#endif
