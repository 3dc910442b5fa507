#include "specs/node.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

#define DEPTH_MAX 32
#define NODES_MAX 200000 /* of one file */
#define KEYS_MAX 1000    /* of one mapping */

struct reader {
    yaml_parser_t yaml;
    const struct ek_spec_file *file;
    struct ek_arena *arena;
    struct ek_diagnostics *diagnostics;
    struct anchor *anchors;
    yaml_mark_t end; /* of the collection that was read last */
    size_t nodes;
    bool failed; /* reported; nothing further can be read of this file */
};

struct anchor {
    struct anchor *next;
    const char *name;
    struct ek_node *node;
};

static struct ek_place place_of(const yaml_mark_t *start, const yaml_mark_t *end)
{
    struct ek_place at = {.line = (int)start->line + 1, .column = (int)start->column + 1};
    if (end->line == start->line && end->column > start->column)
        at.length = (int)(end->column - start->column);
    return at;
}

static void refuse(struct reader *reader, struct ek_place at, const char *id, const char *sentence,
                   const char *hint)
{
    ek_diagnostics_add(reader->diagnostics, EK_WHERE(reader->file, at, NULL), id, "%s", sentence);
    if (hint)
        ek_diagnostics_hint(reader->diagnostics, "%s", hint);
}

static bool stands_at_tab(const struct ek_spec_file *file, const yaml_mark_t *mark)
{
    size_t line = 0;
    size_t offset = 0;
    while (offset < file->length && line < mark->line)
        line += file->text[offset++] == '\n';
    for (size_t i = 0; i < mark->column && offset < file->length; i++)
        if (file->text[offset] != ' ' && file->text[offset] != '\t')
            return false;
        else
            offset++;
    return offset < file->length && file->text[offset] == '\t';
}

static void report_yaml_error(struct reader *reader)
{
    const yaml_parser_t *yaml = &reader->yaml;
    struct ek_place at = {.line = (int)yaml->problem_mark.line + 1,
                          .column = (int)yaml->problem_mark.column + 1,
                          .length = 1};
    if (stands_at_tab(reader->file, &yaml->problem_mark)) {
        refuse(reader, at, "EK-0303", "a tab is used for indentation",
               "YAML is indented with spaces only");
        return;
    }
    char sentence[256];
    snprintf(sentence, sizeof sentence, "not valid YAML: %s%s%s",
             yaml->problem ? yaml->problem : "out of memory", yaml->context ? " " : "",
             yaml->context ? yaml->context : "");
    refuse(reader, at, "EK-0301", sentence, NULL);
}

static bool next_event(struct reader *reader, yaml_event_t *event)
{
    if (reader->failed)
        return false;
    if (yaml_parser_parse(&reader->yaml, event))
        return true;
    if (reader->yaml.error == YAML_MEMORY_ERROR)
        ek_arena_fail(reader->arena);
    else
        report_yaml_error(reader);
    reader->failed = true;
    return false;
}

/* Core schema of YAML 1.2, without its rarer spellings of numbers. */
static enum ek_scalar scalar_of(const char *text)
{
    static const struct {
        const char *word;
        enum ek_scalar scalar;
    } words[] = {
        {"", EK_SCALAR_NULL},         {"~", EK_SCALAR_NULL},        {"null", EK_SCALAR_NULL},
        {"Null", EK_SCALAR_NULL},     {"NULL", EK_SCALAR_NULL},     {"true", EK_SCALAR_BOOLEAN},
        {"True", EK_SCALAR_BOOLEAN},  {"TRUE", EK_SCALAR_BOOLEAN},  {"false", EK_SCALAR_BOOLEAN},
        {"False", EK_SCALAR_BOOLEAN}, {"FALSE", EK_SCALAR_BOOLEAN},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(text, words[i].word) == 0)
            return words[i].scalar;
    const char *digits = text + (*text == '-' || *text == '+');
    size_t whole = strspn(digits, "0123456789");
    const char *rest = digits + whole;
    if (whole > 0 && *rest == 0)
        return EK_SCALAR_INTEGER;
    size_t fraction = *rest == '.' ? strspn(rest + 1, "0123456789") : 0;
    if (*rest == '.')
        rest += 1 + fraction;
    if (whole + fraction == 0)
        return EK_SCALAR_TEXT;
    if (*rest == 'e' || *rest == 'E') {
        rest += 1 + (rest[1] == '-' || rest[1] == '+');
        size_t exponent = strspn(rest, "0123456789");
        if (exponent == 0)
            return EK_SCALAR_TEXT;
        rest += exponent;
    }
    return *rest == 0 ? EK_SCALAR_NUMBER : EK_SCALAR_TEXT;
}

static void check_tag(struct reader *reader, const yaml_char_t *tag, struct ek_node *node)
{
    static const char *const known[] = {"!", YAML_STR_TAG, YAML_MAP_TAG, YAML_SEQ_TAG};
    if (!tag)
        return;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp((const char *)tag, known[i]) == 0)
            return;
    ek_diagnostics_add(reader->diagnostics, EK_WHERE(reader->file, node->at, NULL), "EK-0307",
                       "the YAML tag \"%s\" is not taken", (const char *)tag);
    ek_diagnostics_hint(reader->diagnostics, "write the value without a tag");
    node->broken = true;
}

static void remember(struct reader *reader, const yaml_char_t *anchor, struct ek_node *node)
{
    if (!anchor)
        return;
    struct anchor *added = ek_arena_zeroed(reader->arena, sizeof *added);
    if (!added) {
        reader->failed = true;
        return;
    }
    added->name = ek_arena_copy(reader->arena, (const char *)anchor, strlen((const char *)anchor));
    added->node = node;
    added->next = reader->anchors;
    reader->anchors = added;
}

static struct ek_node *resolve_alias(struct reader *reader, const yaml_event_t *event)
{
    const char *name = (const char *)event->data.alias.anchor;
    struct ek_place at = place_of(&event->start_mark, &event->end_mark);
    for (const struct anchor *anchor = reader->anchors; anchor; anchor = anchor->next) {
        if (strcmp(anchor->name, name) != 0)
            continue;
        if (anchor->node->complete)
            return anchor->node;
        refuse(reader, at, "EK-0308", "the alias stands inside what it refers to", NULL);
        reader->failed = true;
        return NULL;
    }
    ek_diagnostics_add(reader->diagnostics, EK_WHERE(reader->file, at, NULL), "EK-0309",
                       "there is no anchor \"&%s\" above in this document", name);
    reader->failed = true;
    return NULL;
}

static struct ek_node *read_node(struct reader *reader, yaml_event_t *event, int depth);

static struct ek_node *read_next(struct reader *reader, int depth, yaml_event_type_t end,
                                 bool *ret_ended)
{
    yaml_event_t event;
    *ret_ended = false;
    if (!next_event(reader, &event))
        return NULL;
    *ret_ended = event.type == end;
    if (*ret_ended)
        reader->end = event.end_mark;
    struct ek_node *node = *ret_ended ? NULL : read_node(reader, &event, depth);
    yaml_event_delete(&event);
    return node;
}

static void read_list(struct reader *reader, struct ek_node *list, int depth)
{
    for (;;) {
        bool ended;
        struct ek_node *item = read_next(reader, depth + 1, YAML_SEQUENCE_END_EVENT, &ended);
        if (!item)
            return;
        list->items =
            ek_arena_grow(reader->arena, list->items, list->count, sizeof(struct ek_node *));
        reader->failed |= !list->items;
        if (reader->failed)
            return;
        list->items[list->count++] = item;
    }
}

/* True when the pair may be added. */
static bool check_key(struct reader *reader, struct ek_node *map, const struct ek_node *key)
{
    if (key->kind != EK_NODE_SCALAR || strlen(key->text) != key->length) {
        refuse(reader, key->at, "EK-0306", "a key must be a single word", NULL);
        return false;
    }
    if (strcmp(key->text, "<<") == 0) {
        refuse(reader, key->at, "EK-0305", "merge keys (<<) are not taken",
               "write the keys out, or use an alias for a whole value");
        return false;
    }
    const struct ek_pair *first = ek_node_pair(map, key->text);
    if (!first && map->count == KEYS_MAX) {
        refuse(reader, key->at, "EK-0308", "the mapping has too many keys", NULL);
        reader->failed = true;
    }
    if (!first)
        return !reader->failed;
    ek_diagnostics_add(reader->diagnostics, EK_WHERE(reader->file, key->at, NULL), "EK-0304",
                       "the key \"%.64s\" stands here a second time", key->text);
    ek_diagnostics_hint(reader->diagnostics, "the first one is at line %d, column %d; keep one",
                        first->at.line, first->at.column);
    return false;
}

static void read_map(struct reader *reader, struct ek_node *map, int depth)
{
    for (;;) {
        bool ended;
        struct ek_node *key = read_next(reader, depth + 1, YAML_MAPPING_END_EVENT, &ended);
        if (!key)
            return;
        struct ek_node *value = read_next(reader, depth + 1, YAML_NO_EVENT, &ended);
        if (!value)
            return;
        if (!check_key(reader, map, key)) {
            map->broken = true;
            continue;
        }
        map->pairs = ek_arena_grow(reader->arena, map->pairs, map->count, sizeof(struct ek_pair));
        reader->failed |= !map->pairs;
        if (reader->failed)
            return;
        map->pairs[map->count++] =
            (struct ek_pair){.key = key->text, .at = key->at, .value = value};
    }
}

static void read_scalar(struct reader *reader, struct ek_node *node, const yaml_event_t *event)
{
    node->text = ek_arena_copy(reader->arena, (const char *)event->data.scalar.value,
                               event->data.scalar.length);
    node->length = event->data.scalar.length;
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !event->data.scalar.tag;
    node->scalar = plain ? scalar_of(node->text) : EK_SCALAR_TEXT;
    if (node->length == 0 && plain)
        node->at.length = 1;
}

static struct ek_node *read_node(struct reader *reader, yaml_event_t *event, int depth)
{
    if (event->type == YAML_ALIAS_EVENT)
        return resolve_alias(reader, event);
    struct ek_node *node = ek_arena_zeroed(reader->arena, sizeof *node);
    reader->failed |= !node;
    if (reader->failed)
        return NULL;
    node->at = place_of(&event->start_mark, &event->end_mark);
    if (depth > DEPTH_MAX || ++reader->nodes > NODES_MAX) {
        refuse(reader, node->at, "EK-0308",
               depth > DEPTH_MAX ? "the document is nested too deeply" : "the file is too large",
               NULL);
        reader->failed = true;
        return NULL;
    }
    if (event->type == YAML_SCALAR_EVENT) {
        read_scalar(reader, node, event);
        check_tag(reader, event->data.scalar.tag, node);
        remember(reader, event->data.scalar.anchor, node);
    } else {
        bool map = event->type == YAML_MAPPING_START_EVENT;
        node->kind = map ? EK_NODE_MAP : EK_NODE_LIST;
        check_tag(reader, map ? event->data.mapping_start.tag : event->data.sequence_start.tag,
                  node);
        remember(reader, map ? event->data.mapping_start.anchor : event->data.sequence_start.anchor,
                 node);
        bool flow = map ? event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE
                        : event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
        (map ? read_map : read_list)(reader, node, depth);
        if (flow && !reader->failed)
            node->at = place_of(&event->start_mark, &reader->end);
        else
            node->at.length = 0;
    }
    node->complete = true;
    return reader->failed ? NULL : node;
}

static void read_document(struct reader *reader, const yaml_event_t *start,
                          struct ek_documents *documents)
{
    bool ended;
    reader->anchors = NULL;
    struct ek_node *root = read_next(reader, 0, YAML_NO_EVENT, &ended);
    if (!root)
        return;
    bool empty = root->kind == EK_NODE_SCALAR && root->scalar == EK_SCALAR_NULL;
    struct ek_place at = {.line = (int)start->start_mark.line + 1, .column = 1};
    documents->items =
        ek_arena_grow(reader->arena, documents->items, documents->count, sizeof *documents->items);
    reader->failed |= !documents->items;
    if (reader->failed)
        return;
    documents->items[documents->count++] = (struct ek_document){
        .file = reader->file, .root = empty ? NULL : root, .at = empty ? at : root->at};
}

bool ek_nodes_read(const struct ek_spec_file *file, struct ek_arena *arena,
                   struct ek_documents *documents, struct ek_diagnostics *diagnostics)
{
    struct reader reader = {.file = file, .arena = arena, .diagnostics = diagnostics};
    if (!ek_bytes_check(file, diagnostics))
        return false;
    if (!yaml_parser_initialize(&reader.yaml)) {
        ek_arena_fail(arena);
        return false;
    }
    size_t mark = file->length >= 3 && memcmp(file->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    yaml_parser_set_encoding(&reader.yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.yaml, (const unsigned char *)file->text + mark,
                                 file->length - mark);
    for (bool more = true; more;) {
        yaml_event_t event;
        if (!next_event(&reader, &event))
            break;
        if (event.type == YAML_DOCUMENT_START_EVENT)
            read_document(&reader, &event, documents);
        more = event.type != YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&reader.yaml);
    return !reader.failed;
}

struct ek_pair *ek_node_pair(const struct ek_node *map, const char *key)
{
    for (size_t i = 0; map && map->kind == EK_NODE_MAP && i < map->count; i++)
        if (strcmp(map->pairs[i].key, key) == 0)
            return &map->pairs[i];
    return NULL;
}

const char *ek_node_describe(const struct ek_node *node, struct ek_arena *arena)
{
    static const char *const scalars[] = {
        [EK_SCALAR_TEXT] = "the text \"%.64s\"", [EK_SCALAR_NULL] = "nothing",
        [EK_SCALAR_BOOLEAN] = "%.64s",           [EK_SCALAR_INTEGER] = "the number %.64s",
        [EK_SCALAR_NUMBER] = "the number %.64s",
    };
    if (node->kind == EK_NODE_MAP)
        return "a mapping (key: value)";
    if (node->kind == EK_NODE_LIST)
        return "a list";
    const char *format = scalars[node->scalar];
    const char *slot = strstr(format, "%.64s");
    if (!slot)
        return format;
    return ek_arena_printf(arena, "%.*s%.64s%s", (int)(slot - format), format, node->text,
                           slot + 5);
}
