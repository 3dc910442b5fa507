#include "reconciler/execute/observe.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/memory.h"

void ek_look_problem(struct ek_look *look, size_t i, const char *format, ...)
{
    char *problem = look->observation->problems[i];
    va_list args;
    if (problem[0])
        return;
    va_start(args, format);
    vsnprintf(problem, sizeof look->observation->problems[i], format, args);
    va_end(args);
}

void ek_look_failed(struct ek_look *look, size_t i, const struct ek_error *err)
{
    if (err->code == EK_NO_MEMORY)
        atomic_store(&look->no_memory, true);
    ek_look_problem(look, i, "%s", err->sentence);
}

struct errand {
    struct ek_look *look;
    size_t member;
    void (*look_at)(struct ek_look *look, size_t i);
};

static void *run_errand(void *argument)
{
    struct errand *errand = argument;
    errand->look_at(errand->look, errand->member);
    return NULL;
}

/* One thread per member, so that a member that hangs delays nobody but itself. */
static void for_each_member(struct ek_look *look, void (*look_at)(struct ek_look *look, size_t i))
{
    size_t count = look->world->spec->member_count;
    pthread_t threads[EK_MEMBERS_MAX];
    struct errand errands[EK_MEMBERS_MAX];
    bool running[EK_MEMBERS_MAX];
    for (size_t i = 0; i < count; i++) {
        errands[i] = (struct errand){.look = look, .member = i, .look_at = look_at};
        running[i] = pthread_create(&threads[i], NULL, run_errand, &errands[i]) == 0;
        if (!running[i])
            run_errand(&errands[i]);
    }
    for (size_t i = 0; i < count; i++)
        if (running[i])
            pthread_join(threads[i], NULL);
}

static int look_at_authority(struct ek_look *look, struct ek_error *err)
{
    struct ek_world *world = look->world;
    struct ek_state *state = &look->observation->state;
    struct ek_certificate_facts facts;
    struct ek_error cause = {0};
    state->authority = EK_NO;
    if (!world->authority.spec)
        return 0;
    int result = world->certificates->find(&world->authority, &look->authority_pem, &facts, &cause);
    if (result == EK_NOT_FOUND)
        return 0;
    if (result != 0) {
        state->authority = EK_UNKNOWN;
        ek_look_failed(look, state->member_count, &cause);
        return 0;
    }
    state->authority = EK_YES;
    memcpy(state->authority_sha256, facts.sha256, sizeof facts.sha256);
    (void)err;
    return 0;
}

static int look_at_own_password(struct ek_look *look, struct ek_error *err)
{
    struct ek_world *world = look->world;
    char name[256];
    if (world->own_password)
        return 0;
    ek_world_secret_name(world, -1, "own-user", name, sizeof name);
    struct ek_error cause = {0};
    int result = world->secrets->find(&world->store, name, &cause);
    if (result == 0)
        result = world->secrets->unseal(&world->store, name, &world->own_password, &cause);
    if (result == EK_NOT_FOUND)
        return 0;
    if (result != 0 && err)
        *err = cause;
    return result;
}

/* The set's keyFile is the same on every host: the first one that could be read will do. */
static void keep_key_file(struct ek_look *look)
{
    for (size_t i = 0; i < EK_MEMBERS_MAX; i++) {
        if (!look->key_file_content[i])
            continue;
        ek_secret_free(look->world->key_file);
        look->world->key_file = look->key_file_content[i];
        look->key_file_content[i] = NULL;
        break;
    }
}

static void begin_state(struct ek_look *look)
{
    const struct ek_deployment_spec *spec = look->world->spec;
    struct ek_state *state = &look->observation->state;
    snprintf(state->account, sizeof state->account, "%s", spec->account);
    snprintf(state->deployment, sizeof state->deployment, "%s", spec->name);
    state->member_count = spec->member_count;
    state->config_version = state->config_term = state->election_term = -1;
    for (size_t i = 0; i < spec->member_count; i++) {
        struct ek_member_observed *member = &state->members[i];
        snprintf(member->name, sizeof member->name, "%s", spec->members[i].name);
        member->id = -1;
        member->signing_key = -1;
        member->lag_ms = -1;
        member->plaintext_clients = -1;
        member->clock_ahead_ms = EK_CLOCK_UNKNOWN;
        member->arbiter = spec->members[i].arbiter;
    }
}

static void look_done(struct ek_look *look)
{
    ek_buffer_done(&look->authority_pem);
    for (size_t i = 0; i < EK_MEMBERS_MAX; i++) {
        free(look->key_files[i]);
        ek_secret_free(look->key_file_content[i]);
        if (look->seen)
            ek_mongodb_seen_done(&look->seen[i]);
    }
    free(look->seen);
    free(look->observation);
    free(look);
}

int ek_observe(struct ek_world *world, int64_t deadline, struct ek_observation *ret_observation,
               struct ek_error *err)
{
    struct ek_look *look = calloc(1, sizeof *look);
    struct ek_observation *observation = calloc(1, sizeof *observation);
    struct ek_mongodb_seen *seen = calloc(EK_MEMBERS_MAX, sizeof *seen);
    if (!look || !observation || !seen) {
        free(look);
        free(observation);
        free(seen);
        return ek_no_memory(err);
    }
    look->world = world;
    look->deadline = deadline;
    look->observation = observation;
    look->seen = seen;
    begin_state(look);
    int result = look_at_own_password(look, err);
    if (result == 0)
        result = look_at_authority(look, err);
    if (result == 0) {
        for_each_member(look, ek_look_at_host);
        keep_key_file(look);
        ek_look_at_names(look);
        for_each_member(look, ek_look_at_server);
        ek_look_at_set(look);
        if (atomic_load(&look->no_memory))
            result = ek_no_memory(err);
        else
            *ret_observation = *observation;
    }
    look_done(look);
    return result;
}
