#include "reconciler/kernel/field.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "reconciler/base/json.h"
#include "reconciler/kernel/aspect.h"

bool ek_field_of_member(const struct ek_field *field)
{
    return field->part % EK_PARTS_OF_ASPECT == EK_PART_MEMBERS;
}

const void *ek_field_value(const struct ek_field *field, const struct ek_state *state, size_t index)
{
    return (const char *)ek_state_read(state, field->part, index) + field->offset;
}

bool ek_field_unknown(const struct ek_field *field, const struct ek_state *state, size_t index)
{
    return field->kind->unknown && field->kind->unknown(field, ek_field_value(field, state, index));
}

static void begin(const struct ek_field *field, void *value)
{
    if (field->kind == &ek_long_kind)
        *(int64_t *)value = field->unknown;
    else if (field->kind == &ek_int_kind)
        *(int *)value = (int)field->unknown;
}

void ek_fields_begin(const struct ek_field *const *fields, struct ek_state *state)
{
    for (; *fields; fields++)
        for (size_t i = 0; (*fields)->unknown && i < ek_state_count(state, (*fields)->part); i++)
            begin(*fields, (char *)ek_state_change(state, (*fields)->part, i) + (*fields)->offset);
}

json_t *ek_fields_write(const struct ek_state *state, const struct ek_field *fields,
                        const void *base)
{
    json_t *object = json_object();
    for (const struct ek_field *field = fields; field->key; field++)
        field->kind->write(state, field, (const char *)base + field->offset, &object);
    return object;
}

static const struct ek_field *field_named(const struct ek_field *fields, const char *key)
{
    for (const struct ek_field *field = fields; field->key; field++)
        if (strcmp(field->key, key) == 0)
            return field;
    return NULL;
}

int ek_fields_read(const struct ek_field_scope *scope, const struct ek_field *fields,
                   const json_t *json, void *base)
{
    const char *key;
    json_t *value;
    if (!json_is_object(json))
        return ek_fail(scope->err, EK_INVALID, "EK-0819", "%s is no object", scope->path);
    json_object_foreach((json_t *)(uintptr_t)json, key, value)
    {
        const struct ek_field *field = field_named(fields, key);
        if (!field)
            return ek_fail(scope->err, EK_INVALID, "EK-0819", "%s%s is no key of an observation",
                           scope->path, key);
        int result = field->kind->read(scope, field, value, (char *)base + field->offset);
        if (result != 0)
            return result;
    }
    return 0;
}

/* ---- objects ---- */

static void write_object(const struct ek_state *state, const struct ek_field *field,
                         const void *value, json_t **object)
{
    json_t *parts = ek_fields_write(state, field->parts, value);
    if (parts && json_object_size(parts) == 0)
        json_decref(parts);
    else
        ek_json_set(object, field->key, parts);
}

static int read_object(const struct ek_field_scope *scope, const struct ek_field *field,
                       const json_t *json, void *ret_value)
{
    char path[192];
    snprintf(path, sizeof path, "%s%s.", scope->path, field->key);
    const struct ek_field_scope inner = {.state = scope->state, .path = path, .err = scope->err};
    return ek_fields_read(&inner, field->parts, json, ret_value);
}

static void say_object(const struct ek_state *state, const struct ek_field *field,
                       const void *value, struct ek_buffer *text)
{
    for (const struct ek_field *part = field->parts; part->key; part++) {
        ek_buffer_printf(text, "%s%s ", part == field->parts ? "" : ", ", part->key);
        part->kind->words(state, part, (const char *)value + part->offset, text);
    }
}

static bool object_unknown(const struct ek_field *field, const void *value)
{
    const struct ek_field *first = field->parts;
    return first->kind->unknown && first->kind->unknown(first, (const char *)value + first->offset);
}

const struct ek_field_kind ek_object_kind = {
    .write = write_object, .read = read_object, .words = say_object, .unknown = object_unknown};
