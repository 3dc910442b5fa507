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
    bool failed;
};

static char no_text[1];

struct ek_arena *ek_arena_new(void)
{
    return calloc(1, sizeof(struct ek_arena));
}

int ek_arena_check(const struct ek_arena *arena, struct ek_error *err)
{
    return arena && !arena->failed ? 0 : ek_no_memory(err);
}

void ek_arena_fail(struct ek_arena *arena)
{
    if (arena)
        arena->failed = true;
}

void *ek_arena_zeroed(struct ek_arena *arena, size_t size)
{
    size_t step = alignof(max_align_t);
    size_t wanted = CHUNK_SIZE ? (size + step - 1) / step * step : size;
    if (!arena || arena->failed)
        return NULL;
    struct chunk *chunk = arena->chunks;
    if (!chunk || chunk->size - chunk->used < wanted) {
        size_t room = wanted > CHUNK_SIZE ? wanted : CHUNK_SIZE;
        chunk = calloc(1, sizeof *chunk + room);
        if (!chunk) {
            arena->failed = true;
            return NULL;
        }
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
    if (!copy)
        return no_text;
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
    if (length < 0) {
        ek_arena_fail(arena);
        return no_text;
    }
    char *text = ek_arena_copy(arena, printed, (size_t)length);
    free(printed);
    return text;
}

void *ek_arena_grow(struct ek_arena *arena, void *items, size_t count, size_t item_size)
{
    if (!arena || arena->failed)
        return NULL;
    bool full = count == 0 || (count >= 4 && (count & (count - 1)) == 0);
    if (!full)
        return items;
    size_t capacity = count == 0 ? 4 : count * 2;
    void *larger = ek_arena_zeroed(arena, capacity * item_size);
    if (larger && count)
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
