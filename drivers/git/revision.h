/* Inside drivers/git/: from the name of a revision to its commit. */
#ifndef EK_DRIVERS_GIT_REVISION_H
#define EK_DRIVERS_GIT_REVISION_H

#include "drivers/git/library.h"

/* The commit of a branch, a tag, a commit id (four digits or more) or an expression of those
 * such as main~1; HEAD when `revision` is NULL or empty. A branch counts before a tag, and both
 * before an abbreviated id. EK_NOT_FOUND (EK-0606) names near branches and tags; EK_CONFLICT
 * (EK-0607) when an abbreviation fits several objects; EK-0617 when there is no commit at all. */
int ek_git_revision(git_repository *repository, const char *revision, git_commit **ret_commit,
                    struct ek_error *err);

#endif
