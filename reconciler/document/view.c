#include "reconciler/document/view.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "reconciler/aspects/replica_set/state.h"
#include "reconciler/base/hash.h"
#include "reconciler/base/time_text.h"
#include "reconciler/document/note.h"
#include "reconciler/document/plan_json.h"
#include "reconciler/document/show.h"
#include "reconciler/document/words.h"
#include "reconciler/kernel/aspect.h"

const char *ek_show_keep(struct ek_showing *s, const struct ek_buffer *text)
{
    if (text->failed)
        ek_arena_fail(s->arena);
    return ek_arena_copy(s->arena, ek_buffer_text(text), text->length);
}

bool ek_show_has_step(const struct ek_showing *s, const struct ek_step_kind *kind)
{
    for (size_t i = 0; i < s->plan->count; i++)
        if (s->plan->steps[i].kind == kind)
            return true;
    return false;
}

/* ---- the head ------------------------------------------------------------------------ */

static void make_head(struct ek_showing *s, const struct ek_plan_source *source)
{
    s->view->title = ek_arena_printf(s->arena, "%s (account %s)", s->spec->name, s->spec->account);
    if (source->commit)
        s->view->commit = ek_arena_printf(
            s->arena, "commit %.7s \"%.60s%s\"", source->commit,
            source->commit_subject ? source->commit_subject : "",
            source->commit_subject && strlen(source->commit_subject) > 60 ? "..." : "");
    else
        s->view->commit = ek_arena_printf(s->arena, "directory %s",
                                          source->directory ? source->directory : "unknown");
    int healthy = 0;
    for (size_t i = 0; i < s->state->member_count; i++)
        healthy += ek_member_serves(s->state, i, NULL);
    int primary = ek_state_primary(s->state);
    char when[EK_TIME_TEXT_SIZE];
    ek_time_text(s->planned->observed_ms, false, when);
    const char *count = healthy == (int)s->state->member_count
                            ? ek_counted(s->arena, healthy, "member healthy", "members healthy")
                            : ek_arena_printf(s->arena, "%d of %zu members healthy", healthy,
                                              s->state->member_count);
    s->view->observed = ek_arena_printf(s->arena, "observed %s, %s, %s%s", when, count,
                                        primary >= 0 ? "primary " : "no primary",
                                        primary >= 0 ? s->spec->members[primary].name : "");
}

static void make_drift(struct ek_showing *s)
{
    EK_BUFFER text = {0};
    for (size_t m = 0; m < s->state->member_count; m++)
        for (size_t i = 0; i < EK_ASPECTS; i++) {
            const struct ek_show *show = ek_aspect_at(i)->show;
            EK_BUFFER sentence = {0};
            if (show && show->disagrees)
                show->disagrees(s->spec, s->state, m, &sentence);
            ek_buffer_fail_with(&text, &sentence);
            if (sentence.length)
                ek_buffer_printf(&text, "%s%s", text.length ? "; " : "", ek_buffer_text(&sentence));
        }
    s->view->drift = text.length || text.failed ? ek_show_keep(s, &text) : "none";
}

static void make_problems(struct ek_showing *s)
{
    if (!s->planned->problems)
        return;
    for (size_t i = 0; i <= s->state->member_count; i++) {
        if (!s->planned->problems[i][0])
            continue;
        s->view->problems =
            ek_arena_grow(s->arena, s->view->problems, s->view->problem_count, sizeof(char *));
        if (!s->view->problems) {
            s->view->problem_count = 0;
            return;
        }
        s->view->problems[s->view->problem_count++] =
            i < s->state->member_count
                ? ek_arena_printf(s->arena, "member %s: %s", s->spec->members[i].name,
                                  s->planned->problems[i])
                : ek_arena_printf(s->arena, "%s", s->planned->problems[i]);
    }
}

/* ---- what changes -------------------------------------------------------------------- */

void ek_show_change(struct ek_showing *s, enum ek_change change, const char *what, const char *how)
{
    s->view->changes =
        ek_arena_grow(s->arena, s->view->changes, s->view->change_count, sizeof *s->view->changes);
    if (s->view->changes)
        s->view->changes[s->view->change_count++] = (struct ek_view_change){change, what, how};
    else
        s->view->change_count = 0;
}

static const struct ek_show *show_of(size_t aspect)
{
    return ek_aspect_at(aspect)->show;
}

static void make_changes(struct ek_showing *s)
{
    for (size_t i = 0; i < EK_ASPECTS; i++)
        if (show_of(i) && show_of(i)->changes)
            show_of(i)->changes(s);
}

/* ---- the steps ----------------------------------------------------------------------- */

/* Steps of several members that are told in one row. */
static bool same_row(const struct ek_step *a, const struct ek_step *b)
{
    struct ek_step one = *a;
    one.member = b->member;
    return a->kind->on_member && !a->kind->restarts && !a->kind->elections &&
           ek_step_same(&one, b) && strcmp(a->why, b->why) == 0;
}

static const char *members_of(struct ek_showing *s, const struct ek_step *steps, size_t count)
{
    EK_BUFFER text = {0};
    if (steps->member < 0)
        return steps->kind->on_all
                   ? ek_counted(s->arena, (int)s->spec->member_count, "member", "members")
                   : "";
    for (size_t i = 0; i < count; i++)
        ek_buffer_printf(&text, "%s%s", i ? " " : "", s->spec->members[steps[i].member].name);
    if (steps->other >= 0)
        ek_buffer_printf(&text, " -> %s", s->spec->members[steps->other].name);
    return ek_show_keep(s, &text);
}

static const char *note_of(struct ek_showing *s, struct ek_note *note)
{
    EK_BUFFER text = {0};
    note->text = &text;
    if (note->step->kind->note)
        note->step->kind->note(note);
    else
        ek_buffer_text_add(&text, note->step->why);
    note->text = NULL;
    return ek_show_keep(s, &text);
}

/* Whether the last step of this kind before step i gave the same reason. */
static bool said_before(const struct ek_plan *plan, size_t i)
{
    const struct ek_step *step = &plan->steps[i];
    while (i-- > 0)
        if (plan->steps[i].kind == step->kind)
            return strcmp(plan->steps[i].why, step->why) == 0;
    return false;
}

static void make_rows(struct ek_showing *s)
{
    struct ek_view *view = s->view;
    int elections = 0;
    size_t width = 0;
    for (size_t i = 0; i < s->plan->count; i += width) {
        const struct ek_step *step = &s->plan->steps[i];
        for (width = 1; i + width < s->plan->count && same_row(step, step + width);)
            width++;
        elections += step->kind->elections;
        bool quiet = !step->why[0] || said_before(s->plan, i);
        struct ek_note note = {
            .spec = s->spec,
            .plan = s->plan,
            .step = step,
            .why = quiet ? "" : ek_arena_printf(s->arena, "; %s", step->why),
            .election = elections,
            .lonely = s->state->member_count < 3,
        };
        view->rows = ek_arena_grow(s->arena, view->rows, view->row_count, sizeof *view->rows);
        if (!view->rows) {
            view->row_count = 0;
            return;
        }
        view->rows[view->row_count++] = (struct ek_view_row){
            .first = i + 1,
            .last = i + width,
            .change = step->kind->change,
            .verb = width > 1 && step->kind->verbs ? step->kind->verbs : step->kind->verb,
            .members = members_of(s, step, width),
            .note = note_of(s, &note),
        };
    }
}

/* ---- what it costs, and whom --------------------------------------------------------- */

static void make_disruption(struct ek_showing *s)
{
    EK_BUFFER text = {0};
    char pause[EK_TIME_TEXT_SIZE];
    const struct ek_plan *plan = s->plan;
    if (plan->restarts + plan->elections == 0) {
        s->view->disruption = "none: no restart, no election, writes go on.";
        return;
    }
    ek_buffer_text_add(&text, ek_counted(s->arena, plan->restarts, "restart", "restarts"));
    const char *separator = " (";
    for (size_t i = 0; i < s->spec->member_count; i++) {
        int restarts = 0;
        for (size_t k = 0; k < plan->count; k++)
            restarts += plan->steps[k].member == (int)i ? plan->steps[k].kind->restarts : 0;
        if (restarts == 0)
            continue;
        ek_buffer_printf(&text, "%s%s: %d", separator, s->spec->members[i].name, restarts);
        separator = ", ";
    }
    ek_buffer_printf(&text, "%s, %s", plan->restarts ? ")" : "",
                     ek_counted(s->arena, plan->elections, "election", "elections"));
    ek_duration_text(plan->write_pause_ms, pause);
    if (plan->write_pause_ms == 0)
        ek_buffer_text_add(&text, ", writes go on.");
    else
        ek_buffer_printf(&text, ", writes pause for about %s%s.", pause,
                         plan->elections > 1 ? " in all" : "");
    s->view->disruption = ek_show_keep(s, &text);
}

void ek_show_client(struct ek_showing *s, const char *sentence)
{
    s->view->clients =
        ek_arena_grow(s->arena, s->view->clients, s->view->client_count, sizeof(char *));
    if (s->view->clients)
        s->view->clients[s->view->client_count++] = sentence;
    else
        s->view->client_count = 0;
}

static void make_clients(struct ek_showing *s)
{
    for (size_t i = 0; i < EK_ASPECTS; i++)
        if (show_of(i) && show_of(i)->clients)
            show_of(i)->clients(s);
}

static void make_why(struct ek_showing *s)
{
    for (size_t i = 0; s->plan->restarts > 0 && !s->view->why_not_fewer && i < EK_ASPECTS; i++)
        if (show_of(i) && show_of(i)->why_not_fewer)
            s->view->why_not_fewer = show_of(i)->why_not_fewer(s);
}

/* ---- what it waits for ------------------------------------------------------------------ */

static const char *way_out(struct ek_showing *s, const struct ek_blocked *blocked)
{
    char name[EK_SHA256_HEX_SIZE];
    if (blocked->waits == EK_WAIT_SIGNATURE)
        return ek_arena_printf(s->arena, ": %s", blocked->hint);
    if (blocked->waits != EK_WAIT_APPROVAL)
        return ".";
    if (ek_planned_name(s->planned, name, NULL) != 0) {
        ek_arena_fail(s->arena);
        return ".";
    }
    return ek_arena_printf(s->arena, ": %s %.12s", blocked->hint, name);
}

static void make_waits(struct ek_showing *s)
{
    for (size_t i = 0; i < s->plan->wait_count; i++) {
        const struct ek_plan_wait *wait = &s->plan->waits[i];
        EK_BUFFER text = {0};
        if (wait->before)
            ek_buffer_printf(&text, "from step %zu on: ", wait->before + 1);
        ek_buffer_printf(&text, "%s%s", wait->blocked.sentence, way_out(s, &wait->blocked));
        s->view->waits[s->view->wait_count++] = ek_show_keep(s, &text);
    }
}

/* ---- what only a file's own words know ---------------------------------------------------- */

static void take_words(struct ek_showing *s)
{
    const json_t *shown = s->planned->shown;
    const json_t *clients = json_object_get(shown, "clients");
    const json_t *observed = json_object_get(shown, "observed");
    const char *drift = json_string_value(json_object_get(observed, "drift"));
    const char *connection = json_string_value(json_object_get(clients, "new_connection_string"));
    size_t i;
    const json_t *note;
    s->view->drift = drift ? drift : "none";
    s->view->connection_string = connection;
    s->view->clients = NULL;
    s->view->client_count = 0;
    json_array_foreach(json_object_get(clients, "notes"), i, note) if (json_is_string(note))
        ek_show_client(s, json_string_value(note));
}

struct ek_plan_sums ek_plan_sums(const struct ek_planned *planned, size_t count)
{
    struct ek_plan_sums sums = {0};
    for (size_t i = 0; i < count; i++) {
        const struct ek_plan *plan = planned[i].plan;
        sums.add += plan->to_add;
        sums.change += plan->to_change;
        sums.destroy += plan->to_destroy;
        sums.restarts += plan->restarts;
        sums.elections += plan->elections;
        sums.write_pause_ms += plan->write_pause_ms;
        sums.steps += plan->count;
        if (plan->count && sums.busy++ == 0)
            sums.first_busy = planned[i].spec->name;
        sums.stuck += plan->end == EK_VERDICT_BLOCKED;
    }
    return sums;
}

void ek_view_make(struct ek_arena *arena, const struct ek_plan_source *source,
                  const struct ek_planned *planned, struct ek_view *ret_view)
{
    *ret_view = (struct ek_view){0};
    struct ek_showing s = {arena, planned, planned->spec, planned->state, planned->plan, ret_view};
    make_head(&s, source);
    make_drift(&s);
    make_problems(&s);
    make_changes(&s);
    make_rows(&s);
    make_disruption(&s);
    make_clients(&s);
    make_why(&s);
    make_waits(&s);
    if (planned->shown)
        take_words(&s);
}
