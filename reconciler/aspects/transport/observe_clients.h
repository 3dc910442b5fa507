/* Since when a member is known to have had no client in plaintext: its log tells of some time, what
 * was seen before of more. */
#ifndef EK_ASPECTS_TRANSPORT_OBSERVE_CLIENTS_H
#define EK_ASPECTS_TRANSPORT_OBSERVE_CLIENTS_H

#include "drivers/mongodb/mongodb.h"
#include "drivers/store/store.h"

struct ek_observing;

/* Add what was just seen, which had no client in plaintext, to the watch; when there is a gap it
 * begins anew. Since when there was none; 0 unknown. Pure. */
int64_t ek_watch_go_on(struct ek_client_watch *watch, const struct ek_mongodb_seen *seen);

/* What the store has of earlier looks, where this world has none yet; what can't be read is as if
 * nobody had looked. */
void ek_watch_recall(struct ek_observing *o);

/* Forget the watch over a member that has clients in plaintext, and write what changed to the
 * store, where the controller keeps it. */
void ek_watch_keep(struct ek_observing *o);

#endif
