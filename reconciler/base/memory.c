#include "reconciler/base/memory.h"

#include <stdlib.h>

static void (*end_of_process)(void);

void ek_memory_on_exhausted(void (*end)(void))
{
    end_of_process = end;
}

_Noreturn void ek_memory_exhausted(void)
{
    if (end_of_process)
        end_of_process();
    abort();
}

void *ek_need(void *memory)
{
    if (!memory)
        ek_memory_exhausted();
    return memory;
}
