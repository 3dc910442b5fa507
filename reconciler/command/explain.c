#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "reconciler/catalogue/catalogue.h"
#include "reconciler/command/command.h"
#include "specs/describe.h"

enum { SHOWN = 3 };

static void add_row(const struct ek_options *options, const struct ek_catalogue_row *row,
                    struct ek_buffer *text)
{
    if (options->output != EK_OUTPUT_JSON) {
        ek_buffer_printf(text, "%s: %s\n\n", row->id, row->title);
        if (row->patterns)
            ek_buffer_printf(text, "The server logs: %.*s\n\n", (int)strcspn(row->patterns, "|"),
                             row->patterns);
        ek_buffer_printf(text, "%s\n\nWhat to do: %s\n", row->meaning, row->remedy);
        return;
    }
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s}", "format_version", "1.0", "id", row->id,
                             "title", row->title, "meaning", row->meaning, "remedy", row->remedy);
    ek_json_add(json, JSON_INDENT(2), text);
}

static int unknown(const struct ek_options *options, const char *what, const struct ek_error *key)
{
    const struct ek_catalogue_row *near[SHOWN];
    struct ek_error err = {0};
    size_t count = ek_catalogue_near(what, near, SHOWN);
    ek_fail(&err, EK_NOT_FOUND, "EK-0812", "nothing is known about \"%.200s\"", what);
    if (key->hint[0] && count == 0)
        ek_hint(&err, "%s", key->hint);
    ek_say_error(options, &err);
    for (size_t i = 0; i < count; i++)
        fprintf(stderr, "  near: %s %s\n", near[i]->id, near[i]->title);
    return EK_EXIT_ERROR;
}

int ek_command_explain(const struct ek_options *options)
{
    EK_BUFFER what = {0};
    EK_BUFFER text = {0};
    struct ek_error err = {0};
    const struct ek_catalogue_row *rows[SHOWN];
    for (size_t i = 0; i < options->argument_count; i++)
        ek_buffer_printf(&what, "%s%s", i ? " " : "", options->arguments[i]);
    if (ek_buffer_check(&what, &err) != 0) {
        ek_say_error(options, &err);
        return ek_exit_status_of(&err);
    }
    if (what.length == 0) {
        ek_fail(&err, EK_INVALID, "EK-0804", "explain wants an id, a key or a log line");
        ek_hint(&err, "evenkeel explain EK-0113, evenkeel explain spec.sslMode");
        ek_say_error(options, &err);
        return EK_EXIT_USAGE;
    }
    rows[0] = ek_catalogue_find(ek_buffer_text(&what));
    size_t count = rows[0] ? 1 : 0;
    if (count == 0 && ek_specs_key_doc(ek_buffer_text(&what), &text, &err) == 0) {
        ek_print(&text);
        return EK_EXIT_OK;
    }
    if (count == 0)
        count = ek_catalogue_match_log_line(ek_buffer_text(&what), rows, 1);
    if (count == 0)
        return unknown(options, ek_buffer_text(&what), &err);
    ek_buffer_done(&text);
    add_row(options, rows[0], &text);
    ek_print(&text);
    return EK_EXIT_OK;
}
