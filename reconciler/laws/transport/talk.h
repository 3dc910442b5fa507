/* Law 1's question, asked of a state. */
#ifndef EK_LAWS_TRANSPORT_TALK_H
#define EK_LAWS_TRANSPORT_TALK_H

#include "reconciler/kernel/state.h"

/* Whether member `from` could dial member `to` before and can't after, in any of the four
 * combinations of running and configured on both sides: transport, certificate name, issuer, trust.
 * What did not work before is not broken by what comes after it. */
bool ek_law_talk_breaks(const struct ek_state *before, const struct ek_state *after, size_t from,
                        size_t to);

#endif
