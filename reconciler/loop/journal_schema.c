#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/json.h"
#include "reconciler/loop/journal.h"

static const struct {
    const char *name;
    const char *pattern; /* NULL: any text that is not empty */
    const char *doc;
} texts[] = {
    {"time", "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$",
     "When, in UTC with milliseconds (RFC 3339)."},
    {"account", NULL, "The account of the deployment."},
    {"deployment", NULL, "The deployment."},
    {"repository", NULL, "The repository, or the webhook, by its name."},
    {"step", NULL, "The step, for people."},
    {"commit", NULL, "The commit that the specs are read from."},
    {"plan", NULL, "The name of the plan."},
    {"id", "^EK-\\d{4}$", "An id that evenkeel explain knows."},
    {"message", NULL, "One sentence for people."},
    {"format_version", "^1\\.[0-9]+$",
     "Of these lines; in the line of started only. Within 1.x keys and events are only ever "
     "added."},
    {"version", NULL, "The version of Evenkeel; in the line of started only."},
};

static json_t *event_rule(void)
{
    EK_BUFFER doc = {0};
    json_t *words = json_array();
    ek_buffer_text_add(&doc, "What happened.");
    for (int i = 0; i < EK_JOURNAL_EVENTS; i++) {
        enum ek_journal_event event = (enum ek_journal_event)i;
        ek_json_append(&words, json_string(ek_journal_word(event)));
        ek_buffer_printf(&doc, " %s: %s", ek_journal_word(event), ek_journal_doc(event));
    }
    return json_pack("{s:o, s:o}", "description",
                     doc.failed ? NULL : json_string(ek_buffer_text(&doc)), "enum", words);
}

void ek_journal_schema(struct ek_buffer *text)
{
    json_t *properties = json_object();
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        json_t *rule = json_pack("{s:s, s:s, s:i}", "description", texts[i].doc, "type", "string",
                                 "minLength", 1);
        if (texts[i].pattern)
            ek_json_set(&rule, "pattern", json_string(texts[i].pattern));
        ek_json_set(&properties, texts[i].name, rule);
    }
    ek_json_set(&properties, "event", event_rule());
    ek_json_set(&properties, "level",
                json_pack("{s:s, s:[s,s,s,s]}", "description", "How urgent.", "enum", "error",
                          "warning", "info", "debug"));
    ek_json_set(&properties, "duration_ms",
                json_pack("{s:s, s:s, s:i}", "description", "How long it took.", "type", "integer",
                          "minimum", 1));
    json_t *schema = json_pack("{s:s, s:s, s:s, s:[s,s,s], s:b, s:o}", "$schema",
                               "https://json-schema.org/draft/2020-12/schema", "title",
                               "A line of evenkeel run --output json: one thing that happened",
                               "type", "object", "required", "time", "level", "event",
                               "additionalProperties", 0, "properties", properties);
    ek_json_print(schema, JSON_INDENT(2) | JSON_SORT_KEYS, text);
    ek_buffer_text_add(text, "\n");
}
