/* The toy's laws, each in a file of its own. */
#include "reconciler/laws/law.h"

extern const struct ek_law ek_law_badge;

extern const struct ek_law *const ek_toy_laws[];
const struct ek_law *const ek_toy_laws[] = {&ek_law_badge, NULL};
