/* What happens is told twice: to the log, and, where it is of lasting interest, to the store. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/clock.h"
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

static char *detail_with(const struct ek_journal_entry *entry, const char *detail)
{
    json_t *json = detail ? json_loads(detail, 0, NULL) : NULL;
    if (!json_is_object(json)) {
        json_decref(json);
        json = json_object();
    }
    if (entry->repository)
        json_object_set_new(json, "repository", json_string(entry->repository));
    if (entry->step)
        json_object_set_new(json, "step", json_string(entry->step));
    if (entry->duration_ms)
        json_object_set_new(json, "duration_ms", json_integer(entry->duration_ms));
    if (entry->id)
        json_object_set_new(json, "id", json_string(entry->id));
    char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(json);
    return text;
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

void ek_tell(struct ek_loop *loop, const struct ek_journal_entry *entry, const char *detail)
{
    ek_journal_write(loop->journal, entry);
    if (!lasts(entry->event))
        return;
    char *whole = detail_with(entry, detail);
    struct ek_store_event event = {
        .at_ms = entry->at_ms ? entry->at_ms : ek_loop_now_ms(loop),
        .account = text_of(entry->account),
        .deployment = text_of(entry->deployment),
        .kind = ek_journal_word(entry->event),
        .who = loop->who,
        .commit = text_of(entry->commit),
        .plan = text_of(entry->plan),
        .text = text_of(entry->message),
        .detail = whole ? whole : "{}",
    };
    struct ek_error err = {0};
    int64_t number;
    int result = loop->store->driver->append(loop->store->store, &event, &number, &err);
    note_store(loop, result != 0, &err);
    free(whole);
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
    told.message = ek_buffer_text(&message);
    ek_tell(loop, &told, NULL);
}

/* ---- an execution ---- */

void ek_keeper_step_words(const struct ek_keeper *keeper, const struct ek_step *step,
                          struct ek_buffer *text)
{
    ek_buffer_text_add(text, step->kind->verb);
    if (step->member >= 0)
        ek_buffer_printf(text, " %s", keeper->looked.spec->members[step->member].name);
}

void ek_tell_execution(struct ek_keeper *keeper, const struct ek_event *event)
{
    struct ek_loop *loop = keeper->loop;
    const char *commit = keeper->desired ? keeper->desired->specs.commit : NULL;
    if (event->kind == EK_EVENT_STEP_WAITING || event->kind == EK_EVENT_REPLANNED)
        ek_journal_execution(loop->journal, keeper->looked.spec, commit, event);
    if (event->kind != EK_EVENT_STEP_BEGUN && event->kind != EK_EVENT_STEP_DONE)
        return;
    struct ek_journal_entry entry = ek_keeper_entry(
        keeper, event->kind == EK_EVENT_STEP_DONE ? EK_JOURNAL_STEP_DONE : EK_JOURNAL_STEP_BEGUN);
    EK_BUFFER step = {0};
    ek_keeper_step_words(keeper, event->step, &step);
    entry.step = ek_buffer_text(&step);
    entry.plan = keeper->planned;
    entry.message = event->step->why;
    entry.duration_ms = event->kind == EK_EVENT_STEP_DONE ? event->elapsed_ms : 0;
    ek_tell(loop, &entry, NULL);
}

/* ---- looking back ---- */

struct search {
    const char *key;
    const char *value;
    char *detail;
    int64_t at_ms;
};

static bool keep_latest(void *context, const struct ek_store_event *event)
{
    struct search *search = context;
    json_t *json = json_loads(event->detail, 0, NULL);
    const char *value = json_string_value(json_object_get(json, search->key));
    if (!search->key || (value && (!search->value || strcmp(value, search->value) == 0))) {
        free(search->detail);
        search->detail = strdup(event->detail);
        search->at_ms = event->at_ms;
    }
    json_decref(json);
    return true;
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
    if (result != 0) {
        free(search.detail);
        return result;
    }
    *ret_detail = search.detail ? search.detail : strdup("");
    *ret_at_ms = search.at_ms;
    return 0;
}
