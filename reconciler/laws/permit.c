#include "reconciler/laws/permit.h"

#include <stdio.h>
#include <string.h>

#include "reconciler/laws/law.h"

/* Of each aspect, laws/<aspect>/laws.c; beside them what people say, and doubt. */
#define EK_ASPECT(name) extern const struct ek_law *const ek_##name##_laws[];
#include "reconciler/aspects.def"
#undef EK_ASPECT
extern const struct ek_law *const ek_consent_laws[];
extern const struct ek_law *const ek_reading_laws[];

static const struct ek_law *const *const groups[] = {
#define EK_ASPECT(name) ek_##name##_laws,
#include "reconciler/aspects.def"
#undef EK_ASPECT
    ek_consent_laws,
    ek_reading_laws,
};

static bool guards(const struct ek_law *law, const struct ek_step *step)
{
    if (!law->guards)
        return true;
    for (const struct ek_field *const *guarded = law->guards; *guarded; guarded++)
        if (ek_step_touches(step, *guarded))
            return true;
    return false;
}

static bool is_broken(const struct ek_law *law, const struct ek_law_question *question,
                      struct ek_broken_law *first, int broken_before)
{
    question->sentence[0] = 0;
    if (!guards(law, question->step) || !law->is_broken(question))
        return false;
    if (first && (broken_before == 0 || strcmp(law->id, first->id) < 0)) {
        snprintf(first->id, sizeof first->id, "%s", law->id);
        memcpy(first->sentence, question->sentence, EK_SENTENCE_SIZE);
    }
    return true;
}

int ek_permit(const struct ek_situation *situation, const struct ek_step *step,
              struct ek_broken_law *ret_first)
{
    char sentence[EK_SENTENCE_SIZE];
    bool no_memory = false;
    const struct ek_law_question question = {.spec = situation->spec,
                                             .state = situation->state,
                                             .policy = situation->policy,
                                             .step = step,
                                             .sentence = sentence,
                                             .no_memory = &no_memory};
    int count = 0;
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++)
        for (const struct ek_law *const *law = groups[g]; *law; law++)
            count += is_broken(*law, &question, ret_first, count);
    return no_memory ? EK_NO_MEMORY : count;
}
