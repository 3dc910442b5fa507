/* Diagnostics for people and as JSON. */
#include <jansson.h>
#include <string.h>

#include "reconciler/base/json.h"
#include "specs/diagnostic.h"
#include "specs/text.h"

struct colours {
    const char *place;
    const char *error;
    const char *warning;
    const char *caret;
    const char *label;
    const char *off;
};

static const struct colours plain = {"", "", "", "", "", ""};
static const struct colours coloured = {
    .place = "\033[1m",
    .error = "\033[1;31m",
    .warning = "\033[1;33m",
    .caret = "\033[31m",
    .label = "\033[36m",
    .off = "\033[0m",
};

static void show(struct ek_buffer *text, const char *outside)
{
    ek_text_show(text, outside, strlen(outside));
}

static void caret_line(struct ek_buffer *text, const struct ek_diagnostic *diagnostic,
                       const struct colours *colours)
{
    const char *source = diagnostic->source;
    size_t length = strlen(source);
    size_t offset = 0;
    int end = diagnostic->source_column + diagnostic->length;
    int carets = 0;
    for (int column = 1; column < end; column++) {
        uint32_t character = ' ';
        size_t size = ek_utf8_decode(source + offset, length - offset, &character);
        int width = ek_text_width(character);
        if (size == 0 && offset < length) {
            size = 1;
            width = 4;
        }
        if (column == diagnostic->source_column)
            ek_buffer_text_add(text, colours->caret);
        if (column >= diagnostic->source_column) {
            for (int i = 0; i < width && carets < 1000; i++, carets++)
                ek_buffer_text_add(text, "^");
        } else if (character == '\t') {
            ek_buffer_text_add(text, "\t");
        } else {
            for (int i = 0; i < width; i++)
                ek_buffer_text_add(text, " ");
        }
        offset += size;
        if (offset >= length && column >= diagnostic->source_column)
            break;
    }
    if (carets == 0)
        ek_buffer_text_add(text, "^");
    ek_buffer_text_add(text, colours->off);
    ek_buffer_text_add(text, "\n");
}

static void detail(struct ek_buffer *text, const struct colours *colours, const char *label,
                   const char *value)
{
    if (!value)
        return;
    ek_buffer_printf(text, "  %s%s:%s ", colours->label, label, colours->off);
    show(text, value);
    ek_buffer_text_add(text, "\n");
}

static void render_one(struct ek_buffer *text, const struct ek_diagnostic *diagnostic,
                       const struct colours *colours)
{
    ek_buffer_text_add(text, colours->place);
    show(text, diagnostic->file);
    if (diagnostic->line > 0)
        ek_buffer_printf(text, ":%d:%d", diagnostic->line, diagnostic->column);
    ek_buffer_printf(text, ":%s %s%s:%s ", colours->off,
                     diagnostic->warning ? colours->warning : colours->error,
                     diagnostic->warning ? "warning" : "error", colours->off);
    show(text, diagnostic->sentence);
    ek_buffer_text_add(text, "\n");
    if (diagnostic->source) {
        show(text, diagnostic->source);
        ek_buffer_text_add(text, "\n");
        caret_line(text, diagnostic, colours);
    }
    detail(text, colours, "key", diagnostic->key);
    detail(text, colours, "hint", diagnostic->hint);
    ek_buffer_printf(text, "  %ssee:%s evenkeel explain %s\n", colours->label, colours->off,
                     diagnostic->id);
}

void ek_diagnostics_render(const struct ek_diagnostics *diagnostics, bool colour,
                           struct ek_buffer *text)
{
    for (size_t i = 0; i < diagnostics->count; i++) {
        if (i > 0)
            ek_buffer_text_add(text, "\n");
        render_one(text, &diagnostics->items[i], colour ? &coloured : &plain);
    }
}

static void put(json_t **object, const char *name, const char *outside)
{
    EK_BUFFER safe = {0};
    if (!outside)
        return;
    show(&safe, outside);
    ek_json_set(object, name, safe.failed ? NULL : json_string(ek_buffer_text(&safe)));
}

json_t *ek_diagnostic_json(const struct ek_diagnostic *diagnostic)
{
    json_t *object = json_object();
    put(&object, "severity", diagnostic->warning ? "warning" : "error");
    put(&object, "id", diagnostic->id);
    put(&object, "file", diagnostic->file);
    if (diagnostic->line > 0) {
        ek_json_set(&object, "line", json_integer(diagnostic->line));
        ek_json_set(&object, "column", json_integer(diagnostic->column));
        ek_json_set(&object, "length", json_integer(diagnostic->length));
    }
    put(&object, "key", diagnostic->key);
    put(&object, "message", diagnostic->sentence);
    put(&object, "hint", diagnostic->hint);
    return object;
}

json_t *ek_diagnostics_json(const struct ek_diagnostics *diagnostics)
{
    json_t *array = json_array();
    for (size_t i = 0; i < diagnostics->count; i++)
        ek_json_append(&array, ek_diagnostic_json(&diagnostics->items[i]));
    return array;
}
