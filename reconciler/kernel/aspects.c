#include "reconciler/kernel/aspect.h"

#define EK_ASPECT(name) extern const struct ek_aspect ek_aspect_##name;
#include "reconciler/aspects.def"
#undef EK_ASPECT

static const struct ek_aspect *const aspects[EK_ASPECTS] = {
#define EK_ASPECT(name) &ek_aspect_##name,
#include "reconciler/aspects.def"
#undef EK_ASPECT
};

const struct ek_aspect *ek_aspect_at(size_t index)
{
    return aspects[index];
}
