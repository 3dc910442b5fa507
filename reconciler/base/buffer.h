/* A growable run of bytes that is always NUL-terminated.
 *
 * Appending never fails by itself. When there is no memory left the buffer loses what it held,
 * reads as empty, takes nothing more and stays so until ek_buffer_done(): whoever acts on its
 * content, or shows it, asks ek_buffer_check() once, when it is complete. */
#ifndef EK_BASE_BUFFER_H
#define EK_BASE_BUFFER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "reconciler/base/error.h"

struct ek_buffer {
    char *bytes; /* NULL until something was added; use ek_buffer_text() to read */
    size_t length;
    size_t capacity;
    bool failed; /* there was no memory for all of it; use ek_buffer_check() */
};

#define EK_CLEANUP(function) __attribute__((cleanup(function)))

/* Free what the buffer holds and make it empty again. Safe on a zeroed struct. */
void ek_buffer_done(struct ek_buffer *buffer);

/* The same, but the old bytes are overwritten first: for buffers that held a secret.
 * (Growing such a buffer also wipes what it leaves behind.) */
void ek_buffer_wipe(struct ek_buffer *buffer);

/* Append. The text NULL stands for one that there was no memory for: then the buffer fails. */
void ek_buffer_add(struct ek_buffer *buffer, const void *bytes, size_t length);
void ek_buffer_text_add(struct ek_buffer *buffer, const char *text);
void ek_buffer_printf(struct ek_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The content as a C string; "" for an empty buffer. Borrowed until the next change. */
const char *ek_buffer_text(const struct ek_buffer *buffer);

/* 0, or EK_NO_MEMORY (EK-0599) when something that was appended is not in it. */
int ek_buffer_check(const struct ek_buffer *buffer, struct ek_error *err);

/* Let the buffer fail: a part of it could not be made. _with: if that part, a buffer, failed. */
void ek_buffer_fail(struct ek_buffer *buffer);
void ek_buffer_fail_with(struct ek_buffer *buffer, const struct ek_buffer *part);

/* Give the content (malloc'ed; NULL when the buffer failed) to the caller and make it empty. */
char *ek_buffer_take(struct ek_buffer *buffer);

#define EK_BUFFER EK_CLEANUP(ek_buffer_done) struct ek_buffer
#define EK_SECRET_BUFFER EK_CLEANUP(ek_buffer_wipe) struct ek_buffer

#endif
