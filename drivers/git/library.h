/* Inside drivers/git/: libgit2 itself, started once, and its errors as ours. */
#ifndef EK_DRIVERS_GIT_LIBRARY_H
#define EK_DRIVERS_GIT_LIBRARY_H

#include <git2.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/error.h"

/* Start libgit2, once for the process; safe to call from several threads. */
int ek_git_library(struct ek_error *err);

/* Report a libgit2 failure: rows for an unreachable host, refused credentials, an untrusted
 * host and a repository that is not there; anything else becomes row `id`. libgit2's own words
 * go to the cause. Returns the code. */
int ek_git_fail(struct ek_error *err, int git_code, const char *id, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

void ek_git_repository_cleanup(git_repository **repository);
void ek_git_commit_cleanup(git_commit **commit);
void ek_git_tree_cleanup(git_tree **tree);
void ek_git_object_cleanup(git_object **object);
void ek_git_reference_cleanup(git_reference **reference);
void ek_git_remote_cleanup(git_remote **remote);

#define EK_GIT_REPOSITORY EK_CLEANUP(ek_git_repository_cleanup) git_repository
#define EK_GIT_COMMIT EK_CLEANUP(ek_git_commit_cleanup) git_commit
#define EK_GIT_TREE EK_CLEANUP(ek_git_tree_cleanup) git_tree
#define EK_GIT_OBJECT EK_CLEANUP(ek_git_object_cleanup) git_object
#define EK_GIT_REFERENCE EK_CLEANUP(ek_git_reference_cleanup) git_reference
#define EK_GIT_REMOTE EK_CLEANUP(ek_git_remote_cleanup) git_remote

#endif
