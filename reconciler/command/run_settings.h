/* What evenkeel run goes by: its configuration file, or the options for one repository. */
#ifndef EK_COMMAND_RUN_SETTINGS_H
#define EK_COMMAND_RUN_SETTINGS_H

#include "reconciler/command/fleet.h"
#include "reconciler/loop/loop.h"
#include "reconciler/loop/webhook.h"

struct ek_run_settings {
    struct ek_loop_settings loop;
    const char *listen; /* or NULL */
    struct ek_hook *hooks;
    size_t hook_count;

    /* what the above points into */
    struct ek_fleet fleet;
    struct ek_specs configuration;
    struct ek_loop_repository *repositories;
    char *floor; /* or NULL */
};

/* The one Controller of the file that --config names; freed with ek_specs_free. Errors as below. */
int ek_configuration_read(const struct ek_options *options, struct ek_specs *ret_configuration,
                          struct ek_error *err);

/* Read them. Errors of the file are rendered to standard error and summed up in *err; with
 * --output json the first of them is *err's cause instead. */
int ek_run_settings_read(const struct ek_options *options, struct ek_run_settings *ret_settings,
                         struct ek_error *err);
void ek_run_settings_done(struct ek_run_settings *settings);

/* Put `next` in the place of `settings`, but for what a running loop still points into. */
void ek_run_settings_keep_controller(struct ek_run_settings *next,
                                     struct ek_run_settings *settings);

#endif
