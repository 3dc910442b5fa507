#include "specs/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/memory.h"

/* Under a sanitizer every piece is its own allocation, so that a step outside is seen. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CHUNK_SIZE 0
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define CHUNK_SIZE 0
#endif
#ifndef CHUNK_SIZE
#define CHUNK_SIZE 65536
#endif

struct chunk {
    struct chunk *next;
    size_t used;
    size_t size;
    alignas(max_align_t) char bytes[];
};

struct ek_arena {
    struct chunk *chunks;
};

struct ek_arena *ek_arena_new(void)
{
    return ek_need(calloc(1, sizeof(struct ek_arena)));
}

void *ek_arena_zeroed(struct ek_arena *arena, size_t size)
{
    size_t step = alignof(max_align_t);
    size_t wanted = CHUNK_SIZE ? (size + step - 1) / step * step : size;
    struct chunk *chunk = arena->chunks;
    if (!chunk || chunk->size - chunk->used < wanted) {
        size_t room = wanted > CHUNK_SIZE ? wanted : CHUNK_SIZE;
        chunk = ek_need(calloc(1, sizeof *chunk + room));
        chunk->size = room;
        chunk->next = arena->chunks;
        arena->chunks = chunk;
    }
    void *memory = chunk->bytes + chunk->used;
    chunk->used += wanted;
    return memory;
}

char *ek_arena_copy(struct ek_arena *arena, const char *text, size_t length)
{
    char *copy = ek_arena_zeroed(arena, length + 1);
    if (length)
        memcpy(copy, text, length);
    return copy;
}

char *ek_arena_printf(struct ek_arena *arena, const char *format, ...)
{
    char *printed = NULL;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&printed, format, args);
    va_end(args);
    if (length < 0)
        ek_memory_exhausted();
    char *text = ek_arena_copy(arena, printed, (size_t)length);
    free(printed);
    return text;
}

void *ek_arena_grow(struct ek_arena *arena, void *items, size_t count, size_t item_size)
{
    bool full = count == 0 || (count >= 4 && (count & (count - 1)) == 0);
    if (!full)
        return items;
    size_t capacity = count == 0 ? 4 : count * 2;
    void *larger = ek_arena_zeroed(arena, capacity * item_size);
    if (count)
        memcpy(larger, items, count * item_size);
    return larger;
}

void ek_arena_free(struct ek_arena *arena)
{
    if (!arena)
        return;
    for (struct chunk *chunk = arena->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    free(arena);
}

void ek_arena_cleanup(struct ek_arena **arena)
{
    ek_arena_free(*arena);
}
