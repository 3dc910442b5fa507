/* Inside drivers/git/: the spec files of a commit. */
#ifndef EK_DRIVERS_GIT_TREE_H
#define EK_DRIVERS_GIT_TREE_H

#include "drivers/git/collection.h"
#include "drivers/git/library.h"

/* Add the spec files of the commit's tree, or of the folder (or file) `path` in it; NULL or ""
 * means all. EK-0608 when there is no such path. */
int ek_git_tree_collect(git_commit *commit, const char *path, struct ek_collection *collection,
                        struct ek_error *err);

#endif
