/* Loaded before a program: makes the Nth call of one function fail, with the error it would have.
 *
 * FAIL_CALL names the function, FAIL_N the call (from 1; 0: none), FAIL_COUNT a file that gets the
 * number of calls there were. Only the program itself is meant, not the commands that it runs, and
 * of memory only what its own code asks for: some libraries abort by design when there is none. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *wanted;
static long nth;
static atomic_long calls;

__attribute__((constructor)) static void begin(void)
{
    const char *number = getenv("FAIL_N");
    if (strcmp(program_invocation_short_name, "evenkeel") != 0)
        return;
    nth = number ? atol(number) : 0;
    wanted = getenv("FAIL_CALL");
}

__attribute__((destructor)) static void end(void)
{
    const char *path = wanted ? getenv("FAIL_COUNT") : NULL;
    FILE *file = path ? fopen(path, "w") : NULL;
    if (!file)
        return;
    fprintf(file, "%ld\n", atomic_load(&calls));
    fclose(file);
}

static int fails(const char *name)
{
    return wanted && strcmp(wanted, name) == 0 && atomic_fetch_add(&calls, 1) + 1 == nth;
}

static int by_the_program(const void *caller)
{
    Dl_info info;
    return dladdr(caller, &info) && strstr(info.dli_fname, "evenkeel") != NULL;
}

int __open_2(const char *path, int flags);
int __openat_2(int directory, const char *path, int flags);

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define FAIL(name, parameters, arguments, type, error)                                             \
    type name parameters                                                                           \
    {                                                                                              \
        if (fails(#name)) {                                                                        \
            errno = error;                                                                         \
            return -1;                                                                             \
        }                                                                                          \
        return REAL(name) arguments;                                                               \
    }

FAIL(write, (int fd, const void *data, size_t size), (fd, data, size), ssize_t, ENOSPC)
FAIL(read, (int fd, void *data, size_t size), (fd, data, size), ssize_t, EIO)
FAIL(__open_2, (const char *path, int flags), (path, flags), int, EMFILE)
FAIL(__openat_2, (int directory, const char *path, int flags), (directory, path, flags), int,
     EMFILE)
FAIL(mkostemp, (char *path, int flags), (path, flags), int, ENOSPC)
FAIL(link, (const char *from, const char *to), (from, to), int, EPERM)
FAIL(pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at), ssize_t,
     ENOSPC)
FAIL(ftruncate, (int fd, off_t size), (fd, size), int, EIO)
FAIL(fsync, (int fd), (fd), int, EIO)
FAIL(rename, (const char *from, const char *to), (from, to), int, EACCES)
FAIL(mkdir, (const char *path, mode_t mode), (path, mode), int, ENOSPC)
FAIL(connect, (int fd, const struct sockaddr *to, socklen_t size), (fd, to, size), int, ENETUNREACH)
FAIL(socket, (int domain, int type, int protocol), (domain, type, protocol), int, EMFILE)
FAIL(pipe2, (int fds[2], int flags), (fds, flags), int, EMFILE)
FAIL(fork, (void), (), pid_t, EAGAIN)
FAIL(fchmod, (int fd, mode_t mode), (fd, mode), int, EPERM)

int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
    va_end(args);
    if (fails("open")) {
        errno = EMFILE;
        return -1;
    }
    return REAL(open)(path, flags, mode);
}

int openat(int directory, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
    va_end(args);
    if (fails("openat")) {
        errno = EMFILE;
        return -1;
    }
    return REAL(openat)(directory, path, flags, mode);
}

FILE *fopen(const char *path, const char *mode)
{
    if (fails("fopen")) {
        errno = EMFILE;
        return NULL;
    }
    return REAL(fopen)(path, mode);
}

void *malloc(size_t size)
{
    static void *(*real)(size_t);
    if (!real)
        real = REAL(malloc);
    if (wanted && wanted[0] == 'm' && by_the_program(__builtin_return_address(0)) &&
        fails("malloc")) {
        errno = ENOMEM;
        return NULL;
    }
    return real(size);
}

void *realloc(void *memory, size_t size)
{
    static void *(*real)(void *, size_t);
    if (!real)
        real = REAL(realloc);
    if (wanted && wanted[0] == 'r' && by_the_program(__builtin_return_address(0)) &&
        fails("realloc")) {
        errno = ENOMEM;
        return NULL;
    }
    return real(memory, size);
}
