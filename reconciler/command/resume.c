/* resume: a pause ends before its time. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "reconciler/base/clock.h"
#include "reconciler/command/named.h"
#include "reconciler/document/planned.h"
#include "reconciler/loop/journal.h"

static void print(const struct ek_options *options, const struct ek_named *named, bool was_paused,
                  const struct ek_pause *pause)
{
    EK_BUFFER text = {0};
    if (options->output == EK_OUTPUT_JSON) {
        json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:b}", "format_version", "1.0", "type",
                                 "resume", "account", named->account, "deployment",
                                 named->deployment, "was_paused", was_paused);
        ek_json_add(json, JSON_COMPACT, &text);
    } else if (was_paused) {
        ek_buffer_printf(&text, "Resumed %s/%s, which %s had paused%s%s.\n", named->account,
                         named->deployment, pause->who, pause->why[0] ? ": " : "", pause->why);
    } else {
        ek_buffer_printf(&text, "%s/%s is not paused.\n", named->account, named->deployment);
    }
    ek_print(&text);
}

static int resume(const struct ek_options *options, const struct ek_named *named,
                  struct ek_error *err)
{
    const struct ek_store_handle *store = &named->fleet.store;
    struct ek_error problem = {0};
    struct ek_pause pause = {0};
    int64_t now_ms = ek_wall_ms();
    int result =
        store->driver->get_pause(store->store, named->account, named->deployment, &pause, &problem);
    bool paused = result == 0 && pause.until_ms > now_ms;
    if (result != 0 && result != EK_NOT_FOUND) {
        *err = problem;
        return result;
    }
    struct ek_pause over = pause;
    over.until_ms = 0;
    bool there = result == 0 && pause.until_ms != 0; /* also one that has run out */
    result = there ? store->driver->put_pause(store->store, named->account, named->deployment,
                                              &over, err)
                   : 0;
    if (result == 0 && paused)
        result = ek_named_record(named,
                                 &(struct ek_said_of_named){ek_journal_word(EK_JOURNAL_RESUMED),
                                                            now_ms, "the pause was ended", "{}"},
                                 err);
    if (result == 0)
        print(options, named, paused, &pause);
    return result;
}

int ek_command_resume(const struct ek_options *options)
{
    return ek_named_command(options, "resume", resume);
}
