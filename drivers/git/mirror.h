/* Inside drivers/git/: bare mirrors of remote repositories in the cache directory. */
#ifndef EK_DRIVERS_GIT_MIRROR_H
#define EK_DRIVERS_GIT_MIRROR_H

#include "drivers/git/git.h"
#include "drivers/git/library.h"

/* A mirror that is locked against other processes and threads while it is held. */
struct ek_mirror {
    git_repository *repository;
    int lock; /* descriptor */
};

/* Release; safe on one made by EK_MIRROR that was never opened. */
void ek_mirror_close(struct ek_mirror *mirror);
#define EK_MIRROR EK_CLEANUP(ek_mirror_close) struct ek_mirror

/* Open or create the mirror of `address` below request->cache, wait for whoever holds it
 * (EK_LOCKED, EK-0613, after two minutes), and fetch every branch and tag, those that are gone
 * removed. References move only once all objects are there, so that a fetch that is killed
 * leaves the mirror as it was. HEAD follows the remote's. */
int ek_mirror_open(const struct ek_git_request *request, const char *address,
                   struct ek_mirror *ret_mirror, struct ek_error *err);

#endif
