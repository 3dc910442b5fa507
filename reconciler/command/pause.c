/* pause: Evenkeel leaves a deployment alone for a while; the database goes on serving. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "reconciler/base/clock.h"
#include "reconciler/base/json.h"
#include "reconciler/base/time_text.h"
#include "reconciler/command/named.h"
#include "reconciler/document/planned.h"
#include "reconciler/loop/journal.h"

static const int64_t shortest_ms = 1000;
static const int64_t longest_ms = (int64_t)30 * 86400 * 1000;

static void print(const struct ek_options *options, const struct ek_named *named,
                  const struct ek_pause *pause)
{
    EK_BUFFER text = {0};
    char until[EK_TIME_TEXT_SIZE];
    if (options->output == EK_OUTPUT_JSON) {
        ek_time_text(pause->until_ms, true, until);
        json_t *json =
            json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "format_version", "1.0", "type",
                      "pause", "account", named->account, "deployment", named->deployment, "until",
                      until, "who", ek_json_text(pause->who), "reason", ek_json_text(pause->why));
        ek_json_add(json, JSON_COMPACT, &text);
    } else {
        ek_time_text(pause->until_ms, false, until);
        ek_buffer_printf(&text,
                         "Paused %s/%s until %s. The database goes on serving; a step in hand is "
                         "finished.\nevenkeel resume %s/%s ends the pause earlier.\n",
                         named->account, named->deployment, until, named->account,
                         named->deployment);
    }
    ek_print(&text);
}

static int pause_it(const struct ek_options *options, const struct ek_named *named,
                    struct ek_error *err)
{
    const struct ek_store_handle *store = &named->fleet.store;
    const char *reason = options->reason ? options->reason : "";
    struct ek_pause pause = {.since_ms = ek_wall_ms()};
    EK_BUFFER text = {0};
    EK_BUFFER detail = {0};
    char until[EK_TIME_TEXT_SIZE];
    if (options->pause_ms < shortest_ms || options->pause_ms > longest_ms) {
        ek_fail(err, EK_INVALID, "EK-0803", "a pause lasts from 1s to 30d");
        return ek_hint(err, "--for 2h; it can be made longer by another pause");
    }
    if (strlen(reason) >= sizeof pause.why)
        return ek_fail(err, EK_INVALID, "EK-0803", "--reason is longer than %zu bytes",
                       sizeof pause.why - 1);
    pause.until_ms = pause.since_ms + options->pause_ms;
    snprintf(pause.who, sizeof pause.who, "%.127s", named->who);
    snprintf(pause.why, sizeof pause.why, "%s", reason);
    ek_time_text(pause.until_ms, true, until);
    ek_buffer_printf(&text, "paused until %s%s%s", until, reason[0] ? ": " : "", reason);
    ek_buffer_printf(&detail, "{\"until_ms\":%" PRId64 "}", pause.until_ms);
    ek_buffer_fail_with(&detail, &text);
    int result = ek_buffer_check(&detail, err);
    if (result == 0)
        result =
            store->driver->put_pause(store->store, named->account, named->deployment, &pause, err);
    if (result != 0)
        return result;
    const struct ek_said_of_named said = {.kind = ek_journal_word(EK_JOURNAL_PAUSED),
                                          .at_ms = pause.since_ms,
                                          .text = ek_buffer_text(&text),
                                          .detail = ek_buffer_text(&detail)};
    result = ek_named_record(named, &said, err);
    if (result == 0)
        print(options, named, &pause);
    return result;
}

int ek_command_pause(const struct ek_options *options)
{
    return ek_named_command(options, "pause", pause_it);
}
