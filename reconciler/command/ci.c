#include "reconciler/command/ci.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/file.h"
#include "reconciler/base/json.h"
#include "reconciler/base/memory.h"

enum { EVENT_MOST = 32 << 20 };

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && value[0] ? value : NULL;
}

/* Keep a copy of what was found out; NULL: of nothing. The detection fails where there is no memory
 * for one. */
static char *keep(struct ek_ci *ci, const char *value)
{
    char *copy = value ? strdup(value) : NULL;
    ci->failed |= value && !copy;
    return copy;
}

/* The first of the variables that is set. */
static char *first(struct ek_ci *ci, const char *one, const char *other)
{
    const char *value = variable(one);
    if (!value && other)
        value = variable(other);
    return keep(ci, value);
}

static bool is_true(const char *name)
{
    const char *value = variable(name);
    return value && strcmp(value, "true") == 0;
}

/* ---- GitHub Actions, and what is made in its image --------------------------------------- */

static const char *commit_of(const json_t *pull_request)
{
    return json_string_value(json_object_get(json_object_get(pull_request, "head"), "sha"));
}

/* The pull request is told by the event alone: GITHUB_SHA may be a merge that only CI knows. */
static int read_event(struct ek_ci *ci, struct ek_error *err)
{
    EK_BUFFER text = {0};
    struct ek_error problem = {0};
    const char *path = variable("GITHUB_EVENT_PATH");
    if (!path)
        return 0;
    if (ek_input_read(path, EVENT_MOST, &text, &problem) != 0)
        return ek_fail(err, problem.code, "EK-1216", "GITHUB_EVENT_PATH can't be read: %s",
                       problem.sentence);
    json_t *event = NULL;
    if (ek_json_read(ek_buffer_text(&text), text.length, 0, &event, NULL) == EK_NO_MEMORY)
        return ek_no_memory(err);
    if (!json_is_object(event)) {
        json_decref(event);
        return ek_fail(err, EK_INVALID, "EK-1216", "GITHUB_EVENT_PATH holds no event: %s", path);
    }
    const json_t *pull_request = json_object_get(event, "pull_request");
    json_int_t number = json_integer_value(json_object_get(pull_request, "number"));
    if (number == 0 && pull_request)
        number = json_integer_value(json_object_get(event, "number"));
    if (number > 0) {
        char digits[24];
        snprintf(digits, sizeof digits, "%" JSON_INTEGER_FORMAT, number);
        ci->pull_request = keep(ci, digits);
        ci->commit = keep(ci, commit_of(pull_request));
    }
    json_decref(event);
    return 0;
}

/* refs/pull/12/merge */
static char *number_of_reference(struct ek_ci *ci)
{
    static const char prefix[] = "refs/pull/";
    const char *reference = variable("GITHUB_REF");
    if (!reference || strncmp(reference, prefix, sizeof prefix - 1) != 0)
        return NULL;
    const char *number = reference + sizeof prefix - 1;
    char *copy = strndup(number, strcspn(number, "/"));
    ci->failed |= !copy;
    return copy;
}

static char *joined(struct ek_ci *ci, const char *repository, const char *number)
{
    const char *server = variable("GITHUB_SERVER_URL");
    EK_BUFFER text = {0};
    if (!server || !repository || !number)
        return NULL;
    ek_buffer_text_add(&text, server);
    ek_buffer_printf(&text, "/%s/actions/runs/%s", repository, number);
    ci->failed |= text.failed;
    return ek_buffer_take(&text);
}

static int actions(struct ek_ci *ci, bool gitea, struct ek_error *err)
{
    const char *server = variable("GITHUB_SERVER_URL");
    const char *repository = variable("GITHUB_REPOSITORY");
    EK_BUFFER url = {0};
    ci->forge = keep(ci, gitea ? "gitea" : "github");
    ci->repository = first(ci, "GITHUB_REPOSITORY", NULL);
    ci->url = first(ci, "GITHUB_API_URL", NULL);
    if (!ci->url && gitea && server) {
        ek_buffer_printf(&url, "%s/api/v1", server);
        ci->failed |= url.failed;
        ci->url = ek_buffer_take(&url);
    }
    if (!ci->url && !gitea)
        ci->url = keep(ci, "https://api.github.com");
    /* Gitea counts the runs of a repository, GitHub those of all. */
    ci->run = joined(ci, repository, variable(gitea ? "GITHUB_RUN_NUMBER" : "GITHUB_RUN_ID"));
    int result = read_event(ci, err);
    if (result != 0)
        return result;
    if (!ci->pull_request)
        ci->pull_request = number_of_reference(ci);
    if (!ci->commit && !ci->pull_request)
        ci->commit = first(ci, "GITHUB_SHA", NULL);
    return 0;
}

/* ---- GitLab CI --------------------------------------------------------------------------- */

static void gitlab(struct ek_ci *ci)
{
    ci->forge = keep(ci, "gitlab");
    ci->url = first(ci, "CI_API_V4_URL", NULL);
    ci->repository = first(ci, "CI_MERGE_REQUEST_PROJECT_ID", "CI_PROJECT_ID");
    ci->pull_request = first(ci, "CI_MERGE_REQUEST_IID", NULL);
    ci->commit = first(ci, "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", "CI_COMMIT_SHA");
    ci->run = first(ci, "CI_JOB_URL", "CI_PIPELINE_URL");
}

int ek_ci_detect(struct ek_ci *ret_ci, struct ek_error *err)
{
    struct ek_ci ci = {0};
    int result = 0;
    if (is_true("GITLAB_CI"))
        gitlab(&ci);
    else if (is_true("GITEA_ACTIONS") || is_true("FORGEJO_ACTIONS"))
        result = actions(&ci, true, err);
    else if (is_true("GITHUB_ACTIONS"))
        result = actions(&ci, false, err);
    if (result == 0 && ci.failed)
        result = ek_no_memory(err);
    if (result == 0)
        *ret_ci = ci;
    else
        ek_ci_done(&ci);
    return result;
}

void ek_ci_done(struct ek_ci *ci)
{
    free(ci->forge);
    free(ci->url);
    free(ci->repository);
    free(ci->pull_request);
    free(ci->commit);
    free(ci->run);
    *ci = (struct ek_ci){0};
}
