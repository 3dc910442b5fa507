/* comment: what a pull request shows of a plan, and the status of its newest commit. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/forge/forge.h"
#include "reconciler/base/comment_parts.h"
#include "reconciler/base/file.h"
#include "reconciler/base/memory.h"
#include "reconciler/command/ci.h"
#include "reconciler/command/command.h"
#include "reconciler/document/plan_file.h"
#include "reconciler/document/words.h"
#include "reconciler/report/comment.h"
#include "reconciler/report/plan_report.h"
#include "specs/arena.h"

enum { MARKDOWN_MOST = 64 << 20 };

/* What --status may be, by enum ek_forge_state + 1; 0: no status. */
static const char *const states[] = {"none", "pending", "success", "failure"};

struct said {
    const struct ek_options *options;
    struct ek_ci ci;
    struct ek_forge_place place;
    struct ek_buffer markdown; /* without its marker; empty: no comment is made */
    struct ek_buffer fleet;
    bool with_comment;
    int state; /* index of `states` */
    struct ek_forge_said count;
};

static void said_done(struct said *said)
{
    ek_ci_done(&said->ci);
    ek_buffer_done(&said->markdown);
    ek_buffer_done(&said->fleet);
}

/* ---- what is to be said ------------------------------------------------------------------ */

static int read_standard_input(struct ek_buffer *text, struct ek_error *err)
{
    char chunk[16384];
    ssize_t got;
    while ((got = read(STDIN_FILENO, chunk, sizeof chunk)) > 0) {
        ek_buffer_add(text, chunk, (size_t)got);
        if (text->length > MARKDOWN_MOST)
            return ek_fail(err, EK_INVALID, "EK-1215", "standard input is longer than %d MiB",
                           MARKDOWN_MOST >> 20);
    }
    return got < 0 ? ek_fail_errno(err, "EK-1215", "standard input") : ek_buffer_check(text, err);
}

/* A plan's own comment begins with a marker, which says what it is about. */
static int take_marker(struct said *said, const struct ek_buffer *text, struct ek_error *err)
{
    size_t part = 0;
    size_t length = 0;
    const char *body = ek_buffer_text(text);
    ek_comment_marked(body, &said->fleet, &part, &length);
    if (said->options->fleet) {
        ek_buffer_done(&said->fleet);
        ek_buffer_text_add(&said->fleet, said->options->fleet);
    }
    ek_buffer_text_add(&said->markdown, body + length);
    int result = ek_buffer_check(&said->fleet, err);
    return result == 0 ? ek_buffer_check(&said->markdown, err) : result;
}

/* What tells the comment about a plan file from others: as plan names it, as far as the file
 * says. */
static const char *fleet_of(const struct ek_options *options, const struct ek_plan_source *source)
{
    const char *slash = source->directory ? strrchr(source->directory, '/') : NULL;
    if (options->fleet)
        return options->fleet;
    return slash ? slash + 1 : source->path;
}

/* A plan file becomes the comment that plan would have made of it. */
static int write_plan(const struct said *said, const char *path, struct ek_buffer *text,
                      struct ek_error *err)
{
    EK_CLEANUP(ek_arena_cleanup) struct ek_arena *arena = ek_arena_new();
    EK_CLEANUP(ek_plan_file_cleanup) struct ek_plan_file *file = NULL;
    EK_BUFFER next = {0};
    struct ek_plan_set set;
    int result = ek_plan_file_parse(text->bytes, text->length, path, &file, err);
    if (result == 0)
        result = ek_plan_file_set(file, arena, &set, err);
    if (result != 0)
        return result;
    ek_buffer_text_add(&next, "evenkeel apply ");
    ek_shell_word(&next, strcmp(path, "-") == 0 ? "FILE" : path);
    set.next_command = ek_buffer_text(&next);
    set.fleet = fleet_of(said->options, &set.source);
    ek_buffer_done(text);
    ek_plan_markdown(&set, text);
    ek_buffer_fail_with(text, &next);
    return ek_buffer_check(text, err);
}

static int read_markdown(struct said *said, struct ek_error *err)
{
    EK_BUFFER text = {0};
    struct ek_error problem = {0};
    const struct ek_options *options = said->options;
    const char *path = options->argument_count ? options->arguments[0] : NULL;
    if (!path) {
        ek_buffer_text_add(&said->fleet, options->fleet ? options->fleet : "");
        return ek_buffer_check(&said->fleet, err);
    }
    if (strcmp(path, "-") == 0) {
        int result = read_standard_input(&text, err);
        if (result != 0)
            return result;
    } else if (ek_input_read(path, MARKDOWN_MOST, &text, &problem) == EK_NO_MEMORY) {
        return ek_no_memory(err);
    } else if (problem.code != 0) {
        return ek_fail(err, problem.code, "EK-1215", "the comment can't be read: %s",
                       problem.sentence);
    }
    if (strlen(ek_buffer_text(&text)) != text.length || text.length == 0) {
        ek_fail(err, EK_INVALID, "EK-1215", "%s holds no comment", path);
        return ek_hint(err, "evenkeel plan --output markdown makes one");
    }
    int result = text.bytes[0] == '{' ? write_plan(said, path, &text, err) : 0;
    if (result == 0)
        result = take_marker(said, &text, err);
    said->with_comment = true;
    return result;
}

/* ---- where ------------------------------------------------------------------------------- */

static const char *either(const char *option, const char *detected)
{
    return option ? option : detected;
}

static int missing(const char *what, const char *option, struct ek_error *err)
{
    ek_fail(err, EK_INVALID, "EK-1204", "%s is not known", what);
    return ek_hint(err,
                   "give %s: this is no run of GitHub Actions, GitLab CI, Gitea or Forgejo "
                   "Actions that tells",
                   option);
}

static int find_place(struct said *said, struct ek_error *err)
{
    static const char *const forges[] = {NULL, "github", "gitlab", "gitea"};
    const struct ek_options *options = said->options;
    int result = ek_ci_detect(&said->ci, err);
    if (result != 0)
        return result;
    const struct ek_ci *ci = &said->ci;
    said->place = (struct ek_forge_place){
        .forge = either(forges[options->forge], ci->forge),
        .url = either(options->forge_url, ci->url),
        .repository = either(options->repository, ci->repository),
        .pull_request = either(options->pull_request, ci->pull_request),
        .commit = either(options->commit, ci->commit),
    };
    if (!said->place.url && said->place.forge && strcmp(said->place.forge, "github") == 0)
        said->place.url = "https://api.github.com";
    if (!said->place.forge)
        return missing("the forge", "--forge", err);
    if (!said->place.url)
        return missing("the address of its REST interface", "--forge-url", err);
    if (!said->place.repository)
        return missing("the repository", "--repository", err);
    if (said->with_comment && !said->place.pull_request)
        return missing("the pull request", "--pull-request", err);
    if (said->state && !said->place.commit)
        return missing("the commit", "--commit", err);
    return 0;
}

/* ---- the status -------------------------------------------------------------------------- */

/* The exit status of plan: nothing to do and something to do are both good. */
static int find_state(struct said *said, struct ek_error *err)
{
    const struct ek_options *options = said->options;
    said->state = options->forge_status;
    if (!options->plan_status)
        return 0;
    if (options->forge_status)
        return ek_fail(err, EK_INVALID, "EK-0804",
                       "the status comes from --status or from --plan-status, not from both");
    char *end = NULL;
    long status = strtol(options->plan_status, &end, 10);
    if (end == options->plan_status || *end || status < 0 || status > 255) {
        ek_fail(err, EK_INVALID, "EK-0803", "--plan-status can't be \"%s\"", options->plan_status);
        return ek_hint(err, "it is the exit status of evenkeel plan");
    }
    bool good = status == EK_EXIT_OK || status == EK_EXIT_CHANGES;
    said->state = 1 + (good ? EK_FORGE_SUCCESS : EK_FORGE_FAILURE);
    return 0;
}

static int set_status(struct said *said, struct ek_forge *forge, struct ek_error *err)
{
    static const char *const words[] = {[EK_FORGE_PENDING] = "planning",
                                        [EK_FORGE_SUCCESS] = "done",
                                        [EK_FORGE_FAILURE] = "failed"};
    const struct ek_options *options = said->options;
    EK_BUFFER context = {0};
    EK_BUFFER title = {0};
    if (!said->state)
        return 0;
    enum ek_forge_state state = (enum ek_forge_state)(said->state - 1);
    ek_buffer_text_add(&context, options->context ? options->context : "evenkeel");
    if (!options->context && said->fleet.length)
        ek_buffer_printf(&context, ": %s", said->fleet.bytes);
    ek_comment_title(ek_buffer_text(&said->markdown), &title);
    if (title.length == 0)
        ek_buffer_text_add(&title, words[state]);
    int result = ek_buffer_check(&context, err);
    if (result == 0)
        result = ek_buffer_check(&title, err);
    if (result != 0)
        return result;
    const struct ek_forge_status status = {
        .state = state,
        .context = ek_buffer_text(&context),
        .description = either(options->description, ek_buffer_text(&title)),
        .target_url = either(options->target_url, said->ci.run),
    };
    return ek_forge_status(forge, &status, err);
}

/* ---- the command ------------------------------------------------------------------------- */

static void tell(const struct said *said, const struct ek_forge *forge)
{
    EK_BUFFER text = {0};
    const struct ek_forge_said *count = &said->count;
    if (said->options->output == EK_OUTPUT_JSON) {
        json_t *json = json_pack(
            "{s:s, s:s, s:s, s:s, s:s?, s:s?, s:i, s:i, s:i, s:i, s:s}", "format_version", "1.0",
            "type", "comment", "forge", said->place.forge, "repository", said->place.repository,
            "pull_request", said->with_comment ? said->place.pull_request : NULL, "commit",
            said->state ? said->place.commit : NULL, "made", (int)count->made, "changed",
            (int)count->changed, "kept", (int)count->kept, "removed", (int)count->removed, "status",
            states[said->state]);
        ek_json_add(json, JSON_INDENT(2), &text);
    } else {
        if (said->with_comment)
            ek_buffer_printf(&text,
                             "Comment on pull request %s of %s (%s): %zu made, %zu changed, %zu as "
                             "before, %zu removed.\n",
                             said->place.pull_request, said->place.repository,
                             ek_forge_title(forge), count->made, count->changed, count->kept,
                             count->removed);
        if (said->state)
            ek_buffer_printf(&text, "Status of commit %.7s: %s.\n", said->place.commit,
                             states[said->state]);
    }
    ek_print(&text);
}

/* A comment that can't be made does not keep the status from being set. */
static int say(struct said *said, struct ek_forge *forge)
{
    struct ek_error err = {0};
    struct ek_error other = {0};
    int result = 0;
    if (said->with_comment)
        result = ek_forge_comment(forge, ek_buffer_text(&said->markdown),
                                  ek_buffer_text(&said->fleet), &said->count, &err);
    if (result != 0)
        ek_say_error(said->options, &err);
    if (set_status(said, forge, &other) != 0) {
        ek_say_error(said->options, &other);
        return ek_exit_status_of(&other);
    }
    if (result != 0)
        return ek_exit_status_of(&err);
    tell(said, forge);
    return EK_EXIT_OK;
}

static int check_fleet(const struct ek_options *options, struct ek_error *err)
{
    if (!options->fleet || strlen(options->fleet) <= EK_COMMENT_FLEET_MAX)
        return 0;
    return ek_fail(err, EK_INVALID, "EK-0803", "--fleet is longer than %d bytes",
                   EK_COMMENT_FLEET_MAX);
}

static int prepare(struct said *said, struct ek_forge **ret_forge, struct ek_error *err)
{
    const struct ek_options *options = said->options;
    const struct ek_forge_login login = {.token_file = options->token_file,
                                         .ca_file = options->ca_file};
    int result = check_fleet(options, err);
    if (result == 0)
        result = find_state(said, err);
    if (result == 0 && !options->argument_count && !said->state) {
        ek_fail(err, EK_INVALID, "EK-0804", "there is nothing to say");
        result = ek_hint(err, "give a file (or - for standard input), or --status");
    }
    if (result == 0)
        result = read_markdown(said, err);
    if (result == 0)
        result = find_place(said, err);
    return result == 0
               ? ek_forge_open(&said->place, &login, options->forge_timeout_ms, ret_forge, err)
               : result;
}

int ek_command_comment(const struct ek_options *options)
{
    EK_CLEANUP(said_done) struct said said = {.options = options};
    EK_FORGE *forge = NULL;
    struct ek_error err = {0};
    if (prepare(&said, &forge, &err) != 0) {
        ek_say_error(options, &err);
        return ek_exit_status_of(&err);
    }
    return say(&said, forge);
}
