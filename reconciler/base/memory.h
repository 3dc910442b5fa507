/* What happens when there is no memory left: the process ends, in order.
 *
 * Progress is stored nowhere, so ending is as safe as being killed at any other moment, and it
 * frees what is missing. How it ends (what is said, which exit status) is the command's. A library
 * that is asked for much at once, and may be refused, returns EK_NO_MEMORY instead. */
#ifndef EK_BASE_MEMORY_H
#define EK_BASE_MEMORY_H

#include <stddef.h>

/* Call `end` when memory runs out, from whichever thread that happens in: it must not allocate
 * and must not return. Without one the process aborts. Before threads are started. */
void ek_memory_on_exhausted(void (*end)(void));

/* There is no memory. Does not return. */
_Noreturn void ek_memory_exhausted(void);

/* What malloc, strdup and their like returned; does not return when that is NULL. */
void *ek_need(void *memory) __attribute__((returns_nonnull));

#endif
