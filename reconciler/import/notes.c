#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "reconciler/import/parts.h"
#include "specs/text.h"

static struct ek_import_note *next_note(struct ek_import_notes *notes)
{
    if (notes->count < EK_IMPORT_NOTES_MAX)
        return &notes->rows[notes->count++];
    return NULL;
}

/* Room is for what matters: what is only kept gives way. */
static struct ek_import_note *make_room(struct ek_import_notes *notes)
{
    for (size_t i = EK_IMPORT_NOTES_MAX; i-- > 0;)
        if (notes->rows[i].kind == EK_NOTE_KEPT)
            return &notes->rows[i];
    return NULL;
}

void ek_import_show(const char *words, char ret_text[static 512])
{
    EK_BUFFER shown = {0};
    ek_text_show(&shown, words, strlen(words));
    snprintf(ret_text, 512, "%s", ek_buffer_text(&shown));
    size_t length = strlen(ret_text);
    for (size_t i = 0; i < length; i++)
        if (ret_text[i] == '\t')
            ret_text[i] = ' ';
    /* a character that the end cut in two */
    uint32_t character;
    for (size_t i = 0; i < length;) {
        size_t size = ek_utf8_decode(ret_text + i, length - i, &character);
        if (size == 0)
            ret_text[i] = 0, length = i;
        i += size;
    }
}

void ek_import_note(struct ek_import_notes *notes, enum ek_import_note_kind kind, const char *id,
                    const char *format, ...)
{
    char words[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    struct ek_import_note *note = next_note(notes);
    if (!note)
        note = make_room(notes);
    if (!note)
        note = &notes->rows[EK_IMPORT_NOTES_MAX - 1];
    note->kind = kind;
    snprintf(note->id, sizeof note->id, "%s", id);
    ek_import_show(words, note->sentence);
}

void ek_import_note_failure(struct ek_import_notes *notes, enum ek_import_note_kind kind,
                            const struct ek_error *failure)
{
    EK_BUFFER place = {0};
    const struct ek_span *at = &failure->at;
    if (at->file[0] && at->line)
        ek_buffer_printf(&place, "%s:%d:%d: ", at->file, at->line, at->column);
    ek_import_note(notes, kind, failure->id, "%s%s%s%s%s%s", ek_buffer_text(&place),
                   failure->sentence, failure->cause[0] ? ": " : "", failure->cause,
                   failure->hint[0] ? "; " : "", failure->hint);
}

bool ek_import_has(const struct ek_import *import, enum ek_import_note_kind kind)
{
    for (size_t m = 0; m <= import->member_count; m++) {
        const struct ek_import_notes *notes =
            m < import->member_count ? &import->members[m].notes : &import->notes;
        for (size_t i = 0; i < notes->count; i++)
            if (notes->rows[i].kind == kind)
                return true;
    }
    return false;
}
