/* status, once and again: a look at every deployment, and what changed since the one before. */
#ifndef EK_COMMAND_STATUS_H
#define EK_COMMAND_STATUS_H

#include <stdatomic.h>

#include "reconciler/command/fleet.h"

struct ek_round {
    struct ek_assessment *assessment; /* as fleet->chosen */
    struct ek_planned *planned;       /* of those that could be seen; borrows of looked */
    size_t count;
    size_t good;
};

/* Look at all, several at a time. Once *stop (may be NULL) is set, no further look is begun and
 * the rest is left out. */
int ek_round_observe(const struct ek_fleet *fleet, const atomic_bool *stop,
                     struct ek_round *ret_round, struct ek_error *err);
void ek_round_done(struct ek_round *round);

/* Append the round as the options ask for. */
void ek_round_print(const struct ek_options *options, const struct ek_round *round, bool colour,
                    struct ek_buffer *text);

/* Look again and again until a signal comes; an exit status. */
int ek_status_watch(const struct ek_options *options);

#endif
