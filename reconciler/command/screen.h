/* A terminal's screen that is drawn anew again and again, and given back as it was. */
#ifndef EK_COMMAND_SCREEN_H
#define EK_COMMAND_SCREEN_H

#include <stddef.h>

#include "reconciler/base/buffer.h"

/* Append what takes the whole screen over; or gives it back, cursor and all. */
void ek_screen_open(struct ek_buffer *text);
void ek_screen_close(struct ek_buffer *text);

/* Append `frame` so that it takes the place of what the screen shows: lines are cut at `columns`
 * cells (escape sequences take none), what is below `rows` is counted in the last line.
 * 0: as much as there is. */
void ek_screen_draw(const char *frame, size_t rows, size_t columns, struct ek_buffer *text);

#endif
