#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "reconciler/command/fleet.h"
#include "reconciler/report/plan_file.h"

static void print(const struct ek_options *options, const struct ek_plan_set *set)
{
    EK_BUFFER text = {0};
    if (options->output == EK_OUTPUT_MARKDOWN) {
        ek_plan_markdown(set, &text);
    } else if (options->output == EK_OUTPUT_JSON) {
        json_t *json = ek_plan_json(set);
        char *dump = json_dumps(json, JSON_INDENT(2) | JSON_SORT_KEYS);
        ek_buffer_printf(&text, "%s\n", dump ? dump : "");
        free(dump);
        json_decref(json);
    } else {
        ek_plan_text(set, ek_colour_wanted(options, STDOUT_FILENO), &text);
    }
    ek_print(&text);
}

/* The gravest of what was found: an error, something in the way, changes, nothing. */
static int status_of(const struct ek_looked *looked, size_t count)
{
    int status = EK_EXIT_OK;
    for (size_t i = 0; i < count; i++) {
        struct ek_error blocked = {.code = EK_BLOCKED};
        if (looked[i].error.code)
            return ek_exit_status_of(&looked[i].error);
        snprintf(blocked.id, sizeof blocked.id, "%s", looked[i].plan.blocked.id);
        if (looked[i].plan.end == EK_VERDICT_BLOCKED)
            status = ek_exit_status_of(&blocked);
        else if (looked[i].plan.count && status == EK_EXIT_OK)
            status = EK_EXIT_CHANGES;
    }
    return status;
}

static int report(const struct ek_fleet *fleet, const struct ek_looked *looked,
                  struct ek_planned *planned, struct ek_error *err)
{
    const struct ek_options *options = fleet->options;
    EK_BUFFER next = {0};
    size_t good = 0;
    for (size_t i = 0; i < fleet->chosen_count; i++)
        if (!looked[i].error.code)
            planned[good++] = ek_looked_planned(&looked[i]);
    ek_buffer_text_add(&next, "evenkeel apply");
    if (options->out)
        ek_buffer_printf(&next, " %s", options->out);
    else
        ek_fleet_words(fleet, &next);
    struct ek_plan_set set = {
        .source = fleet->source,
        .planned = planned,
        .count = good,
        .next_command = ek_buffer_text(&next),
    };
    if (options->out && good == fleet->chosen_count) {
        int result = ek_plan_file_write(&set, options->out, err);
        if (result != 0)
            return result;
    }
    if (good || fleet->chosen_count == 0)
        print(options, &set);
    return 0;
}

int ek_command_plan(const struct ek_options *options)
{
    struct ek_fleet fleet;
    struct ek_error err = {0};
    bool said = false;
    if (ek_fleet_open(options, &fleet, &said, &err) != 0) {
        if (!said)
            ek_say_error(options, &err);
        return ek_exit_status_of(&err);
    }
    struct ek_looked *looked = calloc(fleet.chosen_count + 1, sizeof *looked);
    struct ek_planned *planned = calloc(fleet.chosen_count + 1, sizeof *planned);
    if (!looked || !planned)
        abort();
    for (size_t i = 0; i < fleet.chosen_count; i++)
        ek_fleet_look(&fleet, fleet.chosen[i], EK_LOOK_PATIENCE_MS, &looked[i]);
    int status = status_of(looked, fleet.chosen_count);
    if (report(&fleet, looked, planned, &err) != 0) {
        ek_say_error(options, &err);
        status = ek_exit_status_of(&err);
    }
    for (size_t i = 0; i < fleet.chosen_count; i++) {
        if (looked[i].error.code)
            ek_say_error(options, &looked[i].error);
        ek_looked_done(&looked[i]);
    }
    free(looked);
    free(planned);
    ek_fleet_done(&fleet);
    return status;
}
