/* Files that hold a secret: nobody but their owner may have a look. */
#ifndef EK_BASE_SECRET_FILE_H
#define EK_BASE_SECRET_FILE_H

#include <stddef.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/error.h"

struct ek_secret_file {
    const char *path;
    size_t max;             /* bytes; a longer file is EK_INVALID */
    const char *unreadable; /* row of the catalogue for one that can't be read */
    const char *too_open;   /* and for one that others may use too */
};

/* Read it; wipe what comes back. A regular file of ours or root's with mode 0600 or stricter; a
 * credential that the service manager gave us may show our group's right to read it. EK_NOT_FOUND
 * when there is none; EK_INVALID when it is no regular file; EK_DENIED, with what to do as the
 * hint, when it is too open. */
int ek_secret_file_read(const struct ek_secret_file *file, struct ek_buffer *ret_content,
                        struct ek_error *err);

#endif
