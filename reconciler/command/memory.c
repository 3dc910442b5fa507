/* The end for want of memory, here and in the libraries that would abort or go on without. */
#include "reconciler/base/memory.h"

#include <bson/bson.h>
#include <errno.h>
#include <git2.h>
#include <git2/sys/alloc.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reconciler/command/command.h"

static atomic_int exit_status = EK_EXIT_ERROR;

/* Nothing here may allocate. What was already said stays said: write(2) goes around stdio. */
static _Noreturn void say_and_end(const char *words, size_t left)
{
    while (left > 0) {
        ssize_t wrote = write(STDERR_FILENO, words, left);
        /* NOLINTNEXTLINE(bugprone-signal-handler): errno is each thread's own; nothing goes on */
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            break;
        words += wrote;
        left -= (size_t)wrote;
    }
    _exit(exit_status);
}

#define END(what)                                                                                  \
    "evenkeel: error: " what "\n"                                                                  \
    "  hint: run it again: it goes on from where the fleet is\n"                                   \
    "  see: evenkeel explain EK-0599\n"

static void end_in_order(void)
{
    static const char words[] = END("out of memory");
    say_and_end(words, sizeof words - 1);
}

/* A library that finds its own objects missing says so and aborts; secrets rule out a core. */
static void on_abort(int number)
{
    static const char words[] = END("a library gave up; its words stand above");
    (void)number;
    say_and_end(words, sizeof words - 1);
}

/* ---- for the libraries that would abort, or go on without (the torture test looks for names
 * that begin with library_) ---- */

static void *library_take(size_t size)
{
    return ek_need(malloc(size ? size : 1));
}

static void *library_take_zeroed(size_t count, size_t size)
{
    return ek_need(calloc(count ? count : 1, size ? size : 1));
}

static void *library_take_more(void *memory, size_t size)
{
    if (size)
        return ek_need(realloc(memory, size));
    free(memory);
    return NULL;
}

static void *library_take_aligned(size_t alignment, size_t size)
{
    return ek_need(aligned_alloc(alignment, size));
}

static void *library_take_by(size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return library_take(size);
}

static void *library_take_more_by(void *memory, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return library_take_more(memory, size);
}

static void library_openssl_free(void *memory, const char *file, int line)
{
    (void)file, (void)line;
    free(memory);
}

/* OpenSSL asks for its functions before its first allocation only, and libmongoc makes that one
 * when it is loaded. */
static void library_openssl_early(void)
{
    CRYPTO_set_mem_functions(library_take_by, library_take_more_by, library_openssl_free);
}

static void (*const before_all_libraries)(void)
    __attribute__((section(".preinit_array"), used)) = library_openssl_early;

/* Before 1.6 libgit2 wants nine functions, from 1.8 on three; it does not always notice a NULL. */
#if LIBGIT2_VER_MAJOR == 1 && LIBGIT2_VER_MINOR < 6
static void *library_git_take_zeroed(size_t count, size_t size, const char *file, int line)
{
    (void)file, (void)line;
    return library_take_zeroed(count, size);
}

static void *library_git_take_more_of(void *memory, size_t count, size_t size, const char *file,
                                      int line)
{
    (void)file, (void)line;
    return ek_need(reallocarray(memory, count ? count : 1, size ? size : 1));
}

static void *library_git_take_many(size_t count, size_t size, const char *file, int line)
{
    return library_git_take_more_of(NULL, count, size, file, line);
}

static char *library_git_copy_part(const char *text, size_t most, const char *file, int line)
{
    (void)file, (void)line;
    return ek_need(strndup(text, most));
}

static char *library_git_copy_bytes(const char *text, size_t length, const char *file, int line)
{
    char *copy = library_take_by(length + 1, file, line);
    memcpy(copy, text, length);
    copy[length] = 0;
    return copy;
}

static char *library_git_copy(const char *text, const char *file, int line)
{
    return library_git_copy_bytes(text, strlen(text), file, line);
}

static void hook_git(void)
{
    static git_allocator git = {.gmalloc = library_take_by,
                                .gcalloc = library_git_take_zeroed,
                                .gstrdup = library_git_copy,
                                .gstrndup = library_git_copy_part,
                                .gsubstrdup = library_git_copy_bytes,
                                .grealloc = library_take_more_by,
                                .greallocarray = library_git_take_more_of,
                                .gmallocarray = library_git_take_many,
                                .gfree = free};
    git_libgit2_opts(GIT_OPT_SET_ALLOCATOR, &git);
}
#elif LIBGIT2_VER_MAJOR > 1 || LIBGIT2_VER_MINOR >= 8
static void hook_git(void)
{
    static git_allocator git = {
        .gmalloc = library_take_by, .grealloc = library_take_more_by, .gfree = free};
    git_libgit2_opts(GIT_OPT_SET_ALLOCATOR, &git);
}
#else
static void hook_git(void)
{
}
#endif

void ek_command_memory_status(int status)
{
    exit_status = status;
}

void ek_command_memory(void)
{
    static const bson_mem_vtable_t bson = {.malloc = library_take,
                                           .calloc = library_take_zeroed,
                                           .realloc = library_take_more,
                                           .free = free,
                                           .aligned_alloc = library_take_aligned};
    ek_memory_on_exhausted(end_in_order);
    signal(SIGABRT, on_abort);
    json_set_alloc_funcs(library_take, free);
    bson_mem_set_vtable(&bson);
    hook_git();
}
