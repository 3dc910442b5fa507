#include <jansson.h>
#include <stdio.h>

#include "reconciler/base/json.h"
#include "reconciler/command/fleet.h"
#include "specs/diagnostic.h"

static void as_json(const struct ek_fleet *fleet, struct ek_buffer *text)
{
    json_t *names = json_array();
    for (size_t i = 0; i < fleet->chosen_count; i++)
        ek_json_append(&names, json_string(fleet->chosen[i]->name));
    json_t *json =
        json_pack("{s:s, s:s, s:b, s:s?, s:o, s:o}", "format_version", "1.1", "type", "validation",
                  "valid", 1, "commit", fleet->source.commit, "deployments", names, "warnings",
                  ek_diagnostics_json(fleet->specs.warnings));
    ek_json_add(json, JSON_INDENT(2), text);
}

int ek_command_validate(const struct ek_options *options)
{
    struct ek_fleet fleet;
    struct ek_error err = {0};
    bool said = false;
    EK_BUFFER text = {0};
    if (ek_fleet_open(options, &fleet, &said, &err) != 0) {
        if (!said)
            ek_say_error(options, &err);
        return ek_exit_status_of(&err);
    }
    if (options->output != EK_OUTPUT_JSON)
        ek_fleet_warn(&fleet);
    size_t accounts = fleet.specs.account_count;
    size_t authorities = fleet.specs.authority_count;
    size_t deployments = fleet.specs.deployment_count;
    EK_BUFFER number = {0};
    if (deployments == 0)
        ek_buffer_text_add(&number, "no");
    else
        ek_buffer_printf(&number, "%zu", deployments);
    ek_buffer_fail_with(&text, &number);
    if (options->output == EK_OUTPUT_JSON)
        as_json(&fleet, &text);
    else
        ek_buffer_printf(
            &text, "Valid: %zu account%s, %zu certificate authorit%s, %s deployment%s%s%.7s.\n",
            accounts, accounts == 1 ? "" : "s", authorities, authorities == 1 ? "y" : "ies",
            ek_buffer_text(&number), deployments == 1 ? "" : "s",
            fleet.source.commit ? " in commit " : "",
            fleet.source.commit ? fleet.source.commit : "");
    ek_print(&text);
    ek_fleet_done(&fleet);
    return EK_EXIT_OK;
}
