#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "reconciler/loop/metrics_internal.h"

/* ---- one sample --------------------------------------------------------------------------- */

/* The shortest text that is read back as the same number. */
static void number(double value, struct ek_buffer *text)
{
    char shown[40];
    if (isnan(value) || isinf(value)) {
        ek_buffer_text_add(text, isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
        return;
    }
    if (fabs(value) < 1e15 && value == floor(value)) {
        ek_buffer_printf(text, "%.0f", value);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(shown, sizeof shown, "%.*g", digits, value);
        if (strtod(shown, NULL) == value)
            break;
    }
    ek_buffer_text_add(text, shown);
}

/* Length of the UTF-8 sequence that begins here, 0 when it is none. */
static size_t sequence(const unsigned char *at)
{
    size_t length = at[0] < 0x80 ? 1 : at[0] >= 0xC2 && at[0] < 0xE0 ? 2 : 0;
    if (at[0] >= 0xE0 && at[0] < 0xF5)
        length = at[0] < 0xF0 ? 3 : 4;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    return length;
}

/* Both formats escape backslash, newline and (in values) the double quote; what is no UTF-8
 * becomes a question mark. */
static void escaped(const char *value, bool quoted, struct ek_buffer *text)
{
    for (const char *at = value; *at;) {
        size_t length = sequence((const unsigned char *)at);
        if (*at == '\\' || (quoted && *at == '"'))
            ek_buffer_printf(text, "\\%c", *at);
        else if (*at == '\n')
            ek_buffer_text_add(text, "\\n");
        else if (length == 0)
            ek_buffer_text_add(text, "?");
        else
            ek_buffer_add(text, at, length);
        at += length ? length : 1;
    }
}

static void label(const char *name, size_t length, const char *value, bool *first,
                  struct ek_buffer *text)
{
    ek_buffer_printf(text, "%s%.*s=\"", *first ? "{" : ",", (int)length, name);
    escaped(value, true, text);
    ek_buffer_text_add(text, "\"");
    *first = false;
}

struct sample {
    const struct ek_metric_row *row;
    const struct series *series;
    const char *suffix;
    const char *le; /* of buckets, or NULL */
    double value;
};

static void write_sample(const struct sample *sample, struct ek_buffer *text)
{
    bool first = true;
    const char *value = sample->series->key;
    ek_buffer_printf(text, "%s%s", sample->row->name, sample->suffix);
    for (const char *at = sample->row->labels; *at;) {
        size_t length = strcspn(at, ",");
        label(at, length, value, &first, text);
        value += strlen(value) + 1;
        at += length + (at[length] == ',');
    }
    if (sample->le)
        label("le", 2, sample->le, &first, text);
    ek_buffer_text_add(text, first ? " " : "} ");
    number(sample->value, text);
    ek_buffer_text_add(text, "\n");
}

static void write_histogram(const struct ek_metric_row *row, const struct series *series,
                            bool openmetrics, struct ek_buffer *text)
{
    struct sample sample = {.row = row, .series = series, .suffix = "_bucket"};
    uint64_t below = 0;
    for (size_t i = 0; row->buckets[i] > 0; i++) {
        EK_BUFFER le = {0};
        number(row->buckets[i], &le);
        if (openmetrics && !strchr(ek_buffer_text(&le), '.'))
            ek_buffer_text_add(&le, ".0");
        below += series->buckets[i];
        ek_buffer_fail_with(text, &le);
        sample.le = ek_buffer_text(&le);
        sample.value = (double)below;
        write_sample(&sample, text);
    }
    sample.le = "+Inf";
    sample.value = (double)series->measured;
    write_sample(&sample, text);
    sample = (struct sample){row, series, "_sum", NULL, series->value};
    write_sample(&sample, text);
    sample = (struct sample){row, series, "_count", NULL, (double)series->measured};
    write_sample(&sample, text);
}

/* ---- one family --------------------------------------------------------------------------- */

static bool ends_with(const char *name, size_t length, const char *end)
{
    size_t last = strlen(end);
    return length > last && memcmp(name + length - last, end, last) == 0;
}

/* OpenMetrics names a family without the suffix that its samples have. */
static size_t family_length(const struct ek_metric_row *row, bool openmetrics)
{
    static const char *const suffixes[] = {
        [EK_METRIC_COUNTER] = "_total", [EK_METRIC_INFO] = "_info"};
    size_t length = strlen(row->name);
    bool has = row->type == EK_METRIC_COUNTER || row->type == EK_METRIC_INFO;
    if (!openmetrics || !has || !ends_with(row->name, length, suffixes[row->type]))
        return length;
    return length - strlen(suffixes[row->type]);
}

static void write_head(const struct ek_metric_row *row, bool openmetrics, struct ek_buffer *text)
{
    static const char *const types[] = {
        [EK_METRIC_GAUGE] = "gauge",  [EK_METRIC_COUNTER] = "counter",
        [EK_METRIC_INFO] = "gauge",   [EK_METRIC_HISTOGRAM] = "histogram",
        [EK_METRIC_STATES] = "gauge",
    };
    static const char *const units[] = {"seconds", "bytes"};
    int length = (int)family_length(row, openmetrics);
    ek_buffer_printf(text, "# HELP %.*s ", length, row->name);
    escaped(row->help, openmetrics, text);
    ek_buffer_printf(text, "\n# TYPE %.*s %s\n", length, row->name,
                     openmetrics && row->type == EK_METRIC_INFO ? "info" : types[row->type]);
    for (size_t i = 0; openmetrics && i < sizeof units / sizeof *units; i++)
        if (ends_with(row->name, (size_t)length, units[i]))
            ek_buffer_printf(text, "# UNIT %.*s %s\n", length, row->name, units[i]);
}

void ek_metrics_write(struct ek_metrics *metrics, bool openmetrics, struct ek_buffer *text)
{
    ek_metrics_process(metrics);
    pthread_mutex_lock(&metrics->lock);
    for (size_t i = 0; i < EK_METRICS; i++) {
        const struct ek_metric_row *row = &ek_metric_rows[i];
        const struct family *family = &metrics->families[i];
        if (family->count)
            write_head(row, openmetrics, text);
        for (size_t k = 0; k < family->count; k++) {
            const struct series *series = &family->series[k];
            const struct sample sample = {row, series, "", NULL, series->value};
            if (row->buckets)
                write_histogram(row, series, openmetrics, text);
            else
                write_sample(&sample, text);
        }
    }
    pthread_mutex_unlock(&metrics->lock);
    if (openmetrics)
        ek_buffer_text_add(text, "# EOF\n");
}

/* ---- which format ------------------------------------------------------------------------- */

const char *ek_metrics_type(bool openmetrics)
{
    return openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                       : "text/plain; version=0.0.4; charset=utf-8";
}

/* How much one entry of an Accept header is wanted, 0 to 1. */
static double quality(const char *entry, size_t length)
{
    for (size_t i = 0; i + 2 < length; i++)
        if (entry[i] == ';') {
            size_t at = i + 1;
            while (at < length && (entry[at] == ' ' || entry[at] == '\t'))
                at++;
            if (at + 2 < length && (entry[at] | 0x20) == 'q' && entry[at + 1] == '=') {
                char digits[8] = "";
                snprintf(digits, sizeof digits, "%.*s", (int)(length - at - 2), entry + at + 2);
                double value = strtod(digits, NULL);
                return value >= 0 && value <= 1 ? value : 0;
            }
        }
    return 1;
}

bool ek_metrics_wants_openmetrics(const char *accept)
{
    static const char wanted[] = "application/openmetrics-text";
    double open = 0;
    double plain = 0;
    while (accept && *accept) {
        size_t length = strcspn(accept, ",");
        const char *at = accept;
        size_t left = length;
        while (left && (*at == ' ' || *at == '\t')) {
            at++;
            left--;
        }
        double value = quality(at, left);
        size_t type = strcspn(at, ";, \t");
        if (type == sizeof wanted - 1 && strncasecmp(at, wanted, type) == 0)
            open = value > open ? value : open;
        else if (type == 10 && strncasecmp(at, "text/plain", type) == 0)
            plain = value > plain ? value : plain;
        accept += length + (accept[length] == ',');
    }
    return open > 0 && open >= plain;
}
