/* The laws about what is not known, each in a file of its own. */
#include "reconciler/laws/law.h"

extern const struct ek_law ek_law_unread;

extern const struct ek_law *const ek_reading_laws[];
const struct ek_law *const ek_reading_laws[] = {&ek_law_unread, NULL};
