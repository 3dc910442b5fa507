/* Inside drivers/git/: a repository opened, and the specs of one of its commits. */
#ifndef EK_DRIVERS_GIT_READ_H
#define EK_DRIVERS_GIT_READ_H

#include "drivers/git/git.h"
#include "drivers/git/library.h"
#include "drivers/git/mirror.h"

/* A repository on this machine, or the fresh mirror of a remote one, held until it is closed. */
struct ek_git_opened {
    git_repository *repository;
    struct ek_mirror mirror; /* of a remote one: owns the repository */
};

int ek_git_open(const struct ek_git_request *request, struct ek_git_opened *ret_opened,
                struct ek_error *err);
void ek_git_close(struct ek_git_opened *opened);
#define EK_GIT_OPENED EK_CLEANUP(ek_git_close) struct ek_git_opened

/* The spec files below request->path in the commit; EK-0608 without such a folder, EK-0609
 * without specs in it. */
int ek_git_commit_read(git_commit *commit, const struct ek_git_request *request,
                       struct ek_spec_files *ret_files, struct ek_error *err);

/* The same without any file: only which commit it is. */
int ek_git_commit_name(git_commit *commit, const struct ek_git_request *request,
                       struct ek_spec_files *ret_files, struct ek_error *err);

#endif
