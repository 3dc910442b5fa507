/* Memory of one phase: many small pieces, freed all at once. */
#ifndef EK_SPECS_ARENA_H
#define EK_SPECS_ARENA_H

#include <stddef.h>

#include "reconciler/base/buffer.h"

struct ek_arena; /* opaque */

/* A new, empty arena. Running out of memory aborts, as in ek_buffer. */
struct ek_arena *ek_arena_new(void);

/* `size` zeroed bytes, aligned for any type, valid until ek_arena_free. */
void *ek_arena_zeroed(struct ek_arena *arena, size_t size);

/* A NUL-terminated copy of `length` bytes, or of what the format prints. */
char *ek_arena_copy(struct ek_arena *arena, const char *text, size_t length);
char *ek_arena_printf(struct ek_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Room for one more element in an array of the arena: `items` itself while it has room,
 * else a copy of twice the capacity. */
void *ek_arena_grow(struct ek_arena *arena, void *items, size_t count, size_t item_size);

/* Free everything; safe on NULL. */
void ek_arena_free(struct ek_arena *arena);
void ek_arena_cleanup(struct ek_arena **arena);

#endif
