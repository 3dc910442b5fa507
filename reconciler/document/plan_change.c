/* A whole plan file as the reports want it, what a change touches included. */
#include <jansson.h>
#include <string.h>

#include "reconciler/document/plan_file.h"
#include "specs/arena.h"

static const char *text_of(const json_t *json, const char *key)
{
    return json_string_value(json_object_get(json, key));
}

static void read_before(const struct ek_plan_file *file, const json_t *json, struct ek_arena *arena,
                        struct ek_planned *planned)
{
    struct ek_plan plan;
    const json_t *before = json_object_get(json, "without_change");
    if (!json_is_object(before))
        return;
    /* Its steps may be about members that the specs no longer have. */
    if (ek_plan_file_part(file, before, planned->spec, &plan, NULL) != 0) {
        planned->before_problem = "its members were others";
        return;
    }
    struct ek_planned *old = ek_arena_zeroed(arena, sizeof *old);
    const struct ek_plan *kept = ek_plan_keep(arena, &plan);
    if (!old || !kept)
        return;
    *old = *planned;
    old->plan = kept;
    old->shown = NULL;
    planned->before = old;
}

static void read_touched(const struct ek_plan_file *file, const json_t *json,
                         struct ek_arena *arena, struct ek_planned *planned)
{
    const char *touched = text_of(json, "touched");
    if (touched && strcmp(touched, "added") == 0)
        planned->touched = EK_TOUCHED_ADDED;
    else if (touched)
        planned->touched = EK_TOUCHED_CHANGED;
    planned->renamed = text_of(json, "renamed_from");
    planned->before_problem = text_of(json, "problem");
    read_before(file, json, arena, planned);
}

static const struct ek_plan_change *read_change(const json_t *json, struct ek_arena *arena)
{
    const json_t *removed = json_object_get(json, "removed");
    size_t count = json_array_size(removed);
    struct ek_plan_gone *gone = ek_arena_zeroed(arena, (count + 1) * sizeof *gone);
    struct ek_plan_change *change = ek_arena_zeroed(arena, sizeof *change);
    if (!gone || !change)
        return NULL;
    *change = (struct ek_plan_change){
        .base = text_of(json, "base"),
        .base_errors = (size_t)json_integer_value(json_object_get(json, "base_errors")),
        .untouched = (size_t)json_integer_value(json_object_get(json, "untouched")),
        .gone = gone,
    };
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(removed, i);
        if (text_of(item, "name") && text_of(item, "account"))
            gone[change->gone_count++] =
                (struct ek_plan_gone){.name = text_of(item, "name"),
                                      .account = text_of(item, "account"),
                                      .renamed = text_of(item, "renamed_to")};
    }
    return change;
}

int ek_plan_file_set(const struct ek_plan_file *file, struct ek_arena *arena,
                     struct ek_plan_set *ret_set, struct ek_error *err)
{
    size_t count = ek_plan_file_count(file);
    const json_t *change = json_object_get(ek_plan_file_document(file), "change");
    const json_t *touched = json_object_get(change, "deployments");
    struct ek_planned *planned = ek_arena_zeroed(arena, (count + 1) * sizeof *planned);
    if (ek_arena_check(arena, err) != 0)
        return EK_NO_MEMORY;
    struct ek_plan_set set = {.planned = planned, .count = count, .name = ek_plan_file_name(file)};
    ek_plan_file_source(file, &set.source);
    for (size_t i = 0; i < count; i++) {
        int result = ek_plan_file_show(file, i, arena, &planned[i], err);
        if (result != 0)
            return result;
        if (json_is_object(change))
            read_touched(file, json_array_get(touched, i), arena, &planned[i]);
    }
    if (json_is_object(change))
        set.change = read_change(change, arena);
    int result = ek_arena_check(arena, err);
    if (result == 0)
        *ret_set = set;
    return result;
}
