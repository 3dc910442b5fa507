#include "reconciler/kernel/step.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "reconciler/kernel/aspect.h"

const struct ek_step_kind *ek_step_kind_named(const char *name)
{
    for (size_t i = 0; i < EK_ASPECTS; i++)
        for (const struct ek_step_kind *const *kind = ek_aspect_at(i)->steps; *kind; kind++)
            if (strcmp((*kind)->name, name) == 0)
                return *kind;
    return NULL;
}

bool ek_step_touches(const struct ek_step *step, const struct ek_field *field)
{
    for (const struct ek_field *const *touched = step->kind->touches; *touched; touched++)
        if (*touched == field)
            return true;
    return false;
}

const void *ek_step_value(const struct ek_step *step, const struct ek_field *field)
{
    for (const struct ek_argument *a = step->kind->arguments; a->field.key; a++)
        if (a->value_of == field)
            return step->arguments + a->field.offset;
    return NULL;
}

bool ek_step_same(const struct ek_step *a, const struct ek_step *b)
{
    if (a->kind != b->kind || a->member != b->member || a->other != b->other)
        return false;
    for (const struct ek_argument *argument = a->kind->arguments; argument->field.key; argument++)
        if (memcmp(a->arguments + argument->field.offset, b->arguments + argument->field.offset,
                   argument->field.size) != 0)
            return false;
    return true;
}

int ek_effect(const struct ek_situation *situation, const struct ek_step *step,
              struct ek_state **state, struct ek_error *err)
{
    struct ek_effect effect = {
        .spec = situation->spec, .policy = situation->policy, .step = step, .state = *state};
    int result = step->kind->effect(&effect, err);
    *state = effect.state;
    return result;
}

bool ek_step_seen(const struct ek_situation *observed, const struct ek_state *expected,
                  const struct ek_step *step, char ret_why[EK_SENTENCE_SIZE])
{
    const struct ek_confirmation confirmation = {
        .observed = observed, .expected = expected, .step = step, .why = ret_why};
    return step->kind->seen(&confirmation);
}

bool ek_missing(const struct ek_confirmation *confirmation, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(confirmation->why, EK_SENTENCE_SIZE, format, args);
    va_end(args);
    return false;
}
