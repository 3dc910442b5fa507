#include "reconciler/command/run_settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "drivers/git/git.h"
#include "reconciler/base/memory.h"
#include "specs/parse.h"

static int no_memory(struct ek_error *err)
{
    return ek_no_memory(err);
}

/* ---- from a file ---------------------------------------------------------------------- */

int ek_configuration_read(const struct ek_options *options, struct ek_specs *ret_configuration,
                          struct ek_error *err)
{
    struct ek_spec_files files = {0};
    EK_DIAGNOSTICS diagnostics = {0};
    int result = ek_directory_read(options->config, &files, err);
    if (result == 0)
        result = ek_configuration_parse(&files, ret_configuration, &diagnostics, err);
    ek_spec_files_done(&files);
    if (diagnostics.count && options->output == EK_OUTPUT_JSON) {
        const struct ek_diagnostic *first = &diagnostics.items[0];
        ek_cause(err, "%s:%d:%d: %s", first->file, first->line, first->column, first->sentence);
    } else if (diagnostics.count) {
        EK_BUFFER text = {0};
        ek_diagnostics_render(&diagnostics, ek_colour_wanted(options, STDERR_FILENO), &text);
        if (ek_buffer_check(&text, err) != 0)
            return EK_NO_MEMORY;
        fprintf(stderr, "%s\n", ek_buffer_text(&text));
    }
    if (result != 0 || ret_configuration->controller_count == 1)
        return result;
    size_t count = ret_configuration->controller_count;
    ek_specs_free(ret_configuration);
    *ret_configuration = (struct ek_specs){0};
    ek_fail(err, EK_INVALID, "EK-1301", "%s holds %zu documents of kind Controller, not one",
            options->config, count);
    ek_hint(err, "one evenkeel run goes by one Controller");
    return EK_INVALID;
}

static int from_file(const struct ek_options *options, struct ek_run_settings *settings,
                     struct ek_error *err)
{
    if (options->git || options->argument_count) {
        ek_fail(err, EK_INVALID, "EK-0804",
                "repositories come from --config or from the command line, not from both");
        return ek_hint(err, "evenkeel help run");
    }
    int result = ek_configuration_read(options, &settings->configuration, err);
    if (result != 0)
        return result;
    const struct ek_controller_spec *controller = &settings->configuration.controllers[0];
    settings->repositories =
        calloc(controller->repository_count + 1, sizeof(*settings->repositories));
    settings->hooks = calloc(controller->repository_count + 1, sizeof *settings->hooks);
    if (!settings->repositories || !settings->hooks)
        return no_memory(err);
    for (size_t i = 0; i < controller->repository_count; i++) {
        const struct ek_repository_spec *from = &controller->repositories[i];
        settings->repositories[i] = (struct ek_loop_repository){
            .name = from->name,
            .url = from->url,
            .revision = from->revision,
            .folder = from->folder,
            .token_file = from->token_file,
            .ssh_key_file = from->ssh_key_file,
            .interval_ms = from->interval_s * 1000,
            .accept_rewritten = from->rewritten == EK_REWRITTEN_ACCEPT,
        };
        if (from->webhook_secret_file)
            settings->hooks[settings->hook_count++] =
                (struct ek_hook){.name = from->name, .secret_file = from->webhook_secret_file};
    }
    settings->loop.repository_count = controller->repository_count;
    settings->loop.observe_ms = controller->observe_every_s * 1000;
    settings->loop.acting_total = (size_t)controller->acting_total;
    settings->loop.acting_per_account = (size_t)controller->acting_per_account;
    settings->listen = options->listen ? options->listen : controller->listen;
    return ek_guard_floor_text(controller, &settings->floor, err);
}

/* ---- from the options ----------------------------------------------------------------- */

static int from_options(const struct ek_options *options, struct ek_run_settings *settings,
                        struct ek_error *err)
{
    settings->repositories = calloc(1, sizeof *settings->repositories);
    settings->hooks = calloc(1, sizeof *settings->hooks);
    if (!settings->repositories || !settings->hooks)
        return no_memory(err);
    struct ek_loop_repository *repository = &settings->repositories[0];
    *repository = (struct ek_loop_repository){
        .name = "specs",
        .revision = options->revision,
        .folder = options->path,
        .token_file = options->git_token_file,
        .ssh_key_file = options->ssh_key_file,
        .interval_ms = options->fetch_interval_ms,
        .accept_rewritten = options->rewritten_history == EK_REWRITTEN_ACCEPT,
    };
    int result = ek_fleet_source(&settings->fleet, err);
    if (result != 0)
        return result;
    repository->url = settings->fleet.source.url;
    repository->directory = settings->fleet.source.directory;
    if (options->webhook_secret_file)
        settings->hooks[settings->hook_count++] =
            (struct ek_hook){.name = "", .secret_file = options->webhook_secret_file};
    settings->loop.repository_count = 1;
    settings->loop.observe_ms = options->observe_interval_ms;
    settings->loop.acting_total = 10;
    settings->loop.acting_per_account = 10;
    settings->listen = options->listen;
    return 0;
}

/* ---- both ----------------------------------------------------------------------------- */

/* "2026-03-29T00:30:00Z@144": from then on, 144 times as fast. */
static int read_clock(const char *text, struct ek_loop_clock *ret_clock, struct ek_error *err)
{
    struct tm when = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &when);
    char *end = NULL;
    long rate = rest && *rest == '@' ? strtol(rest + 1, &end, 10) : 1;
    if (!rest || (*rest && (!end || *end)) || rate < 1 || rate > 100000) {
        ek_fail(err, EK_INVALID, "EK-0803", "--clock can't be \"%s\"", text);
        return ek_hint(err, "a time and how fast it passes: 2026-03-29T00:30:00Z@144");
    }
    *ret_clock = (struct ek_loop_clock){.origin_ms = (int64_t)timegm(&when) * 1000, .rate = rate};
    return 0;
}

static int read_settings(const struct ek_options *options, struct ek_run_settings *settings,
                         struct ek_error *err)
{
    settings->fleet.options = options;
    int result = ek_fleet_settings(&settings->fleet, err);
    if (result == 0)
        result = options->config ? from_file(options, settings, err)
                                 : from_options(options, settings, err);
    if (result == 0 && options->clock)
        result = read_clock(options->clock, &settings->loop.clock, err);
    if (result != 0)
        return result;
    settings->loop.repositories = settings->repositories;
    settings->loop.floor = settings->floor;
    settings->loop.controller = settings->fleet.controller;
    settings->loop.step_timeout_ms = options->step_timeout_ms;
    settings->loop.settle_timeout_ms = options->settle_timeout_ms;
    settings->loop.once = options->once;
    return 0;
}

int ek_run_settings_read(const struct ek_options *options, struct ek_run_settings *ret_settings,
                         struct ek_error *err)
{
    struct ek_run_settings settings = {0};
    int result = read_settings(options, &settings, err);
    if (result == 0)
        *ret_settings = settings;
    else
        ek_run_settings_done(&settings);
    return result;
}

void ek_run_settings_done(struct ek_run_settings *settings)
{
    ek_fleet_done(&settings->fleet);
    ek_specs_free(&settings->configuration);
    free(settings->floor);
    free(settings->repositories);
    free(settings->hooks);
    *settings = (struct ek_run_settings){0};
}

void ek_run_settings_keep_controller(struct ek_run_settings *next, struct ek_run_settings *settings)
{
    struct ek_fleet fleet = settings->fleet;
    settings->fleet = next->fleet;
    next->fleet = fleet;
    next->loop.controller = fleet.controller;
    next->loop.once = settings->loop.once;
    struct ek_run_settings former = *settings;
    *settings = *next;
    ek_run_settings_done(&former);
}
