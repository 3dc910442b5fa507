#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "reconciler/base/memory.h"
#include "reconciler/command/fleet.h"
#include "reconciler/command/master_key.h"
#include "reconciler/command/run_settings.h"
#include "reconciler/command/store.h"
#include "reconciler/loop/http.h"
#include "reconciler/loop/loop.h"
#include "reconciler/loop/systemd.h"
#include "reconciler/loop/webhook.h"

/* How often the main thread looks after the others. */
enum { TICK_MS = 250, STOPPING_MS = 300000 };

struct run {
    const struct ek_options *options;
    pthread_mutex_t lock; /* of the settings, which the HTTP server's threads read */
    struct ek_run_settings settings;
    struct ek_store_handle store;
    struct ek_journal *journal;
    struct ek_metrics *metrics;
    struct ek_webhooks *webhooks;
    struct ek_systemd *systemd;
    struct ek_http *http;
    struct ek_traces *traces;
    struct ek_loop *loop;
    bool ready;
    bool stalled;
};

static void tell(struct run *run, enum ek_journal_event event, const char *message)
{
    ek_journal_write(run->journal, &(struct ek_journal_entry){.event = event, .message = message});
}

/* ---- what the HTTP server asks -------------------------------------------------------- */

static bool healthy(void *context, char *ret_reason, size_t size)
{
    struct run *run = context;
    bool well = ek_loop_gets_on(run->loop, ret_reason, size);
    if (well)
        snprintf(ret_reason, size, "the loop gets on");
    return well;
}

static bool ready(void *context, char *ret_reason, size_t size)
{
    struct run *run = context;
    bool well = ek_loop_ready(run->loop, ret_reason, size);
    if (well)
        snprintf(ret_reason, size, "every deployment was looked at");
    return well;
}

/* A hook of a name is for that repository; the one without is for every one that was pushed to. */
static void on_push(void *context, const char *hook, const struct ek_push *push)
{
    struct run *run = context;
    const struct ek_loop_settings *loop = &run->settings.loop;
    struct ek_error err = {0};
    pthread_mutex_lock(&run->lock);
    for (size_t i = 0; i < loop->repository_count; i++) {
        const struct ek_loop_repository *repository = &loop->repositories[i];
        bool named = hook[0] ? strcmp(hook, repository->name) == 0
                             : repository->url &&
                                   ek_push_concerns(push, repository->url, repository->revision);
        if (named)
            ek_loop_fetch(run->loop, repository->name, &err);
    }
    pthread_mutex_unlock(&run->lock);
}

/* ---- starting and ending -------------------------------------------------------------- */

static int listen_at(struct run *run, struct ek_error *err)
{
    struct ek_http_setup setup = {
        .listen = run->settings.listen,
        .metrics = run->metrics,
        .webhooks = run->settings.hook_count ? run->webhooks : NULL,
        .healthy = healthy,
        .ready = ready,
        .context = run,
    };
    char message[160];
    if (!setup.listen)
        return 0;
    int result = ek_http_start(&setup, &run->http, err);
    if (result != 0)
        return result;
    snprintf(message, sizeof message, "http://%s/metrics", ek_http_address(run->http));
    tell(run, EK_JOURNAL_LISTENING, message);
    return 0;
}

static int start(struct run *run, struct ek_error *err)
{
    struct ek_webhooks_setup hooks = {
        .metrics = run->metrics, .journal = run->journal, .on_push = on_push, .context = run};
    char notice[PATH_MAX + 256] = "";
    int result = ek_run_settings_read(run->options, &run->settings, err);
    if (result == 0)
        result = ek_master_key_ensure(&run->settings.loop.controller, notice, sizeof notice, err);
    if (result == 0)
        result = ek_store_of(run->options, run->settings.loop.controller.state_directory, false,
                             &run->store, err);
    run->settings.loop.controller.store = &run->store;
    run->settings.loop.controller.keeps = true;
    if (result == 0 && run->options->traces)
        result = ek_traces_new(run->options->traces, run->metrics, &run->traces, err);
    run->settings.loop.traces = run->traces;
    if (result != 0) {
        if (notice[0])
            fprintf(stderr, "evenkeel: %s\n", notice);
        return result;
    }
    run->webhooks = ek_webhooks_new(&hooks);
    if (!run->webhooks)
        return ek_no_memory(err);
    result = ek_webhooks_set(run->webhooks, run->settings.hooks, run->settings.hook_count, err);
    if (result != 0)
        return result;
    tell(run, EK_JOURNAL_STARTED, "Evenkeel " EK_VERSION);
    if (notice[0])
        tell(run, EK_JOURNAL_MASTER_KEY_MADE, notice);
    const struct ek_loop_records records = {&run->store, run->journal, run->metrics};
    result = ek_loop_start(&run->settings.loop, &records, &run->loop, err);
    return result == 0 ? listen_at(run, err) : result;
}

static void end(struct run *run)
{
    if (run->loop)
        ek_loop_stop(run->loop);
    ek_http_stop(run->http);
    ek_loop_free(run->loop);
    ek_traces_free(run->traces);
    ek_webhooks_free(run->webhooks);
    ek_store_close(&run->store);
    tell(run, EK_JOURNAL_STOPPED, NULL);
    ek_journal_free(run->journal);
    ek_metrics_free(run->metrics);
    ek_systemd_free(run->systemd);
    ek_run_settings_done(&run->settings);
}

/* ---- while it runs -------------------------------------------------------------------- */

/* Settings that are wrong change nothing: the old ones stay. */
static void reload(struct run *run)
{
    struct ek_run_settings next = {0};
    struct ek_error err = {0};
    ek_systemd_reloading(run->systemd);
    int result = ek_run_settings_read(run->options, &next, &err);
    if (result == 0)
        result = ek_loop_reload(run->loop, &next.loop, &err);
    if (result == 0)
        result = ek_webhooks_set(run->webhooks, next.hooks, next.hook_count, &err);
    if (result == 0) {
        ek_loop_fetch(run->loop, NULL, &err);
        pthread_mutex_lock(&run->lock);
        ek_run_settings_keep_controller(&next, &run->settings);
        pthread_mutex_unlock(&run->lock);
        tell(run, EK_JOURNAL_RELOADED, NULL);
    } else {
        ek_run_settings_done(&next);
        ek_journal_error(run->journal,
                         &(struct ek_journal_entry){.event = EK_JOURNAL_RELOAD_FAILED}, &err);
    }
    ek_systemd_ready(run->systemd);
}

static void look_after(struct run *run)
{
    char sentence[256];
    struct ek_loop_summary sum;
    bool well = ek_loop_gets_on(run->loop, sentence, sizeof sentence);
    if (!well && !run->stalled)
        tell(run, EK_JOURNAL_STALLED, sentence);
    run->stalled = !well;
    if (well) {
        ek_systemd_progress(run->systemd);
        ek_metrics_set(run->metrics, EK_METRIC_LAST_PROGRESS, EK_NO_LABELS, (double)time(NULL));
    }
    ek_loop_sum_up(run->loop, &sum);
    ek_metrics_set(run->metrics, EK_METRIC_WORKING, EK_NO_LABELS, (double)sum.acting);
    ek_metrics_set(run->metrics, EK_METRIC_QUEUE_DEPTH, EK_NO_LABELS, (double)sum.waiting);
    ek_systemd_status(run->systemd,
                      "%zu deployments: %zu synced, %zu differ, %zu blocked, %zu failing",
                      sum.deployments, sum.synced, sum.differing, sum.blocked, sum.failing);
    if (run->ready || !ek_loop_ready(run->loop, sentence, sizeof sentence))
        return;
    run->ready = true;
    ek_systemd_ready(run->systemd);
}

/* The signals are blocked in every thread and taken here. Returns when it is time to end. */
static void serve(struct run *run, const sigset_t *signals)
{
    struct timespec tick = {.tv_nsec = TICK_MS * 1000000L};
    for (;;) {
        int number = sigtimedwait(signals, NULL, &tick);
        if (number == SIGTERM || number == SIGINT)
            break;
        if (number == SIGHUP)
            reload(run);
        look_after(run);
        if (run->settings.loop.once && ek_loop_ended(run->loop))
            return;
    }
    tell(run, EK_JOURNAL_STOPPING, "the steps in hand are finished first");
    ek_systemd_stopping(run->systemd);
    ek_systemd_extend(run->systemd, STOPPING_MS);
    ek_loop_stop(run->loop);
    while (!ek_loop_ended(run->loop)) {
        char sentence[256];
        sigtimedwait(signals, NULL, &tick);
        if (ek_loop_gets_on(run->loop, sentence, sizeof sentence))
            ek_systemd_progress(run->systemd);
    }
}

/* As plan's: what was found, and what is left. */
static int status_of(const struct ek_loop_summary *sum)
{
    if (sum->failing || sum->broken || sum->failed_repositories)
        return EK_EXIT_ERROR;
    if (sum->blocked)
        return EK_EXIT_BLOCKED;
    return sum->differing || sum->steps_done ? EK_EXIT_CHANGES : EK_EXIT_OK;
}

static enum ek_journal_form form_of(const struct ek_options *options)
{
    return options->output == EK_OUTPUT_JSON ? EK_JOURNAL_JSON : ek_journal_form_of(STDERR_FILENO);
}

int ek_command_run_loop(const struct ek_options *options)
{
    struct run run = {.options = options, .lock = PTHREAD_MUTEX_INITIALIZER};
    struct ek_error err = {0};
    sigset_t signals;
    int status = EK_EXIT_OK;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    run.systemd = ek_systemd_new();
    run.journal = ek_journal_new(STDERR_FILENO, form_of(options),
                                 options->verbose ? EK_LEVEL_DEBUG
                                 : options->quiet ? EK_LEVEL_WARNING
                                                  : EK_LEVEL_INFO);
    run.metrics = ek_metrics_new();
    int result = run.systemd && run.journal && run.metrics ? start(&run, &err) : ek_no_memory(&err);
    if (result == 0) {
        serve(&run, &signals);
        if (run.settings.loop.once) {
            struct ek_loop_summary sum;
            ek_loop_sum_up(run.loop, &sum);
            status = status_of(&sum);
        }
    } else {
        ek_say_error(options, &err);
        status = ek_exit_status_of(&err);
    }
    end(&run);
    return status;
}
