/* The list of forge drivers; a new one is a file and a row in table.c. */
#ifndef EK_DRIVERS_FORGE_DRIVERS_H
#define EK_DRIVERS_FORGE_DRIVERS_H

#include <jansson.h>
#include <stdbool.h>

#include "drivers/forge/forge.h"

/* What differs between the hosts. All slots MUST be set, unless the comment says MAY. */
struct ek_forge_driver {
    const char *name;
    const char *title;
    const char *token_header;   /* "Authorization: Bearer " */
    const char *const *headers; /* sent with every request, NULL-terminated */
    const char *update_method;  /* "PATCH" */
    const char *author_key;     /* of a comment's author: "user" */
    const char *states[3];      /* by enum ek_forge_state */
    const char *context_key;    /* of a status: "context" */
    size_t comment_max;         /* bytes */
    size_t description_max;     /* characters */
    bool project_is_number;     /* a repository may be given by a number, and is one path segment */
    /* Append paths, beginning with "/". `repository` is as it stands in a path. */
    void (*comments_path)(const char *repository, const char *pull_request, struct ek_buffer *path);
    void (*comment_path)(const char *repository, const char *pull_request, const char *id,
                         struct ek_buffer *path);
    void (*status_path)(const char *repository, const char *commit, struct ek_buffer *path);
    /* Whether a comment is by the program that CI runs, for tokens that may not ask who they are.
     * MAY: no such tokens. */
    bool (*by_ci)(const json_t *comment);
    /* MAY: words of a failure (status 500) that really says that something is not there. */
    const char *missing_words;
    /* MAY: whether a refusal of a status says that it is so already. */
    bool (*is_so_already)(const struct ek_forge_status *status, const char *message);
};

/* Paths that GitHub and those who follow it have in common. */
void ek_forge_issue_comments_path(const char *repository, const char *pull_request,
                                  struct ek_buffer *path);
void ek_forge_issue_comment_path(const char *repository, const char *pull_request, const char *id,
                                 struct ek_buffer *path);
void ek_forge_statuses_path(const char *repository, const char *commit, struct ek_buffer *path);

extern const struct ek_forge_driver ek_forge_github;
extern const struct ek_forge_driver ek_forge_gitlab;
extern const struct ek_forge_driver ek_forge_gitea;

/* NULL-terminated. */
extern const struct ek_forge_driver *const ek_forge_drivers[];

/* The driver of that name, or NULL. */
const struct ek_forge_driver *ek_forge_driver_find(const char *name);

#endif
