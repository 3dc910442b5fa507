#include "drivers/mongodb/key_file.h"

#include <openssl/crypto.h>
#include <stdbool.h>
#include <string.h>
#include <yaml.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/memory.h"

enum { KEY_LEAST = 6, KEY_MOST = 1024 };

static const char blanks[] = " \t\r\n\v\f";
static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";

static int bad(const char *why, struct ek_error *err)
{
    return ek_fail(err, EK_INVALID, "EK-0457", "the keyFile can't be used: %s", why);
}

static int add_key(const yaml_node_t *node, struct ek_buffer *keys, struct ek_error *err)
{
    if (!node || node->type != YAML_SCALAR_NODE)
        return bad("a key must be a string", err);
    size_t before = keys->length;
    for (size_t i = 0; i < node->data.scalar.length; i++) {
        const char *c = (const char *)&node->data.scalar.value[i];
        if (*c && strchr(blanks, *c))
            continue;
        if (!*c || !strchr(alphabet, *c))
            return bad("a key has a character that is not of base64", err);
        ek_buffer_add(keys, c, 1);
    }
    if (ek_buffer_check(keys, err) != 0)
        return EK_NO_MEMORY;
    size_t length = keys->length - before;
    if (length < KEY_LEAST || length > KEY_MOST)
        return bad("a key must have 6 to 1024 characters", err);
    ek_buffer_add(keys, "\n", 1);
    return 0;
}

static int add_keys(yaml_document_t *document, struct ek_buffer *keys, struct ek_error *err)
{
    const yaml_node_t *root = yaml_document_get_root_node(document);
    if (!root)
        return bad("it is empty", err);
    if (root->type != YAML_SEQUENCE_NODE)
        return add_key(root, keys, err);
    const yaml_node_item_t *start = root->data.sequence.items.start;
    size_t count = (size_t)(root->data.sequence.items.top - start);
    if (count == 0 || count > EK_KEYS_MAX)
        return bad("it must hold one key or two", err);
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++)
        result = add_key(yaml_document_get_node(document, start[i]), keys, err);
    return result;
}

/* The keys stood in there. */
static void wipe_document(yaml_document_t *document)
{
    for (yaml_node_t *node = document->nodes.start; node < document->nodes.top; node++)
        if (node->type == YAML_SCALAR_NODE)
            OPENSSL_cleanse(node->data.scalar.value, node->data.scalar.length);
    yaml_document_delete(document);
}

static void wipe_parser(yaml_parser_t *parser)
{
    if (parser->raw_buffer.start)
        OPENSSL_cleanse(parser->raw_buffer.start,
                        (size_t)(parser->raw_buffer.end - parser->raw_buffer.start));
    if (parser->buffer.start)
        OPENSSL_cleanse(parser->buffer.start, (size_t)(parser->buffer.end - parser->buffer.start));
    yaml_parser_delete(parser);
}

int ek_key_file_parse(const char *text, size_t length, struct ek_secret **ret_keys,
                      struct ek_error *err)
{
    yaml_parser_t parser;
    yaml_document_t document;
    EK_SECRET_BUFFER keys = {0};
    if (!yaml_parser_initialize(&parser))
        return ek_no_memory(err);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
    int result = 0;
    if (yaml_parser_load(&parser, &document)) {
        result = add_keys(&document, &keys, err);
        wipe_document(&document);
    } else {
        result = parser.error == YAML_MEMORY_ERROR
                     ? ek_no_memory(err)
                     : bad(parser.problem ? parser.problem : "it is not YAML", err);
    }
    wipe_parser(&parser);
    if (result == 0)
        result = ek_buffer_check(&keys, err);
    return result == 0 ? ek_secret_make(ek_buffer_text(&keys), keys.length, ret_keys, err) : result;
}

int ek_key_file_key(const struct ek_secret *keys, size_t index, struct ek_secret **ret_key,
                    struct ek_error *err)
{
    const char *line = ek_secret_reveal(keys);
    for (; index > 0 && *line; index--) {
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    size_t length = strcspn(line, "\n");
    if (length > 0)
        return ek_secret_make(line, length, ret_key, err);
    *ret_key = NULL;
    return 0;
}
