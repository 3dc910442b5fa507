#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "reconciler/base/json.h"
#include "reconciler/base/sizes.h"
#include "reconciler/command/import.h"
#include "reconciler/report/palette.h"

/* By kind: how the listing calls it (NULL: the file alone tells it), and how JSON does. */
static const struct {
    const char *heading;
    const char *word;
} kinds[] = {
    [EK_NOTE_KEPT] = {NULL, "kept"},
    [EK_NOTE_TOLD] = {"To know", "told"},
    [EK_NOTE_DECIDE] = {"To decide", "decide"},
    [EK_NOTE_UNSEEN] = {"Could not be seen", "unseen"},
    [EK_NOTE_IN_THE_WAY] = {"In the way", "in-the-way"},
};

static const struct ek_import_notes *notes_of(const struct ek_import *import, size_t m)
{
    return m < import->member_count ? &import->members[m].notes : &import->notes;
}

static void version(const struct ek_import_member *member, char ret_text[static 40])
{
    const int *v = member->version;
    if (v[0] == 0)
        snprintf(ret_text, 40, "?");
    else
        snprintf(ret_text, 40, "%d.%d.%d", v[0], v[1], v[2]);
}

static void member_row(const struct ek_import_member *member, struct ek_buffer *text)
{
    char number[40];
    char address[EK_HOST_PORT_SIZE];
    version(member, number);
    snprintf(address, sizeof address, "%s:%d", member->host, member->port);
    ek_buffer_printf(text, "  %-14s %-34s %-9s %-8s %s%s%s\n", member->name, address, member->state,
                     number, member->unit, member->unit[0] && member->configuration[0] ? ", " : "",
                     member->configuration);
}

static void section(const struct ek_import *import, enum ek_import_note_kind kind,
                    struct ek_buffer *text)
{
    bool any = false;
    for (size_t m = 0; m <= import->member_count; m++) {
        const struct ek_import_notes *notes = notes_of(import, m);
        for (size_t i = 0; i < notes->count; i++) {
            const struct ek_import_note *note = &notes->rows[i];
            if (note->kind != kind)
                continue;
            if (!any)
                ek_buffer_printf(text, "\n%s:\n", kinds[kind].heading);
            any = true;
            ek_buffer_printf(text, "  - %s%s%s%s%s%s\n",
                             m < import->member_count ? import->members[m].name : "",
                             m < import->member_count ? ": " : "", note->sentence,
                             note->id[0] ? " [" : "", note->id, note->id[0] ? "]" : "");
        }
    }
}

void ek_import_text(const struct ek_import_report *report, bool colour, struct ek_buffer *text)
{
    const struct ek_import *import = report->import;
    const struct ek_palette *paint = ek_palette(colour);
    ek_buffer_printf(text, "%s%s%s (account %s): replica set %s, %zu member%s, sslMode %s\n\n",
                     paint->bold, report->deployment, paint->plain, report->account,
                     import->set_name, import->member_count, import->member_count == 1 ? "" : "s",
                     ek_ssl_mode_name(import->mode));
    for (size_t i = 0; i < import->member_count; i++)
        member_row(&import->members[i], text);
    section(import, EK_NOTE_UNSEEN, text);
    section(import, EK_NOTE_IN_THE_WAY, text);
    section(import, EK_NOTE_DECIDE, text);
    section(import, EK_NOTE_TOLD, text);
    if (report->file)
        ek_buffer_printf(text, "\nWrote %s. Read it, commit it, and then: evenkeel plan --git .\n",
                         report->file);
}

static json_t *member_json(const struct ek_import_member *member)
{
    char number[40];
    version(member, number);
    json_t *json = json_object();
    ek_json_set(&json, "name", ek_json_text(member->name));
    ek_json_set(&json, "host", ek_json_text(member->host));
    ek_json_set(&json, "port", json_integer(member->port));
    ek_json_set(&json, "state", ek_json_text(member->state));
    ek_json_set(&json, "version", ek_json_text_or_null(member->version[0] ? number : NULL));
    ek_json_set(&json, "ssl_mode", ek_json_text(ek_ssl_mode_name(member->mode_running)));
    ek_json_set(&json, "unit", ek_json_text_or_null(member->unit));
    ek_json_set(&json, "user", ek_json_text_or_null(member->user));
    ek_json_set(&json, "configuration", ek_json_text_or_null(member->configuration));
    ek_json_set(&json, "proven", json_boolean(member->proven));
    return json;
}

static json_t *notes_json(const struct ek_import *import)
{
    json_t *array = json_array();
    for (size_t m = 0; m <= import->member_count; m++) {
        const struct ek_import_notes *notes = notes_of(import, m);
        for (size_t i = 0; i < notes->count; i++) {
            const struct ek_import_note *note = &notes->rows[i];
            json_t *row = json_object();
            ek_json_set(
                &row, "member",
                ek_json_text_or_null(m < import->member_count ? import->members[m].name : NULL));
            ek_json_set(&row, "kind", ek_json_text(kinds[note->kind].word));
            ek_json_set(&row, "id", ek_json_text_or_null(note->id));
            ek_json_set(&row, "message", ek_json_text(note->sentence));
            ek_json_append(&array, row);
        }
    }
    return array;
}

json_t *ek_import_json(const struct ek_import_report *report, const char *specs)
{
    const struct ek_import *import = report->import;
    json_t *members = json_array();
    for (size_t i = 0; i < import->member_count; i++)
        ek_json_append(&members, member_json(&import->members[i]));
    json_t *json = json_object();
    ek_json_set(&json, "format_version", ek_json_text("1.0"));
    ek_json_set(&json, "type", ek_json_text("import"));
    ek_json_set(&json, "account", ek_json_text(report->account));
    ek_json_set(&json, "deployment", ek_json_text(report->deployment));
    ek_json_set(&json, "replica_set", ek_json_text(import->set_name));
    ek_json_set(&json, "ssl_mode", ek_json_text(ek_ssl_mode_name(import->mode)));
    ek_json_set(&json, "members", members);
    ek_json_set(&json, "notes", notes_json(import));
    ek_json_set(&json, "file", ek_json_text_or_null(report->file));
    ek_json_set(&json, "specs", ek_json_text(specs));
    return json;
}
