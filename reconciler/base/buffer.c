#include "reconciler/base/buffer.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/memory.h"

void ek_buffer_done(struct ek_buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct ek_buffer){0};
}

void ek_buffer_wipe(struct ek_buffer *buffer)
{
    if (buffer->bytes)
        OPENSSL_cleanse(buffer->bytes, buffer->capacity);
    ek_buffer_done(buffer);
}

void ek_buffer_fail(struct ek_buffer *buffer)
{
    ek_buffer_wipe(buffer);
    buffer->failed = true;
}

void ek_buffer_fail_with(struct ek_buffer *buffer, const struct ek_buffer *part)
{
    if (part->failed)
        ek_buffer_fail(buffer);
}

int ek_buffer_check(const struct ek_buffer *buffer, struct ek_error *err)
{
    return buffer->failed ? ek_no_memory(err) : 0;
}

/* Whether there is room for so many bytes more and a NUL. */
static bool reserve(struct ek_buffer *buffer, size_t more)
{
    size_t needed = buffer->length + more + 1;
    if (buffer->failed || needed <= buffer->capacity)
        return !buffer->failed;
    size_t capacity = buffer->capacity ? buffer->capacity * 2 : 256;
    while (capacity < needed)
        capacity *= 2;
    char *bytes = malloc(capacity);
    if (!bytes) {
        ek_buffer_fail(buffer);
        return false;
    }
    if (buffer->bytes) {
        memcpy(bytes, buffer->bytes, buffer->length);
        OPENSSL_cleanse(buffer->bytes, buffer->capacity);
        free(buffer->bytes);
    }
    bytes[buffer->length] = 0;
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return true;
}

void ek_buffer_add(struct ek_buffer *buffer, const void *bytes, size_t length)
{
    if (!reserve(buffer, length))
        return;
    if (length)
        memcpy(buffer->bytes + buffer->length, bytes, length);
    buffer->length += length;
    buffer->bytes[buffer->length] = 0;
}

void ek_buffer_text_add(struct ek_buffer *buffer, const char *text)
{
    if (text)
        ek_buffer_add(buffer, text, strlen(text));
    else
        ek_buffer_fail(buffer);
}

void ek_buffer_printf(struct ek_buffer *buffer, const char *format, ...)
{
    va_list args;
    va_list again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0) {
        ek_buffer_fail(buffer);
    } else if (length > 0 && reserve(buffer, (size_t)length)) {
        vsnprintf(buffer->bytes + buffer->length, (size_t)length + 1, format, again);
        buffer->length += (size_t)length;
    }
    va_end(again);
}

const char *ek_buffer_text(const struct ek_buffer *buffer)
{
    return buffer->bytes ? buffer->bytes : "";
}

char *ek_buffer_take(struct ek_buffer *buffer)
{
    char *bytes = reserve(buffer, 0) ? buffer->bytes : NULL;
    *buffer = (struct ek_buffer){0};
    return bytes;
}
