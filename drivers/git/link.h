/* Symbolic links of a commit's tree. */
#ifndef EK_DRIVERS_GIT_LINK_H
#define EK_DRIVERS_GIT_LINK_H

#include <stdbool.h>

#include <git2.h>

#include "reconciler/base/error.h"

/* Whether the path, with every link on its way followed, is a folder (or a submodule) of the tree.
 * A link that leads out of the tree, nowhere or in a circle is none. EK_NO_MEMORY. */
int ek_git_link_is_folder(git_tree *root, const char *path, bool *ret_folder, struct ek_error *err);

#endif
