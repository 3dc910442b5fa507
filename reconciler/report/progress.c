#include "reconciler/report/progress.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/json.h"
#include "reconciler/base/memory.h"
#include "reconciler/base/time_text.h"
#include "reconciler/document/plan_json.h"
#include "reconciler/document/planned.h"
#include "reconciler/report/palette.h"

#ifndef EK_VERSION
#define EK_VERSION "unknown"
#endif

enum { WAITING_EVERY_MS = 10000 };

/* The executor looks several times a second; "still waiting" is said every 10 s, and not
 * for what passes sooner. */
static bool waits_briefly(struct ek_progress *progress, const struct ek_event *event)
{
    if (event->kind != EK_EVENT_WAITING) {
        progress->waiting_since_ms = 0;
        return false;
    }
    if (progress->waiting_since_ms == 0)
        progress->waiting_since_ms = progress->said_waiting_ms = event->at_ms;
    if (event->at_ms - progress->said_waiting_ms < WAITING_EVERY_MS)
        return true;
    progress->said_waiting_ms = event->at_ms;
    return false;
}

static void count(struct ek_progress *progress, const struct ek_event *event)
{
    if (event->kind != EK_EVENT_STEP_DONE || !event->step)
        return;
    switch (event->step->kind->change) {
    case EK_CHANGE_ADD: progress->added++; break;
    case EK_CHANGE_REMOVE: progress->destroyed++; break;
    case EK_CHANGE_MODIFY:
    case EK_CHANGE_REPLACE: progress->changed++; break;
    }
}

/* "restart c", "step down a -> b", "set sslMode b preferSSL" */
static void describe(const struct ek_progress *progress, const struct ek_step *step,
                     struct ek_buffer *text)
{
    ek_buffer_text_add(text, step->kind->verb);
    if (step->member >= 0)
        ek_buffer_printf(text, " %s", progress->spec->members[step->member].name);
    if (step->other >= 0)
        ek_buffer_printf(text, " -> %s", progress->spec->members[step->other].name);
    if (step->kind->detail) {
        ek_buffer_text_add(text, " ");
        step->kind->detail(progress->spec, step, text);
    }
}

/* "orders: 12/22 restart c", over the unfinished line on a terminal. */
static void begin_line(struct ek_progress *progress, const struct ek_event *event,
                       struct ek_buffer *text)
{
    if (progress->line_open)
        ek_buffer_text_add(text, "\r\033[K");
    progress->line_open = false;
    ek_buffer_printf(text, "%s: ", progress->spec->name);
    if (event->step) {
        ek_buffer_printf(text, "%zu/%zu ", event->number, event->total);
        describe(progress, event->step, text);
    }
}

static void say_begun(struct ek_progress *progress, const struct ek_event *event,
                      struct ek_buffer *text)
{
    if (!progress->terminal)
        return;
    begin_line(progress, event, text);
    ek_buffer_text_add(text, " ...");
    progress->line_open = true;
}

static void say_done(struct ek_progress *progress, const struct ek_event *event,
                     struct ek_buffer *text)
{
    const struct ek_palette *paint = ek_palette(progress->colour);
    char elapsed[EK_TIME_TEXT_SIZE];
    ek_duration_text(event->elapsed_ms, elapsed);
    begin_line(progress, event, text);
    ek_buffer_printf(text, " ... %sdone%s (%s)\n", paint->add, paint->plain, elapsed);
}

static void say_waiting(struct ek_progress *progress, const struct ek_event *event,
                        struct ek_buffer *text)
{
    int64_t elapsed_ms =
        progress->waiting_since_ms ? event->at_ms - progress->waiting_since_ms : event->elapsed_ms;
    begin_line(progress, event, text);
    ek_buffer_printf(text, "%sStill waiting: %s [%llds elapsed]\n", event->step ? ": " : "",
                     event->text ? event->text : "the effect is not seen yet",
                     (long long)(elapsed_ms / 1000));
}

static void say_replanned(struct ek_progress *progress, const struct ek_event *event,
                          struct ek_buffer *text)
{
    const struct ek_palette *paint = ek_palette(progress->colour);
    begin_line(progress, event, text);
    ek_buffer_printf(text, "%sThe fleet moved%s%s%s; from here on %zu steps are left\n",
                     paint->change, paint->plain, event->text ? ": " : "",
                     event->text ? event->text : "", event->total);
}

void ek_progress_text(struct ek_progress *progress, const struct ek_event *event,
                      struct ek_buffer *text)
{
    static void (*const says[])(struct ek_progress *, const struct ek_event *,
                                struct ek_buffer *) = {
        [EK_EVENT_STEP_BEGUN] = say_begun,    [EK_EVENT_STEP_WAITING] = say_waiting,
        [EK_EVENT_STEP_DONE] = say_done,      [EK_EVENT_WAITING] = say_waiting,
        [EK_EVENT_REPLANNED] = say_replanned, [EK_EVENT_FINISHED] = NULL,
    };
    count(progress, event);
    if (!waits_briefly(progress, event) && !progress->quiet && says[event->kind])
        says[event->kind](progress, event, text);
}

static json_t *step_json(const struct ek_progress *progress, const struct ek_event *event)
{
    const struct ek_step *step = event->step;
    const struct ek_deployment_spec *spec = progress->spec;
    json_t *json = json_object();
    ek_json_set(&json, "kind", ek_json_text(step->kind->name));
    ek_json_set(&json, "member",
                step->member < 0 ? json_null() : ek_json_text(spec->members[step->member].name));
    ek_json_set(&json, "other",
                step->other < 0 ? json_null() : ek_json_text(spec->members[step->other].name));
    ek_step_arguments_json(step, &json);
    ek_json_set(&json, "reason", ek_json_text(step->why));
    return json;
}

static void add_line(json_t *json, struct ek_buffer *text)
{
    ek_json_print(json, JSON_COMPACT | JSON_SORT_KEYS, text);
    ek_buffer_text_add(text, "\n");
}

void ek_progress_json(struct ek_progress *progress, const struct ek_event *event,
                      struct ek_buffer *text)
{
    static const char *const types[] = {
        [EK_EVENT_PLANNED] = "planned",           [EK_EVENT_STEP_BEGUN] = "step_begun",
        [EK_EVENT_STEP_WAITING] = "step_waiting", [EK_EVENT_STEP_DONE] = "step_done",
        [EK_EVENT_WAITING] = "waiting",           [EK_EVENT_REPLANNED] = "replanned",
        [EK_EVENT_FINISHED] = "finished",
    };
    char when[EK_TIME_TEXT_SIZE];
    count(progress, event);
    if (waits_briefly(progress, event))
        return;
    json_t *json = json_object();
    ek_time_text(event->at_ms, true, when);
    ek_json_set(&json, "type", ek_json_text(types[event->kind]));
    ek_json_set(&json, "deployment", ek_json_text(progress->spec->name));
    ek_json_set(&json, "at", ek_json_text(when));
    ek_json_set(&json, "at_ms", json_integer(event->at_ms));
    ek_json_set(&json, "elapsed_ms", json_integer(event->elapsed_ms));
    if (event->step) {
        ek_json_set(&json, "number", json_integer((json_int_t)event->number));
        ek_json_set(&json, "step", step_json(progress, event));
    }
    ek_json_set(&json, "total", json_integer((json_int_t)event->total));
    if (event->text)
        ek_json_set(&json, "text", ek_json_text(event->text));
    add_line(json, text);
}

void ek_progress_json_version(struct ek_buffer *text)
{
    add_line(json_pack("{s:s, s:s, s:s}", "type", "version", "format_version", "1.0", "evenkeel",
                       EK_VERSION),
             text);
}
