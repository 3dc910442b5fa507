/* GitHub, and GitHub Enterprise Server below /api/v3. */
#include <string.h>

#include "drivers/forge/drivers.h"

static const char *const headers[] = {
    "Accept: application/vnd.github+json",
    "X-GitHub-Api-Version: 2022-11-28",
    NULL,
};

static void comments_path(const char *repository, const char *pull_request, struct ek_buffer *path)
{
    ek_forge_issue_comments_path(repository, pull_request, path);
    ek_buffer_text_add(path, "?per_page=100");
}

/* The token of a workflow, or of any app, acts as a bot. */
static bool by_ci(const json_t *comment)
{
    const char *type = json_string_value(json_object_get(json_object_get(comment, "user"), "type"));
    return type && strcmp(type, "Bot") == 0;
}

const struct ek_forge_driver ek_forge_github = {
    .name = "github",
    .title = "GitHub",
    .token_header = "Authorization: Bearer ",
    .headers = headers,
    .update_method = "PATCH",
    .author_key = "user",
    .states = {[EK_FORGE_PENDING] = "pending",
               [EK_FORGE_SUCCESS] = "success",
               [EK_FORGE_FAILURE] = "failure"},
    .context_key = "context",
    .comment_max = 65536,
    .description_max = 140,
    .comments_path = comments_path,
    .comment_path = ek_forge_issue_comment_path,
    .status_path = ek_forge_statuses_path,
    .by_ci = by_ci,
};
