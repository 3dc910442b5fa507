/* The certificates' laws, each in a file of its own. */
#include "reconciler/laws/law.h"

extern const struct ek_law ek_law_starts_again;
extern const struct ek_law ek_law_trust;
extern const struct ek_law ek_law_clocks;
extern const struct ek_law ek_law_ended;
extern const struct ek_law ek_law_named_files;

extern const struct ek_law *const ek_certificate_laws[];
const struct ek_law *const ek_certificate_laws[] = {
    &ek_law_starts_again, &ek_law_trust, &ek_law_clocks, &ek_law_ended, &ek_law_named_files, NULL};
