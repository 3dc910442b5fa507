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

static void reserve(struct ek_buffer *buffer, size_t more)
{
    size_t needed = buffer->length + more + 1;
    if (needed <= buffer->capacity)
        return;
    size_t capacity = buffer->capacity ? buffer->capacity * 2 : 256;
    while (capacity < needed)
        capacity *= 2;
    char *bytes = ek_need(malloc(capacity));
    if (buffer->bytes) {
        memcpy(bytes, buffer->bytes, buffer->length);
        OPENSSL_cleanse(buffer->bytes, buffer->capacity);
        free(buffer->bytes);
    }
    bytes[buffer->length] = 0;
    buffer->bytes = bytes;
    buffer->capacity = capacity;
}

void ek_buffer_add(struct ek_buffer *buffer, const void *bytes, size_t length)
{
    reserve(buffer, length);
    if (length)
        memcpy(buffer->bytes + buffer->length, bytes, length);
    buffer->length += length;
    buffer->bytes[buffer->length] = 0;
}

void ek_buffer_text_add(struct ek_buffer *buffer, const char *text)
{
    ek_buffer_add(buffer, text, strlen(text));
}

void ek_buffer_printf(struct ek_buffer *buffer, const char *format, ...)
{
    va_list args;
    va_list again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length > 0) {
        reserve(buffer, (size_t)length);
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
    reserve(buffer, 0);
    char *bytes = buffer->bytes;
    *buffer = (struct ek_buffer){0};
    return bytes;
}
