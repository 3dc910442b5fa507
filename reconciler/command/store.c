#include "reconciler/command/store.h"

#include <jansson.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reconciler/base/clock.h"
#include "reconciler/base/file.h"
#include "reconciler/base/json.h"
#include "reconciler/loop/journal.h"

int ek_store_of(const struct ek_options *options, const char *state_directory, bool must_exist,
                struct ek_store_handle *ret_handle, struct ek_error *err)
{
    EK_BUFFER path = {0};
    bool remote = options->store && strstr(options->store, "://");
    struct ek_store_location location = {.uri = remote ? options->store : NULL,
                                         .password_file = options->store_password_file,
                                         .ca_file = options->store_ca_file,
                                         .must_exist = must_exist};
    if (!options->store && !must_exist) {
        int result = ek_directory_make(state_directory, 0700, err);
        if (result != 0)
            return result;
    }
    if (options->store)
        ek_buffer_text_add(&path, options->store);
    else
        ek_buffer_printf(&path, "%s/evenkeel.db", state_directory);
    if (!remote)
        location.path = ek_buffer_text(&path);
    int result = ek_buffer_check(&path, err);
    return result != 0 ? result : ek_store_open(&location, ret_handle, err);
}

/* ---- events --------------------------------------------------------------------------- */

void ek_this_person(char *buffer, size_t size)
{
    char host[65] = "";
    struct passwd *user = getpwuid(geteuid());
    gethostname(host, sizeof host - 1);
    snprintf(buffer, size, "%s@%s", user ? user->pw_name : "unknown", host);
}

void ek_record_init(struct ek_record *record, const struct ek_store_handle *store,
                    const struct ek_deployment_spec *spec, const char *commit)
{
    *record = (struct ek_record){.store = store, .spec = spec, .commit = commit};
    ek_this_person(record->who, sizeof record->who);
}

/* An event with its text and its detail, which is let go of. */
static void keep(struct ek_record *record, enum ek_journal_event kind, int64_t at_ms,
                 const struct ek_buffer *text, json_t *detail)
{
    EK_BUFFER words = {0};
    struct ek_error err = {0};
    int64_t number;
    struct ek_store_event event = {.at_ms = at_ms,
                                   .account = record->spec->account,
                                   .deployment = record->spec->name,
                                   .kind = ek_journal_word(kind),
                                   .who = record->who,
                                   .commit = record->commit ? record->commit : "",
                                   .plan = record->plan,
                                   .text = ek_buffer_text(text)};
    ek_json_print(detail, JSON_COMPACT | JSON_SORT_KEYS, &words);
    ek_buffer_fail_with(&words, text);
    event.detail = ek_buffer_text(&words);
    int result = ek_buffer_check(&words, &err);
    if (result == 0)
        result = record->store->driver->append(record->store->store, &event, &number, &err);
    if (result != 0 && record->error.code == 0)
        record->error = err;
}

void ek_record_said(struct ek_record *record, enum ek_journal_event kind, int64_t at_ms,
                    const char *text)
{
    EK_BUFFER words = {0};
    ek_buffer_text_add(&words, text);
    keep(record, kind, at_ms, &words, json_object());
}

static void step_done(struct ek_record *record, const struct ek_event *event)
{
    EK_BUFFER step = {0};
    EK_BUFFER text = {0};
    const struct ek_step_kind *row = event->step->kind;
    ek_buffer_text_add(&step, row->verb);
    if (event->step->member >= 0)
        ek_buffer_printf(&step, " %s", record->spec->members[event->step->member].name);
    ek_buffer_printf(&text, "%s%s%s", ek_buffer_text(&step), event->step->why[0] ? ": " : "",
                     event->step->why);
    ek_buffer_fail_with(&text, &step);
    keep(record, EK_JOURNAL_STEP_DONE, event->at_ms, &text,
         json_pack("{s:s, s:I}", "step", ek_buffer_text(&step), "duration_ms",
                   (json_int_t)event->elapsed_ms));
}

void ek_record_event(struct ek_record *record, const struct ek_event *event)
{
    EK_BUFFER text = {0};
    if (event->kind == EK_EVENT_STEP_DONE) {
        record->steps_done++;
        step_done(record, event);
    } else if (event->kind == EK_EVENT_PLANNED && event->plan->count > 0) {
        record->begun = true;
        ek_buffer_printf(&text, "%zu steps, %d restarts, %d elections", event->plan->count,
                         event->plan->restarts, event->plan->elections);
        keep(record, EK_JOURNAL_BEGUN, event->at_ms, &text,
             json_pack("{s:I}", "steps", (json_int_t)event->plan->count));
    } else if (event->kind == EK_EVENT_FINISHED && record->steps_done > 0) {
        ek_buffer_text_add(&text, "as the specs say");
        keep(record, EK_JOURNAL_RECONCILED, event->at_ms, &text,
             json_pack("{s:I}", "duration_ms", (json_int_t)event->elapsed_ms));
    }
}

void ek_record_failure(struct ek_record *record, const struct ek_error *why)
{
    if (!record->begun || record->error.code != 0)
        return;
    EK_BUFFER sentence = {0};
    ek_buffer_text_add(&sentence, why->sentence);
    keep(record, EK_JOURNAL_RECONCILE_FAILED, ek_wall_ms(), &sentence,
         json_pack("{s:s}", "id", why->id));
}
