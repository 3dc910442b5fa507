/* Paths of the GitHub kind. */
#include "drivers/forge/drivers.h"

void ek_forge_issue_comments_path(const char *repository, const char *pull_request,
                                  struct ek_buffer *path)
{
    ek_buffer_printf(path, "/repos/%s/issues/%s/comments", repository, pull_request);
}

void ek_forge_issue_comment_path(const char *repository, const char *pull_request, const char *id,
                                 struct ek_buffer *path)
{
    if (id)
        ek_buffer_printf(path, "/repos/%s/issues/comments/%s", repository, id);
    else
        ek_forge_issue_comments_path(repository, pull_request, path);
}

void ek_forge_statuses_path(const char *repository, const char *commit, struct ek_buffer *path)
{
    ek_buffer_printf(path, "/repos/%s/statuses/%s", repository, commit);
}
