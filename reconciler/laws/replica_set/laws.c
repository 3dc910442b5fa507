/* The replica set's laws, each in a file of its own. */
#include "reconciler/laws/law.h"

extern const struct ek_law ek_law_one_at_a_time;
extern const struct ek_law ek_law_majority;
extern const struct ek_law ek_law_primary_stays;
extern const struct ek_law ek_law_successor;
extern const struct ek_law ek_law_reconfiguration;
extern const struct ek_law ek_law_sharded;
extern const struct ek_law ek_law_command_line;

extern const struct ek_law *const ek_replica_set_laws[];
const struct ek_law *const ek_replica_set_laws[] = {
    &ek_law_one_at_a_time,   &ek_law_majority, &ek_law_primary_stays, &ek_law_successor,
    &ek_law_reconfiguration, &ek_law_sharded,  &ek_law_command_line,  NULL};
