/* A file that one process at a time holds. */
#ifndef EK_BASE_LOCK_H
#define EK_BASE_LOCK_H

#include <stdint.h>

#include "reconciler/base/error.h"

/* A file in a directory that is open; `path` is what messages call it. */
struct ek_lock_place {
    int directory; /* descriptor, or AT_FDCWD */
    const char *name;
    const char *path;
};

/* Make the file when it is missing (mode 0600; a link is not followed) and hold it until *ret_fd,
 * which is the caller's, is closed or this process ends. While another process holds it we wait;
 * past `deadline` (ek_monotonic_ms() time) EK_LOCKED. Who was waiting when the file was removed
 * takes the one that has its name since. Errors under row `id`. */
int ek_lock_take(const char *path, const char *id, int64_t deadline, int *ret_fd,
                 struct ek_error *err);
int ek_lock_take_at(const struct ek_lock_place *place, const char *id, int64_t deadline,
                    int *ret_fd, struct ek_error *err);

#endif
