#include <stdio.h>
#include <string.h>

#include "reconciler/base/hash.h"
#include "reconciler/document/plan_json.h"
#include "reconciler/document/view.h"
#include "reconciler/document/words.h"
#include "reconciler/report/palette.h"
#include "reconciler/report/plan_report.h"

enum { WIDTH = 100, LABELS_AT = 12, MEMBERS_AT = 36, NOTE_AT_MOST = 52 };

struct page {
    struct ek_buffer *text;
    const struct ek_palette *paint;
};

/* Characters on the screen, not bytes. */
static size_t columns(const char *text, size_t bytes)
{
    size_t count = 0;
    for (size_t i = 0; i < bytes; i++)
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}

static void pad(struct page *page, size_t from, size_t to)
{
    do
        ek_buffer_text_add(page->text, " ");
    while (++from < to);
}

/* Words from column `at` on (the cursor is there), wrapped before WIDTH, each further line
 * indented to `at`; ends the line. */
static void wrapped(struct page *page, size_t at, const char *words)
{
    size_t column = at;
    bool first = true;
    while (*words) {
        size_t bytes = strcspn(words, " ");
        size_t width = columns(words, bytes);
        if (!first && column + 1 + width > WIDTH) {
            ek_buffer_text_add(page->text, "\n");
            pad(page, 0, at);
            column = at;
            first = true;
        }
        if (!first) {
            ek_buffer_text_add(page->text, " ");
            column++;
        }
        ek_buffer_add(page->text, words, bytes);
        column += width;
        first = false;
        words += bytes;
        if (*words == ' ' && words[1] == ' ') { /* keep deliberate gaps */
            while (words[1] == ' ') {
                ek_buffer_text_add(page->text, " ");
                column++;
                words++;
            }
        }
        words += *words == ' ';
    }
    ek_buffer_text_add(page->text, "\n");
}

static const char *colour_of(const struct ek_palette *paint, enum ek_change change)
{
    const char *const colours[] = {
        [EK_CHANGE_ADD] = paint->add,
        [EK_CHANGE_MODIFY] = paint->change,
        [EK_CHANGE_REPLACE] = paint->replace,
        [EK_CHANGE_REMOVE] = paint->remove,
    };
    return colours[change];
}

static void labelled(struct page *page, const char *label, const char *words)
{
    size_t column = columns(label, strlen(label)) + 1;
    column = column < LABELS_AT ? LABELS_AT : column;
    ek_buffer_printf(page->text, "%s%-*s%s", page->paint->bold, (int)column, label,
                     page->paint->plain);
    wrapped(page, column, words);
}

static void head(struct page *page, const struct ek_view *view)
{
    const struct ek_palette *paint = page->paint;
    ek_buffer_printf(page->text, "%s%s%s   ", paint->bold, view->title, paint->plain);
    size_t used = columns(view->title, strlen(view->title)) + 3;
    if (used + columns(view->commit, strlen(view->commit)) > WIDTH) {
        ek_buffer_text_add(page->text, "\n");
        used = 0;
    }
    wrapped(page, used, view->commit);
    wrapped(page, 0, view->observed);
    for (size_t i = 0; i < view->problem_count; i++)
        labelled(page, "not seen:", view->problems[i]);
    if (strcmp(view->drift, "none") == 0)
        ek_buffer_text_add(page->text, "drift: none\n");
    else
        labelled(page, "drift:", view->drift);
}

static void changes(struct page *page, const struct ek_view *view)
{
    if (view->change_count)
        ek_buffer_text_add(page->text, "\n");
    for (size_t i = 0; i < view->change_count; i++) {
        const struct ek_view_change *change = &view->changes[i];
        bool goes_on = !change->what[0];
        ek_buffer_printf(page->text, "  %s%s%s %-12s",
                         goes_on ? "" : colour_of(page->paint, change->change),
                         goes_on ? " " : ek_change_symbol(change->change),
                         goes_on ? "" : page->paint->plain, change->what);
        wrapped(page, 16, change->how);
    }
}

/* Where the reasons begin: behind the longest list of members that is not very long. */
static size_t note_column(const struct ek_view *view)
{
    size_t column = MEMBERS_AT;
    for (size_t i = 0; i < view->row_count; i++) {
        size_t end = MEMBERS_AT + 2 + columns(view->rows[i].members, strlen(view->rows[i].members));
        if (end > column && end <= NOTE_AT_MOST)
            column = end;
    }
    return column;
}

static void row(struct page *page, const struct ek_view_row *row, size_t note_at)
{
    char numbers[48];
    const char *symbol = ek_change_symbol(row->change);
    if (row->first == row->last)
        snprintf(numbers, sizeof numbers, "%zu", row->first);
    else
        snprintf(numbers, sizeof numbers, "%zu-%zu", row->first, row->last);
    ek_buffer_printf(page->text, "  %-7s %s%-4s%s%s", numbers, colour_of(page->paint, row->change),
                     symbol, page->paint->plain, row->verb);
    size_t column = 14 + columns(row->verb, strlen(row->verb));
    pad(page, column, MEMBERS_AT);
    column = column < MEMBERS_AT ? MEMBERS_AT : column + 1;
    size_t width = columns(row->members, strlen(row->members));
    if (column + width < note_at) {
        ek_buffer_text_add(page->text, row->members);
        pad(page, column + width, note_at);
    } else {
        wrapped(page, column, row->members);
        pad(page, 0, note_at);
    }
    wrapped(page, note_at, row->note);
}

static void legend(struct page *page, const struct ek_view *view)
{
    const char *separator = "\n  ";
    for (int change = EK_CHANGE_ADD; change <= (int)EK_CHANGE_REMOVE; change++) {
        bool used = false;
        for (size_t i = 0; i < view->row_count; i++)
            used |= view->rows[i].change == (enum ek_change)change;
        if (!used)
            continue;
        ek_buffer_printf(page->text, "%s%s%s%s %s", separator,
                         colour_of(page->paint, (enum ek_change)change),
                         ek_change_symbol((enum ek_change)change), page->paint->plain,
                         ek_change_meaning((enum ek_change)change));
        separator = "     ";
    }
    ek_buffer_text_add(page->text, "\n\n");
}

static void notes(struct page *page, const struct ek_view *view)
{
    labelled(page, "Disruption:", view->disruption);
    for (size_t i = 0; i < view->client_count; i++)
        labelled(page, i == 0 ? "Clients:" : "", view->clients[i]);
    if (view->connection_string)
        labelled(page, view->client_count ? "" : "Clients:", view->connection_string);
    if (view->why_not_fewer)
        labelled(page, "Why not fewer restarts?", view->why_not_fewer);
    for (size_t i = 0; i < view->wait_count; i++)
        labelled(page, i == 0 ? "Waits:" : "", view->waits[i]);
}

static void blocked(struct page *page, const struct ek_blocked *blocked)
{
    ek_buffer_printf(page->text, "\n%sBlocked:%s ", page->paint->bad, page->paint->plain);
    EK_BUFFER words = {0};
    ek_buffer_printf(&words, "%s [%s]", blocked->sentence, blocked->id);
    wrapped(page, 9, ek_buffer_text(&words));
    ek_buffer_fail_with(page->text, &words);
    if (blocked->hint[0]) {
        ek_buffer_text_add(page->text, "  hint: ");
        wrapped(page, 8, blocked->hint);
    }
    ek_buffer_printf(page->text, "  see:  evenkeel explain %s\n", blocked->id);
}

/* What is due without the change comes first, apart: merging it is not to blame for that. */
static void before(struct page *page, const struct ek_plan_source *source,
                   const struct ek_planned *planned)
{
    if (planned->before_problem) {
        ek_buffer_text_add(page->text, "\n");
        labelled(page, "Without this change:", planned->before_problem);
    }
    if (!planned->before)
        return;
    struct ek_arena *arena = ek_arena_new();
    struct ek_view view;
    EK_BUFFER words = {0};
    ek_view_make(arena, source, planned->before, &view);
    ek_buffer_printf(&words,
                     "%s due as the specs were before it: drift, or a commit that was not applied "
                     "yet.",
                     ek_counted(arena, (int)planned->before->plan->count, "step is", "steps are"));
    ek_buffer_text_add(page->text, "\n");
    labelled(page, "Without this change:", ek_buffer_text(&words));
    ek_buffer_fail_with(page->text, &words);
    for (size_t i = 0; i < view.row_count; i++)
        row(page, &view.rows[i], note_column(&view));
    ek_buffer_printf(page->text, "\n%sWith this change:%s\n", page->paint->bold,
                     page->paint->plain);
    if (ek_arena_check(arena, NULL) != 0)
        ek_buffer_fail(page->text);
    ek_arena_free(arena);
}

static void touched(struct page *page, const struct ek_planned *planned)
{
    if (planned->renamed)
        ek_buffer_printf(
            page->text, "new in the specs, with servers of %s, which is gone from them: renamed?\n",
            planned->renamed);
    else if (planned->touched == EK_TOUCHED_ADDED)
        ek_buffer_text_add(page->text, "new in the specs\n");
}

/* Not a step: nothing happens on any server. */
static void less_consent(struct page *page, const struct ek_planned *planned)
{
    EK_BUFFER words = {0};
    if (!planned->less_consent)
        return;
    ek_buffer_printf(&words, "%s: less than before, so this needs the consent that held before",
                     planned->less_consent);
    ek_buffer_text_add(page->text, "\n");
    labelled(page, "Consent:", ek_buffer_text(&words));
    ek_buffer_fail_with(page->text, &words);
}

static void one(struct page *page, const struct ek_plan_source *source,
                const struct ek_planned *planned)
{
    struct ek_arena *arena = ek_arena_new();
    struct ek_view view;
    ek_view_make(arena, source, planned, &view);
    head(page, &view);
    touched(page, planned);
    before(page, source, planned);
    less_consent(page, planned);
    if (view.row_count) {
        changes(page, &view);
        ek_buffer_text_add(page->text, "\n");
        for (size_t i = 0; i < view.row_count; i++)
            row(page, &view.rows[i], note_column(&view));
        legend(page, &view);
        notes(page, &view);
    }
    if (planned->plan->end == EK_VERDICT_BLOCKED)
        blocked(page, &planned->plan->blocked);
    else if (!view.row_count && !planned->less_consent)
        ek_buffer_printf(page->text, "\nNo changes. %s is as the specs say (%s).\n",
                         planned->spec->name, ek_mode_word(planned->spec, planned->spec->ssl_mode));
    if (ek_arena_check(arena, NULL) != 0)
        ek_buffer_fail(page->text);
    ek_arena_free(arena);
}

/* What the change touches in all, as the first lines. */
static void change_head(struct page *page, const struct ek_plan_set *set)
{
    EK_BUFFER words = {0};
    const struct ek_plan_change *change = set->change;
    ek_plan_change_words(set, &words);
    labelled(page, "Change:", ek_buffer_text(&words));
    ek_buffer_fail_with(page->text, &words);
    for (size_t i = 0; i < change->gone_count; i++) {
        const struct ek_plan_gone *gone = &change->gone[i];
        EK_BUFFER line = {0};
        ek_buffer_printf(&line,
                         "%s (account %s) is no longer in the specs: left alone, nothing is "
                         "torn down",
                         gone->name, gone->account);
        if (gone->renamed)
            ek_buffer_printf(&line, "; %s has its servers now: renamed?", gone->renamed);
        labelled(page, "", ek_buffer_text(&line));
        ek_buffer_fail_with(page->text, &line);
    }
    if (set->count)
        ek_buffer_text_add(page->text, "\n");
}

/* The last line when there is nothing to do anywhere. */
static void nothing(const struct ek_plan_set *set, struct ek_buffer *text)
{
    if (set->change && set->count == 0)
        ek_buffer_text_add(text, "\nNo changes. The change touches no deployment.\n");
    else if (set->change)
        ek_buffer_text_add(text,
                           "\nNo changes. All that the change touches is as the specs say.\n");
    else
        ek_buffer_printf(text, "\nNo changes. All %zu deployments are as the specs say.\n",
                         set->count);
}

static bool asks_for_less(const struct ek_plan_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->planned[i].less_consent)
            return true;
    return false;
}

void ek_plan_text(const struct ek_plan_set *set, bool colour, struct ek_buffer *text)
{
    struct page page = {text, ek_palette(colour)};
    struct ek_plan_sums sums = ek_plan_sums(set->planned, set->count);
    if (set->change)
        change_head(&page, set);
    for (size_t i = 0; i < set->count; i++) {
        if (i)
            ek_buffer_text_add(text, "\n");
        one(&page, &set->source, &set->planned[i]);
    }
    if (sums.steps > 0 || asks_for_less(set)) {
        char name[EK_SHA256_HEX_SIZE] = "";
        if (ek_plan_name(set, name, NULL) != 0)
            ek_buffer_fail(text);
        ek_buffer_printf(text, "\nPlan %.12s.", name);
        if (set->next_command)
            ek_buffer_printf(text, " Next: %s%s%s", page.paint->bold, set->next_command,
                             page.paint->plain);
        ek_buffer_text_add(text, "\n");
        ek_buffer_printf(text, "Plan: %d to add, %d to change, %d to destroy.\n", sums.add,
                         sums.change, sums.destroy);
    } else if (set->count != 1 && sums.stuck == 0 && set->failure_count == 0) {
        nothing(set, text);
    }
}
