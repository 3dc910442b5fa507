#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/clock.h"
#include "reconciler/base/memory.h"
#include "reconciler/loop/journal.h"
#include "reconciler/loop/metrics.h"
#include "reconciler/loop/webhook.h"

enum { LOG_EVERY_MS = 60000 };

struct hook {
    char *name;
    char *secret_file;
};

struct ek_webhooks {
    struct ek_webhooks_setup setup;
    pthread_mutex_t lock;
    struct hook *hooks;
    size_t count;
    int64_t refused_ms;  /* when a refusal was last logged; 0: never */
    size_t refused_more; /* since then */
};

struct ek_webhooks *ek_webhooks_new(const struct ek_webhooks_setup *setup)
{
    struct ek_webhooks *webhooks = calloc(1, sizeof *webhooks);
    if (!webhooks)
        return NULL;
    webhooks->setup = *setup;
    pthread_mutex_init(&webhooks->lock, NULL);
    return webhooks;
}

static void hooks_free(struct hook *hooks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(hooks[i].name);
        free(hooks[i].secret_file);
    }
    free(hooks);
}

void ek_webhooks_free(struct ek_webhooks *webhooks)
{
    if (!webhooks)
        return;
    hooks_free(webhooks->hooks, webhooks->count);
    pthread_mutex_destroy(&webhooks->lock);
    free(webhooks);
}

static struct hook *hooks_copy(const struct ek_hook *hooks, size_t count)
{
    struct hook *copies = calloc(count + 1, sizeof *copies);
    bool all = copies != NULL;
    for (size_t i = 0; copies && i < count; i++) {
        copies[i] = (struct hook){strdup(hooks[i].name ? hooks[i].name : ""),
                                  strdup(hooks[i].secret_file ? hooks[i].secret_file : "")};
        all = all && copies[i].name && copies[i].secret_file;
    }
    if (all)
        return copies;
    if (copies)
        hooks_free(copies, count);
    return NULL;
}

int ek_webhooks_set(struct ek_webhooks *webhooks, const struct ek_hook *hooks, size_t count,
                    struct ek_error *err)
{
    struct hook *copies = hooks_copy(hooks, count);
    if (!copies)
        return ek_no_memory(err);
    pthread_mutex_lock(&webhooks->lock);
    struct hook *old = webhooks->hooks;
    size_t old_count = webhooks->count;
    webhooks->hooks = copies;
    webhooks->count = count;
    pthread_mutex_unlock(&webhooks->lock);
    hooks_free(old, old_count);
    return 0;
}

/* The secret file of a hook, the caller's; NULL without memory, or (*ret_known) when there is no
 * such hook. */
static char *secret_file_of(struct ek_webhooks *webhooks, const char *name, bool *ret_known)
{
    char *path = NULL;
    *ret_known = false;
    pthread_mutex_lock(&webhooks->lock);
    for (size_t i = 0; i < webhooks->count && !*ret_known; i++) {
        *ret_known = strcmp(webhooks->hooks[i].name, name) == 0;
        if (*ret_known)
            path = strdup(webhooks->hooks[i].secret_file);
    }
    pthread_mutex_unlock(&webhooks->lock);
    return path;
}

/* Anybody can send wrong signatures; they must not fill the log. */
static void log_refusal(struct ek_webhooks *webhooks, const char *hook, const struct ek_error *err)
{
    int64_t now_ms = ek_monotonic_ms();
    pthread_mutex_lock(&webhooks->lock);
    bool due = webhooks->refused_ms == 0 || now_ms - webhooks->refused_ms >= LOG_EVERY_MS;
    size_t more = webhooks->refused_more;
    webhooks->refused_more = due ? 0 : more + 1;
    if (due)
        webhooks->refused_ms = now_ms;
    pthread_mutex_unlock(&webhooks->lock);
    if (!due)
        return;
    struct ek_error told = *err;
    if (more)
        ek_wrap(&told, "%zu more were refused before", more);
    const struct ek_journal_entry entry = {.event = EK_JOURNAL_WEBHOOK_REFUSED, .repository = hook};
    ek_journal_error(webhooks->setup.journal, &entry, &told);
}

/* By what reading the secret and the request came to. */
static const struct outcome {
    int result;
    int status;
    const char *word;
    bool refused;
} outcomes[] = {
    {EK_OK, 202, "push", false},
    {EK_UNSUPPORTED, 202, "ignored", false},
    {EK_INVALID, 400, "invalid", true},
    {EK_DENIED, 401, "denied", true},
};
static const struct outcome no_secret = {EK_SYSTEM, 503, "failed", true};

static const struct outcome *outcome_of(int result)
{
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++)
        if (outcomes[i].result == result)
            return &outcomes[i];
    return &no_secret;
}

static void push_arrived(struct ek_webhooks *webhooks, const char *hook, const struct ek_push *push,
                         char *ret_reason, size_t size)
{
    EK_BUFFER message = {0};
    const char *what = push->repository[0] ? push->repository : push->http_url;
    ek_buffer_printf(&message, "%s said that %s of %s was %s", push->host, push->ref, what,
                     push->deleted ? "deleted" : "pushed");
    const struct ek_journal_entry entry = {.event = EK_JOURNAL_WEBHOOK,
                                           .repository = what,
                                           .commit = push->deleted ? NULL : push->commit,
                                           .message = ek_journal_text(&message)};
    ek_journal_write(webhooks->setup.journal, &entry);
    snprintf(ret_reason, size, "the repository will be fetched");
    if (webhooks->setup.on_push)
        webhooks->setup.on_push(webhooks->setup.context, hook, push);
}

int ek_webhooks_serve(struct ek_webhooks *webhooks, const struct ek_webhook_request *request,
                      char *ret_reason, size_t size)
{
    struct ek_error err = {0};
    struct ek_push push;
    EK_SECRET *secret = NULL;
    bool known = false;
    char *path = secret_file_of(webhooks, request->hook, &known);
    if (!path) {
        snprintf(ret_reason, size, known ? "out of memory" : "there is no such webhook");
        return known ? 503 : 404;
    }
    const struct outcome *outcome = &no_secret;
    if (ek_webhook_secret(path, &secret, &err) == 0)
        outcome = outcome_of(ek_webhook_read(request, secret, &push, &err));
    free(path);
    if (outcome->result == EK_OK)
        push_arrived(webhooks, request->hook, &push, ret_reason, size);
    else if (outcome == &no_secret) /* where the file is, is nobody's business */
        snprintf(ret_reason, size, "the webhook's secret can't be read; see the log");
    else
        snprintf(ret_reason, size, "%s [%s]", err.sentence, err.id);
    if (outcome->refused) {
        if (webhooks->setup.metrics)
            ek_metrics_add(webhooks->setup.metrics, EK_METRIC_ERRORS, EK_LABELS(err.id), 1);
        log_refusal(webhooks, request->hook, &err);
    }
    if (webhooks->setup.metrics)
        ek_metrics_add(webhooks->setup.metrics, EK_METRIC_WEBHOOKS,
                       EK_LABELS(request->hook, outcome->word), 1);
    return outcome->status;
}
