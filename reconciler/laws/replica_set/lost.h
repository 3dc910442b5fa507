/* The one exception of law 2. Inside reconciler/laws. */
#ifndef EK_LAWS_REPLICA_SET_LOST_H
#define EK_LAWS_REPLICA_SET_LOST_H

#include "reconciler/laws/law.h"

/* Whether the step restarts a secondary that its peers do without already, since none of them takes
 * its certificate: its restart with a good one takes nothing from them. */
bool ek_law_is_lost_until_restarted(const struct ek_law_question *q);

#endif
