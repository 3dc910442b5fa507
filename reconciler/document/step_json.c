#include "reconciler/base/json.h"
#include "reconciler/document/plan_json.h"
#include "reconciler/document/planned.h"
#include "reconciler/kernel/aspect.h"

/* What stands for an argument that a step does not have. */
static json_t *absent(const struct ek_argument *argument)
{
    return argument->field.kind == &ek_flag_kind ? json_false() : json_null();
}

static void set_absent(const struct ek_step_kind *kind, json_t **object)
{
    for (const struct ek_argument *a = kind->arguments; a->field.key; a++)
        if (!json_object_get(*object, a->field.key))
            ek_json_set(object, a->field.key, absent(a));
}

void ek_step_arguments_json(const struct ek_step *step, json_t **object)
{
    for (const struct ek_argument *a = step->kind->arguments; a->field.key; a++)
        a->field.kind->write(NULL, &a->field, step->arguments + a->field.offset, object);
    for (size_t i = 0; i < EK_ASPECTS; i++)
        for (const struct ek_step_kind *const *kind = ek_aspect_at(i)->steps; *kind; kind++)
            set_absent(*kind, object);
}
