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

struct ek_lease;

struct ek_lease_request {
    const char *account;
    const char *deployment;
    const char *operation; /* "apply", "run" : for whoever finds it taken */
    int64_t ttl_ms;        /* 0: 15 000 */
    int64_t wait_ms;       /* how long to wait for another holder; 0: one look */
};

/* Take the lease and renew it from a thread until it is released. EK_LOCKED (EK-0806) says who
 * holds it, for what and since when. The store handle must outlive the lease. */
int ek_lease_take(const struct ek_store_handle *store, const struct ek_lease_request *request,
                  struct ek_lease **ret_lease, struct ek_error *err);

/* 0 while the lease is surely ours for `needed_ms` more; else EK_STALE (EK-10xx). */
int ek_lease_check(const struct ek_lease *lease, int64_t needed_ms, struct ek_error *err);

int64_t ek_lease_token(const struct ek_lease *lease);

/* Give it back; also when it was lost. NULL is fine. */
void ek_lease_release(struct ek_lease *lease);

#endif
