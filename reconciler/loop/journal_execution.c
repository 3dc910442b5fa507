#include "reconciler/execute/execute.h"
#include "reconciler/loop/journal.h"

static const struct {
    bool journaled;
    enum ek_journal_event as;
} events[] = {
    [EK_EVENT_PLANNED] = {true, EK_JOURNAL_PLANNED},
    [EK_EVENT_STEP_BEGUN] = {true, EK_JOURNAL_STEP_BEGUN},
    [EK_EVENT_STEP_WAITING] = {true, EK_JOURNAL_STEP_WAITING},
    [EK_EVENT_STEP_DONE] = {true, EK_JOURNAL_STEP_DONE},
    [EK_EVENT_WAITING] = {false, EK_JOURNAL_WAITING}, /* several times a second */
    [EK_EVENT_REPLANNED] = {true, EK_JOURNAL_PLANNED},
    [EK_EVENT_FINISHED] = {true, EK_JOURNAL_RECONCILED},
};

static void describe(const struct ek_deployment_spec *spec, const struct ek_step *step,
                     struct ek_buffer *text)
{
    ek_buffer_text_add(text, step->kind->verb);
    if (step->member >= 0)
        ek_buffer_printf(text, " %s", spec->members[step->member].name);
    if (step->other >= 0)
        ek_buffer_printf(text, " -> %s", spec->members[step->other].name);
}

void ek_journal_execution(struct ek_journal *journal, const struct ek_deployment_spec *spec,
                          const char *commit, const struct ek_event *event)
{
    if (!events[event->kind].journaled)
        return;
    EK_BUFFER step = {0};
    EK_BUFFER message = {0};
    if (event->step) {
        describe(spec, event->step, &step);
        ek_buffer_printf(&message, "%zu of %zu", event->number, event->total);
        if (event->kind == EK_EVENT_STEP_BEGUN && event->step->why[0])
            ek_buffer_printf(&message, ": %s", event->step->why);
    } else if (event->plan) {
        ek_buffer_printf(&message, "%s%zu steps, %d restarts, %d elections",
                         event->kind == EK_EVENT_REPLANNED ? "the fleet moved: " : "",
                         event->plan->count, event->plan->restarts, event->plan->elections);
    }
    if (event->text)
        ek_buffer_printf(&message, "%s%s", message.length ? ": " : "", event->text);
    const struct ek_journal_entry entry = {
        .event = events[event->kind].as,
        .at_ms = event->at_ms,
        .account = spec->account,
        .deployment = spec->name,
        .step = ek_journal_text(&step),
        .commit = commit,
        .duration_ms = event->kind == EK_EVENT_STEP_BEGUN ? 0 : event->elapsed_ms,
        .message = ek_journal_text(&message),
    };
    ek_journal_write(journal, &entry);
}
