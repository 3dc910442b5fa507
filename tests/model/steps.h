/* Steps as tests write them, whatever arguments their kinds have. */
#ifndef EK_TESTS_MODEL_STEPS_H
#define EK_TESTS_MODEL_STEPS_H

#include <stdio.h>
#include <string.h>

#include "reconciler/aspects/certificate/steps.h"
#include "reconciler/aspects/replica_set/steps.h"
#include "reconciler/aspects/transport/steps.h"
#include "reconciler/aspects/users/steps.h"

/* The argument of that key, in the step; NULL when its kind has none such. */
static inline void *model_argument(const struct ek_step *step, const char *key)
{
    for (const struct ek_argument *a = step->kind->arguments; a->field.key; a++)
        if (strcmp(a->field.key, key) == 0)
            return (char *)(uintptr_t)step->arguments + a->field.offset;
    return NULL;
}

static inline enum ek_ssl_mode model_mode(const struct ek_step *step)
{
    const enum ek_ssl_mode *mode = model_argument(step, "mode");
    return mode ? *mode : EK_SSL_UNKNOWN;
}

static inline bool model_hold(const struct ek_step *step)
{
    const bool *hold = model_argument(step, "hold");
    return hold && *hold;
}

/* Set what the kind has of these. */
static inline void model_set_mode(struct ek_step *step, enum ek_ssl_mode mode)
{
    enum ek_ssl_mode *argument = model_argument(step, "mode");
    if (argument)
        *argument = mode;
}

static inline void model_set_label(struct ek_step *step, const char *label)
{
    char *argument = model_argument(step, "label");
    if (argument)
        snprintf(argument, EK_LABEL_SIZE, "%s", label);
}

static inline void model_set_version(struct ek_step *step, int64_t version)
{
    int64_t *argument = model_argument(step, "config_version");
    if (argument)
        *argument = version;
}

/* A step whose arguments are all zero but the mode. */
static inline struct ek_step model_step(const struct ek_step_kind *kind, int member,
                                        enum ek_ssl_mode mode)
{
    struct ek_step step = {.kind = kind, .member = member, .other = -1};
    model_set_mode(&step, mode);
    return step;
}

#endif
