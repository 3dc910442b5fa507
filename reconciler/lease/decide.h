/* What holders and challengers of a lease may conclude: no clock is read here, nothing is sent.
 *
 * Times are milliseconds on the own clock of whoever asks; those of different processes are never
 * compared. What makes it safe: a holder counts from before it sent its renewal, so from before
 * the record changed; a challenger counts from after he saw the record, so from after it changed;
 * and the holder's time is shorter by a margin, for clocks that run at different speeds. */
#ifndef EK_LEASE_DECIDE_H
#define EK_LEASE_DECIDE_H

#include "drivers/store/store.h"

/* By how much a holder's time is shorter: a fifth. */
int64_t ek_lease_margin(int64_t ttl_ms);

/* Until when a holder may believe in a lease whose renewal was sent at `sent_ms` and succeeded. */
int64_t ek_lease_until(int64_t sent_ms, int64_t ttl_ms);

/* What a challenger saw last, and since when it did not change. Zeroed: nothing yet. */
struct ek_lease_watch {
    struct ek_lease_record record;
    int64_t since_ms;
    bool any;
};

/* Note what the store answered; `now_ms` was read after the answer came. */
void ek_lease_watch_saw(struct ek_lease_watch *watch, const struct ek_lease_record *record,
                        int64_t now_ms);

/* Whether the record may be followed: nobody holds it, its holder is known to be `gone`, or it
 * has not changed for `ttl_ms` (its holder's, when that is longer than ours). The store's swap
 * then still decides. */
bool ek_lease_watch_free(const struct ek_lease_watch *watch, bool gone, int64_t ttl_ms,
                         int64_t now_ms);

bool ek_lease_same(const struct ek_lease_record *a, const struct ek_lease_record *b);

/* The records that follow `now`: of a new holder, renewed, given back, and of the same holder
 * with a token above `other`. */
void ek_lease_taken(const struct ek_lease_record *now, const char *holder,
                    struct ek_lease_record *ret_record);
void ek_lease_renewed(const struct ek_lease_record *now, struct ek_lease_record *ret_record);
void ek_lease_released(const struct ek_lease_record *now, struct ek_lease_record *ret_record);
void ek_lease_raised(const struct ek_lease_record *now, int64_t other,
                     struct ek_lease_record *ret_record);

#endif
