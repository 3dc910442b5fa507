/* What other aspects' phases may ask of the replica set. Pure; the laws never include this. */
#ifndef EK_ASPECTS_REPLICA_SET_QUESTIONS_H
#define EK_ASPECTS_REPLICA_SET_QUESTIONS_H

#include "reconciler/aspects/replica_set/state.h"
#include "reconciler/aspects/replica_set/steps.h"
#include "reconciler/kernel/question.h"

/* Block unless the set is healthy enough to be disturbed; true: blocked. */
bool ek_unsettled(const struct ek_question *q);

/* The same, but for what is said of and by member m. */
bool ek_unsettled_but(const struct ek_question *q, size_t m);

/* Whether m is, as far as is known, not within the lag that is allowed: no write counts on it. */
bool ek_left_behind(const struct ek_question *q, size_t m);

/* Ask for each member, secondaries first: what goes wrong goes wrong where nobody writes. True as
 * soon as one is answered. */
bool ek_secondaries_then_primary(const struct ek_question *q,
                                 bool (*propose)(const struct ek_question *q, size_t m));

/* Block when the name that the specs give a member is known not to resolve. */
bool ek_spec_host_unresolved(const struct ek_question *q);

/* Block: m's configuration file is not understood. */
bool ek_block_configuration(const struct ek_question *q, size_t m);

/* Block: the set has no primary. */
bool ek_block_no_primary(const struct ek_question *q);

/* Whether m is down and ours to start: Evenkeel's own restart, or a reboot, left it down, or the
 * specs want whatever stops started again. */
bool ek_ours_to_start(const struct ek_question *q, size_t m);

#endif
