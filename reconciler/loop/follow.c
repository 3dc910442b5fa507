/* Following one repository: fetch, parse, hand on what is new. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/git/git.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/json.h"
#include "reconciler/base/memory.h"
#include "reconciler/loop/backoff.h"
#include "reconciler/loop/loop_internal.h"

/* A fetch that takes longer than this is called stalled. */
enum { FETCH_MS = 600000 };

static struct ek_journal_entry entry_of(const struct ek_follower *follower,
                                        enum ek_journal_event event)
{
    return (struct ek_journal_entry){.event = event, .repository = follower->settings.name};
}

/* The commit that was followed before this process began. */
static int recall_commit(struct ek_follower *follower, struct ek_error *err)
{
    char *detail = NULL;
    int64_t at_ms;
    const struct ek_event_search wanted = {"", "", "commit", "repository", follower->settings.name};
    int result = ek_tell_latest(follower->loop, &wanted, &detail, &at_ms, err);
    if (result != 0)
        return result;
    json_t *json = NULL;
    if (ek_json_read(detail, strlen(detail), 0, &json, NULL) == EK_NO_MEMORY) {
        free(detail);
        return ek_no_memory(err);
    }
    const char *commit = json_string_value(json_object_get(json, "followed"));
    const char *url = json_string_value(json_object_get(json, "url"));
    if (commit && url && strcmp(url, follower->settings.url) == 0)
        snprintf(follower->commit, sizeof follower->commit, "%s", commit);
    json_decref(json);
    free(detail);
    return 0;
}

struct ek_git_request ek_follower_request(struct ek_loop *loop, const char *repository,
                                          const char *revision, struct ek_buffer *cache)
{
    struct ek_git_request request = {.revision = revision};
    ek_buffer_printf(cache, "%s/cache/git", loop->settings.controller.state_directory);
    pthread_mutex_lock(&loop->lock);
    for (size_t i = 0; i < loop->follower_count; i++) {
        const struct ek_loop_repository *settings = &loop->followers[i]->settings;
        if (loop->followers[i]->dropped || strcmp(settings->name, repository) != 0)
            continue;
        request.url = settings->url;
        request.path = settings->folder;
        request.token_file = settings->token_file;
        request.ssh_key_file = settings->ssh_key_file;
    }
    pthread_mutex_unlock(&loop->lock);
    request.cache = ek_buffer_text(cache);
    return request;
}

static int read_files(struct ek_follower *follower, struct ek_spec_files *ret_files,
                      struct ek_error *err)
{
    const struct ek_loop_repository *settings = &follower->settings;
    if (settings->directory)
        return ek_directory_read(settings->directory, ret_files, err);
    EK_BUFFER cache = {0};
    int result = follower->tried ? 0 : recall_commit(follower, err);
    if (result != 0)
        return result;
    struct ek_git_request request =
        ek_follower_request(follower->loop, settings->name, settings->revision, &cache);
    result = ek_buffer_check(&cache, err);
    if (result != 0)
        return result;
    if (follower->commit[0] && !settings->accept_rewritten)
        request.ancestor = follower->commit;
    return ek_git_read(&request, ret_files, err);
}

static void tell_commit(struct ek_follower *follower, const struct ek_desired *desired)
{
    struct ek_journal_entry entry = entry_of(follower, EK_JOURNAL_COMMIT);
    EK_BUFFER message = {0};
    json_t *detail = json_object();
    ek_buffer_printf(&message, "%zu deployments; %s", desired->specs.deployment_count,
                     desired->specs.commit_subject ? desired->specs.commit_subject
                                                   : "a plain directory");
    entry.commit = desired->specs.commit;
    entry.message = ek_journal_text(&message);
    if (desired->specs.commit) {
        ek_json_set(&detail, "followed", json_string(desired->specs.commit));
        ek_json_set(&detail, "url", json_string(follower->settings.url));
    }
    ek_tell(follower->loop, &entry, detail);
    ek_metrics_info(follower->loop->metrics, EK_METRIC_REPOSITORY_COMMIT_INFO,
                    EK_LABELS(follower->settings.name, desired->specs.commit));
    if (desired->trouble.length == 0)
        return;
    entry = entry_of(follower, EK_JOURNAL_SPECS_INVALID);
    entry.commit = desired->specs.commit;
    entry.id = "EK-1304";
    entry.message = ek_buffer_text(&desired->trouble);
    ek_tell(follower->loop, &entry, json_object());
}

static int hand_on(struct ek_follower *follower, struct ek_desired *desired, struct ek_error *err)
{
    struct ek_loop *loop = follower->loop;
    pthread_mutex_lock(&loop->lock);
    struct ek_desired *former = follower->desired;
    follower->desired = desired;
    int result = ek_loop_distribute(loop, err);
    if (result != 0)
        follower->desired = former;
    pthread_mutex_unlock(&loop->lock);
    if (result == 0)
        ek_desired_release(former);
    return result;
}

static bool is_news(const struct ek_follower *follower, const struct ek_desired *desired)
{
    const struct ek_desired *former = follower->desired;
    const char *commit = desired->specs.commit;
    return !former || strcmp(former->fingerprint, desired->fingerprint) != 0 ||
           (commit && strcmp(commit, former->specs.commit ? former->specs.commit : "") != 0);
}

static int fetch(struct ek_follower *follower, struct ek_error *err)
{
    struct ek_spec_files files = {0};
    struct ek_desired *desired = NULL;
    int result = read_files(follower, &files, err);
    if (result == 0)
        result = ek_desired_new(follower->settings.name, &files, &desired, err);
    ek_spec_files_done(&files);
    if (result != 0)
        return result;
    if (!is_news(follower, desired)) {
        ek_desired_release(desired);
        return 0;
    }
    tell_commit(follower, desired);
    if (desired->specs.commit)
        snprintf(follower->commit, sizeof follower->commit, "%s", desired->specs.commit);
    result = hand_on(follower, desired, err);
    if (result != 0)
        ek_desired_release(desired);
    return result;
}

/* The same trouble again is counted, but told once. */
static void tell_trouble(struct ek_follower *follower, const struct ek_error *err)
{
    bool refused = strcmp(err->id, "EK-0618") == 0;
    struct ek_journal_entry entry =
        entry_of(follower, refused ? EK_JOURNAL_COMMIT_REFUSED : EK_JOURNAL_FETCH_FAILED);
    if (strcmp(follower->trouble, err->id) != 0)
        ek_tell_error(follower->loop, &entry, err);
    snprintf(follower->trouble, sizeof follower->trouble, "%s", err->id);
}

static void pass(struct ek_follower *follower)
{
    struct ek_loop *loop = follower->loop;
    struct ek_error err = {0};
    const char *name = follower->settings.name;
    int result = fetch(follower, &err);
    ek_metrics_add(loop->metrics, EK_METRIC_REPOSITORY_FETCHES,
                   EK_LABELS(name, result == 0 ? "done" : "failed"), 1);
    if (result != 0) {
        ek_metrics_add(loop->metrics, EK_METRIC_ERRORS, EK_LABELS(err.id), 1);
        tell_trouble(follower, &err);
    } else {
        struct ek_journal_entry entry = entry_of(follower, EK_JOURNAL_FETCHED);
        ek_metrics_set(loop->metrics, EK_METRIC_REPOSITORY_LAST_FETCH, EK_LABELS(name),
                       (double)ek_wall_ms() / 1000);
        follower->trouble[0] = 0;
        ek_tell(loop, &entry, json_object());
    }
    pthread_mutex_lock(&loop->lock);
    follower->failures = result == 0 ? 0 : follower->failures + 1;
    follower->tried = true;
    int64_t wait = follower->settings.interval_ms;
    int64_t backoff = ek_backoff_ms(follower->failures, ek_loop_chance());
    if (result != 0 && backoff < wait)
        wait = backoff;
    follower->sleeper.due_ms = ek_monotonic_ms() + wait;
    pthread_mutex_unlock(&loop->lock);
}

void *ek_follow(void *argument)
{
    struct ek_follower *follower = argument;
    struct ek_loop *loop = follower->loop;
    pthread_mutex_lock(&loop->lock);
    while (ek_sleeper_sleep(&follower->sleeper, loop) && !follower->dropped) {
        follower->sleeper.stalled_ms = ek_monotonic_ms() + FETCH_MS;
        pthread_mutex_unlock(&loop->lock);
        pass(follower);
        pthread_mutex_lock(&loop->lock);
        if (loop->settings.once && follower->tried)
            break;
    }
    follower->sleeper.stalled_ms = 0;
    follower->sleeper.ended = true;
    pthread_mutex_unlock(&loop->lock);
    return NULL;
}
