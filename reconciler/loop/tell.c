/* What happens is told twice: to the log, and, where it is of lasting interest, to the store. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/clock.h"
#include "reconciler/base/json.h"
#include "reconciler/base/memory.h"
#include "reconciler/loop/loop_internal.h"

/* Of the loop's daily breath nobody asks a year later. */
static bool lasts(enum ek_journal_event event)
{
    static const enum ek_journal_event passing[] = {
        EK_JOURNAL_FETCHED,      EK_JOURNAL_FETCH_FAILED,    EK_JOURNAL_OBSERVED,
        EK_JOURNAL_STEP_WAITING, EK_JOURNAL_LEASE_ELSEWHERE, EK_JOURNAL_STORE_FAILED,
        EK_JOURNAL_LISTENING,    EK_JOURNAL_WEBHOOK,         EK_JOURNAL_WEBHOOK_REFUSED,
    };
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
        if (passing[i] == event)
            return false;
    return true;
}

static const char *text_of(const char *text)
{
    return text ? text : "";
}

static void add_detail(const struct ek_journal_entry *entry, json_t *json, struct ek_buffer *text)
{
    if (entry->repository)
        ek_json_set(&json, "repository", ek_json_text(entry->repository));
    if (entry->step)
        ek_json_set(&json, "step", ek_json_text(entry->step));
    if (entry->duration_ms)
        ek_json_set(&json, "duration_ms", json_integer(entry->duration_ms));
    if (entry->id)
        ek_json_set(&json, "id", ek_json_text(entry->id));
    ek_json_print(json, JSON_COMPACT | JSON_SORT_KEYS, text);
}

/* A store that fails is told of once; acts are refused anyway, since no lease is to be had. */
static void note_store(struct ek_loop *loop, bool failed, const struct ek_error *err)
{
    pthread_mutex_lock(&loop->lock);
    bool changed = loop->store_failed != failed;
    loop->store_failed = failed;
    pthread_mutex_unlock(&loop->lock);
    struct ek_journal_entry entry = {.event = EK_JOURNAL_STORE_FAILED};
    if (failed)
        ek_metrics_add(loop->metrics, EK_METRIC_ERRORS, EK_LABELS(err->id), 1);
    if (changed && failed)
        ek_journal_error(loop->journal, &entry, err);
    entry.event = EK_JOURNAL_STORE_BACK;
    if (changed && !failed)
        ek_journal_write(loop->journal, &entry);
}

void ek_tell(struct ek_loop *loop, const struct ek_journal_entry *entry, json_t *detail)
{
    EK_BUFFER whole = {0};
    ek_journal_write(loop->journal, entry);
    if (!lasts(entry->event)) {
        json_decref(detail);
        return;
    }
    add_detail(entry, detail, &whole);
    struct ek_store_event event = {
        .at_ms = entry->at_ms ? entry->at_ms : ek_loop_now_ms(loop),
        .account = text_of(entry->account),
        .deployment = text_of(entry->deployment),
        .kind = ek_journal_word(entry->event),
        .who = loop->who,
        .commit = text_of(entry->commit),
        .plan = text_of(entry->plan),
        .text = text_of(entry->message),
        .detail = ek_buffer_text(&whole),
    };
    struct ek_error err = {0};
    int64_t number;
    int result = ek_buffer_check(&whole, &err);
    if (result == 0)
        result = loop->store->driver->append(loop->store->store, &event, &number, &err);
    note_store(loop, result != 0, &err);
}

void ek_tell_error(struct ek_loop *loop, const struct ek_journal_entry *entry,
                   const struct ek_error *err)
{
    struct ek_journal_entry told = *entry;
    EK_BUFFER message = {0};
    ek_buffer_text_add(&message, err->sentence);
    if (err->cause[0])
        ek_buffer_printf(&message, ": %s", err->cause);
    if (err->hint[0])
        ek_buffer_printf(&message, " (%s)", err->hint);
    told.id = err->id;
    told.message = message.failed ? err->sentence : ek_buffer_text(&message);
    ek_tell(loop, &told, json_object());
}

/* ---- an execution ---- */

void ek_keeper_step_words(const struct ek_keeper *keeper, const struct ek_step *step,
                          struct ek_buffer *text)
{
    ek_buffer_text_add(text, step->kind->verb);
    if (step->member >= 0)
        ek_buffer_printf(text, " %s", keeper->assessment.spec->members[step->member].name);
}

void ek_tell_execution(struct ek_keeper *keeper, const struct ek_event *event)
{
    struct ek_loop *loop = keeper->loop;
    const char *commit = keeper->desired ? keeper->desired->specs.commit : NULL;
    if (event->kind == EK_EVENT_STEP_WAITING || event->kind == EK_EVENT_REPLANNED)
        ek_journal_execution(loop->journal, keeper->assessment.spec, commit, event);
    if (event->kind != EK_EVENT_STEP_BEGUN && event->kind != EK_EVENT_STEP_DONE)
        return;
    struct ek_journal_entry entry = ek_keeper_entry(
        keeper, event->kind == EK_EVENT_STEP_DONE ? EK_JOURNAL_STEP_DONE : EK_JOURNAL_STEP_BEGUN);
    EK_BUFFER step = {0};
    ek_keeper_step_words(keeper, event->step, &step);
    entry.step = ek_journal_text(&step);
    entry.plan = keeper->planned;
    entry.message = event->step->why;
    entry.duration_ms = event->kind == EK_EVENT_STEP_DONE ? event->elapsed_ms : 0;
    ek_tell(loop, &entry, json_object());
}

/* ---- looking back ---- */

struct search {
    const char *key;
    const char *value;
    char *detail;
    int64_t at_ms;
    bool failed; /* there was no memory for it */
};

static bool keep_latest(void *context, const struct ek_store_event *event)
{
    struct search *search = context;
    json_t *json = NULL;
    search->failed |=
        ek_json_read(event->detail, strlen(event->detail), 0, &json, NULL) == EK_NO_MEMORY;
    const char *value = json_string_value(json_object_get(json, search->key));
    if (!search->key || (value && (!search->value || strcmp(value, search->value) == 0))) {
        free(search->detail);
        search->detail = strdup(event->detail);
        search->failed |= !search->detail;
        search->at_ms = event->at_ms;
    }
    json_decref(json);
    return !search->failed;
}

int ek_tell_latest(struct ek_loop *loop, const struct ek_event_search *wanted, char **ret_detail,
                   int64_t *ret_at_ms, struct ek_error *err)
{
    enum { FAR_BACK = 1000 };
    struct ek_store_query query = {.account = wanted->account,
                                   .deployment = wanted->deployment,
                                   .kind = wanted->kind,
                                   .most = FAR_BACK};
    struct search search = {.key = wanted->key, .value = wanted->value};
    int result = loop->store->driver->events(loop->store->store, &query, keep_latest, &search, err);
    note_store(loop, result != 0, err);
    if (result == 0 && !search.failed && !search.detail)
        search.failed = !(search.detail = strdup(""));
    if (result == 0 && search.failed)
        result = ek_no_memory(err);
    if (result != 0) {
        free(search.detail);
        return result;
    }
    *ret_detail = search.detail;
    *ret_at_ms = search.at_ms;
    return 0;
}
