/* How metrics are kept; for the metrics*.c files only. */
#ifndef EK_LOOP_METRICS_INTERNAL_H
#define EK_LOOP_METRICS_INTERNAL_H

#include <pthread.h>

#include "reconciler/loop/metrics.h"

enum ek_metric_type {
    EK_METRIC_GAUGE,
    EK_METRIC_COUNTER,
    EK_METRIC_INFO,
    EK_METRIC_STATES,
    EK_METRIC_HISTOGRAM,
};

struct ek_metric_row {
    const char *name;
    enum ek_metric_type type;
    const char *labels;    /* "account,deployment", or "" */
    const char *words;     /* of states: "Synced|OutOfSync" */
    const double *buckets; /* of histograms: upper bounds in seconds, 0 at the end */
    const char *help;
};

extern const struct ek_metric_row ek_metric_rows[EK_METRICS];

struct series {
    char *key; /* each label's value and a NUL */
    size_t key_length;
    double value; /* of histograms: the sum */
    uint64_t measured;
    uint64_t *buckets; /* not cumulated */
};

struct family {
    struct series *series; /* in order of their keys */
    size_t count;
    size_t room;
};

struct ek_metrics {
    pthread_mutex_t lock;
    size_t count;
    struct family families[EK_METRICS];
};

/* Remove every series whose first `count` labels are these. */
void ek_metrics_remove_all(struct ek_metrics *metrics, enum ek_metric metric,
                           struct ek_labels labels, size_t count);

/* Read process_* from /proc/self. */
void ek_metrics_process(struct ek_metrics *metrics);

#endif
