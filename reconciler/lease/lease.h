/* Leases: no two reconcilers act on one deployment.
 *
 * A lease is taken before the first act and given back after the last. Nobody compares wall
 * clocks: whoever wants a lease that is held waits until the record has not changed for a
 * whole time to live on his own clock that never jumps (CLOCK_BOOTTIME); whoever holds it
 * stops believing in it earlier, counted from before its last renewal was sent. A holder on
 * this machine and boot whose process is gone is followed at once. The token of the lease
 * fences the acts themselves: hosts refuse a lower token than the highest they saw (see
 * drivers/host/host.h), so that a process that was frozen through its own expiry and wakes up
 * in the middle of an act's preparation can do nothing. */
#ifndef EK_LEASE_LEASE_H
#define EK_LEASE_LEASE_H

#include "drivers/store/store.h"
#include "reconciler/lease/decide.h"

struct ek_lease;

struct ek_lease_request {
    const char *account;
    const char *deployment;
    const char *operation;        /* "apply", "run" : for whoever finds it taken */
    int64_t ttl_ms;               /* 0: 15 000 */
    int64_t wait_ms;              /* how long to wait for another holder; 0: one look */
    struct ek_lease_watch *watch; /* what earlier attempts saw, zeroed at first, so that single
                                     looks add up to a whole time to live; or NULL */
};

/* Take the lease and renew it from a thread until it is released. EK_LOCKED (EK-0806) says who
 * holds it, for what and since when. The store handle must outlive the lease. */
int ek_lease_take(const struct ek_store_handle *store, const struct ek_lease_request *request,
                  struct ek_lease **ret_lease, struct ek_error *err);

/* 0 while the lease is surely ours for `needed_ms` more (at most half its time to live); waits up
 * to half its time to live for a renewal that is late; else EK_STALE (EK-1013: another has it by
 * now, EK-1014: not renewed in time). */
int ek_lease_check(struct ek_lease *lease, int64_t needed_ms, struct ek_error *err);

/* 0, or EK_STALE (EK-1013) once it is known that another has it. Does not wait; a renewal that is
 * late says nothing yet. */
int ek_lease_not_lost(struct ek_lease *lease, struct ek_error *err);

/* What the fences of hosts are raised to; the id tells apart leases of equal tokens, as they come
 * from different stores. Borrowed. */
int64_t ek_lease_token(struct ek_lease *lease);
const char *ek_lease_id(const struct ek_lease *lease);

/* Raise the token above `other`, which a host's fence was found to hold: the store was lost or
 * restored, or there are two. EK_STALE (EK-1013) when the lease is no longer ours. */
int ek_lease_raise(struct ek_lease *lease, int64_t other, struct ek_error *err);

/* Give it back; also when it was lost. NULL is fine. */
void ek_lease_release(struct ek_lease *lease);

#endif
