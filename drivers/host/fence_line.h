/* What stands in a member's fence: one line of a fixed length, so that writing it anew needs no
 * room on the disk. */
#ifndef EK_DRIVERS_HOST_FENCE_LINE_H
#define EK_DRIVERS_HOST_FENCE_LINE_H

#include <stddef.h>
#include <stdint.h>

#include "drivers/host/fence_mark.h"
#include "drivers/host/host.h"
#include "reconciler/base/error.h"

#define EK_FENCE_LINE 160 /* bytes, its line end included */

struct ek_fence_line {
    struct ek_fence_mark mark;
    int64_t pid; /* of who had the last turn, and its host: for people */
    char host[65];
};

/* No bytes: a fence that nobody had yet, all zero. EK_INVALID (EK-1017) when it is damaged. */
int ek_fence_line_read(const char *text, size_t length, const char *path,
                       struct ek_fence_line *ret_line, struct ek_error *err);

/* Our own line for this mark. */
void ek_fence_line_write(const struct ek_fence_mark *mine, char ret_text[static EK_FENCE_LINE + 1]);

/* Report that `line` is of somebody whose act is still in progress (EK_TIMEOUT, EK-1016). */
int ek_fence_in_progress(const struct ek_fence_line *line, struct ek_error *err);

/* Report that `line` is ahead of `mine` (EK_STALE, EK-1015). */
int ek_fence_behind(const struct ek_fence_line *line, const struct ek_fence *mine,
                    struct ek_error *err);

#endif
