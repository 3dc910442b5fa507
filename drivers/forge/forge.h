/* The hosts of git repositories as people see them: comments on pull requests, statuses of
 * commits. GitHub, GitLab and Gitea (Forgejo speaks the same), over REST. */
#ifndef EK_DRIVERS_FORGE_FORGE_H
#define EK_DRIVERS_FORGE_FORGE_H

#include <stddef.h>
#include <stdint.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/error.h"

struct ek_forge_driver;

/* Where something is said. Borrowed. */
struct ek_forge_place {
    const char *forge;        /* name of a driver: "github", "gitlab", "gitea" */
    const char *url;          /* of the REST interface: "https://api.github.com" */
    const char *repository;   /* "owner/name"; GitLab also a project's number */
    const char *pull_request; /* its number; NULL where only a status is set */
    const char *commit;       /* full id; NULL where only a comment is made */
};

struct ek_forge_login {
    const char *token_file; /* holds the token alone */
    const char *ca_file; /* authorities in PEM that are trusted instead of the system's, or NULL */
};

enum ek_forge_state { EK_FORGE_PENDING, EK_FORGE_SUCCESS, EK_FORGE_FAILURE };

struct ek_forge_status {
    enum ek_forge_state state;
    const char *context;     /* what tells it from other statuses of the commit */
    const char *description; /* one line; cut to what the host takes */
    const char *target_url;  /* https, or NULL */
};

/* What ek_forge_comment did. */
struct ek_forge_said {
    size_t made, changed, kept, removed;
};

struct ek_forge; /* opaque: a place and how it is talked to */

/* Check the place and read the token. `patience_ms` is how long in all a request is repeated while
 * the host is busy; a single one takes 30 seconds at most, or as long. Errors: EK-1204 (no such
 * forge, a place that makes no sense), EK-1205 (the token). Nothing is sent yet. */
int ek_forge_open(const struct ek_forge_place *place, const struct ek_forge_login *login,
                  int64_t patience_ms, struct ek_forge **ret_forge, struct ek_error *err);
void ek_forge_close(struct ek_forge *forge);
void ek_forge_cleanup(struct ek_forge **forge);
#define EK_FORGE EK_CLEANUP(ek_forge_cleanup) struct ek_forge

/* Make the pull request show this Markdown (without a marker) as the comment of `fleet`: the
 * comments that this token's user made about it are changed, made or removed as needed, and none
 * of anybody else. Run again it goes on where it was stopped. Errors EK-1206 to EK-1214. */
int ek_forge_comment(struct ek_forge *forge, const char *markdown, const char *fleet,
                     struct ek_forge_said *ret_said, struct ek_error *err);

/* Set a commit's status. Errors EK-1206 to EK-1214. */
int ek_forge_status(struct ek_forge *forge, const struct ek_forge_status *status,
                    struct ek_error *err);

/* What a host is called; "GitHub". */
const char *ek_forge_title(const struct ek_forge *forge);

#endif
