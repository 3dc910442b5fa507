#include "specs/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/memory.h"
#include "specs/text.h"

/* Longer source lines are cut to a window around the span. */
#define WINDOW 200
#define WINDOW_BEFORE 60

struct ek_diagnostic_origin {
    const struct ek_spec_file *file;
    size_t order;
};

static char *print(const char *format, va_list args)
{
    char *text = NULL;
    return vasprintf(&text, format, args) < 0 ? NULL : text;
}

static void diagnostic_done(struct ek_diagnostic *diagnostic)
{
    free(diagnostic->file);
    free(diagnostic->key);
    free(diagnostic->sentence);
    free(diagnostic->hint);
    free(diagnostic->source);
}

void ek_diagnostics_done(struct ek_diagnostics *diagnostics)
{
    for (size_t i = 0; i < diagnostics->count; i++)
        diagnostic_done(&diagnostics->items[i]);
    free(diagnostics->items);
    free(diagnostics->origins);
    *diagnostics = (struct ek_diagnostics){0};
}

int ek_diagnostics_check(const struct ek_diagnostics *diagnostics, struct ek_error *err)
{
    return diagnostics->failed ? ek_no_memory(err) : 0;
}

static bool reserve_one(struct ek_diagnostics *diagnostics)
{
    size_t count = diagnostics->count;
    if (diagnostics->failed)
        return false;
    if (count > 0 && (count < 8 || (count & (count - 1)) != 0))
        return true;
    size_t capacity = count == 0 ? 8 : count * 2;
    void *items = reallocarray(diagnostics->items, capacity, sizeof *diagnostics->items);
    diagnostics->items = items ? items : diagnostics->items;
    void *origins = reallocarray(diagnostics->origins, capacity, sizeof *diagnostics->origins);
    diagnostics->origins = origins ? origins : diagnostics->origins;
    diagnostics->failed = !items || !origins;
    return !diagnostics->failed;
}

void ek_diagnostics_add(struct ek_diagnostics *diagnostics, struct ek_where where, const char *id,
                        const char *format, ...)
{
    if (!reserve_one(diagnostics))
        return;
    va_list args;
    va_start(args, format);
    struct ek_diagnostic *added = &diagnostics->items[diagnostics->count];
    *added = (struct ek_diagnostic){
        .file = strdup(where.file->path),
        .warning = diagnostics->warnings,
        .line = where.at.line,
        .column = where.at.column,
        .length = where.at.length,
        .key = where.key && *where.key ? strdup(where.key) : NULL,
        .sentence = print(format, args),
    };
    va_end(args);
    if (!added->file || !added->sentence || (where.key && *where.key && !added->key)) {
        diagnostic_done(added);
        diagnostics->failed = true;
        return;
    }
    snprintf(added->id, sizeof added->id, "%s", id);
    diagnostics->origins[diagnostics->count] =
        (struct ek_diagnostic_origin){.file = where.file, .order = diagnostics->count};
    diagnostics->count++;
}

void ek_diagnostics_hint(struct ek_diagnostics *diagnostics, const char *format, ...)
{
    if (diagnostics->failed)
        return;
    struct ek_diagnostic *last = &diagnostics->items[diagnostics->count - 1];
    va_list args;
    va_start(args, format);
    free(last->hint);
    last->hint = print(format, args);
    diagnostics->failed = !last->hint;
    va_end(args);
}

struct sorting {
    struct ek_diagnostic diagnostic;
    struct ek_diagnostic_origin origin;
};

static int compare(const void *left, const void *right)
{
    const struct sorting *a = left;
    const struct sorting *b = right;
    int files = strcmp(a->diagnostic.file, b->diagnostic.file);
    if (files != 0)
        return files;
    if (a->diagnostic.line != b->diagnostic.line)
        return a->diagnostic.line < b->diagnostic.line ? -1 : 1;
    if (a->diagnostic.column != b->diagnostic.column)
        return a->diagnostic.column < b->diagnostic.column ? -1 : 1;
    return a->origin.order < b->origin.order ? -1 : a->origin.order > b->origin.order;
}

static bool repeats(const struct ek_diagnostic *a, const struct ek_diagnostic *b)
{
    return a->line == b->line && a->column == b->column && strcmp(a->id, b->id) == 0 &&
           strcmp(a->file, b->file) == 0 && strcmp(a->sentence, b->sentence) == 0;
}

/* A reading position that only moves forward. */
struct cursor {
    const struct ek_spec_file *file;
    int line;
    size_t offset;
};

static void next_line(struct cursor *cursor)
{
    const struct ek_spec_file *file = cursor->file;
    while (cursor->offset < file->length) {
        char c = file->text[cursor->offset++];
        if (c == '\r' && cursor->offset < file->length && file->text[cursor->offset] == '\n')
            cursor->offset++;
        if (c == '\n' || c == '\r')
            break;
    }
    cursor->line++;
}

static size_t line_length(const char *text, size_t length)
{
    size_t end = 0;
    while (end < length && text[end] != '\n' && text[end] != '\r')
        end++;
    while (end > 0 && (text[end - 1] == ' ' || text[end - 1] == '\t'))
        end--;
    return end;
}

/* Bytes of the first `characters` characters; a broken byte counts as one. */
static size_t bytes_of(const char *text, size_t length, int characters)
{
    size_t offset = 0;
    for (int i = 0; i < characters && offset < length; i++) {
        uint32_t character;
        size_t size = ek_utf8_decode(text + offset, length - offset, &character);
        offset += size ? size : 1;
    }
    return offset;
}

static int characters_of(const char *text, size_t length)
{
    int characters = 0;
    for (size_t offset = 0; offset < length; characters++)
        offset += bytes_of(text + offset, length - offset, 1);
    return characters;
}

static bool fetch_source(struct ek_diagnostic *diagnostic, struct cursor *cursor)
{
    if (diagnostic->line == 0)
        return true;
    while (cursor->line < diagnostic->line && cursor->offset < cursor->file->length)
        next_line(cursor);
    const char *line = cursor->file->text + cursor->offset;
    size_t length = line_length(line, cursor->file->length - cursor->offset);
    if (cursor->line < diagnostic->line)
        length = 0;
    if (cursor->line == 1 && length >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) {
        line += 3;
        length -= 3;
    }
    size_t before = bytes_of(line, length, diagnostic->column - 1);
    int rest = characters_of(line + before, length - before);
    if (diagnostic->length == 0 || diagnostic->length > rest)
        diagnostic->length = rest;
    if (diagnostic->length < 1)
        diagnostic->length = 1;
    diagnostic->source_column = diagnostic->column;
    if (diagnostic->column > WINDOW - WINDOW_BEFORE) {
        size_t skipped = bytes_of(line, length, diagnostic->column - 1 - WINDOW_BEFORE);
        line += skipped;
        length -= skipped;
        diagnostic->source_column = WINDOW_BEFORE + 1;
    }
    length = bytes_of(line, length, WINDOW);
    diagnostic->source = malloc(length + 1);
    if (!diagnostic->source)
        return false;
    for (size_t i = 0; i < length; i++)
        diagnostic->source[i] = line[i] ? line[i] : ' ';
    diagnostic->source[length] = 0;
    return true;
}

void ek_diagnostics_finish(struct ek_diagnostics *diagnostics)
{
    size_t count = diagnostics->count;
    struct sorting *sorting = diagnostics->failed ? NULL : calloc(count + 1, sizeof *sorting);
    if (!sorting) {
        diagnostics->failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++)
        sorting[i] = (struct sorting){diagnostics->items[i], diagnostics->origins[i]};
    qsort(sorting, count, sizeof *sorting, compare);
    struct cursor cursor = {0};
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && repeats(&diagnostics->items[kept - 1], &sorting[i].diagnostic)) {
            diagnostic_done(&sorting[i].diagnostic);
            continue;
        }
        if (kept == 0 || cursor.file != sorting[i].origin.file)
            cursor = (struct cursor){.file = sorting[i].origin.file, .line = 1};
        diagnostics->items[kept] = sorting[i].diagnostic;
        if (!fetch_source(&diagnostics->items[kept], &cursor))
            diagnostics->failed = true;
        kept++;
    }
    diagnostics->count = kept;
    free(diagnostics->origins);
    diagnostics->origins = NULL;
    free(sorting);
}
