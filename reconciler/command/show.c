/* show PLANFILE: what a plan file holds. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "reconciler/command/command.h"
#include "reconciler/command/show.h"
#include "reconciler/document/words.h"
#include "reconciler/report/plan_report.h"
#include "specs/arena.h"

static void add_json(const struct ek_plan_file *file, struct ek_buffer *text)
{
    json_t *document = (json_t *)(uintptr_t)ek_plan_file_document(file);
    ek_json_add(json_incref(document), JSON_INDENT(2), text);
}

/* Who signed it, as the file itself claims. */
static void add_signature(const struct ek_plan_file *file, struct ek_buffer *text)
{
    const json_t *signature = json_object_get(ek_plan_file_document(file), "signature");
    const char *key = json_string_value(json_object_get(signature, "key"));
    if (key)
        ek_buffer_printf(text, "Signed with the key %s (not checked here; apply and approve do).\n",
                         key);
}

int ek_plan_file_print(const struct ek_options *options, const struct ek_plan_file *file,
                       const char *next_command, struct ek_error *err)
{
    EK_CLEANUP(ek_arena_cleanup) struct ek_arena *arena = ek_arena_new();
    EK_BUFFER text = {0};
    struct ek_plan_set set;
    int result = ek_plan_file_set(file, arena, &set, err);
    if (result != 0)
        return result;
    set.next_command = next_command;
    if (options->output == EK_OUTPUT_JSON) {
        add_json(file, &text);
    } else if (options->output == EK_OUTPUT_MARKDOWN) {
        ek_plan_markdown(&set, &text);
    } else {
        add_signature(file, &text);
        ek_plan_text(&set, ek_colour_wanted(options, STDOUT_FILENO), &text);
    }
    ek_print(&text);
    return 0;
}

int ek_command_show(const struct ek_options *options)
{
    struct ek_plan_file *file = NULL;
    struct ek_error err = {0};
    EK_BUFFER next = {0};
    int result;
    if (options->argument_count == 0) {
        result = ek_fail(&err, EK_INVALID, "EK-0804", "show wants a plan file");
        ek_hint(&err, "evenkeel plan --out FILE makes one");
    } else {
        result = ek_plan_file_read(options->arguments[0], &file, &err);
        ek_buffer_text_add(&next, "evenkeel apply ");
        ek_shell_word(&next, options->arguments[0]);
    }
    if (result == 0)
        result = ek_buffer_check(&next, &err);
    if (result == 0)
        result = ek_plan_file_print(options, file, ek_buffer_text(&next), &err);
    if (result != 0)
        ek_say_error(options, &err);
    ek_plan_file_free(file);
    return result == 0 ? EK_EXIT_OK : ek_exit_status_of(&err);
}
