#include "reconciler/loop/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/loop/metrics_internal.h"

#ifndef EK_VERSION
#define EK_VERSION "unknown"
#endif

/* Ten thousand deployments of five members have about this many; more is a mistake. */
enum { SERIES_MAX = 400000 };

static const double short_waits[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
                                     1,     2.5,  5,     10,   15,  30,   0};
static const double long_waits[] = {0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 0};

#define GAUGE .type = EK_METRIC_GAUGE, .words
#define COUNTER .type = EK_METRIC_COUNTER, .words
#define INFO .type = EK_METRIC_INFO, .words
#define STATES .type = EK_METRIC_STATES, .words
#define HISTOGRAM .type = EK_METRIC_HISTOGRAM, .buckets
/* NOLINTBEGIN(bugprone-macro-parentheses): TYPE names a field */
#define EK_METRIC(id, metric_name, TYPE, label_names, extra, metric_help)                          \
    [EK_METRIC_##id] = {                                                                           \
        .name = (metric_name), TYPE = (extra), .labels = (label_names), .help = (metric_help)},
/* NOLINTEND(bugprone-macro-parentheses) */
const struct ek_metric_row ek_metric_rows[EK_METRICS] = {
#include "reconciler/loop/metrics.def"
};
#undef EK_METRIC
#undef GAUGE
#undef COUNTER
#undef INFO
#undef STATES
#undef HISTOGRAM

/* ---- keys: each label's value and a NUL, one after the other ------------------------------ */

static size_t label_count(const struct ek_metric_row *row)
{
    size_t count = row->labels[0] != 0;
    for (const char *at = row->labels; *at; at++)
        count += *at == ',';
    return count;
}

static void key_of(struct ek_labels labels, size_t count, struct ek_buffer *key)
{
    for (size_t i = 0; i < count; i++) {
        const char *value = labels.values[i] ? labels.values[i] : "";
        ek_buffer_add(key, value, strlen(value) + 1);
    }
}

static int compare(const struct series *series, const struct ek_buffer *key)
{
    size_t least = series->key_length < key->length ? series->key_length : key->length;
    int order = least ? memcmp(series->key, key->bytes, least) : 0;
    if (order == 0 && series->key_length != key->length)
        order = series->key_length < key->length ? -1 : 1;
    return order;
}

/* Where the first series stands that is not below the key. */
static size_t place(const struct family *family, const struct ek_buffer *key)
{
    size_t low = 0;
    size_t high = family->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&family->series[middle], key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool begins_with(const struct series *series, const struct ek_buffer *key)
{
    return series->key_length >= key->length &&
           (key->length == 0 || memcmp(series->key, key->bytes, key->length) == 0);
}

static void series_done(struct series *series)
{
    free(series->key);
    free(series->buckets);
}

/* All whose key begins so; those of a family stand together. */
static void remove_range(struct ek_metrics *metrics, enum ek_metric metric,
                         const struct ek_buffer *prefix)
{
    struct family *family = &metrics->families[metric];
    if (prefix->failed) /* which reads as all of them */
        return;
    size_t first = place(family, prefix);
    size_t last = first;
    while (last < family->count && begins_with(&family->series[last], prefix))
        series_done(&family->series[last++]);
    if (last == first)
        return;
    memmove(&family->series[first], &family->series[last],
            (family->count - last) * sizeof *family->series);
    family->count -= last - first;
    metrics->count -= last - first;
}

static size_t bucket_count(const struct ek_metric_row *row)
{
    size_t count = 0;
    while (row->buckets[count] > 0)
        count++;
    return count;
}

/* NULL without memory: then a sample is lost. */
static struct series *insert(struct ek_metrics *metrics, enum ek_metric metric, size_t at,
                             const struct ek_buffer *key)
{
    const struct ek_metric_row *row = &ek_metric_rows[metric];
    struct family *family = &metrics->families[metric];
    if (!family->series || family->count == family->room) {
        size_t room = family->room ? 2 * family->room : 8;
        struct series *more = realloc(family->series, room * sizeof *more);
        if (!more)
            return NULL;
        family->series = more;
        family->room = room;
    }
    struct series made = {.key_length = key->length, .key = malloc(key->length + 1)};
    if (row->buckets)
        made.buckets = calloc(bucket_count(row) + 1, sizeof *made.buckets);
    if (!made.key || (row->buckets && !made.buckets)) {
        series_done(&made);
        return NULL;
    }
    memcpy(made.key, ek_buffer_text(key), key->length + 1);
    if (at < family->count)
        memmove(&family->series[at + 1], &family->series[at],
                (family->count - at) * sizeof *family->series);
    struct series *series = &family->series[at];
    *series = made;
    family->count++;
    metrics->count++;
    return series;
}

/* The series of these labels, made when there is none; NULL when there are too many. */
static struct series *series_of(struct ek_metrics *metrics, enum ek_metric metric,
                                struct ek_labels labels)
{
    struct family *family = &metrics->families[metric];
    EK_BUFFER key = {0};
    key_of(labels, label_count(&ek_metric_rows[metric]), &key);
    if (key.failed)
        return NULL;
    size_t at = place(family, &key);
    if (at < family->count && compare(&family->series[at], &key) == 0)
        return &family->series[at];
    if (metrics->count >= SERIES_MAX && metric != EK_METRIC_SERIES_DROPPED) {
        struct series *dropped = series_of(metrics, EK_METRIC_SERIES_DROPPED, EK_NO_LABELS);
        if (dropped)
            dropped->value++;
        return NULL;
    }
    return insert(metrics, metric, at, &key);
}

/* ---- changing them ------------------------------------------------------------------------ */

struct ek_metrics *ek_metrics_new(void)
{
    struct ek_metrics *metrics = calloc(1, sizeof *metrics);
    if (!metrics)
        return NULL;
    pthread_mutex_init(&metrics->lock, NULL);
    ek_metrics_info(metrics, EK_METRIC_BUILD_INFO, EK_LABELS(EK_VERSION));
    ek_metrics_add(metrics, EK_METRIC_SERIES_DROPPED, EK_NO_LABELS, 0);
    return metrics;
}

void ek_metrics_free(struct ek_metrics *metrics)
{
    if (!metrics)
        return;
    for (size_t i = 0; i < EK_METRICS; i++) {
        for (size_t k = 0; k < metrics->families[i].count; k++)
            series_done(&metrics->families[i].series[k]);
        free(metrics->families[i].series);
    }
    pthread_mutex_destroy(&metrics->lock);
    free(metrics);
}

void ek_metrics_set(struct ek_metrics *metrics, enum ek_metric metric, struct ek_labels labels,
                    double value)
{
    pthread_mutex_lock(&metrics->lock);
    struct series *series = series_of(metrics, metric, labels);
    if (series)
        series->value = value;
    pthread_mutex_unlock(&metrics->lock);
}

void ek_metrics_add(struct ek_metrics *metrics, enum ek_metric metric, struct ek_labels labels,
                    double more)
{
    pthread_mutex_lock(&metrics->lock);
    struct series *series = series_of(metrics, metric, labels);
    if (series && more > 0)
        series->value += more;
    pthread_mutex_unlock(&metrics->lock);
}

void ek_metrics_measure(struct ek_metrics *metrics, enum ek_metric metric, struct ek_labels labels,
                        double seconds)
{
    const struct ek_metric_row *row = &ek_metric_rows[metric];
    pthread_mutex_lock(&metrics->lock);
    struct series *series = row->buckets ? series_of(metrics, metric, labels) : NULL;
    if (series && series->buckets) {
        size_t i = 0;
        while (row->buckets[i] > 0 && seconds > row->buckets[i])
            i++;
        if (row->buckets[i] > 0)
            series->buckets[i]++;
        series->measured++;
        series->value += seconds;
    }
    pthread_mutex_unlock(&metrics->lock);
}

void ek_metrics_state(struct ek_metrics *metrics, enum ek_metric metric, struct ek_labels labels,
                      const char *word)
{
    const struct ek_metric_row *row = &ek_metric_rows[metric];
    size_t last = label_count(row) - 1;
    pthread_mutex_lock(&metrics->lock);
    for (const char *at = row->words; at && *at;) {
        char one[32];
        size_t length = strcspn(at, "|");
        snprintf(one, sizeof one, "%.*s", (int)length, at);
        labels.values[last] = one;
        struct series *series = series_of(metrics, metric, labels);
        if (series)
            series->value = strcmp(one, word) == 0;
        at += length + (at[length] == '|');
    }
    pthread_mutex_unlock(&metrics->lock);
}

void ek_metrics_info(struct ek_metrics *metrics, enum ek_metric metric, struct ek_labels labels)
{
    size_t last = label_count(&ek_metric_rows[metric]) - 1;
    EK_BUFFER others = {0};
    key_of(labels, last, &others);
    pthread_mutex_lock(&metrics->lock);
    remove_range(metrics, metric, &others);
    if (labels.values[last] && labels.values[last][0]) {
        struct series *series = series_of(metrics, metric, labels);
        if (series)
            series->value = 1;
    }
    pthread_mutex_unlock(&metrics->lock);
}

void ek_metrics_remove(struct ek_metrics *metrics, enum ek_metric metric, struct ek_labels labels)
{
    EK_BUFFER key = {0};
    key_of(labels, label_count(&ek_metric_rows[metric]), &key);
    pthread_mutex_lock(&metrics->lock);
    remove_range(metrics, metric, &key);
    pthread_mutex_unlock(&metrics->lock);
}

void ek_metrics_remove_all(struct ek_metrics *metrics, enum ek_metric metric,
                           struct ek_labels labels, size_t count)
{
    EK_BUFFER prefix = {0};
    key_of(labels, count, &prefix);
    pthread_mutex_lock(&metrics->lock);
    remove_range(metrics, metric, &prefix);
    pthread_mutex_unlock(&metrics->lock);
}

void ek_metrics_forget(struct ek_metrics *metrics, const char *account, const char *deployment)
{
    static const char owned[] = "account,deployment";
    for (size_t i = 0; i < EK_METRICS; i++)
        if (strncmp(ek_metric_rows[i].labels, owned, sizeof owned - 1) == 0)
            ek_metrics_remove_all(metrics, (enum ek_metric)i, EK_LABELS(account, deployment), 2);
}

double ek_metrics_value(struct ek_metrics *metrics, enum ek_metric metric, struct ek_labels labels)
{
    struct family *family = &metrics->families[metric];
    double value = (double)NAN;
    EK_BUFFER key = {0};
    key_of(labels, label_count(&ek_metric_rows[metric]), &key);
    pthread_mutex_lock(&metrics->lock);
    size_t at = place(family, &key);
    if (at < family->count && compare(&family->series[at], &key) == 0)
        value = ek_metric_rows[metric].buckets ? (double)family->series[at].measured
                                               : family->series[at].value;
    pthread_mutex_unlock(&metrics->lock);
    return value;
}
