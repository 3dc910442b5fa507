/* Gitea and Forgejo: much as GitHub, below /api/v1. */
#include <string.h>

#include "drivers/forge/drivers.h"

static const char *const headers[] = {"Accept: application/json", NULL};

/* The token of a workflow belongs to a user that nobody can register as. */
static bool by_ci(const json_t *comment)
{
    const json_t *user = json_object_get(comment, "user");
    const char *login = json_string_value(json_object_get(user, "login"));
    return json_integer_value(json_object_get(user, "id")) < 0 && login &&
           (strcmp(login, "gitea-actions") == 0 || strcmp(login, "forgejo-actions") == 0);
}

const struct ek_forge_driver ek_forge_gitea = {
    .name = "gitea",
    .title = "Gitea",
    .token_header = "Authorization: token ",
    .headers = headers,
    .update_method = "PATCH",
    .author_key = "user",
    .states = {[EK_FORGE_PENDING] = "pending",
               [EK_FORGE_SUCCESS] = "success",
               [EK_FORGE_FAILURE] = "failure"},
    .context_key = "context",
    /* No limit is documented. A text column of MySQL may end here. */
    .comment_max = 65535,
    .description_max = 255,
    .comments_path = ek_forge_issue_comments_path, /* all come at once */
    .comment_path = ek_forge_issue_comment_path,
    .status_path = ek_forge_statuses_path,
    .by_ci = by_ci,
    .missing_words = "does not exist", /* "issue does not exist [id: 0, …" of 1.26 */
};
