#include "reconciler/execute/observe.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/memory.h"
#include "reconciler/kernel/aspect.h"

enum { FILE_MAX = 1 << 20 };

void ek_observe_problem(struct ek_observing *o, size_t i, const char *format, ...)
{
    va_list args;
    if (o->problems[i][0])
        return;
    va_start(args, format);
    vsnprintf(o->problems[i], EK_PROBLEM_SIZE, format, args);
    va_end(args);
}

void ek_observe_result(struct ek_observing *o, int result)
{
    if (result == EK_NO_MEMORY)
        atomic_store(&o->no_memory, true);
}

void ek_observe_failure(struct ek_observing *o, size_t i, const struct ek_error *err)
{
    ek_observe_result(o, err->code);
    const struct ek_span *at = &err->at;
    EK_BUFFER place = {0};
    if (at->file[0] && at->line)
        ek_buffer_printf(&place, "%s:%d:%d: ", at->file, at->line, at->column);
    else if (at->file[0])
        ek_buffer_printf(&place, "%s: ", at->file);
    const char *sentence = err->sentence; /* some begin with the file themselves */
    size_t length = strlen(at->file);
    if (length && strncmp(sentence, at->file, length) == 0 &&
        strncmp(sentence + length, ": ", 2) == 0)
        sentence += length + 2;
    ek_observe_problem(o, i, "%s%s [%s], see: evenkeel explain %s", ek_buffer_text(&place),
                       sentence, err->id, err->id);
}

void ek_observe_text(struct ek_observing *o, size_t i, struct ek_text_ref *ref, const char *text)
{
    struct ek_observing_member *member = &o->members[i];
    char *copy = text[0] ? strndup(text, EK_TEXT_SIZE - 1) : NULL;
    if (!text[0])
        return;
    if (!copy || member->text_count == EK_OBSERVED_TEXTS) {
        free(copy);
        ek_observe_result(o, EK_NO_MEMORY);
        return;
    }
    member->texts[member->text_count++] = (struct ek_observed_text){
        .place = (size_t)((const char *)ref - (const char *)o->state), .text = copy};
}

/* No part moves by it but the texts, which are the last one. */
static void take_texts(struct ek_observing *o, size_t i)
{
    const struct ek_observing_member *member = &o->members[i];
    for (size_t t = 0; t < member->text_count; t++) {
        struct ek_text_ref ref = {0};
        ek_observe_result(o, ek_state_add_text(&o->state, member->texts[t].text, &ref, NULL));
        memcpy((char *)o->state + member->texts[t].place, &ref, sizeof ref);
    }
}

int ek_observe_file(struct ek_observing *o, size_t i, const char *path, struct ek_file *ret_file)
{
    const struct ek_file_question question = {path, FILE_MAX};
    struct ek_error err = {0};
    int result =
        o->world->hosts->read_file(&o->world->host[i], &question, o->deadline, ret_file, &err);
    ek_observe_result(o, result);
    if (result != 0 && result != EK_NOT_FOUND)
        ek_observe_problem(o, i, "%s", err.sentence);
    return result;
}

static const struct ek_observer *observer_of(size_t aspect)
{
    static const struct ek_observer none;
    const struct ek_observer *observer = ek_aspect_at(aspect)->observer;
    return observer ? observer : &none;
}

/* ---- the members side by side ---- */

typedef void observe_member(struct ek_observing *o, size_t i);

static void look_at_host(struct ek_observing *o, size_t i)
{
    for (size_t a = 0; a < EK_ASPECTS && !o->members[i].out_of_reach; a++) {
        const struct ek_observer *observer = observer_of(a);
        if (observer->host)
            observer->host(o, i);
    }
}

static void look_at_server(struct ek_observing *o, size_t i)
{
    for (size_t a = 0; a < EK_ASPECTS; a++) {
        const struct ek_observer *observer = observer_of(a);
        if (observer->server)
            observer->server(o, i);
    }
}

struct member_thread {
    struct ek_observing *observing;
    size_t member;
    observe_member *observe;
    pthread_t thread;
    bool running;
};

static void *run_member(void *argument)
{
    const struct member_thread *thread = argument;
    thread->observe(thread->observing, thread->member);
    return NULL;
}

/* One thread per member, so that a member that hangs delays nobody but itself. */
static void for_each_member(struct ek_observing *o, observe_member *observe)
{
    struct member_thread threads[EK_MEMBERS_MAX];
    size_t count = o->state->member_count;
    for (size_t i = 0; i < count; i++) {
        threads[i] = (struct member_thread){.observing = o, .member = i, .observe = observe};
        threads[i].running = pthread_create(&threads[i].thread, NULL, run_member, &threads[i]) == 0;
        if (!threads[i].running)
            run_member(&threads[i]);
    }
    for (size_t i = 0; i < count; i++)
        if (threads[i].running)
            pthread_join(threads[i].thread, NULL);
}

/* ---- the whole ---- */

static int look_at_controller(struct ek_observing *o, struct ek_error *err)
{
    int result = 0;
    for (size_t a = 0; result == 0 && a < EK_ASPECTS; a++) {
        const struct ek_observer *observer = observer_of(a);
        if (observer->controller)
            result = observer->controller(o, err);
    }
    return result;
}

static void look_at_fleet(struct ek_observing *o)
{
    for_each_member(o, look_at_host);
    for (size_t a = 0; a < EK_ASPECTS; a++) {
        const struct ek_observer *observer = observer_of(a);
        if (observer->between)
            observer->between(o);
    }
    for_each_member(o, look_at_server);
    for (size_t a = 0; a < EK_ASPECTS; a++) {
        const struct ek_observer *observer = observer_of(a);
        if (observer->set)
            observer->set(o);
    }
    for (size_t i = 0; i < o->state->member_count; i++)
        take_texts(o, i);
}

static void observing_free(struct ek_observing *o)
{
    if (!o)
        return;
    ek_buffer_done(&o->authority_pem);
    for (size_t i = 0; i < EK_MEMBERS_MAX; i++) {
        struct ek_observing_member *member = &o->members[i];
        ek_file_done(&member->configuration);
        ek_server_configuration_done(&member->parsed);
        ek_secret_free(member->key_file);
        ek_mongodb_seen_done(&member->seen);
        for (size_t t = 0; t < member->text_count; t++)
            free(member->texts[t].text);
    }
    free(o->problems);
    free(o->state);
    free(o);
}

static int observing_new(struct ek_world *world, int64_t deadline, struct ek_observing **ret_o,
                         struct ek_error *err)
{
    struct ek_observing *o = calloc(1, sizeof *o);
    if (o)
        o->problems = calloc(EK_MEMBERS_MAX + 1, sizeof *o->problems);
    int result = o && o->problems ? ek_state_new(world->spec->member_count, &o->state, err)
                                  : ek_no_memory(err);
    if (result != 0) {
        observing_free(o);
        return result;
    }
    o->world = world;
    o->deadline = deadline;
    *ret_o = o;
    return 0;
}

int ek_observe(struct ek_world *world, int64_t deadline, struct ek_observation *observation,
               struct ek_error *err)
{
    struct ek_observing *o;
    int result = observing_new(world, deadline, &o, err);
    if (result != 0)
        return result;
    result = look_at_controller(o, err);
    if (result == 0) {
        look_at_fleet(o);
        if (atomic_load(&o->no_memory))
            result = ek_no_memory(err);
    }
    if (result == 0) {
        free(observation->state);
        observation->state = o->state;
        o->state = NULL;
        memcpy(observation->problems, o->problems, sizeof observation->problems);
    }
    observing_free(o);
    return result;
}

int ek_observation_new(size_t member_count, struct ek_observation **ret_observation,
                       struct ek_error *err)
{
    struct ek_observation *observation = calloc(1, sizeof *observation);
    int result =
        observation ? ek_state_new(member_count, &observation->state, err) : ek_no_memory(err);
    if (result == 0)
        *ret_observation = observation;
    else
        free(observation);
    return result;
}

void ek_observation_free(struct ek_observation *observation)
{
    if (observation)
        free(observation->state);
    free(observation);
}
