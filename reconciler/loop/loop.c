#include "reconciler/loop/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "reconciler/base/clock.h"
#include "reconciler/base/memory.h"
#include "reconciler/loop/loop_internal.h"

int64_t ek_loop_now_ms(const struct ek_loop *loop)
{
    const struct ek_loop_clock *clock = &loop->settings.clock;
    if (clock->origin_ms == 0)
        return ek_wall_ms();
    return clock->origin_ms + (ek_monotonic_ms() - loop->started_ms) * clock->rate;
}

/* ---- followers ---- */

static void repository_done(struct ek_loop_repository *repository)
{
    const char *texts[] = {repository->name,        repository->url,    repository->directory,
                           repository->revision,    repository->folder, repository->token_file,
                           repository->ssh_key_file};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free((char *)(uintptr_t)texts[i]);
    *repository = (struct ek_loop_repository){0};
}

/* The copy is to be done with in any case; false without memory. */
static bool repository_copy(const struct ek_loop_repository *from, struct ek_loop_repository *copy)
{
    const char *const texts[] = {from->name,   from->url,        from->directory,   from->revision,
                                 from->folder, from->token_file, from->ssh_key_file};
    const char **const copies[] = {&copy->name,        &copy->url,    &copy->directory,
                                   &copy->revision,    &copy->folder, &copy->token_file,
                                   &copy->ssh_key_file};
    bool all = true;
    *copy = (struct ek_loop_repository){.interval_ms = from->interval_ms,
                                        .accept_rewritten = from->accept_rewritten};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        *copies[i] = texts[i] ? strdup(texts[i]) : NULL;
        all = all && (*copies[i] || !texts[i]);
    }
    return all;
}

static void follower_free(struct ek_follower *follower)
{
    ek_desired_release(follower->desired);
    repository_done(&follower->settings);
    pthread_cond_destroy(&follower->sleeper.wake);
    free(follower);
}

static bool same_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

/* What was wanted stays wanted until the changed repository was read. */
static void take_over(struct ek_follower *follower, const struct ek_follower *former)
{
    if (!former || !former->desired || former->dropped_in != follower->loop->reloads)
        return;
    follower->desired = ek_desired_hold(former->desired);
    follower->tried = true;
    snprintf(follower->commit, sizeof follower->commit, "%s",
             same_text(former->settings.url, follower->settings.url) ? former->commit : "");
}

static int add_follower(struct ek_loop *loop, const struct ek_loop_repository *repository,
                        const struct ek_follower *former, struct ek_error *err)
{
    struct ek_follower **more =
        reallocarray(loop->followers, loop->follower_count + 1, sizeof(void *));
    struct ek_follower *follower = calloc(1, sizeof *follower);
    if (more)
        loop->followers = more;
    if (!more || !follower) {
        free(follower);
        return ek_no_memory(err);
    }
    follower->loop = loop;
    ek_sleeper_init(&follower->sleeper, ek_monotonic_ms());
    int result = repository_copy(repository, &follower->settings) ? 0 : ek_no_memory(err);
    if (result == 0) {
        take_over(follower, former);
        result = ek_sleeper_start(&follower->sleeper, ek_follow, follower, err);
    }
    if (result != 0) {
        follower_free(follower);
        return result;
    }
    loop->followers[loop->follower_count++] = follower;
    return 0;
}

/* The latest of that name. */
static struct ek_follower *follower_named(struct ek_loop *loop, const char *name, bool dropped)
{
    for (size_t i = loop->follower_count; i-- > 0;)
        if (loop->followers[i]->dropped == dropped &&
            strcmp(loop->followers[i]->settings.name, name) == 0)
            return loop->followers[i];
    return NULL;
}

static bool same_repository(const struct ek_loop_repository *a, const struct ek_loop_repository *b)
{
    return same_text(a->url, b->url) && same_text(a->directory, b->directory) &&
           same_text(a->revision, b->revision) && same_text(a->folder, b->folder) &&
           same_text(a->token_file, b->token_file) && same_text(a->ssh_key_file, b->ssh_key_file) &&
           a->interval_ms == b->interval_ms && a->accept_rewritten == b->accept_rewritten;
}

static void drop(struct ek_follower *follower)
{
    follower->dropped = true;
    follower->dropped_in = follower->loop->reloads;
    ek_sleeper_wake(&follower->sleeper);
}

/* Those that are new or changed begin, those that are gone or changed end. Lock held. */
static int set_repositories(struct ek_loop *loop, const struct ek_loop_settings *settings,
                            struct ek_error *err)
{
    size_t before = loop->follower_count;
    loop->reloads++;
    for (size_t i = 0; i < before; i++) {
        struct ek_follower *follower = loop->followers[i];
        bool stays = false;
        for (size_t j = 0; j < settings->repository_count; j++)
            stays =
                stays || (strcmp(settings->repositories[j].name, follower->settings.name) == 0 &&
                          same_repository(&settings->repositories[j], &follower->settings));
        if (!stays && !follower->dropped)
            drop(follower);
    }
    int result = 0;
    for (size_t j = 0; j < settings->repository_count && result == 0; j++)
        if (!follower_named(loop, settings->repositories[j].name, false))
            result = add_follower(loop, &settings->repositories[j],
                                  follower_named(loop, settings->repositories[j].name, true), err);
    return result;
}

/* ---- starting, reloading ---- */

static int take_settings(struct ek_loop *loop, const struct ek_loop_settings *settings,
                         struct ek_error *err)
{
    char *floor = settings->floor ? strdup(settings->floor) : NULL;
    if (settings->floor && !floor)
        return ek_no_memory(err);
    loop->settings = *settings;
    loop->settings.repositories = NULL;
    loop->settings.floor = NULL;
    free(loop->floor);
    loop->floor = floor;
    loop->settings.repository_count = 0;
    return 0;
}

static void name_self(struct ek_loop *loop)
{
    char host[100] = "";
    gethostname(host, sizeof host - 1);
    snprintf(loop->who, sizeof loop->who, "evenkeel run on %s, process %d", host, (int)getpid());
}

int ek_loop_start(const struct ek_loop_settings *settings, const struct ek_loop_records *records,
                  struct ek_loop **ret_loop, struct ek_error *err)
{
    struct ek_loop *loop = calloc(1, sizeof *loop);
    if (!loop)
        return ek_no_memory(err);
    pthread_mutex_init(&loop->lock, NULL);
    int result = take_settings(loop, settings, err);
    name_self(loop);
    loop->store = records->store;
    loop->journal = records->journal;
    loop->metrics = records->metrics;
    loop->started_ms = ek_monotonic_ms();
    loop->turns = ek_turns_new(settings->acting_total, settings->acting_per_account);
    pthread_mutex_lock(&loop->lock);
    if (result == 0)
        result = loop->turns ? set_repositories(loop, settings, err) : ek_no_memory(err);
    pthread_mutex_unlock(&loop->lock);
    if (result != 0) {
        ek_loop_stop(loop);
        ek_loop_free(loop);
        return result;
    }
    *ret_loop = loop;
    return 0;
}

int ek_loop_reload(struct ek_loop *loop, const struct ek_loop_settings *settings,
                   struct ek_error *err)
{
    struct ek_loop_settings next = *settings;
    pthread_mutex_lock(&loop->lock);
    next.controller = loop->settings.controller;
    next.clock = loop->settings.clock;
    next.once = loop->settings.once;
    next.traces = loop->settings.traces;
    int result = set_repositories(loop, &next, err);
    if (result == 0)
        result = take_settings(loop, &next, err);
    if (result == 0) {
        ek_turns_limit(loop->turns, next.acting_total, next.acting_per_account);
        result = ek_loop_distribute(loop, err);
    }
    for (size_t i = 0; i < loop->keeper_count; i++) {
        loop->keepers[i]->retry = true;
        ek_sleeper_wake(&loop->keepers[i]->sleeper);
    }
    pthread_mutex_unlock(&loop->lock);
    return result;
}

int ek_loop_fetch(struct ek_loop *loop, const char *repository, struct ek_error *err)
{
    bool found = false;
    pthread_mutex_lock(&loop->lock);
    for (size_t i = 0; i < loop->follower_count; i++) {
        struct ek_follower *follower = loop->followers[i];
        if (follower->dropped || (repository && strcmp(follower->settings.name, repository) != 0))
            continue;
        found = true;
        ek_sleeper_wake(&follower->sleeper);
    }
    pthread_mutex_unlock(&loop->lock);
    if (found)
        return 0;
    return ek_fail(err, EK_NOT_FOUND, "EK-1303", "there is no repository \"%s\" here",
                   repository ? repository : "");
}

/* ---- ending ---- */

void ek_loop_stop(struct ek_loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    loop->stopping = true;
    for (size_t i = 0; i < loop->keeper_count; i++) {
        loop->keepers[i]->cancelled = 1;
        ek_sleeper_wake(&loop->keepers[i]->sleeper);
    }
    for (size_t i = 0; i < loop->follower_count; i++)
        ek_sleeper_wake(&loop->followers[i]->sleeper);
    pthread_mutex_unlock(&loop->lock);
}

bool ek_loop_ended(struct ek_loop *loop)
{
    bool ended = true;
    pthread_mutex_lock(&loop->lock);
    for (size_t i = 0; i < loop->keeper_count; i++)
        ended = ended && loop->keepers[i]->sleeper.ended;
    for (size_t i = 0; i < loop->follower_count && !loop->stopping; i++)
        ended = ended && loop->followers[i]->sleeper.ended;
    pthread_mutex_unlock(&loop->lock);
    return ended;
}

/* A fetch can't be broken off (libgit2 has no way to): its thread is left to the process's end,
 * and what it may still look at with it. */
static bool join_followers(struct ek_loop *loop)
{
    enum { PATIENCE_S = 2 };
    bool all = true;
    for (size_t i = 0; i < loop->follower_count; i++) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += PATIENCE_S;
        if (pthread_timedjoin_np(loop->followers[i]->sleeper.thread, NULL, &until) != 0) {
            pthread_detach(loop->followers[i]->sleeper.thread);
            all = false;
        }
    }
    return all;
}

static void keeper_free(struct ek_keeper *keeper)
{
    ek_desired_release((struct ek_desired *)(uintptr_t)keeper->wanted.desired);
    pthread_cond_destroy(&keeper->sleeper.wake);
    free(keeper);
}

bool ek_loop_free(struct ek_loop *loop)
{
    if (!loop)
        return true;
    for (size_t i = 0; i < loop->keeper_count; i++)
        pthread_join(loop->keepers[i]->sleeper.thread, NULL);
    if (!join_followers(loop))
        return false;
    for (size_t i = 0; i < loop->keeper_count; i++)
        keeper_free(loop->keepers[i]);
    for (size_t i = 0; i < loop->follower_count; i++)
        follower_free(loop->followers[i]);
    free(loop->keepers);
    free(loop->followers);
    ek_roster_done(&loop->roster);
    ek_turns_free(loop->turns);
    pthread_mutex_destroy(&loop->lock);
    free(loop->floor);
    free(loop);
    return true;
}
