/* Memory of one phase: many small pieces, freed all at once.
 *
 * When there is none left the arena has failed and stays so: memory is NULL then and a text is
 * empty (never NULL). NULL itself is an arena that failed. What was made in an arena is used only
 * after ek_arena_check() said, once, at the end of the phase, that it is all there. */
#ifndef EK_SPECS_ARENA_H
#define EK_SPECS_ARENA_H

#include <stddef.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/error.h"

struct ek_arena; /* opaque */

/* A new, empty arena; NULL without memory. */
struct ek_arena *ek_arena_new(void);

/* 0, or EK_NO_MEMORY (EK-0599) when something that was asked of the arena is missing. */
int ek_arena_check(const struct ek_arena *arena, struct ek_error *err);

/* Let the arena fail: something that belongs into it could not be made. Safe on NULL. */
void ek_arena_fail(struct ek_arena *arena);

/* `size` zeroed bytes, aligned for any type, valid until ek_arena_free; NULL once it failed. */
void *ek_arena_zeroed(struct ek_arena *arena, size_t size);

/* A NUL-terminated copy of `length` bytes, or of what the format prints; empty once it failed. */
char *ek_arena_copy(struct ek_arena *arena, const char *text, size_t length);
char *ek_arena_printf(struct ek_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Room for one more element in an array of the arena: `items` itself while it has room,
 * else a copy of twice the capacity; NULL once the arena failed. */
void *ek_arena_grow(struct ek_arena *arena, void *items, size_t count, size_t item_size);

/* Free everything; safe on NULL. */
void ek_arena_free(struct ek_arena *arena);
void ek_arena_cleanup(struct ek_arena **arena);

#endif
