#include <stdio.h>
#include <string.h>

#include "reconciler/report/plan_report.h"
#include "reconciler/report/view.h"

/* A pull request's comment may hold 65 536 characters; the rest is for what stands outside the
 * steps. */
enum { COMMENT_MAX = 65536, FENCE_MAX = 60000 };

static void head(const struct ek_view *view, const struct ek_planned *planned,
                 struct ek_buffer *text)
{
    const struct ek_plan *plan = planned->plan;
    ek_buffer_printf(text, "<!-- evenkeel:plan:%s -->\n### Evenkeel: %s\n\n", planned->spec->name,
                     view->title);
    if (plan->end == EK_VERDICT_BLOCKED)
        ek_buffer_printf(text, "**Blocked:** %s (`%s`). %s\n\n", plan->blocked.sentence,
                         plan->blocked.id, plan->blocked.hint);
    else if (plan->count == 0)
        ek_buffer_printf(text, "**No changes.** %s is as the specs say (%s).\n\n",
                         planned->spec->name, ek_mode_word(planned->spec, planned->spec->ssl_mode));
    if (plan->count)
        ek_buffer_printf(text, "**Plan: %d to add, %d to change, %d to destroy.**\n\n",
                         plan->to_add, plan->to_change, plan->to_destroy);
    ek_buffer_printf(text, "%s; %s; drift: %s\n\n", view->commit, view->observed, view->drift);
}

static void summary(const struct ek_view *view, struct ek_buffer *text)
{
    for (size_t i = 0; i < view->change_count && i < 12; i++)
        ek_buffer_printf(text, "- `%s` %s %s\n",
                         view->changes[i].what[0] ? ek_change_symbol(view->changes[i].change) : " ",
                         view->changes[i].what, view->changes[i].how);
    ek_buffer_printf(text, "\n**Disruption:** %s\n", view->disruption);
    for (size_t i = 0; i < view->client_count; i++)
        ek_buffer_printf(text, "%s%s\n", i == 0 ? "\n**Clients:** " : "", view->clients[i]);
    if (view->connection_string)
        ek_buffer_printf(text, "\n```\n%.8000s\n```\n", view->connection_string);
    if (view->why_not_fewer)
        ek_buffer_printf(text, "\n**Why not fewer restarts:** %s\n", view->why_not_fewer);
    for (size_t i = 0; i < view->wait_count; i++)
        ek_buffer_printf(text, "\n**Waits:** %s\n", view->waits[i]);
}

/* The steps as a diff, cut before `room` characters are used up. */
static void steps(const struct ek_view *view, size_t room, struct ek_buffer *text)
{
    static const char marks[] = {[EK_CHANGE_ADD] = '+',
                                 [EK_CHANGE_MODIFY] = '!',
                                 [EK_CHANGE_REPLACE] = '!',
                                 [EK_CHANGE_REMOVE] = '-'};
    size_t start = text->length;
    size_t count = view->row_count ? view->rows[view->row_count - 1].last : 0;
    ek_buffer_printf(text, "\n<details><summary>%zu step%s</summary>\n\n```diff\n", count,
                     count == 1 ? "" : "s");
    for (size_t i = 0; i < view->row_count; i++) {
        const struct ek_view_row *row = &view->rows[i];
        EK_BUFFER line = {0};
        ek_buffer_printf(&line, "%c %zu", marks[row->change], row->first);
        if (row->last > row->first)
            ek_buffer_printf(&line, "-%zu", row->last);
        ek_buffer_printf(&line, "  %s  %s  (%s)\n", row->verb, row->members, row->note);
        if (text->length - start + line.length > room) {
            ek_buffer_printf(text, "  and %zu more steps: see evenkeel plan\n",
                             count - row->first + 1);
            break;
        }
        ek_buffer_add(text, line.bytes, line.length);
    }
    ek_buffer_text_add(text, "```\n\n</details>\n");
}

void ek_plan_markdown(const struct ek_plan_set *set, struct ek_buffer *text)
{
    size_t count = 0;
    for (size_t i = 0; i < set->count; i++) {
        struct ek_arena *arena = ek_arena_new();
        struct ek_view view;
        EK_BUFFER part = {0};
        ek_view_make(arena, &set->source, &set->planned[i], &view);
        head(&view, &set->planned[i], &part);
        if (view.row_count) {
            size_t share = FENCE_MAX / set->count;
            summary(&view, &part);
            steps(&view, share > part.length + 500 ? share - part.length : 500, &part);
        }
        ek_arena_free(arena);
        count += set->planned[i].plan->count;
        if (text->length + part.length > COMMENT_MAX - 1000) {
            ek_buffer_printf(text, "\n%zu more deployments: see `evenkeel plan`.\n",
                             set->count - i);
            break;
        }
        ek_buffer_add(text, part.bytes, part.length);
        ek_buffer_text_add(text, "\n");
    }
    if (count && set->next_command) {
        char name[65];
        ek_plan_name(set, name);
        ek_buffer_printf(text, "Plan `%.12s`. Next:\n\n```\n%s\n```\n", name, set->next_command);
    }
}
