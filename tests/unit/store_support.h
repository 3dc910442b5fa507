/* A scratch directory and a store in it. */
#ifndef EK_TESTS_STORE_SUPPORT_H
#define EK_TESTS_STORE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "drivers/store/store.h"
#include "reconciler/base/buffer.h"

static char scratch[128];

static inline int scratch_make(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(scratch, sizeof scratch, "%s/ek-store-XXXXXX", base ? base : "/tmp");
    return mkdtemp(scratch) ? 0 : -1;
}

static inline int remove_one(const char *path, const struct stat *status, int kind,
                             struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

static inline int scratch_remove(void **state)
{
    (void)state;
    return nftw(scratch, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline const char *scratch_path(const char *name)
{
    static char paths[4][PATH_MAX];
    static size_t next;
    char *path = paths[next++ % 4];
    snprintf(path, PATH_MAX, "%s/%s", scratch, name);
    return path;
}

#define assert_good(call)                                                                          \
    do {                                                                                           \
        if ((call) != 0)                                                                           \
            fail_msg("%s: %s %s (%s)", #call, err.id, err.sentence, err.cause);                    \
    } while (0)

#define assert_fails(call, expected_code, expected_id)                                             \
    do {                                                                                           \
        err = (struct ek_error){0};                                                                \
        assert_int_equal((call), (expected_code));                                                 \
        assert_string_equal(err.id, (expected_id));                                                \
        assert_int_equal(err.code, (expected_code));                                               \
    } while (0)

#endif
