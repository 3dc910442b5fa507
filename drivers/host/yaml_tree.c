#include "drivers/host/yaml_tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "reconciler/base/memory.h"

enum { DEPTH_MAX = 32, OPTIONS_MAX = 10000 };

struct loader {
    yaml_parser_t parser;
    const char *text; /* behind a byte order mark */
    size_t length;
    const char *path;
    struct ek_error *err;
    const struct ek_yaml_node **anchored;
    size_t anchored_count;
};

int ek_yaml_fail(struct ek_error *err, const char *path, size_t line, size_t column,
                 const char *what)
{
    ek_fail(err, EK_INVALID, "EK-0410", "%s", what);
    if (err) {
        snprintf(err->at.file, sizeof err->at.file, "%s", path);
        err->at.line = (int)line + 1;
        err->at.column = (int)column + 1;
    }
    return EK_INVALID;
}

static void node_free(struct ek_yaml_node *node)
{
    if (!node)
        return;
    for (size_t i = 0; i < node->count; i++) {
        if (node->keys)
            node_free(node->keys[i]);
        node_free(node->values[i]);
    }
    free(node->keys);
    free(node->values);
    free(node->value);
    free(node->anchor);
    free(node);
}

void ek_yaml_tree_done(struct ek_yaml_tree *tree)
{
    node_free(tree->root);
    *tree = (struct ek_yaml_tree){0};
}

/* Bytes that are no text are told by their offset alone; columns are counted in characters. */
static int fail_at_byte(const struct loader *loader, const char *what)
{
    size_t line = 0;
    size_t column = 0;
    size_t end = loader->parser.problem_offset;
    for (size_t i = 0; i < end && i < loader->length; i++) {
        bool line_end = loader->text[i] == '\n';
        line += line_end;
        if (line_end)
            column = 0;
        else
            column += ((unsigned char)loader->text[i] & 0xC0) != 0x80;
    }
    return ek_yaml_fail(loader->err, loader->path, line, column, what);
}

static int next_event(struct loader *loader, yaml_event_t *ret_event)
{
    if (yaml_parser_parse(&loader->parser, ret_event))
        return 0;
    const yaml_parser_t *parser = &loader->parser;
    char what[160];
    if (parser->error == YAML_MEMORY_ERROR)
        return ek_no_memory(loader->err);
    snprintf(what, sizeof what, "not YAML: %s", parser->problem ? parser->problem : "unreadable");
    if (parser->error == YAML_READER_ERROR)
        return fail_at_byte(loader, what);
    return ek_yaml_fail(loader->err, loader->path, parser->problem_mark.line,
                        parser->problem_mark.column, what);
}

/* NULL without memory. */
static struct ek_yaml_node *node_new(const yaml_event_t *event, const yaml_char_t *anchor,
                                     const yaml_char_t *tag)
{
    struct ek_yaml_node *node = calloc(1, sizeof *node);
    if (!node)
        return NULL;
    node->line = event->start_mark.line;
    node->column = event->start_mark.column;
    node->end_line = event->end_mark.line;
    node->end_column = event->end_mark.column;
    node->marked = anchor || tag;
    if (anchor && !(node->anchor = strdup((const char *)anchor))) {
        free(node);
        return NULL;
    }
    return node;
}

/* Room for one pair more. */
static bool reserve_pair(struct ek_yaml_node *parent)
{
    size_t wanted = (parent->count + 1) * sizeof *parent->values;
    if (parent->kind == EK_YAML_MAPPING) {
        struct ek_yaml_node **keys = realloc(parent->keys, wanted);
        if (!keys)
            return false;
        parent->keys = keys;
    }
    struct ek_yaml_node **values = realloc(parent->values, wanted);
    if (!values)
        return false;
    parent->values = values;
    return true;
}

static bool remember_anchor(struct loader *loader, const struct ek_yaml_node *node)
{
    size_t wanted = (loader->anchored_count + 1) * sizeof(struct ek_yaml_node *);
    const struct ek_yaml_node **more = realloc(loader->anchored, wanted);
    if (!more)
        return false;
    loader->anchored = more;
    loader->anchored[loader->anchored_count++] = node;
    return true;
}

static int load_alias(struct loader *loader, const yaml_event_t *event,
                      struct ek_yaml_node **ret_node)
{
    const char *name = (const char *)event->data.alias.anchor;
    for (size_t i = loader->anchored_count; i-- > 0;) {
        if (strcmp(loader->anchored[i]->anchor, name) != 0)
            continue;
        struct ek_yaml_node *node = node_new(event, event->data.alias.anchor, NULL);
        if (!node)
            return ek_no_memory(loader->err);
        node->kind = EK_YAML_ALIAS;
        node->target = loader->anchored[i];
        *ret_node = node;
        return 0; /* NOLINT(clang-analyzer-unix.Malloc): the tree owns it */
    }
    return ek_yaml_fail(loader->err, loader->path, event->start_mark.line, event->start_mark.column,
                        "an alias without its anchor");
}

static int load_node(struct loader *loader, const yaml_event_t *event, int depth,
                     struct ek_yaml_node **ret_node);

/* NULL in *ret_node: the parent is at its end. */
static int load_child(struct loader *loader, int depth, struct ek_yaml_node *parent,
                      struct ek_yaml_node **ret_node)
{
    bool mapping = parent->kind == EK_YAML_MAPPING;
    yaml_event_t event;
    int result = next_event(loader, &event);
    if (result != 0)
        return result;
    if (event.type == (mapping ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT)) {
        parent->end_line = event.end_mark.line;
        parent->end_column = event.end_mark.column;
    } else {
        result = load_node(loader, &event, depth, ret_node);
    }
    yaml_event_delete(&event);
    return result;
}

static int check_key(struct loader *loader, const struct ek_yaml_node *parent,
                     const struct ek_yaml_node *key)
{
    if (key->kind != EK_YAML_SCALAR)
        return ek_yaml_fail(loader->err, loader->path, key->line, key->column,
                            "a key must be a plain name");
    if (!ek_yaml_find(parent, key->value, NULL))
        return 0;
    char what[160];
    snprintf(what, sizeof what, "duplicate key '%.80s'", key->value);
    return ek_yaml_fail(loader->err, loader->path, key->line, key->column, what);
}

static int load_children(struct loader *loader, struct ek_yaml_node *parent, int depth)
{
    bool mapping = parent->kind == EK_YAML_MAPPING;
    if (depth > DEPTH_MAX)
        return ek_yaml_fail(loader->err, loader->path, parent->line, parent->column,
                            "nested too deeply");
    for (;;) {
        struct ek_yaml_node *key = NULL;
        struct ek_yaml_node *value = NULL;
        int result = load_child(loader, depth, parent, mapping ? &key : &value);
        if (result != 0 || (!key && !value))
            return result;
        if (mapping) {
            result = check_key(loader, parent, key);
            if (result == 0)
                result = load_child(loader, depth, parent, &value);
        }
        if (result == 0 && !reserve_pair(parent))
            result = ek_no_memory(loader->err);
        if (result != 0) {
            node_free(key);
            node_free(value);
            return result;
        }
        if (mapping)
            parent->keys[parent->count] = key;
        parent->values[parent->count++] = value;
    }
}

/* What the event alone tells of a node: all of a scalar, no children; NULL without memory. */
static struct ek_yaml_node *node_of(const yaml_event_t *event)
{
    struct ek_yaml_node *node = NULL;
    if (event->type == YAML_SCALAR_EVENT) {
        yaml_scalar_style_t style = event->data.scalar.style;
        node = node_new(event, event->data.scalar.anchor, event->data.scalar.tag);
        char *value = strndup((const char *)event->data.scalar.value, event->data.scalar.length);
        if (!node || !value) {
            free(value);
            node_free(node);
            return NULL;
        }
        node->kind = EK_YAML_SCALAR;
        node->value = value;
        node->block_text = style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE;
        return node;
    }
    bool mapping = event->type == YAML_MAPPING_START_EVENT;
    if (mapping)
        node = node_new(event, event->data.mapping_start.anchor, event->data.mapping_start.tag);
    else
        node = node_new(event, event->data.sequence_start.anchor, event->data.sequence_start.tag);
    if (!node)
        return NULL;
    node->kind = mapping ? EK_YAML_MAPPING : EK_YAML_SEQUENCE;
    node->flow = mapping ? event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE
                         : event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
    return node;
}

static int load_node(struct loader *loader, const yaml_event_t *event, int depth,
                     struct ek_yaml_node **ret_node)
{
    if (event->type == YAML_ALIAS_EVENT)
        return load_alias(loader, event, ret_node);
    if (event->type != YAML_SCALAR_EVENT && event->type != YAML_MAPPING_START_EVENT &&
        event->type != YAML_SEQUENCE_START_EVENT)
        return ek_yaml_fail(loader->err, loader->path, event->start_mark.line,
                            event->start_mark.column, "unexpected structure");
    struct ek_yaml_node *node = node_of(event);
    if (!node)
        return ek_no_memory(loader->err);
    int result = 0;
    if (event->type != YAML_SCALAR_EVENT)
        result = load_children(loader, node, depth + 1);
    if (result == 0 && node->anchor && !remember_anchor(loader, node))
        result = ek_no_memory(loader->err);
    if (result != 0) {
        node_free(node);
        return result;
    }
    *ret_node = node;
    return 0;
}

static int load_stream(struct loader *loader, struct ek_yaml_tree *tree)
{
    for (bool first = true;;) {
        yaml_event_t event;
        int result = next_event(loader, &event);
        if (result != 0)
            return result;
        yaml_event_type_t type = event.type;
        if (type == YAML_DOCUMENT_START_EVENT && !first) {
            tree->more_documents = true;
            tree->next_line = event.start_mark.line;
        } else if (type == YAML_DOCUMENT_END_EVENT) {
            tree->ends_explicitly = !event.data.document_end.implicit;
            tree->end_line = event.start_mark.line;
            first = false;
        } else if (type != YAML_STREAM_START_EVENT && type != YAML_STREAM_END_EVENT &&
                   type != YAML_DOCUMENT_START_EVENT)
            result = load_node(loader, &event, 0, &tree->root);
        yaml_event_delete(&event);
        if (result != 0 || type == YAML_STREAM_END_EVENT || tree->more_documents)
            return result;
    }
}

int ek_yaml_tree_parse(const char *text, size_t length, const char *path,
                       struct ek_yaml_tree *ret_tree, struct ek_error *err)
{
    struct loader loader = {.path = path, .err = err};
    EK_YAML_TREE tree = {0};
    if (!yaml_parser_initialize(&loader.parser))
        return ek_no_memory(err);
    if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) { /* a byte order mark */
        text += 3;
        length -= 3;
    }
    loader.text = text;
    loader.length = length;
    yaml_parser_set_encoding(&loader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&loader.parser, (const unsigned char *)text, length);
    int result = load_stream(&loader, &tree);
    yaml_parser_delete(&loader.parser);
    free(loader.anchored);
    if (result != 0)
        return result; /* NOLINT(clang-analyzer-unix.Malloc): the cleanup frees it */
    *ret_tree = tree;
    tree = (struct ek_yaml_tree){0};
    return 0;
}

const struct ek_yaml_node *ek_yaml_resolve(const struct ek_yaml_node *node)
{
    return node->kind == EK_YAML_ALIAS ? node->target : node;
}

const struct ek_yaml_node *ek_yaml_find(const struct ek_yaml_node *mapping, const char *key,
                                        const struct ek_yaml_node **ret_key)
{
    if (!mapping || mapping->kind != EK_YAML_MAPPING)
        return NULL;
    for (size_t i = 0; i < mapping->count; i++) {
        if (strcmp(mapping->keys[i]->value, key) != 0)
            continue;
        if (ret_key)
            *ret_key = mapping->keys[i];
        return mapping->values[i];
    }
    return NULL;
}

struct walk {
    const char *path;
    struct ek_yaml_options *options;
    struct ek_error *err;
};

static void sequence_text(const struct ek_yaml_node *sequence, struct ek_buffer *text)
{
    for (size_t i = 0; i < sequence->count; i++) {
        const struct ek_yaml_node *item = ek_yaml_resolve(sequence->values[i]);
        if (i > 0)
            ek_buffer_text_add(text, ",");
        ek_buffer_text_add(text, item->kind == EK_YAML_SCALAR ? item->value : "<nested>");
    }
}

static int walk_node(const struct walk *walk, const char *name, const struct ek_yaml_node *node);

static int walk_mapping(const struct walk *walk, const char *prefix,
                        const struct ek_yaml_node *mapping)
{
    for (size_t i = 0; i < mapping->count; i++) {
        EK_BUFFER name = {0};
        ek_buffer_printf(&name, "%s%s%s", prefix, *prefix ? "." : "", mapping->keys[i]->value);
        int result = ek_buffer_check(&name, walk->err);
        if (result == 0)
            result = walk_node(walk, ek_buffer_text(&name), mapping->values[i]);
        if (result != 0)
            return result;
    }
    return 0;
}

static int walk_node(const struct walk *walk, const char *name, const struct ek_yaml_node *given)
{
    const struct ek_yaml_node *node = ek_yaml_resolve(given);
    bool exec = ek_yaml_find(node, "__exec", NULL) != NULL;
    bool expansion = exec || ek_yaml_find(node, "__rest", NULL) != NULL;
    if (node->kind == EK_YAML_MAPPING && !expansion)
        return walk_mapping(walk, name, node);
    struct ek_yaml_options *options = walk->options;
    if (options->count >= OPTIONS_MAX)
        return ek_yaml_fail(walk->err, walk->path, given->line, given->column, "too many options");
    EK_BUFFER value = {0};
    if (expansion)
        ek_buffer_text_add(&value, "<expanded>");
    else if (node->kind == EK_YAML_SEQUENCE)
        sequence_text(node, &value);
    else
        ek_buffer_text_add(&value, node->value);
    struct ek_yaml_option *rows = realloc(options->rows, (options->count + 1) * sizeof *rows);
    if (!rows)
        return ek_no_memory(walk->err);
    options->rows = rows;
    struct ek_yaml_option *row = &rows[options->count++];
    *row = (struct ek_yaml_option){
        .name = strdup(name),
        .value = ek_buffer_take(&value),
        .by_exec = exec,
        .expansion = expansion,
    };
    return row->name && row->value ? 0 : ek_no_memory(walk->err);
}

int ek_yaml_options_of(const struct ek_yaml_tree *tree, const char *path,
                       struct ek_yaml_options *ret_options, struct ek_error *err)
{
    EK_YAML_OPTIONS options = {0};
    const struct walk walk = {.path = path, .options = &options, .err = err};
    const struct ek_yaml_node *root = tree->root;
    bool empty = !root || (root->kind == EK_YAML_SCALAR && !*root->value);
    if (!empty && root->kind != EK_YAML_MAPPING)
        return ek_yaml_fail(err, path, root->line, root->column,
                            "the file must hold keys and values");
    int result = empty ? 0 : walk_mapping(&walk, "", root);
    if (result != 0)
        return result; /* NOLINT(clang-analyzer-unix.Malloc): the cleanup frees it */
    *ret_options = options;
    options = (struct ek_yaml_options){0};
    return 0;
}

void ek_yaml_options_done(struct ek_yaml_options *options)
{
    for (size_t i = 0; i < options->count; i++) {
        free(options->rows[i].name);
        free(options->rows[i].value);
    }
    free(options->rows);
    *options = (struct ek_yaml_options){0};
}
