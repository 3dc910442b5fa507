/* Where a path leads on this machine, walked so that nobody else decides it.
 *
 * We may be root, and a part of the path may belong to a server's user, who could put a link in the
 * place of a directory or a file. A link is followed only when root or we ourselves made it in a
 * directory that nobody else writes to; every name is looked up in the directory that was just
 * opened, so that a swap afterwards changes nothing. */
#ifndef EK_DRIVERS_HOST_PLACE_H
#define EK_DRIVERS_HOST_PLACE_H

#include <limits.h>
#include <stdbool.h>

#include "drivers/host/files.h"
#include "reconciler/base/error.h"

/* A name in an open directory. */
struct ek_host_place {
    int directory; /* descriptor (O_PATH) */
    char name[NAME_MAX + 1];
};
void ek_host_place_done(struct ek_host_place *place);
#define EK_HOST_PLACE EK_CLEANUP(ek_host_place_done) struct ek_host_place

/* How to get there. */
struct ek_host_way {
    bool follow; /* also a link that stands at the end of the path */
    bool make;   /* directories that are missing: 0750, ours, of the owner's group */
    const struct ek_owner *owner; /* or NULL: nobody in particular */
};

/* Go to the last directory of the path. What the name is, if anything, is not looked at. The caller
 * calls ek_host_place_done. EK_NOT_FOUND (EK-0415): a directory is missing; EK_DENIED (EK-0427): a
 * link on the way that is not followed; EK-0415 else. */
int ek_host_place_find(const char *path, const struct ek_host_way *way,
                       struct ek_host_place *ret_place, struct ek_error *err);

/* Open what the path leads to for reading, links followed as above: a regular file, without
 * waiting. The caller closes *ret_fd. */
int ek_host_file_open(const char *path, int *ret_fd, struct ek_error *err);

#endif
