/* A growable run of bytes that is always NUL-terminated. */
#ifndef EK_BASE_BUFFER_H
#define EK_BASE_BUFFER_H

#include <stdarg.h>
#include <stddef.h>

struct ek_buffer {
    char *bytes; /* NULL until something was added; use ek_buffer_text() to read */
    size_t length;
    size_t capacity;
};

#define EK_CLEANUP(function) __attribute__((cleanup(function)))

/* Free what the buffer holds and make it empty again. Safe on a zeroed struct. */
void ek_buffer_done(struct ek_buffer *buffer);

/* The same, but the old bytes are overwritten first: for buffers that held a secret.
 * (Growing such a buffer also wipes what it leaves behind.) */
void ek_buffer_wipe(struct ek_buffer *buffer);

/* Append. When memory runs out the process ends: see reconciler/base/memory.h. */
void ek_buffer_add(struct ek_buffer *buffer, const void *bytes, size_t length);
void ek_buffer_text_add(struct ek_buffer *buffer, const char *text);
void ek_buffer_printf(struct ek_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The content as a C string; "" for an empty buffer. Borrowed until the next change. */
const char *ek_buffer_text(const struct ek_buffer *buffer);

/* Give the content (malloc'ed, never NULL) to the caller and make the buffer empty. */
char *ek_buffer_take(struct ek_buffer *buffer);

#define EK_BUFFER EK_CLEANUP(ek_buffer_done) struct ek_buffer
#define EK_SECRET_BUFFER EK_CLEANUP(ek_buffer_wipe) struct ek_buffer

#endif
