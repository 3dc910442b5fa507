#include "drivers/host/text_edit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/memory.h"

int ek_text_edit_init(struct ek_text_edit *edit, const char *text, size_t length,
                      struct ek_error *err)
{
    size_t lines = 1;
    for (size_t i = 0; i < length; i++)
        lines += text[i] == '\n';
    *edit = (struct ek_text_edit){.text = text, .length = length, .line_end = "\n"};
    edit->line_starts = calloc(lines + 1, sizeof *edit->line_starts);
    if (!edit->line_starts)
        return ek_no_memory(err);
    for (size_t i = 0; i < length; i++) {
        if (text[i] != '\n')
            continue;
        if (edit->line_count == 0 && i > 0 && text[i - 1] == '\r')
            edit->line_end = "\r\n";
        edit->line_starts[++edit->line_count] = i + 1;
    }
    if (length > 0 && text[length - 1] != '\n')
        edit->line_starts[++edit->line_count] = length;
    return 0;
}

void ek_text_edit_done(struct ek_text_edit *edit)
{
    for (size_t i = 0; i < edit->change_count; i++)
        free(edit->changes[i].by);
    free(edit->changes);
    free(edit->line_starts);
    *edit = (struct ek_text_edit){0};
}

size_t ek_text_line(const struct ek_text_edit *edit, size_t line)
{
    return line >= edit->line_count ? edit->length : edit->line_starts[line];
}

size_t ek_text_at(const struct ek_text_edit *edit, size_t line, size_t column)
{
    size_t at = ek_text_line(edit, line);
    for (; column > 0 && at < edit->length; column--)
        do
            at++;
        while (at < edit->length && ((unsigned char)edit->text[at] & 0xC0) == 0x80);
    return at;
}

void ek_text_replace(struct ek_text_edit *edit, size_t from, size_t to, const char *by)
{
    struct ek_text_change *more = realloc(edit->changes, (edit->change_count + 1) * sizeof *more);
    char *copy = more ? strdup(by) : NULL;
    edit->changes = more ? more : edit->changes;
    edit->failed |= !copy;
    if (edit->failed) {
        free(copy);
        return;
    }
    more[edit->change_count] =
        (struct ek_text_change){.from = from, .to = to, .order = edit->change_count, .by = copy};
    edit->change_count++;
}

static int compare_changes(const void *a, const void *b)
{
    const struct ek_text_change *left = a;
    const struct ek_text_change *right = b;
    if (left->from != right->from)
        return left->from < right->from ? -1 : 1;
    if (left->to != right->to)
        return left->to < right->to ? -1 : 1;
    return left->order < right->order ? -1 : 1;
}

void ek_text_apply(struct ek_text_edit *edit, struct ek_buffer *ret_text)
{
    EK_BUFFER text = {0};
    size_t done = 0;
    if (edit->failed)
        ek_buffer_fail(&text);
    if (edit->change_count > 0)
        qsort(edit->changes, edit->change_count, sizeof *edit->changes, compare_changes);
    for (size_t i = 0; i < edit->change_count; i++) {
        const struct ek_text_change *change = &edit->changes[i];
        ek_buffer_add(&text, edit->text + done, change->from - done);
        if (change->from == edit->length && change->from == change->to && text.length > 0 &&
            text.bytes[text.length - 1] != '\n')
            ek_buffer_text_add(&text, edit->line_end);
        ek_buffer_text_add(&text, change->by);
        done = change->to;
    }
    ek_buffer_add(&text, edit->text + done, edit->length - done);
    bool unfinished = edit->length > 0 && edit->text[edit->length - 1] != '\n';
    if (unfinished && text.length > 0 && text.bytes[text.length - 1] == '\n')
        text.bytes[--text.length] = 0;
    if (unfinished && text.length > 0 && text.bytes[text.length - 1] == '\r')
        text.bytes[--text.length] = 0;
    ek_buffer_done(ret_text);
    *ret_text = text;
    text = (struct ek_buffer){0};
}
