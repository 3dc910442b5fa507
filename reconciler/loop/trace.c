#include "reconciler/loop/trace.h"

#include <inttypes.h>
#include <jansson.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/hex.h"
#include "reconciler/base/json.h"
#include "reconciler/loop/trace_export.h"

#ifndef EK_VERSION
#define EK_VERSION "unknown"
#endif

enum {
    TRACE_BYTES = 16,
    SPAN_BYTES = 8,
    INTERNAL = 1,
    WENT_WELL = 1,
    FAILED = 2,
    STEPS_MAX = 4000
};

struct ek_trace {
    struct ek_traces *traces;
    char id[2 * TRACE_BYTES + 1];
    char root[2 * SPAN_BYTES + 1];
    int64_t begun_ms;
    json_t *spans;
    json_t *attributes; /* of the root */
};

/* Random and not all zero, as the specification wants it. */
static void random_id(size_t bytes, char *ret_hex)
{
    unsigned char raw[TRACE_BYTES] = {0};
    if (RAND_bytes(raw, (int)bytes) != 1)
        memset(raw, 0, sizeof raw);
    raw[0] |= 1;
    ek_hex(raw, bytes, ret_hex);
}

static void add_attribute(json_t **attributes, const char *key, const char *value)
{
    if (value && value[0])
        ek_json_append(attributes, json_pack("{s:s, s:{s:o}}", "key", key, "value", "stringValue",
                                             ek_json_text(value)));
}

static json_t *nanoseconds(int64_t ms)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, ms * 1000000);
    return json_string(text);
}

struct span {
    const char *id;
    const char *parent; /* or NULL */
    const char *name;
    int64_t begun_ms;
    int64_t ended_ms;
    json_t *attributes; /* given away */
    const struct ek_error *err;
};

/* The span's attributes are taken. */
static void add_span(struct ek_trace *trace, const struct span *span)
{
    json_t *attributes = span->attributes;
    json_t *status = json_pack("{s:i}", "code", span->err ? FAILED : WENT_WELL);
    if (span->err) {
        ek_json_set(&status, "message", ek_json_text(span->err->sentence));
        add_attribute(&attributes, "evenkeel.error.id", span->err->id);
    }
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:i, s:o, s:o, s:o, s:o}", "traceId", trace->id, "spanId", span->id,
        "name", span->name, "kind", INTERNAL, "startTimeUnixNano", nanoseconds(span->begun_ms),
        "endTimeUnixNano", nanoseconds(span->ended_ms), "attributes", attributes, "status", status);
    if (span->parent)
        ek_json_set(&json, "parentSpanId", json_string(span->parent));
    ek_json_append(&trace->spans, json);
}

struct ek_trace *ek_trace_begin(struct ek_traces *traces, const struct ek_trace_about *about,
                                int64_t at_ms)
{
    if (!traces)
        return NULL;
    struct ek_trace *trace = calloc(1, sizeof *trace);
    if (!trace)
        return NULL;
    trace->traces = traces;
    trace->begun_ms = at_ms;
    trace->spans = json_array();
    trace->attributes = json_array();
    random_id(TRACE_BYTES, trace->id);
    random_id(SPAN_BYTES, trace->root);
    add_attribute(&trace->attributes, "evenkeel.account", about->account);
    add_attribute(&trace->attributes, "evenkeel.deployment", about->deployment);
    add_attribute(&trace->attributes, "evenkeel.commit", about->commit);
    add_attribute(&trace->attributes, "evenkeel.plan", about->plan);
    return trace;
}

void ek_trace_step(struct ek_trace *trace, const struct ek_traced_step *step)
{
    char id[2 * SPAN_BYTES + 1];
    if (!trace || json_array_size(trace->spans) >= STEPS_MAX)
        return;
    random_id(SPAN_BYTES, id);
    json_t *attributes = json_array();
    add_attribute(&attributes, "evenkeel.step", step->kind);
    add_attribute(&attributes, "evenkeel.member", step->member);
    add_span(trace, &(struct span){id, trace->root, step->kind, step->begun_ms, step->ended_ms,
                                   attributes, step->err});
}

void ek_trace_end(struct ek_trace *trace, int64_t at_ms, const struct ek_error *err)
{
    if (!trace)
        return;
    add_span(trace, &(struct span){trace->root, NULL, "reconcile", trace->begun_ms, at_ms,
                                   trace->attributes, err});
    json_t *document = json_pack(
        "{s:[{s:{s:[{s:s, s:{s:s}}, {s:s, s:{s:s}}]}, s:[{s:{s:s, s:s}, s:o}]}]}", "resourceSpans",
        "resource", "attributes", "key", "service.name", "value", "stringValue", "evenkeel", "key",
        "service.version", "value", "stringValue", EK_VERSION, "scopeSpans", "scope", "name",
        "evenkeel", "version", EK_VERSION, "spans", trace->spans);
    EK_BUFFER dump = {0};
    ek_json_print(document, JSON_COMPACT, &dump);
    char *text = ek_buffer_take(&dump);
    if (text)
        ek_traces_enqueue(trace->traces, text);
    free(trace);
}
