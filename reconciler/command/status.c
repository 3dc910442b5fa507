#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "reconciler/base/memory.h"
#include "reconciler/command/fleet.h"
#include "reconciler/report/status_report.h"

static void print(const struct ek_options *options, const struct ek_planned *planned, size_t count)
{
    EK_BUFFER text = {0};
    bool colour = ek_colour_wanted(options, STDOUT_FILENO);
    if (options->output == EK_OUTPUT_JSON) {
        json_t *json = ek_status_json(planned, count);
        char *dump = json_dumps(json, JSON_INDENT(2) | JSON_SORT_KEYS);
        ek_buffer_printf(&text, "%s\n", dump ? dump : "");
        free(dump);
        json_decref(json);
    } else if (options->deployment && count == 1) {
        ek_status_detail(&planned[0], colour, &text);
    } else {
        ek_status_text(planned, count, colour, &text);
    }
    ek_print(&text);
}

int ek_command_status(const struct ek_options *options)
{
    struct ek_fleet fleet;
    struct ek_error err = {0};
    bool said = false;
    if (ek_fleet_open(options, &fleet, &said, &err) != 0) {
        if (!said)
            ek_say_error(options, &err);
        return ek_exit_status_of(&err);
    }
    struct ek_looked *looked = ek_need(calloc(fleet.chosen_count + 1, sizeof *looked));
    struct ek_planned *planned = ek_need(calloc(fleet.chosen_count + 1, sizeof *planned));
    int status = EK_EXIT_OK;
    size_t good = 0;
    for (size_t i = 0; i < fleet.chosen_count; i++) {
        ek_fleet_look(&fleet, fleet.chosen[i], 0, &looked[i]);
        if (!looked[i].error.code)
            planned[good++] = ek_looked_planned(&looked[i]);
    }
    print(options, planned, good);
    for (size_t i = 0; i < fleet.chosen_count; i++) {
        if (looked[i].error.code) {
            ek_say_error(options, &looked[i].error);
            status = EK_EXIT_ERROR;
        }
        ek_looked_done(&looked[i]);
    }
    free(looked);
    free(planned);
    ek_fleet_done(&fleet);
    return status;
}
