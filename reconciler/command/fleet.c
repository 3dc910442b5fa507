#include "reconciler/command/fleet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/git/git.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/comment_parts.h"
#include "reconciler/base/memory.h"
#include "reconciler/command/change.h"
#include "reconciler/command/run_settings.h"
#include "reconciler/document/plan_file.h"
#include "reconciler/document/words.h"
#include "reconciler/report/comment.h"
#include "specs/parse.h"

enum { STATE_PATH_LONGEST = 300 };

/* ---- settings ------------------------------------------------------------------------- */

/* NULL: there was no memory for it, which check_owned() tells. */
static char *own(struct ek_fleet *fleet, char *text)
{
    fleet->owned[fleet->owned_count++] = text;
    return text;
}

static int check_owned(const struct ek_fleet *fleet, struct ek_error *err)
{
    for (size_t i = 0; i < fleet->owned_count; i++)
        if (!fleet->owned[i])
            return ek_no_memory(err);
    return 0;
}

static const char *in_place(struct ek_fleet *fleet, const char *root, const char *xdg,
                            const char *below_home, const char *name)
{
    EK_BUFFER text = {0};
    const char *base = getenv(xdg);
    const char *home = getenv("HOME");
    if (geteuid() == 0)
        ek_buffer_text_add(&text, root);
    else if (base && base[0] == '/')
        ek_buffer_printf(&text, "%s/evenkeel", base);
    else if (home && home[0] == '/')
        ek_buffer_printf(&text, "%s/%s/evenkeel", home, below_home);
    else
        return NULL;
    ek_buffer_text_add(&text, name);
    return own(fleet, ek_buffer_take(&text));
}

static const char *absolute(struct ek_fleet *fleet, const char *path)
{
    char *real = realpath(path, NULL);
    if (real || errno == ENOMEM)
        return own(fleet, real);
    if (path[0] == '/')
        return own(fleet, strdup(path));
    EK_BUFFER text = {0};
    char *here = getcwd(NULL, 0);
    if (!here && errno == ENOMEM)
        ek_buffer_fail(&text);
    ek_buffer_printf(&text, "%s/%s", here ? here : "", path);
    free(here);
    return own(fleet, ek_buffer_take(&text));
}

int ek_fleet_settings(struct ek_fleet *fleet, struct ek_error *err)
{
    const struct ek_options *options = fleet->options;
    struct ek_controller *controller = &fleet->controller;
    controller->state_directory =
        options->state_directory
            ? absolute(fleet, options->state_directory)
            : in_place(fleet, "/var/lib/evenkeel", "XDG_STATE_HOME", ".local/state", "");
    controller->secret_key_command = options->secret_key_command;
    if (options->secret_key_file)
        controller->secret_key_file = absolute(fleet, options->secret_key_file);
    else if (!options->secret_key_command)
        controller->secret_key_file =
            in_place(fleet, "/etc/evenkeel", "XDG_CONFIG_HOME", ".config", "/master.key");
    int result = check_owned(fleet, err);
    if (result != 0)
        return result;
    if (controller->state_directory && strlen(controller->state_directory) > STATE_PATH_LONGEST)
        return ek_fail(err, EK_INVALID, "EK-0803",
                       "the state directory's path is longer than %d bytes", STATE_PATH_LONGEST);
    if (controller->state_directory &&
        (controller->secret_key_file || controller->secret_key_command))
        return 0;
    ek_fail(err, EK_NOT_FOUND, "EK-0807", "there is no place to keep state: HOME is not set");
    return ek_hint(err, "give --state-dir and --secret-key-file");
}

/* ---- specs ---------------------------------------------------------------------------- */

static bool is_remote(const char *url)
{
    const char *colon = strchr(url, ':');
    const char *slash = strchr(url, '/');
    return strstr(url, "://") || (colon && (!slash || colon < slash));
}

struct ek_git_request ek_fleet_git_request(const struct ek_fleet *fleet, struct ek_buffer *cache)
{
    const struct ek_options *options = fleet->options;
    ek_buffer_printf(cache, "%s/cache/git", fleet->controller.state_directory);
    return (struct ek_git_request){
        .url = fleet->source.url,
        .revision = fleet->source.commit,
        .path = fleet->source.path,
        .cache = ek_buffer_text(cache),
        .token_file = options->git_token_file,
        .ssh_key_file = options->ssh_key_file,
    };
}

/* The files of the change's end stay with it; *ret_files is a view of them then. */
static int read_files(struct ek_fleet *fleet, struct ek_spec_files *ret_files, struct ek_error *err)
{
    const struct ek_options *options = fleet->options;
    if (fleet->source.directory)
        return ek_directory_read(fleet->source.directory, ret_files, err);
    EK_BUFFER cache = {0};
    struct ek_git_request request = ek_fleet_git_request(fleet, &cache);
    int result = ek_buffer_check(&cache, err);
    if (result != 0)
        return result;
    if (!options->from)
        return ek_git_read(&request, ret_files, err);
    result = ek_fleet_change_read(&request, options->from, &fleet->change, err);
    if (result == 0)
        *ret_files = fleet->change->git.head;
    return result;
}

static int parse(struct ek_fleet *fleet, const struct ek_spec_files *files, bool *ret_said,
                 struct ek_error *err)
{
    EK_DIAGNOSTICS diagnostics = {0};
    int result = ek_specs_parse(files, &fleet->specs, &diagnostics, err);
    if (result == 0 || diagnostics.count == 0 || !ret_said)
        return result;
    EK_BUFFER text = {0};
    ek_diagnostics_render(&diagnostics, ek_colour_wanted(fleet->options, STDERR_FILENO), &text);
    if (ek_buffer_check(&text, err) != 0)
        return EK_NO_MEMORY;
    fflush(stdout);
    fputs(ek_buffer_text(&text), stderr);
    fprintf(stderr, "\nevenkeel: %zu error%s in the specs\n", diagnostics.count,
            diagnostics.count == 1 ? "" : "s");
    if (fleet->options->output == EK_OUTPUT_MARKDOWN) {
        EK_BUFFER name = {0};
        EK_BUFFER comment = {0};
        ek_fleet_comment_name(fleet->options, &name);
        ek_diagnostics_markdown(ek_buffer_text(&name), files->commit, &diagnostics, &comment);
        ek_buffer_fail_with(&comment, &name);
        ek_print(&comment);
    }
    *ret_said = true;
    return result;
}

void ek_fleet_warn(const struct ek_fleet *fleet)
{
    const struct ek_diagnostics *warnings = fleet->specs.warnings;
    EK_BUFFER text = {0};
    if (!warnings || warnings->count == 0 || fleet->options->quiet)
        return;
    ek_diagnostics_render(warnings, ek_colour_wanted(fleet->options, STDERR_FILENO), &text);
    ek_print_aside(&text);
}

static int choose(struct ek_fleet *fleet, struct ek_error *err)
{
    const char *wanted = fleet->options->deployment;
    bool found = false;
    fleet->chosen = calloc(fleet->specs.deployment_count + 1, sizeof(void *));
    if (!fleet->chosen)
        return ek_no_memory(err);
    const char **names = calloc(fleet->specs.deployment_count + 1, sizeof *names);
    for (size_t i = 0; i < fleet->specs.deployment_count; i++) {
        const struct ek_deployment_spec *spec = &fleet->specs.deployments[i];
        if (names)
            names[i] = spec->name;
        if (wanted && strcmp(wanted, spec->name) != 0)
            continue;
        found = true;
        if (!fleet->change || ek_fleet_change_about(fleet->change, spec))
            fleet->chosen[fleet->chosen_count++] = spec;
    }
    for (size_t i = 0; fleet->change && i < fleet->change->base.deployment_count; i++)
        found |= wanted && strcmp(wanted, fleet->change->base.deployments[i].name) == 0;
    int result = 0;
    if (wanted && !found) {
        const char *near = names ? ek_nearest(wanted, names, fleet->specs.deployment_count) : NULL;
        result =
            ek_fail(err, EK_NOT_FOUND, "EK-0805", "the specs hold no deployment \"%s\"", wanted);
        if (near)
            ek_hint(err, "did you mean \"%s\"?", near);
        else
            ek_hint(err, "evenkeel status lists them");
    }
    free(names);
    return result;
}

static int read_floor(struct ek_fleet *fleet, struct ek_error *err)
{
    struct ek_specs configuration = {0};
    if (!fleet->options->config)
        return 0;
    int result = ek_configuration_read(fleet->options, &configuration, err);
    if (result == 0)
        result = ek_guard_floor_text(&configuration.controllers[0], &fleet->floor, err);
    ek_specs_free(&configuration);
    return result;
}

static int load(struct ek_fleet *fleet, bool *ret_said, struct ek_error *err)
{
    struct ek_spec_files files = {0};
    int result = ek_fleet_settings(fleet, err);
    if (result == 0)
        result = read_floor(fleet, err);
    if (result == 0)
        result = read_files(fleet, &files, err);
    if (result == 0)
        result = parse(fleet, &files, ret_said, err);
    if (result == 0) {
        fleet->source.commit = fleet->specs.commit;
        fleet->source.commit_subject = fleet->specs.commit_subject;
        if (fleet->change)
            result = ek_fleet_change_compare(fleet->change, &fleet->specs, err);
        if (result == 0)
            result = choose(fleet, err);
    }
    if (!fleet->change)
        ek_spec_files_done(&files);
    return result;
}

static int opened(struct ek_fleet *fleet, struct ek_fleet *ret_fleet, bool *ret_said,
                  struct ek_error *err)
{
    int result = load(fleet, ret_said, err);
    if (result == 0)
        *ret_fleet = *fleet;
    else
        ek_fleet_done(fleet);
    return result;
}

int ek_fleet_source(struct ek_fleet *fleet, struct ek_error *err)
{
    const struct ek_options *options = fleet->options;
    if (options->git && options->argument_count) {
        ek_fail(err, EK_INVALID, "EK-0804", "specs come from --git or from a path, not from both");
        return ek_hint(err, "the folder inside the repository is --path");
    }
    if (options->git) {
        fleet->source.url = is_remote(options->git) ? options->git : absolute(fleet, options->git);
        fleet->source.path = options->path;
        fleet->source.commit = options->revision;
    } else {
        fleet->source.directory =
            absolute(fleet, options->argument_count ? options->arguments[0] : ".");
    }
    return check_owned(fleet, err);
}

int ek_fleet_open(const struct ek_options *options, struct ek_fleet *ret_fleet, bool *ret_said,
                  struct ek_error *err)
{
    struct ek_fleet fleet = {.options = options};
    if (ret_said)
        *ret_said = false;
    int result = ek_fleet_source(&fleet, err);
    if (result == 0)
        return opened(&fleet, ret_fleet, ret_said, err);
    ek_fleet_done(&fleet);
    return result;
}

int ek_fleet_open_source(const struct ek_options *options, const struct ek_plan_source *source,
                         struct ek_fleet *ret_fleet, bool *ret_said, struct ek_error *err)
{
    struct ek_fleet fleet = {.options = options, .source = *source};
    *ret_said = false;
    return opened(&fleet, ret_fleet, ret_said, err);
}

void ek_fleet_done(struct ek_fleet *fleet)
{
    ek_store_close(&fleet->store);
    ek_fleet_change_free(fleet->change);
    ek_specs_free(&fleet->specs);
    free(fleet->chosen);
    free(fleet->floor);
    for (size_t i = 0; i < fleet->owned_count; i++)
        free(fleet->owned[i]);
    *fleet = (struct ek_fleet){0};
}

const struct ek_deployment_spec *ek_fleet_planned(const struct ek_fleet *fleet,
                                                  const struct ek_plan_file *file, size_t index)
{
    for (size_t i = 0; i < fleet->specs.deployment_count; i++) {
        const struct ek_deployment_spec *spec = &fleet->specs.deployments[i];
        if (strcmp(spec->name, ek_plan_file_deployment(file, index)) == 0 &&
            strcmp(spec->account, ek_plan_file_account(file, index)) == 0)
            return spec;
    }
    return NULL;
}

static void add_option(struct ek_buffer *text, const char *option, const char *value)
{
    ek_buffer_printf(text, " %s%s", option, option[0] ? " " : "");
    ek_shell_word(text, value);
}

void ek_fleet_words(const struct ek_fleet *fleet, struct ek_buffer *text)
{
    const struct ek_options *options = fleet->options;
    const char *revision = fleet->change ? fleet->specs.commit : options->revision;
    if (options->git)
        add_option(text, "--git", options->git);
    if (revision)
        add_option(text, "--revision", revision);
    if (options->path)
        add_option(text, "--path", options->path);
    if (!options->git && options->argument_count)
        add_option(text, "", options->arguments[0]);
    if (options->deployment)
        add_option(text, "--deployment", options->deployment);
    else if (fleet->change && fleet->chosen_count == 1)
        add_option(text, "--deployment", fleet->chosen[0]->name);
}

void ek_fleet_comment_name(const struct ek_options *options, struct ek_buffer *name)
{
    EK_BUFFER whole = {0};
    const char *folder =
        options->git || !options->argument_count ? options->path : options->arguments[0];
    if (options->fleet) {
        ek_buffer_text_add(name, options->fleet);
        return;
    }
    ek_buffer_text_add(&whole, folder ? folder : "");
    while (whole.length && whole.bytes[whole.length - 1] == '/')
        whole.bytes[--whole.length] = 0;
    if (options->deployment)
        ek_buffer_printf(&whole, "%s%s", whole.length ? " " : "", options->deployment);
    size_t cut = whole.length > EK_COMMENT_FLEET_MAX ? whole.length - EK_COMMENT_FLEET_MAX : 0;
    ek_buffer_text_add(name, ek_buffer_text(&whole) + cut);
    ek_buffer_fail_with(name, &whole);
}

/* ---- looking -------------------------------------------------------------------------- */

void ek_fleet_assess(const struct ek_fleet *fleet, const struct ek_deployment_spec *spec,
                     int64_t patience_ms, struct ek_assessment *ret_assessment)
{
    if (fleet->options->verbose)
        ek_say(fleet->options, "looking at %s", spec->name);
    ek_assess(&fleet->specs, spec, &fleet->controller, patience_ms, ret_assessment);
    struct ek_error err = {0};
    if (ret_assessment->error.code == 0 && ek_fleet_consult(fleet, ret_assessment, &err) != 0) {
        ek_wrap(&err, "%s", spec->name);
        ret_assessment->error = err;
    }
}
