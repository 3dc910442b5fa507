/* Text from outside: UTF-8, how wide it shows, and how it is made harmless. */
#ifndef EK_SPECS_TEXT_H
#define EK_SPECS_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "reconciler/base/buffer.h"

/* Bytes of the first character of text, which goes to *ret_character; 0 when the bytes
 * are not UTF-8 (overlong forms and surrogates included) or length is 0. */
size_t ek_utf8_decode(const char *text, size_t length, uint32_t *ret_character);

/* Columns that a character takes on a terminal as ek_text_show writes it; a tab counts 1. */
int ek_text_width(uint32_t character);

/* Append text; control characters, direction overrides and broken bytes are escaped,
 * tabs are kept. */
void ek_text_show(struct ek_buffer *buffer, const char *text, size_t length);

/* Append a duration as specs write it, in the largest unit that tells it exactly: "30d", "90m". */
void ek_text_duration(struct ek_buffer *buffer, int64_t seconds);

/* The word of `words` (NULL-terminated) that was probably meant by `word`, or NULL. */
const char *ek_text_nearest(const char *word, const char *const *words);

#endif
