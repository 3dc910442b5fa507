/* Traces (OpenTelemetry): one span for each time that a deployment's plan is carried out, with a
 * span below it for each step. Sent by a thread of its own as OTLP/HTTP in JSON; what the collector
 * does not take, or not in time, is dropped and counted: the loop never waits. */
#ifndef EK_LOOP_TRACE_H
#define EK_LOOP_TRACE_H

#include <stdint.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/error.h"

struct ek_metrics;
struct ek_traces; /* the exporter; used by several threads at once */
struct ek_trace;  /* one trace under way; of one thread */

/* Begin to export to a collector: "http://127.0.0.1:4318" or the like, to which "/v1/traces" is
 * added. EK_INVALID (EK-1360): no http or https URL. metrics (may be NULL) counts. */
int ek_traces_new(const char *endpoint, struct ek_metrics *metrics, struct ek_traces **ret_traces,
                  struct ek_error *err);

/* Send what is waiting, for two seconds at most, and end. NULL is fine. */
void ek_traces_free(struct ek_traces *traces);

/* Begin a trace; NULL when `traces` is NULL, which the functions below take. Times are of the wall
 * clock. Strings are copied; NULL and "" are left out. */
struct ek_trace_about {
    const char *account;
    const char *deployment;
    const char *commit;
    const char *plan;
};
struct ek_trace *ek_trace_begin(struct ek_traces *traces, const struct ek_trace_about *about,
                                int64_t at_ms);

/* A step of it that is over. Borrowed; times of the wall clock. */
struct ek_traced_step {
    const char *kind;
    const char *member; /* or NULL */
    int64_t begun_ms;
    int64_t ended_ms;
    const struct ek_error *err; /* NULL when its effect was seen */
};
void ek_trace_step(struct ek_trace *trace, const struct ek_traced_step *step);

/* End the trace and hand it to the exporter; `err` is NULL when it went well. */
void ek_trace_end(struct ek_trace *trace, int64_t at_ms, const struct ek_error *err);

#endif
