#include "reconciler/loop/trace_export.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/clock.h"
#include "reconciler/base/memory.h"
#include "reconciler/base/thread.h"
#include "reconciler/loop/metrics.h"

enum { WAITING_MAX = 256, SEND_MS = 10000, CONNECT_MS = 3000, LAST_MS = 2000, URL_MAX = 1024 };

struct ek_traces {
    char url[URL_MAX];
    struct ek_metrics *metrics;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char *waiting[WAITING_MAX]; /* a ring */
    size_t first;
    size_t count;
    int64_t until_ms; /* 0; the end has come: what is not sent by then is dropped */
};

static void count(struct ek_traces *traces, const char *result)
{
    if (traces->metrics)
        ek_metrics_add(traces->metrics, EK_METRIC_TRACES, EK_LABELS(result), 1);
}

void ek_traces_enqueue(struct ek_traces *traces, char *document)
{
    pthread_mutex_lock(&traces->lock);
    bool room = traces->count < WAITING_MAX;
    if (room) {
        traces->waiting[(traces->first + traces->count) % WAITING_MAX] = document;
        traces->count++;
        pthread_cond_signal(&traces->changed);
    }
    pthread_mutex_unlock(&traces->lock);
    if (room)
        return;
    free(document);
    count(traces, "dropped");
}

/* ---- sending ------------------------------------------------------------------------------ */

static size_t ignore(char *bytes, size_t one, size_t number, void *context)
{
    (void)bytes;
    (void)context;
    return one * number;
}

static int stop_at_the_end(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct ek_traces *traces = context;
    (void)a;
    (void)b;
    (void)c;
    (void)d;
    pthread_mutex_lock(&traces->lock);
    bool late = traces->until_ms && ek_time_left_ms(traces->until_ms) == 0;
    pthread_mutex_unlock(&traces->lock);
    return late;
}

static bool send_one(struct ek_traces *traces, CURL *curl, const char *document)
{
    long status = 0;
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, document);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(document));
    bool sent = curl_easy_perform(curl) == CURLE_OK &&
                curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK &&
                status >= 200 && status < 300;
    count(traces, sent ? "sent" : "failed");
    return sent;
}

static CURL *prepare(struct ek_traces *traces, struct curl_slist *headers)
{
    CURL *curl = headers ? curl_easy_init() : NULL;
    if (!curl)
        return NULL;
    curl_easy_setopt(curl, CURLOPT_URL, traces->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)SEND_MS);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, stop_at_the_end);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, traces);
    return curl;
}

/* The next document, or NULL at the end. */
static char *next(struct ek_traces *traces)
{
    char *document = NULL;
    pthread_mutex_lock(&traces->lock);
    while (traces->count == 0 && !traces->until_ms)
        pthread_cond_wait(&traces->changed, &traces->lock);
    bool late = traces->until_ms && ek_time_left_ms(traces->until_ms) == 0;
    if (traces->count && !late) {
        document = traces->waiting[traces->first];
        traces->first = (traces->first + 1) % WAITING_MAX;
        traces->count--;
    }
    pthread_mutex_unlock(&traces->lock);
    return document;
}

static void *send_on(void *context)
{
    struct ek_traces *traces = context;
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    struct curl_slist *both = headers ? curl_slist_append(headers, "Expect:") : NULL;
    CURL *curl = prepare(traces, both);
    for (char *document; (document = next(traces)); free(document))
        if (curl)
            send_one(traces, curl, document);
        else
            count(traces, "failed");
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    return NULL;
}

/* ---- beginning and ending ----------------------------------------------------------------- */

static int read_endpoint(const char *endpoint, char url[URL_MAX], struct ek_error *err)
{
    static const char path[] = "/v1/traces";
    size_t length = strlen(endpoint);
    bool http = strncmp(endpoint, "http://", 7) == 0 || strncmp(endpoint, "https://", 8) == 0;
    while (length && endpoint[length - 1] == '/')
        length--;
    if (!http || length + sizeof path > URL_MAX || strcspn(endpoint, " \t\r\n?#@") < length) {
        /* It may hold a password: it is not repeated. */
        ek_fail(err, EK_INVALID, "EK-1360", "traces can't be sent where --traces says");
        return ek_hint(err, "http://127.0.0.1:4318, without path, user and password");
    }
    snprintf(url, URL_MAX, "%.*s%s", (int)length, endpoint, path);
    return 0;
}

int ek_traces_new(const char *endpoint, struct ek_metrics *metrics, struct ek_traces **ret_traces,
                  struct ek_error *err)
{
    struct ek_traces *traces = calloc(1, sizeof *traces);
    if (!traces)
        return ek_no_memory(err);
    int result = read_endpoint(endpoint, traces->url, err);
    if (result != 0) {
        free(traces);
        return result;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    traces->metrics = metrics;
    pthread_mutex_init(&traces->lock, NULL);
    pthread_cond_init(&traces->changed, NULL);
    if (ek_thread_start(&traces->thread, NULL, send_on, traces) != 0) {
        free(traces);
        return ek_fail(err, EK_SYSTEM, "EK-0599", "no thread could be started");
    }
    *ret_traces = traces;
    return 0;
}

void ek_traces_free(struct ek_traces *traces)
{
    if (!traces)
        return;
    pthread_mutex_lock(&traces->lock);
    traces->until_ms = ek_monotonic_ms() + LAST_MS;
    pthread_cond_signal(&traces->changed);
    pthread_mutex_unlock(&traces->lock);
    pthread_join(traces->thread, NULL);
    for (; traces->count; traces->count--) {
        free(traces->waiting[traces->first]);
        traces->first = (traces->first + 1) % WAITING_MAX;
        count(traces, "dropped");
    }
    pthread_cond_destroy(&traces->changed);
    pthread_mutex_destroy(&traces->lock);
    free(traces);
}
