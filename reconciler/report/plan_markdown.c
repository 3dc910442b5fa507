#include <stdio.h>
#include <string.h>

#include "reconciler/base/comment_parts.h"
#include "reconciler/base/hash.h"
#include "reconciler/base/time_text.h"
#include "reconciler/document/plan_json.h"
#include "reconciler/document/view.h"
#include "reconciler/document/words.h"
#include "reconciler/report/comment.h"
#include "reconciler/report/plan_report.h"

/* Rows of the table of deployments; a fleet may have thousands. */
enum { TABLE_ROWS = 200 };

/* ---- the top ----------------------------------------------------------------------------- */

static void counted(struct ek_buffer *text, size_t count, const char *one, const char *many)
{
    ek_buffer_printf(text, "%zu %s", count, count == 1 ? one : many);
}

/* One line that says it all: the heading here, the description of the commit's status. */
static void title(const struct ek_plan_set *set, const struct ek_plan_sums *sums,
                  struct ek_buffer *text)
{
    const char *separator = "";
    ek_buffer_text_add(text, "## Evenkeel: ");
    if (set->fleet && set->fleet[0]) {
        ek_markdown_code(text, set->fleet);
        ek_buffer_text_add(text, ": ");
    }
    if (set->failure_count) {
        counted(text, set->failure_count, "deployment", "deployments");
        ek_buffer_text_add(text, " could not be looked at");
        separator = ", ";
    }
    if (sums->stuck) {
        ek_buffer_text_add(text, separator);
        counted(text, sums->stuck, "deployment", "deployments");
        ek_buffer_text_add(text, " blocked");
        separator = ", ";
    }
    if (sums->steps) {
        ek_buffer_text_add(text, separator);
        counted(text, sums->steps, "step", "steps");
        ek_buffer_text_add(text, " for ");
        if (sums->busy == 1)
            ek_markdown_code(text, sums->first_busy);
        else
            counted(text, sums->busy, "deployment", "deployments");
        ek_buffer_text_add(text, " (");
        counted(text, (size_t)sums->restarts, "restart", "restarts");
        ek_buffer_text_add(text, ", ");
        counted(text, (size_t)sums->elections, "election", "elections");
        ek_buffer_text_add(text, ")");
    } else if (!separator[0]) {
        ek_buffer_text_add(text, "no changes");
    }
    ek_buffer_text_add(text, "\n\n");
}

static void source_line(const struct ek_plan_set *set, struct ek_buffer *text)
{
    const struct ek_plan_source *source = &set->source;
    if (source->commit) {
        ek_buffer_printf(text, "Commit `%.7s` ", source->commit);
        ek_markdown_code(text, source->commit_subject ? source->commit_subject : "");
    } else {
        ek_buffer_text_add(text, "Directory ");
        ek_markdown_code(text, source->directory ? source->directory : "unknown");
    }
    ek_buffer_text_add(text, ".");
    if (set->change) {
        EK_BUFFER words = {0};
        ek_plan_change_words(set, &words);
        ek_buffer_printf(text, " The change %s", ek_buffer_text(&words));
        ek_buffer_fail_with(text, &words);
    }
    ek_buffer_text_add(text, "\n\n");
}

static void gone(const struct ek_plan_change *change, struct ek_buffer *text)
{
    for (size_t i = 0; change && i < change->gone_count; i++) {
        ek_buffer_text_add(text, "- ");
        ek_markdown_code(text, change->gone[i].name);
        ek_buffer_text_add(text, " is no longer in the specs: left alone, nothing is torn down.");
        if (change->gone[i].renamed) {
            ek_buffer_text_add(text, " Its servers are those of ");
            ek_markdown_code(text, change->gone[i].renamed);
            ek_buffer_text_add(text, " now: renamed?");
        }
        ek_buffer_text_add(text, "\n");
    }
    if (change && change->gone_count)
        ek_buffer_text_add(text, "\n");
}

static void failures(const struct ek_plan_set *set, struct ek_buffer *text)
{
    for (size_t i = 0; i < set->failure_count; i++) {
        const struct ek_error *err = set->failures[i].error;
        ek_buffer_text_add(text, "- **Not planned:** ");
        ek_markdown_code(text, err->sentence);
        if (err->hint[0]) {
            ek_buffer_text_add(text, ", hint: ");
            ek_markdown_code(text, err->hint);
        }
        ek_buffer_printf(text, " (`evenkeel explain %s`)\n", err->id);
    }
    if (set->failure_count)
        ek_buffer_text_add(text, "\n");
}

static const char *outcome(const struct ek_planned *planned)
{
    if (planned->plan->end == EK_VERDICT_BLOCKED)
        return planned->plan->count ? "steps, then blocked" : "blocked";
    return planned->plan->count ? "steps" : "nothing to do";
}

static void table(const struct ek_plan_set *set, struct ek_buffer *text)
{
    if (set->count < 2)
        return;
    ek_buffer_text_add(text,
                       "| Deployment | | Add | Change | Destroy | Restarts | Elections | Writes "
                       "pause |\n|---|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < set->count && i < TABLE_ROWS; i++) {
        const struct ek_plan *plan = set->planned[i].plan;
        char pause[EK_TIME_TEXT_SIZE];
        ek_duration_text(plan->write_pause_ms, pause);
        ek_buffer_text_add(text, "| ");
        ek_markdown_code(text, set->planned[i].spec->name);
        ek_buffer_printf(text, " | %s | %d | %d | %d | %d | %d | %s |\n", outcome(&set->planned[i]),
                         plan->to_add, plan->to_change, plan->to_destroy, plan->restarts,
                         plan->elections, plan->write_pause_ms ? pause : "no");
    }
    if (set->count > TABLE_ROWS)
        ek_buffer_printf(text, "\nand %zu more deployments.\n", set->count - TABLE_ROWS);
    ek_buffer_text_add(text, "\n");
}

/* ---- one deployment ---------------------------------------------------------------------- */

/* The steps as a diff, folded. */
static void steps(const struct ek_view *view, const char *which, struct ek_buffer *text)
{
    static const char marks[] = {[EK_CHANGE_ADD] = '+',
                                 [EK_CHANGE_MODIFY] = '!',
                                 [EK_CHANGE_REPLACE] = '!',
                                 [EK_CHANGE_REMOVE] = '-'};
    size_t count = view->row_count ? view->rows[view->row_count - 1].last : 0;
    EK_BUFFER diff = {0};
    for (size_t i = 0; i < view->row_count; i++) {
        const struct ek_view_row *row = &view->rows[i];
        size_t start = diff.length;
        ek_buffer_printf(&diff, "%c %zu", marks[row->change], row->first);
        if (row->last > row->first)
            ek_buffer_printf(&diff, "-%zu", row->last);
        ek_buffer_printf(&diff, "  %s  %s  (%s)", row->verb, row->members, row->note);
        for (size_t k = start; k < diff.length; k++)
            if (diff.bytes[k] == '\n')
                diff.bytes[k] = ' ';
        ek_buffer_text_add(&diff, "\n");
    }
    ek_buffer_printf(text, "\n<details><summary>%zu step%s%s, in this order</summary>\n\n", count,
                     count == 1 ? "" : "s", which);
    ek_markdown_block(text, "diff", ek_buffer_text(&diff));
    ek_buffer_fail_with(text, &diff);
    ek_buffer_text_add(text, "\n</details>\n");
}

/* What is due anyway comes first, apart: the change is not to blame for that. */
static void before(const struct ek_plan_set *set, const struct ek_planned *planned,
                   struct ek_buffer *text)
{
    if (planned->before_problem) {
        ek_buffer_text_add(text, "What would be due without this change could not be told: ");
        ek_markdown_code(text, planned->before_problem);
        ek_buffer_text_add(text, "\n\n");
    }
    if (!planned->before)
        return;
    struct ek_arena *arena = ek_arena_new();
    struct ek_view view;
    ek_view_make(arena, &set->source, planned->before, &view);
    ek_buffer_text_add(text, "**Not from this change:** ");
    counted(text, planned->before->plan->count, "step is", "steps are");
    ek_buffer_text_add(text, " due already as the specs were before it, because the servers "
                             "drifted or an earlier commit was not applied yet.\n");
    steps(&view, " without this change", text);
    ek_buffer_text_add(text, "\n**With this change**, from how the servers are now:\n\n");
    if (ek_arena_check(arena, NULL) != 0)
        ek_buffer_fail(text);
    ek_arena_free(arena);
}

static void heading(const struct ek_view *view, const struct ek_planned *planned,
                    struct ek_buffer *text)
{
    const struct ek_plan *plan = planned->plan;
    ek_buffer_text_add(text, "### ");
    ek_markdown_text(text, view->title);
    ek_buffer_printf(text, "%s\n\n", planned->touched == EK_TOUCHED_ADDED ? ": new" : "");
    if (planned->renamed) {
        ek_buffer_text_add(text, "It has servers of ");
        ek_markdown_code(text, planned->renamed);
        ek_buffer_text_add(text, ", which is gone from the specs: renamed?\n\n");
    }
    if (planned->less_consent) {
        ek_buffer_text_add(text, "**Less consent than before:** ");
        ek_markdown_code(text, planned->less_consent);
        ek_buffer_text_add(text, "; this needs the consent that held before.\n\n");
    }
    if (strcmp(view->drift, "none") != 0) {
        ek_buffer_text_add(text, "**Drift:** ");
        ek_markdown_code(text, view->drift);
        ek_buffer_text_add(text, "\n\n");
    }
    for (size_t i = 0; i < view->problem_count; i++) {
        ek_buffer_text_add(text, "**Not seen:** ");
        ek_markdown_code(text, view->problems[i]);
        ek_buffer_text_add(text, "\n\n");
    }
    if (plan->end == EK_VERDICT_BLOCKED) {
        ek_buffer_printf(text, "**Blocked%s:** ", plan->count ? " after these steps" : "");
        ek_markdown_code(text, plan->blocked.sentence);
        if (plan->blocked.hint[0]) {
            ek_buffer_text_add(text, ", hint: ");
            ek_markdown_code(text, plan->blocked.hint);
        }
        ek_buffer_printf(text, " (`evenkeel explain %s`)\n\n", plan->blocked.id);
    }
}

static void changes(const struct ek_view *view, struct ek_buffer *text)
{
    for (size_t i = 0; i < view->change_count && i < 12; i++) {
        const struct ek_view_change *change = &view->changes[i];
        if (change->what[0]) {
            ek_buffer_printf(text, "- `%s` ", ek_change_symbol(change->change));
            ek_markdown_text(text, change->what);
            ek_buffer_text_add(text, ": ");
        } else {
            ek_buffer_text_add(text, "  - ");
        }
        ek_markdown_code(text, change->how);
        ek_buffer_text_add(text, "\n");
    }
    if (view->change_count > 12)
        ek_buffer_printf(text, "  - and %zu more\n", view->change_count - 12);
    if (view->change_count)
        ek_buffer_text_add(text, "\n");
}

static void costs(const struct ek_view *view, struct ek_buffer *text)
{
    ek_buffer_text_add(text, "**Disruption:** ");
    ek_markdown_text(text, view->disruption);
    ek_buffer_text_add(text, "\n");
    for (size_t i = 0; i < view->client_count; i++) {
        ek_buffer_text_add(text, i == 0 ? "\n**Clients:** " : "\n");
        ek_markdown_text(text, view->clients[i]);
        ek_buffer_text_add(text, "\n");
    }
    if (view->why_not_fewer) {
        ek_buffer_text_add(text, "\n**Why not fewer restarts:** ");
        ek_markdown_text(text, view->why_not_fewer);
        ek_buffer_text_add(text, "\n");
    }
    for (size_t i = 0; i < view->wait_count; i++) {
        ek_buffer_text_add(text, "\n**Waits:** ");
        ek_markdown_text(text, view->waits[i]);
        ek_buffer_text_add(text, "\n");
    }
    if (view->connection_string) {
        ek_buffer_text_add(text,
                           "\n<details><summary>The connection string afterwards</summary>\n\n");
        ek_markdown_block(text, "text", view->connection_string);
        ek_buffer_text_add(text, "\n</details>\n");
    }
}

static void one(const struct ek_plan_set *set, const struct ek_planned *planned,
                struct ek_buffer *text)
{
    const struct ek_plan *plan = planned->plan;
    bool nothing = plan->count == 0 && plan->end != EK_VERDICT_BLOCKED && !planned->less_consent;
    if (nothing && set->count > 1 && !planned->before && !planned->before_problem)
        return;
    struct ek_arena *arena = ek_arena_new();
    struct ek_view view;
    ek_view_make(arena, &set->source, planned, &view);
    heading(&view, planned, text);
    before(set, planned, text);
    if (nothing)
        ek_buffer_printf(text, "**No changes.** It is as the specs say (%s).\n",
                         ek_mode_word(planned->spec, planned->spec->ssl_mode));
    if (plan->count) {
        ek_buffer_printf(text, "**Plan: %d to add, %d to change, %d to destroy.**\n\n",
                         plan->to_add, plan->to_change, plan->to_destroy);
        changes(&view, text);
        costs(&view, text);
        steps(&view, "", text);
    }
    ek_buffer_text_add(text, "\n<sub>");
    ek_markdown_text(text, view.observed);
    ek_buffer_printf(text, "%s</sub>\n\n",
                     strcmp(view.drift, "none") != 0 || planned->before ? "" : ", no drift");
    if (ek_arena_check(arena, NULL) != 0)
        ek_buffer_fail(text);
    ek_arena_free(arena);
}

/* ---- all of it --------------------------------------------------------------------------- */

static void next(const struct ek_plan_set *set, const struct ek_plan_sums *sums,
                 struct ek_buffer *text)
{
    char name[EK_SHA256_HEX_SIZE] = "";
    if (sums->steps == 0)
        return;
    if (ek_plan_name(set, name, NULL) != 0)
        ek_buffer_fail(text);
    if (sums->busy > 1)
        ek_buffer_printf(text, "**Plan: %d to add, %d to change, %d to destroy.**\n\n", sums->add,
                         sums->change, sums->destroy);
    if (set->next_command) {
        ek_buffer_text_add(text, "**Next:** when it is agreed on, this carries it out:\n\n");
        ek_markdown_block(text, "sh", set->next_command);
        ek_buffer_text_add(text, "\n");
    }
    ek_buffer_printf(
        text, "<sub>Plan %.12s. In the steps, + adds, ! changes or restarts, - removes.</sub>\n",
        name);
}

void ek_plan_markdown(const struct ek_plan_set *set, struct ek_buffer *text)
{
    struct ek_plan_sums sums = ek_plan_sums(set->planned, set->count);
    ek_comment_mark(text, set->fleet, 1, 1);
    title(set, &sums, text);
    if (sums.steps)
        ek_buffer_text_add(text,
                           "What Evenkeel would do to the running MongoDB replica sets. Until it "
                           "is applied, nothing happens.\n\n");
    source_line(set, text);
    failures(set, text);
    gone(set->change, text);
    if (set->change && set->count == 0 && set->failure_count == 0)
        ek_buffer_text_add(text, "**No changes.** Nothing that it touches changes a deployment.\n");
    table(set, text);
    for (size_t i = 0; i < set->count; i++)
        one(set, &set->planned[i], text);
    next(set, &sums, text);
}
