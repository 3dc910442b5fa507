#include "reconciler/command/screen.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void ek_screen_open(struct ek_buffer *text)
{
    ek_buffer_text_add(text, "\033[?1049h\033[?25l");
}

void ek_screen_close(struct ek_buffer *text)
{
    ek_buffer_text_add(text, "\033[?25h\033[?1049l");
}

/* Length of the escape sequence that begins here, 0 for none. */
static size_t escape_length(const char *at)
{
    if (at[0] != '\033' || at[1] != '[')
        return 0;
    size_t length = 2 + strspn(at + 2, "0123456789;?");
    return at[length] ? length + 1 : length;
}

/* Bytes of a line until `columns` cells are full. */
static size_t fitting(const char *line, size_t length, size_t columns, bool *ret_cut)
{
    size_t cells = 0;
    size_t at = 0;
    *ret_cut = false;
    while (at < length) {
        size_t escape = escape_length(line + at);
        if (escape) {
            at += escape;
            continue;
        }
        bool continues = ((unsigned char)line[at] & 0xC0) == 0x80;
        if (!continues && columns && cells == columns) {
            *ret_cut = true;
            break;
        }
        cells += !continues;
        at++;
    }
    return at < length ? at : length;
}

static size_t count_lines(const char *frame)
{
    size_t lines = 0;
    for (const char *at = frame; *at; at++)
        lines += *at == '\n' || at[1] == 0;
    return lines;
}

void ek_screen_draw(const char *frame, size_t rows, size_t columns, struct ek_buffer *text)
{
    size_t lines = count_lines(frame);
    size_t shown = rows && lines > rows ? rows - 1 : lines;
    ek_buffer_text_add(text, "\033[H");
    for (size_t i = 0; i < shown; i++) {
        size_t length = strcspn(frame, "\n");
        bool cut = false;
        size_t fits = fitting(frame, length, columns, &cut);
        ek_buffer_add(text, frame, fits);
        /* Colours end with their line; the rest of an older, longer line goes away. */
        ek_buffer_printf(text, "%s\033[K%s", cut ? "\033[0m" : "", i + 1 < lines ? "\r\n" : "");
        frame += length + (frame[length] == '\n');
    }
    if (shown < lines) {
        char more[48];
        snprintf(more, sizeof more, "and %zu more lines", lines - shown);
        bool cut = false;
        ek_buffer_add(text, more, fitting(more, strlen(more), columns, &cut));
        ek_buffer_text_add(text, "\033[K");
    }
    ek_buffer_text_add(text, "\033[J");
}
