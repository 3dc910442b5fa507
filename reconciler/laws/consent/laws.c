/* The laws about what people say, each in a file of its own. */
#include "reconciler/laws/law.h"

extern const struct ek_law ek_law_pause;
extern const struct ek_law ek_law_window;
extern const struct ek_law ek_law_approval;
extern const struct ek_law ek_law_signature;

extern const struct ek_law *const ek_consent_laws[];
const struct ek_law *const ek_consent_laws[] = {&ek_law_pause, &ek_law_window, &ek_law_approval,
                                                &ek_law_signature, NULL};
