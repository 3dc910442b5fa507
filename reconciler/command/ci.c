#include "reconciler/command/ci.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/file.h"
#include "reconciler/base/memory.h"

enum { EVENT_MOST = 32 << 20 };

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && value[0] ? value : NULL;
}

/* The first of the variables that is set. */
static char *first(const char *one, const char *other)
{
    const char *value = variable(one);
    if (!value && other)
        value = variable(other);
    return value ? ek_need(strdup(value)) : NULL;
}

static bool is_true(const char *name)
{
    const char *value = variable(name);
    return value && strcmp(value, "true") == 0;
}

/* ---- GitHub Actions, and what is made in its image --------------------------------------- */

static char *commit_of(const json_t *pull_request)
{
    const char *commit =
        json_string_value(json_object_get(json_object_get(pull_request, "head"), "sha"));
    return commit ? ek_need(strdup(commit)) : NULL;
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
    json_t *event = json_loadb(ek_buffer_text(&text), text.length, 0, NULL);
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
        ci->pull_request = ek_need(strdup(digits));
        ci->commit = commit_of(pull_request);
    }
    json_decref(event);
    return 0;
}

/* refs/pull/12/merge */
static char *number_of_reference(void)
{
    static const char prefix[] = "refs/pull/";
    const char *reference = variable("GITHUB_REF");
    if (!reference || strncmp(reference, prefix, sizeof prefix - 1) != 0)
        return NULL;
    const char *number = reference + sizeof prefix - 1;
    return ek_need(strndup(number, strcspn(number, "/")));
}

static char *joined(const char *format, const char *server, const char *repository,
                    const char *number)
{
    EK_BUFFER text = {0};
    if (!server || !repository || !number)
        return NULL;
    ek_buffer_text_add(&text, server);
    ek_buffer_printf(&text, "/%s/%s%s", repository, format, number);
    return ek_buffer_take(&text);
}

static int actions(struct ek_ci *ci, bool gitea, struct ek_error *err)
{
    const char *server = variable("GITHUB_SERVER_URL");
    const char *repository = variable("GITHUB_REPOSITORY");
    EK_BUFFER url = {0};
    ci->forge = ek_need(strdup(gitea ? "gitea" : "github"));
    ci->repository = first("GITHUB_REPOSITORY", NULL);
    ci->url = first("GITHUB_API_URL", NULL);
    if (!ci->url && gitea && server) {
        ek_buffer_printf(&url, "%s/api/v1", server);
        ci->url = ek_buffer_take(&url);
    }
    if (!ci->url && !gitea)
        ci->url = ek_need(strdup("https://api.github.com"));
    /* Gitea counts the runs of a repository, GitHub those of all. */
    ci->run = joined("actions/runs/", server, repository,
                     variable(gitea ? "GITHUB_RUN_NUMBER" : "GITHUB_RUN_ID"));
    int result = read_event(ci, err);
    if (result != 0)
        return result;
    if (!ci->pull_request)
        ci->pull_request = number_of_reference();
    if (!ci->commit && !ci->pull_request)
        ci->commit = first("GITHUB_SHA", NULL);
    return 0;
}

/* ---- GitLab CI --------------------------------------------------------------------------- */

static void gitlab(struct ek_ci *ci)
{
    ci->forge = ek_need(strdup("gitlab"));
    ci->url = first("CI_API_V4_URL", NULL);
    ci->repository = first("CI_MERGE_REQUEST_PROJECT_ID", "CI_PROJECT_ID");
    ci->pull_request = first("CI_MERGE_REQUEST_IID", NULL);
    ci->commit = first("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", "CI_COMMIT_SHA");
    ci->run = first("CI_JOB_URL", "CI_PIPELINE_URL");
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
