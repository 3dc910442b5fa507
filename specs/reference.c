/* The reference page, and what `explain` says about one key. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "specs/describe.h"
#include "specs/keys.h"
#include "specs/text.h"

/* "one of a, b", "a whole number, 1 to 65535", …; `quote` stands around words. */
static void values_of(const struct ek_key *key, const char *quote, struct ek_buffer *text)
{
    const struct ek_value_type *type = &ek_value_types[key->type];
    if (key->type == EK_TYPE_CONSTANT) {
        ek_buffer_printf(text, "%s%s%s", quote, key->initial, quote);
    } else if (key->type == EK_TYPE_WORD) {
        const char *join = "one of ";
        for (const struct ek_word *word = key->words; word->word; word++) {
            if (word->later)
                continue;
            ek_buffer_printf(text, "%s%s%s%s", join, quote, word->word, quote);
            join = ", ";
        }
    } else {
        ek_buffer_text_add(text, type->people);
    }
    if (key->type == EK_TYPE_SCALARS) {
        ek_buffer_printf(text, "each %s; at most %" PRId64, ek_value_types[key->item->type].people,
                         key->most);
    } else if (key->type == EK_TYPE_DURATION) {
        ek_buffer_text_add(text, ", ");
        ek_text_duration(text, key->least);
        ek_buffer_text_add(text, " to ");
        ek_text_duration(text, key->most);
    } else if (key->type == EK_TYPE_INTEGER || key->type == EK_TYPE_NUMBER ||
               key->type == EK_TYPE_LIST) {
        ek_buffer_printf(text, "%s, %" PRId64 " to %" PRId64,
                         key->type == EK_TYPE_LIST ? " of mappings" : "", key->least, key->most);
    } else if (key->most) {
        ek_buffer_printf(text, ", at most %" PRId64 " characters", key->most);
    }
}

static void default_of(const struct ek_key *key, const char *quote, struct ek_buffer *text)
{
    if (key->required)
        ek_buffer_text_add(text, "required");
    else if (key->initial_words)
        ek_buffer_text_add(text, key->initial_words);
    else if (key->initial)
        ek_buffer_printf(text, "%s%s%s", quote, key->initial, quote);
    else
        ek_buffer_text_add(text, "none");
}

/* "<" and "|" mean something in a Markdown table. */
static void cell(struct ek_buffer *page, const char *text)
{
    for (; *text; text++)
        if (*text == '<' || *text == '|')
            ek_buffer_printf(page, "\\%c", *text);
        else
            ek_buffer_add(page, text, 1);
    ek_buffer_text_add(page, " | ");
}

static void add_row(const char *path, const struct ek_key *key, void *context)
{
    struct ek_buffer *page = context;
    EK_BUFFER values = {0};
    EK_BUFFER initial = {0};
    if (key->type == EK_TYPE_LATER)
        return;
    values_of(key, "`", &values);
    default_of(key, "`", &initial);
    ek_buffer_printf(page, "| `%s` | ", path);
    cell(page, ek_buffer_text(&values));
    cell(page, ek_buffer_text(&initial));
    ek_buffer_fail_with(page, &values);
    ek_buffer_fail_with(page, &initial);
    cell(page, key->since);
    ek_buffer_printf(page, "%s%s", key->doc,
                     key->sensitivity == EK_SENSITIVITY_PERSONAL ? " Personal data." : "");
    if (key->not_yet)
        ek_buffer_printf(page, " **Not acted on yet**: %s.", key->not_yet);
    ek_buffer_text_add(page, " |\n");
}

static void add_later(const char *path, const struct ek_key *key, void *context)
{
    struct ek_buffer *page = context;
    if (key->type == EK_TYPE_LATER)
        ek_buffer_printf(page, "- `%s`: %s\n", path, key->doc);
}

void ek_specs_reference(struct ek_buffer *page)
{
    ek_buffer_text_add(
        page,
        "# The language of the specs\n\n"
        "A spec repository holds YAML files (`*.yaml`, `*.yml`) in any layout, with any number\n"
        "of documents per file. Every document names its `apiVersion` and `kind`. Unknown and\n"
        "repeated keys are errors. Durations are a whole number and one unit: `45s`, `90m`,\n"
        "`12h`, `30d`, `2w`.\n");
    for (size_t i = 0; i < ek_kind_count; i++) {
        const struct ek_kind *kind = &ek_kinds[i];
        if (kind->later)
            continue;
        ek_buffer_printf(page, "\n## %s\n\n%s\n\n", kind->name, kind->doc);
        ek_buffer_text_add(page, "| key | value | default | since | meaning |\n"
                                 "|---|---|---|---|---|\n");
        ek_keys_visit(kind->keys, add_row, page);
    }
    ek_buffer_text_add(page,
                       "\n## Not supported yet\n\nRefused with a message, never ignored:\n\n");
    for (size_t i = 0; i < ek_kind_count; i++)
        if (ek_kinds[i].later)
            ek_buffer_printf(page, "- kind `%s`: %s\n", ek_kinds[i].name, ek_kinds[i].doc);
        else
            ek_keys_visit(ek_kinds[i].keys, add_later, page);
}

struct lookup {
    const char *wanted; /* without indexes and without the kind */
    const struct ek_kind *kind;
    struct ek_buffer *text;
    size_t found;
    const char *words[256]; /* last segments, for did-you-mean */
    size_t word_count;
};

/* Whether `path` is `wanted` or ends with it, brackets of `path` left out of account. */
static bool path_matches(const char *path, const char *wanted)
{
    char bare[160];
    size_t length = 0;
    for (; *path && length + 1 < sizeof bare; path++)
        if (*path != '[' && *path != ']')
            bare[length++] = *path;
    bare[length] = 0;
    size_t tail = strlen(wanted);
    if (tail == 0 || tail > length || strcmp(bare + length - tail, wanted) != 0)
        return false;
    return tail == length || bare[length - tail - 1] == '.';
}

static void look_up(const char *path, const struct ek_key *key, void *context)
{
    struct lookup *lookup = context;
    EK_BUFFER values = {0};
    EK_BUFFER initial = {0};
    if (lookup->word_count < 255)
        lookup->words[lookup->word_count++] = key->key;
    if (!path_matches(path, lookup->wanted))
        return;
    ek_buffer_printf(lookup->text, "%s%s %s\n", lookup->found++ ? "\n" : "", lookup->kind->name,
                     path);
    ek_buffer_printf(lookup->text, "  %s\n", key->doc);
    values_of(key, "", &values);
    default_of(key, "", &initial);
    if (key->type == EK_TYPE_LATER) {
        ek_buffer_text_add(lookup->text, "  Not supported by this version yet.\n");
        return;
    }
    ek_buffer_printf(lookup->text, "  value:   %s\n", ek_buffer_text(&values));
    ek_buffer_printf(lookup->text, "  default: %s\n", ek_buffer_text(&initial));
    ek_buffer_fail_with(lookup->text, &values);
    ek_buffer_fail_with(lookup->text, &initial);
    ek_buffer_printf(lookup->text, "  since:   %s\n", key->since);
    if (key->not_yet)
        ek_buffer_printf(lookup->text, "  Not acted on yet: %s.\n", key->not_yet);
}

int ek_specs_key_doc(const char *path, struct ek_buffer *text, struct ek_error *err)
{
    char wanted[160];
    size_t length = 0;
    bool index = false;
    for (const char *c = path; *c && length + 1 < sizeof wanted; c++) {
        index = (index || *c == '[') && *c != ']';
        if (!index && *c != ']')
            wanted[length++] = *c;
    }
    wanted[length] = 0;
    struct lookup lookup = {.text = text};
    size_t first = strcspn(wanted, ".");
    for (size_t i = 0; i < ek_kind_count; i++) {
        const struct ek_kind *kind = &ek_kinds[i];
        bool named = strlen(kind->name) == first && strncmp(kind->name, wanted, first) == 0;
        lookup.kind = kind;
        lookup.wanted = named && wanted[first] ? wanted + first + 1 : wanted;
        if (named && kind->later && !wanted[first])
            ek_buffer_printf(text, "%s\n  %s Not supported by this version yet.\n", kind->name,
                             kind->doc);
        else if (named && !wanted[first])
            ek_buffer_printf(text, "%s\n  %s\n", kind->name, kind->doc);
        if (named && !wanted[first])
            return 0;
        if (!kind->later)
            ek_keys_visit(kind->keys, look_up, &lookup);
    }
    if (lookup.found)
        return 0;
    const char *last = strrchr(wanted, '.');
    const char *nearest = ek_text_nearest(last ? last + 1 : wanted, lookup.words);
    ek_fail(err, EK_NOT_FOUND, "EK-0360", "there is no key \"%.100s\" in the specs", path);
    if (nearest)
        ek_hint(err, "did you mean %s?", nearest);
    return EK_NOT_FOUND;
}
