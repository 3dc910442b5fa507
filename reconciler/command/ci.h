/* What the environment of a CI system tells about the run. */
#ifndef EK_COMMAND_CI_H
#define EK_COMMAND_CI_H

#include <stdbool.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/error.h"

/* Strings are NULL where nothing is told; owned, free with ek_ci_done. */
struct ek_ci {
    char *forge; /* "github", "gitlab", "gitea" */
    char *url;   /* of the REST interface */
    char *repository;
    char *pull_request;
    char *commit; /* the pull request's own newest commit, not a merge that CI made of it */
    char *run;    /* the page of the run */
    bool failed;  /* while detecting: there was no memory for one of them */
};

/* GitHub Actions, GitLab CI, Gitea and Forgejo Actions; elsewhere everything is NULL. EK-1216
 * when the file that describes the event can't be read, EK-0599 without memory. */
int ek_ci_detect(struct ek_ci *ret_ci, struct ek_error *err);
void ek_ci_done(struct ek_ci *ci);
#define EK_CI EK_CLEANUP(ek_ci_done) struct ek_ci

#endif
