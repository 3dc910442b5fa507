/* Metrics: what a monitoring system reads at /metrics. The rows are metrics.def; a row's labels
 * are bounded by the fleet and by tables, never by what somebody sends.
 *
 * All functions may be called from any thread. */
#ifndef EK_LOOP_METRICS_H
#define EK_LOOP_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reconciler/base/buffer.h"

enum ek_metric {
#define EK_METRIC(name, ...) EK_METRIC_##name,
#include "reconciler/loop/metrics.def"
#undef EK_METRIC
    EK_METRICS,
};

enum { EK_LABELS_MAX = 3 };

/* Values of a row's labels, in its order. What is left out is "". */
struct ek_labels {
    const char *values[EK_LABELS_MAX];
};
#define EK_LABELS(...) ((struct ek_labels){{__VA_ARGS__}})
#define EK_NO_LABELS ((struct ek_labels){{NULL}})

struct ek_metrics; /* opaque */

/* Empty but for evenkeel_build_info. Never NULL. */
struct ek_metrics *ek_metrics_new(void);
void ek_metrics_free(struct ek_metrics *metrics);

/* Gauges. */
void ek_metrics_set(struct ek_metrics *metrics, enum ek_metric metric, struct ek_labels labels,
                    double value);
/* Counters; `more` is not negative. */
void ek_metrics_add(struct ek_metrics *metrics, enum ek_metric metric, struct ek_labels labels,
                    double more);
/* Histograms; seconds. */
void ek_metrics_measure(struct ek_metrics *metrics, enum ek_metric metric, struct ek_labels labels,
                        double seconds);
/* States: labels without the last one; `word` becomes 1, the row's other words 0. */
void ek_metrics_state(struct ek_metrics *metrics, enum ek_metric metric, struct ek_labels labels,
                      const char *word);
/* Infos: all labels. What the last label said before of the same others is gone; NULL or "" as
 * last value: only that. */
void ek_metrics_info(struct ek_metrics *metrics, enum ek_metric metric, struct ek_labels labels);

/* Remove one series; or all of a deployment that is gone from the specs. */
void ek_metrics_remove(struct ek_metrics *metrics, enum ek_metric metric, struct ek_labels labels);
void ek_metrics_forget(struct ek_metrics *metrics, const char *account, const char *deployment);

/* The value of a series; of a histogram how many were measured. NAN when there is none. */
double ek_metrics_value(struct ek_metrics *metrics, enum ek_metric metric, struct ek_labels labels);

/* Append everything in the order of the rows, then of the labels: Prometheus' text format 0.0.4,
 * or OpenMetrics 1.0.0. process_* are read anew. */
void ek_metrics_write(struct ek_metrics *metrics, bool openmetrics, struct ek_buffer *text);

/* The media type of either. */
const char *ek_metrics_type(bool openmetrics);

/* Whether an Accept header prefers OpenMetrics; NULL: no. */
bool ek_metrics_wants_openmetrics(const char *accept);

/* ---- what is common to all deployments (metrics_deployment.c) ---- */

struct ek_planned;
struct ek_event;
struct ek_step;
struct ek_error;
struct ek_deployment_spec;

/* What a look at a deployment showed: sync, health, members, certificates, blocked, pending
 * steps, when. */
void ek_metrics_observed(struct ek_metrics *metrics, const struct ek_planned *planned);

/* An event of ek_execute: steps, restarts, elections, durations. */
void ek_metrics_event(struct ek_metrics *metrics, const struct ek_deployment_spec *spec,
                      const struct ek_event *event);

/* The step that an execution was at when it failed; NULL: none was begun. */
void ek_metrics_step_failed(struct ek_metrics *metrics, const struct ek_step *step);

/* A pass ended after `took_ms`: `err` is NULL when it went well. */
void ek_metrics_reconciled(struct ek_metrics *metrics, const struct ek_deployment_spec *spec,
                           int64_t now_ms, int64_t took_ms, const struct ek_error *err);

#endif
