/* The rows of the aspects' fields say what is written and read; none goes one way only. */
#include "reconciler/report/state_json.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/json.h"
#include "reconciler/kernel/aspect.h"
#include "specs/spec.h"

static enum ek_part_id part_of(size_t aspect, size_t place)
{
    return (enum ek_part_id)(aspect * EK_PARTS_OF_ASPECT + place);
}

/* ---- writing ---------------------------------------------------------------------------- */

/* The known fields of one element of an aspect's part. */
static void write_element(const struct ek_state *state, enum ek_part_id part, size_t index,
                          json_t **object)
{
    const struct ek_aspect *aspect = ek_aspect_at(part / EK_PARTS_OF_ASPECT);
    for (const struct ek_field *const *field = aspect->fields; *field; field++)
        if ((*field)->part == part)
            (*field)->kind->write(state, *field, ek_field_value(*field, state, index), object);
}

static void write_problem(json_t **object, const char *problem)
{
    if (problem[0])
        ek_json_set(object, "problem", ek_json_text(problem));
}

static void write_lists(const struct ek_state *state, json_t **object)
{
    for (size_t a = 0; a < EK_ASPECTS; a++) {
        enum ek_part_id part = part_of(a, EK_PART_LIST);
        size_t count = ek_state_count(state, part);
        json_t *list = count ? json_array() : NULL;
        for (size_t i = 0; i < count; i++) {
            json_t *element = json_object();
            write_element(state, part, i, &element);
            ek_json_append(&list, element);
        }
        if (count)
            ek_json_set(object, ek_aspect_at(a)->list_key, list);
    }
}

json_t *ek_state_json(const struct ek_state *state, const char (*problems)[EK_PROBLEM_SIZE])
{
    json_t *object = json_object();
    json_t *members = json_array();
    for (size_t i = 0; i < state->member_count; i++) {
        json_t *member = json_object();
        for (size_t a = 0; a < EK_ASPECTS; a++)
            if (ek_state_count(state, part_of(a, EK_PART_MEMBERS)))
                write_element(state, part_of(a, EK_PART_MEMBERS), i, &member);
        if (problems)
            write_problem(&member, problems[i]);
        ek_json_append(&members, member);
    }
    for (size_t a = 0; a < EK_ASPECTS; a++)
        write_element(state, part_of(a, EK_PART_WHOLE), 0, &object);
    write_lists(state, &object);
    if (problems)
        write_problem(&object, problems[state->member_count]);
    ek_json_set(&object, "members", members);
    return object;
}

/* ---- reading ---------------------------------------------------------------------------- */

static const struct ek_field *field_named(const char *key, size_t place)
{
    for (size_t a = 0; a < EK_ASPECTS; a++)
        for (const struct ek_field *const *field = ek_aspect_at(a)->fields; *field; field++)
            if ((*field)->part % EK_PARTS_OF_ASPECT == place && strcmp((*field)->key, key) == 0)
                return *field;
    return NULL;
}

static bool is_list_key(const char *key)
{
    for (size_t a = 0; a < EK_ASPECTS; a++)
        if (ek_aspect_at(a)->list_key && strcmp(ek_aspect_at(a)->list_key, key) == 0)
            return true;
    return false;
}

/* Of "members", "problem" and lists somebody else takes care. */
static bool is_read_elsewhere(const char *key, size_t place)
{
    return strcmp(key, "problem") == 0 ||
           (place == EK_PART_WHOLE && (strcmp(key, "members") == 0 || is_list_key(key)));
}

/* Into a copy: the state may move while a value is read. */
static int read_value(const struct ek_field_scope *scope, const struct ek_field *field,
                      const json_t *json, size_t index)
{
    _Alignas(max_align_t) unsigned char value[EK_TEXT_SIZE];
    if (field->size > sizeof value)
        return ek_field_wrong(scope, field, "smaller");
    memcpy(value, ek_field_value(field, *scope->state, index), field->size);
    int result = field->kind->read(scope, field, json, value);
    char *element = ek_state_change(*scope->state, field->part, index);
    memcpy(element + field->offset, value, field->size);
    return result;
}

static int read_element(const struct ek_field_scope *scope, const json_t *json, size_t place,
                        size_t index)
{
    const char *key;
    json_t *value;
    if (!json_is_object(json))
        return ek_fail(scope->err, EK_INVALID, "EK-0819", "%s is no object", scope->path);
    json_object_foreach((json_t *)(uintptr_t)json, key, value)
    {
        const struct ek_field *field = field_named(key, place);
        if (!field && is_read_elsewhere(key, place))
            continue;
        if (!field)
            return ek_fail(scope->err, EK_INVALID, "EK-0819", "%s%s is no key of an observation",
                           scope->path, key);
        int result = read_value(scope, field, value, index);
        if (result != 0)
            return result;
    }
    return 0;
}

static int read_problem(const json_t *json, const char *path, char *ret_problem,
                        struct ek_error *err)
{
    const json_t *problem = json_object_get(json, "problem");
    const char *text = json_string_value(problem);
    if (problem && !text)
        return ek_fail(err, EK_INVALID, "EK-0819", "%sproblem must be a text", path);
    if (text && ret_problem)
        snprintf(ret_problem, EK_PROBLEM_SIZE, "%s", text);
    return 0;
}

/* Names first: members name each other. */
static int read_names(const json_t *members, struct ek_state **state, struct ek_error *err)
{
    const struct ek_field *field = field_named("name", EK_PART_MEMBERS);
    const struct ek_field_scope scope = {.state = state, .path = "", .err = NULL};
    for (size_t i = 0; i < (*state)->member_count; i++) {
        const json_t *value = json_object_get(json_array_get(members, i), "name");
        const char *name = json_string_value(value);
        if (name && name[0] && ek_fields_member(*state, name) >= 0)
            return ek_fail(err, EK_INVALID, "EK-0819", "members[%zu]: there are two called %s", i,
                           name);
        if (read_value(&scope, field, value, i) != 0)
            return ek_fail(err, EK_INVALID, "EK-0819", "members[%zu] has no name", i);
    }
    return 0;
}

/* Elements of the lists, as many as the document has. */
static int read_lists(const json_t *json, struct ek_state **state, struct ek_error *err)
{
    for (size_t a = 0; a < EK_ASPECTS; a++) {
        const char *key = ek_aspect_at(a)->list_key;
        const json_t *list = key ? json_object_get(json, key) : NULL;
        int result =
            list ? ek_state_insert(state, part_of(a, EK_PART_LIST), 0, json_array_size(list), err)
                 : 0;
        for (size_t i = 0; result == 0 && i < json_array_size(list); i++) {
            const struct ek_field_scope scope = {.state = state, .path = "", .err = err};
            result = read_element(&scope, json_array_get(list, i), EK_PART_LIST, i);
        }
        if (result != 0)
            return result;
    }
    return 0;
}

static int read_state(const json_t *json, struct ek_state **state,
                      char (*ret_problems)[EK_PROBLEM_SIZE], struct ek_error *err)
{
    const json_t *members = json_object_get(json, "members");
    size_t count = (*state)->member_count;
    int result = read_names(members, state, err);
    if (result == 0)
        result = read_lists(json, state, err);
    struct ek_field_scope scope = {.state = state, .path = "", .err = err};
    if (result == 0)
        result = read_element(&scope, json, EK_PART_WHOLE, 0);
    for (size_t i = 0; result == 0 && i < count; i++) {
        char path[32];
        const json_t *member = json_array_get(members, i);
        snprintf(path, sizeof path, "members[%zu].", i);
        scope.path = path;
        result = read_element(&scope, member, EK_PART_MEMBERS, i);
        if (result == 0)
            result = read_problem(member, path, ret_problems ? ret_problems[i] : NULL, err);
    }
    return result == 0 ? read_problem(json, "", ret_problems ? ret_problems[count] : NULL, err)
                       : result;
}

int ek_state_json_read(const json_t *json, struct ek_state **ret_state,
                       char (*ret_problems)[EK_PROBLEM_SIZE], struct ek_error *err)
{
    const json_t *members = json_object_get(json, "members");
    size_t count = json_array_size(members);
    struct ek_state *state = NULL;
    if (!json_is_object(json))
        return ek_fail(err, EK_INVALID, "EK-0819", " is no object");
    if (!json_is_array(members) || count == 0 || count > EK_MEMBERS_MAX)
        return ek_fail(err, EK_INVALID, "EK-0819", "members must be a list of 1 to %d",
                       EK_MEMBERS_MAX);
    if (ret_problems)
        memset(ret_problems, 0, (EK_MEMBERS_MAX + 1) * sizeof *ret_problems);
    int result = ek_state_new(count, &state, err);
    if (result == 0)
        result = read_state(json, &state, ret_problems, err);
    if (result == 0)
        *ret_state = state;
    else
        free(state);
    return result;
}
