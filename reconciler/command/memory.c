/* The end for want of memory, here and in the libraries that would abort or go on without. */
#include "reconciler/base/memory.h"

#include <bson/bson.h>
#include <errno.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "reconciler/command/command.h"

static atomic_int exit_status = EK_EXIT_ERROR;

/* Nothing here may allocate. What was already said stays said: write(2) goes around stdio. */
static void end_in_order(void)
{
    static const char words[] = "evenkeel: error: out of memory\n"
                                "  hint: run it again: it goes on from where the fleet is\n"
                                "  see: evenkeel explain EK-0599\n";
    const char *rest = words;
    size_t left = sizeof words - 1;
    while (left > 0) {
        ssize_t wrote = write(STDERR_FILENO, rest, left);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            break;
        rest += wrote;
        left -= (size_t)wrote;
    }
    _exit(exit_status);
}

static void *take(size_t size)
{
    return ek_need(malloc(size ? size : 1));
}

static void *take_zeroed(size_t count, size_t size)
{
    return ek_need(calloc(count ? count : 1, size ? size : 1));
}

static void *take_more(void *memory, size_t size)
{
    if (size)
        return ek_need(realloc(memory, size));
    free(memory);
    return NULL;
}

static void *take_aligned(size_t alignment, size_t size)
{
    return ek_need(aligned_alloc(alignment, size));
}

static void *openssl_take(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return take(size);
}

static void *openssl_take_more(void *memory, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return take_more(memory, size);
}

static void openssl_free(void *memory, const char *file, int line)
{
    (void)file, (void)line;
    free(memory);
}

void ek_command_memory_status(int status)
{
    exit_status = status;
}

void ek_command_memory(void)
{
    static const bson_mem_vtable_t bson = {.malloc = take,
                                           .calloc = take_zeroed,
                                           .realloc = take_more,
                                           .free = free,
                                           .aligned_alloc = take_aligned};
    ek_memory_on_exhausted(end_in_order);
    json_set_alloc_funcs(take, free);
    bson_mem_set_vtable(&bson);
    CRYPTO_set_mem_functions(openssl_take, openssl_take_more, openssl_free);
}
