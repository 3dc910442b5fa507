/* The JSON Schema, printed from the key tables. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/json.h"
#include "specs/describe.h"
#include "specs/keys.h"

static json_t *object_of(const struct ek_keys *keys);

static void set_text(json_t **object, const char *name, const char *text)
{
    ek_json_set(object, name, json_string(text));
}

static json_t *words_of(const struct ek_key *key)
{
    json_t *words = json_array();
    for (const struct ek_word *word = key->words; word->word; word++)
        if (!word->later)
            ek_json_append(&words, json_string(word->word));
    return words;
}

/* The default in its JSON type. */
static json_t *initial_of(const struct ek_key *key)
{
    const char *type = ek_value_types[key->type].schema;
    if (strcmp(type, "boolean") == 0)
        return json_boolean(strcmp(key->initial, "true") == 0);
    if (strcmp(type, "string") == 0)
        return json_string(key->initial);
    return json_integer((json_int_t)strtoll(key->initial, NULL, 10));
}

static void set_limits(json_t **schema, const struct ek_key *key)
{
    const char *type = ek_value_types[key->type].schema;
    bool number = strcmp(type, "integer") == 0 || strcmp(type, "number") == 0;
    if (number) {
        ek_json_set(schema, "minimum", json_integer(key->least));
        ek_json_set(schema, "maximum", json_integer(key->most));
    } else if (key->type == EK_TYPE_LIST || key->type == EK_TYPE_SCALARS) {
        ek_json_set(schema, "minItems", json_integer(key->least));
        ek_json_set(schema, "maxItems", json_integer(key->most));
    } else if (key->most && key->type != EK_TYPE_DURATION) {
        ek_json_set(schema, "minLength", json_integer(key->least ? key->least : 1));
        ek_json_set(schema, "maxLength", json_integer(key->most));
    }
}

static json_t *schema_of(const struct ek_key *key)
{
    const struct ek_value_type *type = &ek_value_types[key->type];
    if (key->type == EK_TYPE_CONSTANT)
        return json_pack("{s:s, s:s}", "const", key->initial, "description", key->doc);
    json_t *schema = key->type == EK_TYPE_MAP ? object_of(key->children) : json_object();
    set_text(&schema, "type", type->schema);
    if (key->doc) {
        EK_BUFFER text = {0};
        ek_buffer_text_add(&text, key->doc);
        if (key->not_yet)
            ek_buffer_printf(&text, " Not acted on yet: %s.", key->not_yet);
        set_text(&schema, "description", text.failed ? NULL : ek_buffer_text(&text));
    }
    if (type->pattern)
        set_text(&schema, "pattern", type->pattern);
    if (key->words)
        ek_json_set(&schema, "enum", words_of(key));
    if (key->initial && !key->initial_words)
        ek_json_set(&schema, "default", initial_of(key));
    if (key->type == EK_TYPE_LIST)
        ek_json_set(&schema, "items", object_of(key->children));
    if (key->type == EK_TYPE_SCALARS)
        ek_json_set(&schema, "items", schema_of(key->item));
    if (key->type == EK_TYPE_LABELS)
        ek_json_set(&schema, "additionalProperties", json_pack("{s:s}", "type", "string"));
    set_limits(&schema, key);
    return schema;
}

static json_t *object_of(const struct ek_keys *keys)
{
    json_t *properties = json_object();
    json_t *required = json_array();
    for (size_t i = 0; i < keys->count; i++) {
        const struct ek_key *key = &keys->rows[i];
        if (key->type == EK_TYPE_LATER)
            continue;
        ek_json_set(&properties, key->key, schema_of(key));
        if (key->required)
            ek_json_append(&required, json_string(key->key));
    }
    json_t *object = json_object();
    set_text(&object, "type", "object");
    ek_json_set(&object, "properties", properties);
    if (json_is_array(required) && json_array_size(required) == 0)
        json_decref(required);
    else
        ek_json_set(&object, "required", required);
    ek_json_set(&object, "additionalProperties", json_false());
    return object;
}

void ek_specs_schema(struct ek_buffer *text)
{
    json_t *definitions = json_object();
    json_t *kinds = json_array();
    for (size_t i = 0; i < ek_kind_count; i++) {
        const struct ek_kind *kind = &ek_kinds[i];
        if (kind->later)
            continue;
        json_t *document = object_of(kind->keys);
        set_text(&document, "description", kind->doc);
        ek_json_set(&definitions, kind->name, document);
        ek_json_append(&kinds, json_pack("{s:s+}", "$ref", "#/$defs/", kind->name));
    }
    json_t *schema = json_object();
    set_text(&schema, "$schema", "https://json-schema.org/draft/2020-12/schema");
    set_text(&schema, "title", "Evenkeel specs, " EK_API_VERSION);
    ek_json_set(&schema, "oneOf", kinds);
    ek_json_set(&schema, "$defs", definitions);
    ek_json_print(schema, JSON_INDENT(2), text);
    ek_buffer_text_add(text, "\n");
}
