/* Transport's laws, each in a file of its own. */
#include "reconciler/laws/law.h"

extern const struct ek_law ek_law_talk;
extern const struct ek_law ek_law_names;
extern const struct ek_law ek_law_clients;
extern const struct ek_law ek_law_ladder;
extern const struct ek_law ek_law_options;

extern const struct ek_law *const ek_transport_laws[];
const struct ek_law *const ek_transport_laws[] = {&ek_law_talk,   &ek_law_names,   &ek_law_clients,
                                                  &ek_law_ladder, &ek_law_options, NULL};
