/* From nodes to structs, by the key tables. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "specs/check.h"
#include "specs/text.h"

struct binder {
    struct ek_check *check;
    const struct ek_document *document;
    const struct ek_kind *kind;
    struct ek_buffer path; /* of the key that is being bound */
};

static size_t path_push(struct binder *binder, const char *key)
{
    size_t length = binder->path.length;
    ek_buffer_printf(&binder->path, "%s%.64s", length ? "." : "", key);
    return length;
}

static void path_pop(struct binder *binder, size_t length)
{
    if (binder->path.failed)
        return;
    binder->path.length = length;
    if (binder->path.bytes)
        binder->path.bytes[length] = 0;
}

/* A key or a hint was not all there: then no diagnostic is to be believed. */
static void fail_with(const struct binder *binder, const struct ek_buffer *text)
{
    binder->check->diagnostics->failed |= text->failed;
}

#define REPORT(binder, at, ...)                                                                    \
    ek_diagnostics_add((binder)->check->diagnostics,                                               \
                       EK_WHERE((binder)->document->file, at, ek_buffer_text(&(binder)->path)),    \
                       __VA_ARGS__)
#define HINT(binder, ...) ek_diagnostics_hint((binder)->check->diagnostics, __VA_ARGS__)

struct elsewhere {
    const char *key;
    char path[160];
};

static void look_elsewhere(const char *path, const struct ek_key *key, void *context)
{
    struct elsewhere *elsewhere = context;
    if (key->type != EK_TYPE_LATER && !elsewhere->path[0] &&
        strcasecmp(key->key, elsewhere->key) == 0)
        snprintf(elsewhere->path, sizeof elsewhere->path, "%s", path);
}

static void hint_for_unknown(struct binder *binder, const struct ek_keys *keys, const char *written)
{
    const char *words[64] = {0};
    for (size_t i = 0; i < keys->count && i < 63; i++)
        words[i] = keys->rows[i].key;
    const char *nearest = ek_text_nearest(written, words);
    struct elsewhere elsewhere = {.key = written};
    ek_keys_visit(binder->kind->keys, look_elsewhere, &elsewhere);
    if (nearest && strcasecmp(nearest, written) == 0) {
        HINT(binder, "did you mean \"%s\"?", nearest);
    } else if (elsewhere.path[0]) {
        HINT(binder, "it belongs at %s", elsewhere.path);
    } else if (nearest) {
        HINT(binder, "did you mean \"%s\"?", nearest);
    } else {
        EK_BUFFER list = {0};
        for (size_t i = 0; i < keys->count; i++)
            if (keys->rows[i].type != EK_TYPE_LATER)
                ek_buffer_printf(&list, "%s%s", list.length ? ", " : "", keys->rows[i].key);
        HINT(binder, "keys that can stand here: %s", ek_buffer_text(&list));
        fail_with(binder, &list);
    }
}

static bool bind_value(struct binder *binder, const struct ek_key *key, struct ek_node *node,
                       struct ek_place at, void *base);

/* The defaults of a table's own scalars; those of its maps come with them. */
static void set_defaults(struct binder *binder, const struct ek_keys *keys, void *base)
{
    for (size_t i = 0; i < keys->count; i++) {
        const struct ek_key *key = &keys->rows[i];
        struct ek_problem problem;
        if (key->type == EK_TYPE_MAP)
            set_defaults(binder, key->children, base);
        else if (key->stored && key->initial)
            ek_value_types[key->type].parse(key, key->initial, binder->check->result,
                                            (char *)base + key->offset, &problem);
    }
}

static void warn_not_yet(const struct binder *binder, const struct ek_key *key, struct ek_place at)
{
    struct ek_diagnostics *warnings = binder->check->warnings;
    ek_diagnostics_add(warnings,
                       EK_WHERE(binder->document->file, at, ek_buffer_text(&binder->path)),
                       "EK-0319", "%s is not acted on yet: %s", key->key, key->not_yet);
}

/* `at` is where a missing key is reported. */
static bool bind_map(struct binder *binder, const struct ek_keys *keys, struct ek_node *map,
                     struct ek_place at, void *base)
{
    bool sound = !map->broken;
    for (size_t i = 0; i < map->count; i++) {
        struct ek_pair *pair = &map->pairs[i];
        const struct ek_key *key = ek_keys_find(keys, pair->key);
        size_t length = path_push(binder, pair->key);
        if (!key) {
            REPORT(binder, pair->at, "EK-0314", "unknown key \"%.64s\"", pair->key);
            hint_for_unknown(binder, keys, pair->key);
            sound = false;
        } else if (key->type == EK_TYPE_LATER) {
            REPORT(binder, pair->at, "EK-0315", "%s is not supported by this version yet",
                   key->key);
            HINT(binder, "take it out: a spec that asks for something that is not done is refused");
            sound = false;
        } else {
            sound = bind_value(binder, key, pair->value, pair->at, base) && sound;
        }
        if (key && key->not_yet)
            warn_not_yet(binder, key, pair->at);
        path_pop(binder, length);
    }
    for (size_t i = 0; i < keys->count; i++) {
        const struct ek_key *key = &keys->rows[i];
        if (!key->required || ek_node_pair(map, key->key))
            continue;
        size_t length = path_push(binder, key->key);
        REPORT(binder, at, "EK-0316", "the key \"%s\" is missing", key->key);
        HINT(binder, "%s", key->doc);
        path_pop(binder, length);
        sound = false;
    }
    map->broken = !sound;
    return sound;
}

static bool report_type(struct binder *binder, const struct ek_key *key, const struct ek_node *node,
                        struct ek_place at)
{
    const char *people = ek_value_types[key->type].people;
    if (node->kind == EK_NODE_SCALAR && node->scalar == EK_SCALAR_NULL) {
        REPORT(binder, at, "EK-0318", "%s has no value", key->key);
        HINT(binder, "give it %s, or take the key out", people);
        return false;
    }
    REPORT(binder, node->kind == EK_NODE_SCALAR ? node->at : at, "EK-0317", "%s must be %s, not %s",
           key->key, people, ek_node_describe(node, binder->check->scratch));
    if (node->kind == EK_NODE_SCALAR && node->scalar != EK_SCALAR_TEXT &&
        strcmp(ek_value_types[key->type].schema, "string") == 0)
        HINT(binder, "if this is meant as text, put it in quotes: \"%.64s\"", node->text);
    return false;
}

static bool bind_list(struct binder *binder, const struct ek_key *key, struct ek_node *list,
                      struct ek_place at, void *base)
{
    bool sound = !list->broken;
    if ((int64_t)list->count < key->least || (int64_t)list->count > key->most) {
        REPORT(binder, (int64_t)list->count > key->most ? list->items[key->most]->at : at,
               "EK-0331", "%s must have from %" PRId64 " to %" PRId64 " entries, not %zu", key->key,
               key->least, key->most, list->count);
        sound = false;
    }
    size_t size = key->children->item_size;
    char *items = ek_arena_zeroed(binder->check->result, size * (list->count + 1));
    size_t length = binder->path.length;
    for (size_t i = 0; items && i < list->count; i++) {
        struct ek_node *item = list->items[i];
        ek_buffer_printf(&binder->path, "[%zu]", i);
        set_defaults(binder, key->children, items + i * size);
        if (item->kind == EK_NODE_MAP) {
            sound = bind_map(binder, key->children, item, item->at, items + i * size) && sound;
        } else {
            REPORT(binder, item->at, "EK-0317", "an entry of %s must be a mapping, not %s",
                   key->key, ek_node_describe(item, binder->check->scratch));
            item->broken = true;
            sound = false;
        }
        path_pop(binder, length);
    }
    if (items) {
        memcpy((char *)base + key->offset, &items, sizeof items);
        memcpy((char *)base + key->offset_count, &list->count, sizeof list->count);
    }
    list->broken = !sound;
    return sound;
}

static bool bind_scalar(struct binder *binder, const struct ek_key *key, struct ek_node *node,
                        struct ek_place at, void *slot);

static bool bind_scalars(struct binder *binder, const struct ek_key *key, struct ek_node *list,
                         struct ek_place at, void *base)
{
    bool sound = !list->broken;
    if ((int64_t)list->count > key->most) {
        REPORT(binder, list->items[key->most]->at, "EK-0331",
               "%s must have at most %" PRId64 " entries, not %zu", key->key, key->most,
               list->count);
        sound = false;
    }
    char **texts = ek_arena_zeroed(binder->check->result, (list->count + 1) * sizeof *texts);
    size_t length = binder->path.length;
    for (size_t i = 0; texts && i < list->count; i++) {
        struct ek_node *item = list->items[i];
        ek_buffer_printf(&binder->path, "[%zu]", i);
        bool scalar = item->kind == EK_NODE_SCALAR;
        if (!scalar)
            report_type(binder, key->item, item, item->at);
        item->broken = !scalar || !bind_scalar(binder, key->item, item, at, &texts[i]);
        sound = sound && !item->broken;
        path_pop(binder, length);
    }
    if (texts) {
        memcpy((char *)base + key->offset, &texts, sizeof texts);
        memcpy((char *)base + key->offset_count, &list->count, sizeof list->count);
    }
    list->broken = !sound;
    return sound;
}

static bool bind_labels(struct binder *binder, struct ek_node *map)
{
    bool sound = !map->broken;
    for (size_t i = 0; i < map->count; i++) {
        const struct ek_node *value = map->pairs[i].value;
        bool text = value->kind == EK_NODE_SCALAR && value->scalar == EK_SCALAR_TEXT;
        if (text)
            continue;
        size_t length = path_push(binder, map->pairs[i].key);
        REPORT(binder, value->kind == EK_NODE_SCALAR ? value->at : map->pairs[i].at, "EK-0317",
               "a label must be a text, not %s", ek_node_describe(value, binder->check->scratch));
        HINT(binder, "put it in quotes");
        path_pop(binder, length);
        sound = false;
    }
    map->broken = !sound;
    return sound;
}

/* Whether the scalar's kind, by YAML's own rules, fits the type. */
static bool scalar_fits(const struct ek_key *key, const struct ek_node *node)
{
    const char *schema = ek_value_types[key->type].schema;
    if (node->scalar == EK_SCALAR_NULL)
        return false;
    if (key->type == EK_TYPE_DURATION || key->type == EK_TYPE_WORD)
        return true; /* their own messages say more */
    if (strcmp(schema, "string") == 0)
        return node->scalar == EK_SCALAR_TEXT;
    if (strcmp(schema, "boolean") == 0)
        return node->scalar == EK_SCALAR_BOOLEAN;
    return node->scalar == EK_SCALAR_INTEGER || node->scalar == EK_SCALAR_NUMBER;
}

/* The place of a part of a scalar, where its text stands in the file as it is. */
static struct ek_place part_of(const struct ek_node *node, const struct ek_problem *problem)
{
    struct ek_place at = node->at;
    int quotes = at.length - (int)node->length;
    bool as_it_is = quotes == 0 || quotes == 2;
    for (size_t i = 0; i < node->length; i++)
        as_it_is = as_it_is && node->text[i] >= ' ' && node->text[i] <= '~';
    if (problem->length == 0 || !as_it_is)
        return at;
    at.column += (int)problem->offset + quotes / 2;
    at.length = (int)problem->length;
    return at;
}

static bool bind_scalar(struct binder *binder, const struct ek_key *key, struct ek_node *node,
                        struct ek_place at, void *slot)
{
    struct ek_problem problem = {0};
    if (!scalar_fits(key, node))
        return report_type(binder, key, node, at);
    if (strlen(node->text) != node->length) {
        REPORT(binder, node->at, "EK-0330", "%s holds a NUL character", key->key);
        return false;
    }
    struct ek_arena *arena = slot ? binder->check->result : binder->check->scratch;
    if (ek_value_types[key->type].parse(key, node->text, arena, slot, &problem))
        return true;
    REPORT(binder, part_of(node, &problem), problem.id, "%s", problem.sentence);
    if (problem.hint[0])
        HINT(binder, "%s", problem.hint);
    return false;
}

static bool bind_value(struct binder *binder, const struct ek_key *key, struct ek_node *node,
                       struct ek_place at, void *base)
{
    static const enum ek_node_kind kinds[EK_TYPE_COUNT] = {[EK_TYPE_MAP] = EK_NODE_MAP,
                                                           [EK_TYPE_LABELS] = EK_NODE_MAP,
                                                           [EK_TYPE_LIST] = EK_NODE_LIST,
                                                           [EK_TYPE_SCALARS] = EK_NODE_LIST};
    bool sound = !node->broken;
    if (node->kind != kinds[key->type])
        sound = report_type(binder, key, node, at);
    else if (key->type == EK_TYPE_MAP)
        sound = bind_map(binder, key->children, node, at, base);
    else if (key->type == EK_TYPE_LIST)
        sound = bind_list(binder, key, node, at, base);
    else if (key->type == EK_TYPE_SCALARS)
        sound = bind_scalars(binder, key, node, at, base);
    else if (key->type == EK_TYPE_LABELS)
        sound = bind_labels(binder, node);
    else
        sound =
            bind_scalar(binder, key, node, at, key->stored ? (char *)base + key->offset : NULL) &&
            sound;
    node->broken = !sound;
    return sound;
}

void ek_bind(struct ek_check *check, const struct ek_document *document, const struct ek_kind *kind,
             void *value)
{
    struct binder binder = {.check = check, .document = document, .kind = kind};
    struct ek_place at = document->at;
    struct ek_span *span = (struct ek_span *)((char *)value + kind->at_offset);
    snprintf(span->file, sizeof span->file, "%s", document->file->path);
    span->line = at.line;
    span->column = at.column;
    span->length = at.length;
    set_defaults(&binder, kind->keys, value);
    bind_map(&binder, kind->keys, document->root, at, value);
    fail_with(&binder, &binder.path);
    ek_buffer_done(&binder.path);
}
