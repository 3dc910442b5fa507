/* GitLab: notes on merge requests, below /api/v4. */
#include <stdio.h>
#include <string.h>

#include "drivers/forge/drivers.h"

static const char *const headers[] = {"Accept: application/json", NULL};

static void comments_path(const char *repository, const char *pull_request, struct ek_buffer *path)
{
    ek_buffer_printf(path,
                     "/projects/%s/merge_requests/%s/"
                     "notes?order_by=created_at&sort=asc&per_page=100",
                     repository, pull_request);
}

static void comment_path(const char *repository, const char *pull_request, const char *id,
                         struct ek_buffer *path)
{
    ek_buffer_printf(path, "/projects/%s/merge_requests/%s/notes%s%s", repository, pull_request,
                     id ? "/" : "", id ? id : "");
}

static void status_path(const char *repository, const char *commit, struct ek_buffer *path)
{
    ek_buffer_printf(path, "/projects/%s/statuses/%s", repository, commit);
}

/* GitLab refuses to set a status to what it is: "Cannot transition status via :enqueue from
 * :pending". */
static bool is_so_already(const struct ek_forge_status *status, const char *message)
{
    char from[32];
    snprintf(from, sizeof from, "from :%s", ek_forge_gitlab.states[status->state]);
    return strstr(message, "Cannot transition status") && strstr(message, from);
}

const struct ek_forge_driver ek_forge_gitlab = {
    .name = "gitlab",
    .title = "GitLab",
    .token_header = "PRIVATE-TOKEN: ",
    .headers = headers,
    .update_method = "PUT",
    .author_key = "author",
    .states = {[EK_FORGE_PENDING] = "pending",
               [EK_FORGE_SUCCESS] = "success",
               [EK_FORGE_FAILURE] = "failed"},
    .context_key = "name",
    .comment_max = 1000000,
    .description_max = 255,
    .project_is_number = true,
    .comments_path = comments_path,
    .comment_path = comment_path,
    .status_path = status_path,
    .is_so_already = is_so_already,
};
