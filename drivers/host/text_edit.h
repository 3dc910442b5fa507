/* Changes to a text, collected as replaced ranges of bytes and made in one go. */
#ifndef EK_DRIVERS_HOST_TEXT_EDIT_H
#define EK_DRIVERS_HOST_TEXT_EDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "reconciler/base/buffer.h"

struct ek_text_change {
    size_t from, to; /* bytes [from, to) are replaced; from == to inserts */
    size_t order;
    char *by;
};

struct ek_text_edit {
    const char *text;
    size_t length;
    size_t *line_starts; /* line_starts[line_count] == length */
    size_t line_count;
    const char *line_end; /* "\n" or "\r\n", as the first line has it */
    struct ek_text_change *changes;
    size_t change_count;
    bool failed; /* there was no memory for a change: applying them gives a failed buffer */
};

int ek_text_edit_init(struct ek_text_edit *edit, const char *text, size_t length,
                      struct ek_error *err);
void ek_text_edit_done(struct ek_text_edit *edit);

/* Byte offset of a line's start (the text's end for lines behind it), and of a column
 * counted in UTF-8 characters. */
size_t ek_text_line(const struct ek_text_edit *edit, size_t line);
size_t ek_text_at(const struct ek_text_edit *edit, size_t line, size_t column);

/* Ranges must not overlap; inserts at one place keep their order. `by` is copied. */
void ek_text_replace(struct ek_text_edit *edit, size_t from, size_t to, const char *by);

/* Make the changes; the buffer fails where there is no memory. A text without a final line end
 * stays without one. */
void ek_text_apply(struct ek_text_edit *edit, struct ek_buffer *ret_text);

#define EK_TEXT_EDIT EK_CLEANUP(ek_text_edit_done) struct ek_text_edit

#endif
