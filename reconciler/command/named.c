#include "reconciler/command/named.h"

#include <stdio.h>
#include <string.h>

#include "reconciler/command/store.h"

struct ek_options ek_options_for_specs(const struct ek_options *options, const char *words[2])
{
    struct ek_options copy = *options;
    words[0] = options->specs;
    words[1] = NULL;
    copy.arguments = words;
    copy.argument_count = options->specs != NULL;
    copy.deployment = NULL;
    return copy;
}

static int take_as_it_is(const char *text, const char *slash, struct ek_named *named,
                         struct ek_error *err)
{
    size_t account = (size_t)(slash - text);
    size_t name = strlen(slash + 1);
    if (account == 0 || account >= sizeof named->account || name == 0 ||
        name >= sizeof named->deployment || strchr(slash + 1, '/'))
        return ek_fail(err, EK_INVALID, "EK-0804", "\"%.80s\" is no ACCOUNT/DEPLOYMENT", text);
    memcpy(named->account, text, account);
    memcpy(named->deployment, slash + 1, name);
    return ek_fleet_settings(&named->fleet, err);
}

static int look_up(const struct ek_options *options, const char *name, struct ek_named *named,
                   bool *ret_said, struct ek_error *err)
{
    const char *words[2];
    struct ek_options for_specs = ek_options_for_specs(options, words);
    const struct ek_deployment_spec *found = NULL;
    for_specs.deployment = name;
    int result = ek_fleet_open(&for_specs, &named->fleet, ret_said, err);
    if (result != 0) {
        if (!*ret_said && err && !err->hint[0])
            ek_hint(err, "ACCOUNT/%s needs no specs", name);
        return result;
    }
    named->fleet.options = options;
    for (size_t i = 0; i < named->fleet.chosen_count; i++) {
        if (found) {
            ek_fail(err, EK_CONFLICT, "EK-1140", "several accounts have a deployment \"%s\"", name);
            return ek_hint(err, "%s/%s or %s/%s", found->account, name,
                           named->fleet.chosen[i]->account, name);
        }
        found = named->fleet.chosen[i];
    }
    if (!found)
        return ek_fail(err, EK_NOT_FOUND, "EK-0805", "the specs hold no deployment \"%s\"", name);
    snprintf(named->account, sizeof named->account, "%s", found->account);
    snprintf(named->deployment, sizeof named->deployment, "%s", found->name);
    return 0;
}

static int open_named(const struct ek_options *options, const char *verb,
                      struct ek_named *ret_named, bool *ret_said, struct ek_error *err)
{
    struct ek_named named = {.fleet = {.options = options}};
    *ret_said = false;
    if (options->argument_count == 0) {
        ek_fail(err, EK_INVALID, "EK-0804", "%s wants the name of a deployment", verb);
        return ek_hint(err, "evenkeel %s orders, or evenkeel %s acme/orders", verb, verb);
    }
    const char *text = options->arguments[0];
    const char *slash = strchr(text, '/');
    int result = slash ? take_as_it_is(text, slash, &named, err)
                       : look_up(options, text, &named, ret_said, err);
    if (result == 0)
        result = ek_fleet_store(&named.fleet, true, err);
    if (result != 0) {
        ek_fleet_done(&named.fleet);
        return result;
    }
    ek_this_person(named.who, sizeof named.who);
    *ret_named = named;
    return 0;
}

int ek_named_command(const struct ek_options *options, const char *verb,
                     int (*act)(const struct ek_options *options, const struct ek_named *named,
                                struct ek_error *err))
{
    struct ek_named named = {0};
    struct ek_error err = {0};
    bool said = false;
    int result = open_named(options, verb, &named, &said, &err);
    if (result == 0)
        result = act(options, &named, &err);
    if (result != 0 && !said)
        ek_say_error(options, &err);
    ek_fleet_done(&named.fleet);
    return result == 0 ? EK_EXIT_OK : ek_exit_status_of(&err);
}

int ek_named_record(const struct ek_named *named, const struct ek_said_of_named *said,
                    struct ek_error *err)
{
    const struct ek_store_handle *store = &named->fleet.store;
    int64_t number;
    struct ek_store_event event = {.at_ms = said->at_ms,
                                   .account = named->account,
                                   .deployment = named->deployment,
                                   .kind = said->kind,
                                   .who = named->who,
                                   .commit = "",
                                   .plan = "",
                                   .text = said->text,
                                   .detail = said->detail};
    return store->driver->append(store->store, &event, &number, err);
}
