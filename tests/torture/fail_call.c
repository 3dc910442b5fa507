/* Loaded before evenkeel: makes one call of a library function fail, with the error it would have.
 *
 * Calls are told apart by their site: the function, who calls it (evenkeel's own code or which
 * library) and the calls in evenkeel's own code that led there. FAIL_TABLE is a file of SITES_MAX
 * entries that gets every site seen and how often. With FAIL_N the Nth call of the first site that
 * comes to have so many, and is not marked as done there, fails; with FAIL_SITE (a hash) besides,
 * of that site alone. FAIL_GAP: after so many milliseconds the next one may fail, else only one
 * does. FAIL_DEPTH is how many callers make a site. FAIL_OUT_OF, FAIL_SEED: of so many sites only
 * one may fail, by another seed another one. FAIL_OURS: none that a library makes.
 *
 * Of memory only what evenkeel's own code asks for counts, and what the libraries do that report
 * the want of it, or, as libbson does, end the process for it.
 *
 * The wrappers pass eight words on without knowing the types: true to the calling conventions of
 * x86-64 and AArch64 for integers and pointers. Only evenkeel itself is meant, and what it forks;
 * the programs that it runs are not. */
#include <bson/bson.h>
#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SITES_MAX = 16384, CALLERS_MAX = 8, FRAMES_MAX = 40 };

struct site {
    _Atomic uint64_t hash;
    _Atomic uint32_t calls;
    uint16_t failed; /* it was the first to fail, the second…; 0: it did not */
    uint16_t done;   /* it is not to fail any more */
    char function[40];
    char by[24];                   /* the library that calls, or "evenkeel" */
    uint64_t callers[CALLERS_MAX]; /* offsets in evenkeel, the innermost first */
};

static struct site *sites;
static uint64_t wanted;
static uint32_t nth;
static long gap_ms = LONG_MAX;
static uint64_t out_of = 1, seed;
static _Atomic long failed_last_ms;
static _Atomic uint16_t failed_count;
static int depth = 5;
struct range {
    uintptr_t begin, end;
};

static struct range program;
static struct range between[2]; /* this library, and a sanitizer's */
static size_t between_count;
static int only_ours;             /* only the calls that evenkeel's own code makes may fail */
static struct range reporting[4]; /* libraries that may be refused memory */
static size_t reporting_count;
static __thread int inside;

static struct range range_of(const struct dl_phdr_info *info)
{
    struct range range = {info->dlpi_addr, info->dlpi_addr};
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD) {
            uintptr_t end =
                info->dlpi_addr + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
            range.end = end > range.end ? end : range.end;
        }
    return range;
}

static int may_be_refused(const char *library)
{
    static const char *const names[] = {"libyaml", "libsqlite3", "libjansson", "libbson"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strstr(library, names[i]))
            return 1;
    return 0;
}

static int look_at_object(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size, (void)context;
    if (!program.end)
        program = range_of(info); /* it is the first */
    else if (may_be_refused(info->dlpi_name) &&
             reporting_count < sizeof reporting / sizeof *reporting)
        reporting[reporting_count++] = range_of(info);
    else if (strstr(info->dlpi_name, "fail_call") || strstr(info->dlpi_name, "libasan"))
        between[between_count++] = range_of(info);
    return 0;
}

/* NOLINTBEGIN(bugprone-reserved-identifier): the leak sanitizer's own names */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));
/* NOLINTEND(bugprone-reserved-identifier) */

__attribute__((constructor)) static void begin(void)
{
    void *frames[2];
    const char *path = getenv("FAIL_TABLE");
    const char *site = getenv("FAIL_SITE");
    const char *number = getenv("FAIL_N");
    const char *callers = getenv("FAIL_DEPTH");
    if (!path || strcmp(program_invocation_short_name, "evenkeel") != 0)
        return;
    wanted = site ? strtoull(site, NULL, 16) : 0;
    nth = number ? (uint32_t)strtoul(number, NULL, 10) : 0;
    const char *gap = getenv("FAIL_GAP");
    const char *one_of = getenv("FAIL_OUT_OF");
    const char *by = getenv("FAIL_SEED");
    only_ours = getenv("FAIL_OURS") != NULL;
    out_of = one_of ? strtoull(one_of, NULL, 10) : 1;
    seed = by ? strtoull(by, NULL, 10) : 0;
    gap_ms = gap ? strtol(gap, NULL, 10) : gap_ms;
    depth = callers ? (int)strtol(callers, NULL, 10) : depth;
    unsetenv("LD_PRELOAD"); /* not for the programs that it runs */
    if (__lsan_disable)
        __lsan_disable();
    backtrace(frames, 2); /* loads what it needs, which stays */
    if (__lsan_enable)
        __lsan_enable();
    dl_iterate_phdr(look_at_object, NULL);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    void *table = mmap(NULL, sizeof *sites * SITES_MAX, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (table == MAP_FAILED)
        abort();
    sites = table;
}

/* ---- which call this is ---- */

static uint64_t mix(uint64_t hash, uint64_t more)
{
    hash = (hash ^ more) * 0x9E3779B97F4A7C15u;
    return hash ^ (hash >> 29);
}

static uint64_t mix_text(uint64_t hash, const char *text)
{
    while (*text)
        hash = mix(hash, (unsigned char)*text++);
    return hash;
}

static int is_in(struct range range, const void *address)
{
    return (uintptr_t)address >= range.begin && (uintptr_t)address < range.end;
}

static int is_ours(const void *address)
{
    return is_in(program, address);
}

static const char *library_of(const void *caller)
{
    Dl_info info;
    if (is_ours(caller))
        return "evenkeel";
    if (!dladdr(caller, &info))
        return "?";
    const char *slash = strrchr(info.dli_fname, '/');
    return slash ? slash + 1 : info.dli_fname;
}

/* The first frame that is neither here nor a sanitizer's. */
static int caller_of(void *const *frames, int count)
{
    int i = 0;
    for (size_t b = 0; i < count && b < between_count; b++)
        if (is_in(between[b], frames[i])) {
            i++;
            b = (size_t)-1;
        }
    return i;
}

static struct site *site_of(const char *function, const char *by, void *const *frames, int count)
{
    uint64_t callers[CALLERS_MAX] = {0};
    int used = 0;
    uint64_t hash = mix_text(mix_text(1, function), by);
    for (int i = caller_of(frames, count); i < count && used < depth; i++)
        if (is_ours(frames[i])) {
            callers[used] = (uintptr_t)frames[i] - program.begin;
            hash = mix(hash, callers[used++]);
        }
    hash = hash ? hash : 1;
    for (size_t at = hash % SITES_MAX, tried = 0; tried < SITES_MAX; tried++) {
        struct site *site = &sites[(at + tried) % SITES_MAX];
        uint64_t found = 0;
        if (atomic_compare_exchange_strong(&site->hash, &found, hash)) {
            strncpy(site->function, function, sizeof site->function - 1);
            strncpy(site->by, by, sizeof site->by - 1);
            memcpy(site->callers, callers, sizeof callers);
            return site;
        }
        if (found == hash)
            return site;
    }
    abort(); /* SITES_MAX is too small */
}

static long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int is_the_one(struct site *site)
{
    uint32_t number = atomic_fetch_add(&site->calls, 1) + 1;
    if (number != nth || site->done || (wanted && site->hash != wanted) ||
        mix(site->hash, seed) % out_of != 0 || (only_ours && strcmp(site->by, "evenkeel") != 0))
        return 0;
    long last = atomic_load(&failed_last_ms);
    long now = now_ms();
    if ((last && now - last < gap_ms) ||
        !atomic_compare_exchange_strong(&failed_last_ms, &last, now))
        return 0;
    site->failed = (uint16_t)(atomic_fetch_add(&failed_count, 1) + 1);
    return 1;
}

/* What goes on inside a library is its own affair, where it talks to the system is not. */
static int is_internal(const char *function, const char *by)
{
    if (strncmp(function, "sqlite3_", 8) == 0)
        return strcmp(by, "evenkeel") != 0;
    return isupper((unsigned char)function[0]) && strcmp(by, "evenkeel") != 0 &&
           strncmp(by, "libmongoc", 9) != 0;
}

static __attribute__((noinline)) int fails(const char *function)
{
    void *frames[FRAMES_MAX];
    if (!sites || inside)
        return 0;
    int error = errno;
    inside = 1;
    int count = backtrace(frames, FRAMES_MAX);
    int caller = caller_of(frames, count);
    const char *by = caller < count ? library_of(frames[caller]) : "?";
    struct site *site = is_internal(function, by) ? NULL : site_of(function, by, frames, count);
    inside = 0;
    errno = error;
    if (!site)
        return 0;
    return is_the_one(site);
}

/* The same for memory, which is asked for often: without looking further than need be. */
static __attribute__((noinline)) int memory_fails(const char *function, const void *caller)
{
    if (!sites || inside)
        return 0;
    int counts = is_ours(caller);
    for (size_t i = 0; i < reporting_count; i++)
        counts |= is_in(reporting[i], caller);
    if (!counts)
        return 0;
    void *frames[FRAMES_MAX];
    inside = 1;
    int count = backtrace(frames, FRAMES_MAX);
    struct site *site = site_of(function, library_of(caller), frames, count);
    inside = 0;
    return is_the_one(site);
}

/* ---- the functions ---- */

#define WORDS long a, long b, long c, long d, long e, long f, long g, long h
#define PASS a, b, c, d, e, f, g, h

static void *next_of(const char *name)
{
    int before = inside;
    inside = 1;
    void *found = dlsym(RTLD_NEXT, name);
    inside = before;
    return found;
}

#define REAL(name)                                                                                 \
    ({                                                                                             \
        static long (*real)(WORDS);                                                                \
        if (!real)                                                                                 \
            real = (long (*)(WORDS))(uintptr_t)next_of(#name);                                     \
        real;                                                                                      \
    })

#define FAIL(name, value, number)                                                                  \
    long fail_##name(WORDS) __asm__(#name);                                                        \
    long fail_##name(WORDS)                                                                        \
    {                                                                                              \
        if (fails(#name)) {                                                                        \
            errno = number;                                                                        \
            return value;                                                                          \
        }                                                                                          \
        return REAL(name)(PASS);                                                                   \
    }
#define FAIL_MEMORY(name, value)                                                                   \
    long fail_##name(WORDS) __asm__(#name);                                                        \
    long fail_##name(WORDS)                                                                        \
    {                                                                                              \
        if (memory_fails(#name, __builtin_return_address(0))) {                                    \
            errno = ENOMEM;                                                                        \
            return value;                                                                          \
        }                                                                                          \
        return REAL(name)(PASS);                                                                   \
    }
#include "tests/torture/calls.def"

/* Closed all the same, as Linux does. */
#define FAIL_CLOSE(name)                                                                           \
    long fail_##name(WORDS) __asm__(#name);                                                        \
    long fail_##name(WORDS)                                                                        \
    {                                                                                              \
        long result = REAL(name)(PASS);                                                            \
        if (!fails(#name))                                                                         \
            return result;                                                                         \
        errno = EIO;                                                                               \
        return -1;                                                                                 \
    }
FAIL_CLOSE(close)
FAIL_CLOSE(fclose)

/* Less is written than was asked for: no failure, so it has to go on. */
#define FAIL_WRITE(name)                                                                           \
    long fail_##name(WORDS) __asm__(#name);                                                        \
    long fail_##name(WORDS)                                                                        \
    {                                                                                              \
        if (c > 1 && fails(#name "~short"))                                                        \
            return REAL(name)(a, b, c / 2, d, e, f, g, h);                                         \
        if (!fails(#name))                                                                         \
            return REAL(name)(PASS);                                                               \
        errno = ENOSPC;                                                                            \
        return -1;                                                                                 \
    }
FAIL_WRITE(write)
FAIL_WRITE(pwrite)

/* A signal came: no failure either. */
#define FAIL_INTERRUPTED(name, number)                                                             \
    long fail_##name(WORDS) __asm__(#name);                                                        \
    long fail_##name(WORDS)                                                                        \
    {                                                                                              \
        if (fails(#name "~interrupted")) {                                                         \
            errno = EINTR;                                                                         \
            return -1;                                                                             \
        }                                                                                          \
        if (!fails(#name))                                                                         \
            return REAL(name)(PASS);                                                               \
        errno = number;                                                                            \
        return -1;                                                                                 \
    }
FAIL_INTERRUPTED(read, EIO)
FAIL_INTERRUPTED(poll, ENOMEM)
FAIL_INTERRUPTED(waitpid, ECHILD)

long fail_getaddrinfo(WORDS) __asm__("getaddrinfo");
long fail_getaddrinfo(WORDS)
{
    return fails("getaddrinfo") ? -3 /* EAI_AGAIN */ : REAL(getaddrinfo)(PASS);
}

long fail_yaml_parser_parse(WORDS) __asm__("yaml_parser_parse");
long fail_yaml_parser_parse(WORDS)
{
    if (!fails("yaml_parser_parse"))
        return REAL(yaml_parser_parse)(PASS);
    *(int *)a = 1; /* YAML_MEMORY_ERROR */
    return 0;
}

/* Without what it was to give. */
#define FAIL_GIVING(name, value, given)                                                            \
    long fail_##name(WORDS) __asm__(#name);                                                        \
    long fail_##name(WORDS)                                                                        \
    {                                                                                              \
        if (!fails(#name))                                                                         \
            return REAL(name)(PASS);                                                               \
        *(void **)(given) = NULL;                                                                  \
        return value;                                                                              \
    }
FAIL_GIVING(sqlite3_open_v2, 14, b)
FAIL_GIVING(sqlite3_prepare_v2, 10, d)

/* ---- the servers' commands ---- */

static void lose_connection(bson_error_t *error)
{
    *error = (bson_error_t){.domain = 2 /* stream */, .code = 4 /* socket */};
    strcpy(error->message, "socket error or timeout");
}

long fail_select_server(WORDS) __asm__("mongoc_client_select_server");
long fail_select_server(WORDS)
{
    if (!fails("mongoc_client_select_server"))
        return REAL(mongoc_client_select_server)(PASS);
    lose_connection((bson_error_t *)d);
    return 0;
}

/* Lost on its way there, lost on its way back, or refused by the server. */
long fail_command(WORDS) __asm__("mongoc_client_command_simple");
long fail_command(WORDS)
{
    bson_t *reply = (bson_t *)e;
    bson_error_t *error = (bson_error_t *)f;
    if (fails("command~not-sent")) {
        bson_init(reply);
        lose_connection(error);
        return 0;
    }
    if (fails("command~refused")) {
        *error = (bson_error_t){.domain = 17 /* server */, .code = 11602};
        strcpy(error->message, "operation was interrupted");
        bson_init(reply);
        BSON_APPEND_DOUBLE(reply, "ok", 0);
        BSON_APPEND_INT32(reply, "code", 11602);
        BSON_APPEND_UTF8(reply, "errmsg", error->message);
        return 0;
    }
    long result = REAL(mongoc_client_command_simple)(PASS);
    if (fails("command~answer-lost")) {
        bson_destroy(reply);
        bson_init(reply);
        lose_connection(error);
        return 0;
    }
    return result;
}
