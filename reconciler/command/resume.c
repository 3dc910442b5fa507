/* resume: a pause ends before its time. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/clock.h"
#include "reconciler/command/named.h"
#include "reconciler/loop/journal.h"
#include "reconciler/report/plan_report.h"

static void print(const struct ek_options *options, const struct ek_named *named, bool was_paused,
                  const struct ek_pause *pause)
{
    EK_BUFFER text = {0};
    if (options->output == EK_OUTPUT_JSON) {
        json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:b}", "format_version", "1.0", "type",
                                 "resume", "account", named->account, "deployment",
                                 named->deployment, "was_paused", was_paused);
        char *line = json ? json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
        ek_buffer_printf(&text, "%s\n", line ? line : "{}");
        free(line);
        json_decref(json);
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
        result = ek_named_record(named, ek_journal_word(EK_JOURNAL_RESUMED), now_ms,
                                 "the pause was ended", "{}", err);
    if (result == 0)
        print(options, named, paused, &pause);
    return result;
}

int ek_command_resume(const struct ek_options *options)
{
    struct ek_named named = {0};
    struct ek_error err = {0};
    bool said = false;
    int result = ek_named_open(options, "resume", &named, &said, &err);
    if (result == 0)
        result = resume(options, &named, &err);
    if (result != 0 && !said)
        ek_say_error(options, &err);
    ek_named_done(&named);
    return result == 0 ? EK_EXIT_OK : ek_exit_status_of(&err);
}
