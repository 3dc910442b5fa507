#include "reconciler/lease/lease.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/memory.h"
#include "reconciler/base/thread.h"
#include "reconciler/lease/decide.h"
#include "reconciler/lease/holder.h"

enum { TTL_MS = 15000, POLL_MS = 200, RENEWALS = 3, RETRIES = 15 };

struct ek_lease {
    struct ek_store_handle store;
    struct ek_lease_holder holder;
    char name[160];
    int64_t ttl_ms;
    pthread_t thread;
    pthread_mutex_t asking; /* one exchange with the store at a time */
    pthread_mutex_t mutex;  /* what follows */
    pthread_cond_t changed;
    struct ek_lease_record record; /* as the store has it, as far as we know */
    int64_t until_ms;
    bool lost;
    bool stopping;
    bool hurry;              /* somebody waits for a renewal */
    struct ek_error trouble; /* of the last renewal, code 0 none */
};

/* ---- taking --------------------------------------------------------------------------- */

static int locked(const char *name, const struct ek_lease_record *record, struct ek_error *err)
{
    struct ek_lease_holder holder;
    ek_lease_holder_read(record->holder, &holder);
    const char *words[] = {holder.operation, holder.who, holder.host, holder.since, holder.id};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!words[i][0])
            words[i] = "unknown";
    ek_fail(err, EK_LOCKED, "EK-0806",
            "%s is locked: %s by %s on %s, process %lld, since %s (lock %s)", name, words[0],
            words[1], words[2], (long long)holder.pid, words[3], words[4]);
    return ek_hint(err,
                   "wait until it is done, or give --lock-timeout 10m; a lease that nobody "
                   "renews ends after %lld s",
                   (long long)((holder.ttl_ms ? holder.ttl_ms : TTL_MS) / 1000));
}

/* Whether trying again may help. */
static bool passing(int result)
{
    return result == EK_TIMEOUT || result == EK_UNREACHABLE || result == EK_CONFLICT;
}

static bool is_free(const struct ek_lease_watch *watch, int64_t ttl_ms)
{
    struct ek_lease_holder holder;
    ek_lease_holder_read(watch->record.holder, &holder);
    int64_t longest = holder.ttl_ms > ttl_ms ? holder.ttl_ms : ttl_ms;
    return ek_lease_watch_free(watch, ek_lease_holder_gone(&holder), longest, ek_boottime_ms());
}

/* An answer that got lost is asked for: the record tells whether we are in it. */
static int swap_in(struct ek_lease *lease, const struct ek_lease_record *now, struct ek_error *err)
{
    struct ek_lease_record wanted;
    struct ek_lease_record seen;
    char text[sizeof wanted.holder];
    int result = ek_lease_holder_write(&lease->holder, text, err);
    if (result != 0)
        return result;
    ek_lease_taken(now, text, &wanted);
    int64_t sent = ek_boottime_ms();
    result = lease->store.driver->swap_lease(lease->store.store, lease->name, now, &wanted, err);
    if (result != 0 && result != EK_CONFLICT &&
        lease->store.driver->get_lease(lease->store.store, lease->name, &seen, NULL) == 0 &&
        ek_lease_same(&seen, &wanted))
        result = 0;
    if (result == 0) {
        lease->record = wanted;
        lease->until_ms = ek_lease_until(sent, lease->ttl_ms);
    }
    return result;
}

static int take(struct ek_lease *lease, struct ek_lease_watch *watch, int64_t deadline,
                struct ek_error *err)
{
    for (;;) {
        struct ek_lease_record record;
        struct ek_error trouble = {0};
        int result =
            lease->store.driver->get_lease(lease->store.store, lease->name, &record, &trouble);
        if (result == 0) {
            ek_lease_watch_saw(watch, &record, ek_boottime_ms());
            bool is_open = is_free(watch, lease->ttl_ms);
            result = is_open ? swap_in(lease, &record, &trouble) : EK_LOCKED;
            if (is_open && result == 0)
                return 0;
            if (is_open && result == EK_CONFLICT)
                continue; /* another was faster: who? */
        }
        bool late = ek_boottime_ms() >= deadline;
        if (result == EK_LOCKED && late)
            return locked(lease->name, &watch->record, err);
        if (result != EK_LOCKED && (late || !passing(result))) {
            if (err)
                *err = trouble;
            return result;
        }
        ek_sleep_ms(POLL_MS < lease->ttl_ms / RETRIES ? POLL_MS : lease->ttl_ms / RETRIES);
    }
}

/* ---- renewing ------------------------------------------------------------------------- */

static void set_record(struct ek_lease *lease, const struct ek_lease_record *record, int64_t until)
{
    pthread_mutex_lock(&lease->mutex);
    lease->record = *record;
    if (until > lease->until_ms)
        lease->until_ms = until;
    lease->trouble = (struct ek_error){0};
    pthread_cond_broadcast(&lease->changed);
    pthread_mutex_unlock(&lease->mutex);
}

static void set_trouble(struct ek_lease *lease, bool lost, const struct ek_error *why)
{
    pthread_mutex_lock(&lease->mutex);
    lease->lost |= lost;
    lease->trouble = *why;
    pthread_cond_broadcast(&lease->changed);
    pthread_mutex_unlock(&lease->mutex);
}

/* The record is another one than we thought: a renewal of ours whose answer was lost, or another
 * holder's. */
static int find_own(struct ek_lease *lease, struct ek_lease_record *ret_record,
                    struct ek_error *err)
{
    struct ek_lease_record seen;
    int result = lease->store.driver->get_lease(lease->store.store, lease->name, &seen, err);
    if (result != 0)
        return result;
    if (strcmp(seen.holder, lease->record.holder) == 0) {
        *ret_record = seen;
        return 0;
    }
    struct ek_lease_holder by;
    ek_lease_holder_read(seen.holder, &by);
    return ek_fail(err, EK_STALE, "EK-1013", "the lease on %s was lost%s%s%s%s", lease->name,
                   by.id[0] ? ": " : "", by.operation, by.id[0] ? " by another on " : "", by.host);
}

/* Replace the record by the next of ours; `raise_above` is -1 for a mere renewal. */
static int follow_up(struct ek_lease *lease, int64_t raise_above, struct ek_error *err)
{
    int result = EK_CONFLICT;
    pthread_mutex_lock(&lease->asking);
    for (int tries = 0; tries < 2 && result == EK_CONFLICT; tries++) {
        struct ek_lease_record now = lease->record; /* only changed while `asking` is held */
        struct ek_lease_record wanted;
        if (tries > 0) {
            result = find_own(lease, &now, err);
            if (result != 0)
                break;
        }
        if (raise_above < 0)
            ek_lease_renewed(&now, &wanted);
        else
            ek_lease_raised(&now, raise_above, &wanted);
        int64_t sent = ek_boottime_ms();
        result =
            lease->store.driver->swap_lease(lease->store.store, lease->name, &now, &wanted, err);
        if (result == 0)
            set_record(lease, &wanted, ek_lease_until(sent, lease->ttl_ms));
    }
    pthread_mutex_unlock(&lease->asking);
    return result;
}

static void wait_until(struct ek_lease *lease, int64_t ms)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += (time_t)(ms / 1000);
    end.tv_nsec += (long)(ms % 1000) * 1000000L;
    if (end.tv_nsec >= 1000000000L) {
        end.tv_sec++;
        end.tv_nsec -= 1000000000L;
    }
    pthread_cond_timedwait(&lease->changed, &lease->mutex, &end);
}

static void *renew(void *context)
{
    struct ek_lease *lease = context;
    int64_t pause = lease->ttl_ms / RENEWALS;
    int64_t next = ek_boottime_ms() + pause;
    pthread_mutex_lock(&lease->mutex);
    while (!lease->stopping && !lease->lost) {
        int64_t left = next - ek_boottime_ms();
        if (left > 0 && !lease->hurry) {
            wait_until(lease, left);
            continue;
        }
        lease->hurry = false;
        pthread_mutex_unlock(&lease->mutex);
        struct ek_error trouble = {0};
        int result = follow_up(lease, -1, &trouble);
        if (result != 0)
            set_trouble(lease, result == EK_STALE, &trouble);
        next = ek_boottime_ms() + (result == 0 ? pause : lease->ttl_ms / RETRIES);
        pthread_mutex_lock(&lease->mutex);
    }
    pthread_mutex_unlock(&lease->mutex);
    return NULL;
}

/* ---- the lease ------------------------------------------------------------------------ */

static int start_thread(struct ek_lease *lease, struct ek_error *err)
{
    ek_condition_init(&lease->changed);
    int failed = ek_thread_start(&lease->thread, NULL, renew, lease);
    return failed ? ek_fail(err, EK_SYSTEM, "EK-0599", "no thread could be started: %s",
                            strerror(failed))
                  : 0;
}

static void give_back(struct ek_lease *lease)
{
    struct ek_lease_record empty;
    ek_lease_released(&lease->record, &empty);
    if (!lease->lost)
        (void)lease->store.driver->swap_lease(lease->store.store, lease->name, &lease->record,
                                              &empty, NULL);
}

int ek_lease_take(const struct ek_store_handle *store, const struct ek_lease_request *request,
                  struct ek_lease **ret_lease, struct ek_error *err)
{
    struct ek_lease *lease = calloc(1, sizeof *lease);
    if (!lease)
        return ek_no_memory(err);
    struct ek_lease_watch watch = {0};
    lease->store = *store;
    lease->ttl_ms = request->ttl_ms ? request->ttl_ms : TTL_MS;
    snprintf(lease->name, sizeof lease->name, "%s/%s", request->account, request->deployment);
    int result = ek_lease_holder_self(request->operation, lease->ttl_ms, &lease->holder, err);
    if (result == 0)
        result = take(lease, request->watch ? request->watch : &watch,
                      ek_boottime_ms() + request->wait_ms, err);
    if (result != 0) {
        free(lease);
        return result;
    }
    pthread_mutex_init(&lease->asking, NULL);
    pthread_mutex_init(&lease->mutex, NULL);
    result = start_thread(lease, err);
    if (result != 0) {
        give_back(lease);
        free(lease);
        return result;
    }
    *ret_lease = lease;
    return 0;
}

static int not_ours(const struct ek_lease *lease, struct ek_error *err)
{
    if (lease->lost) {
        if (err)
            *err = lease->trouble;
        return EK_STALE;
    }
    ek_fail(err, EK_STALE, "EK-1014", "the lease on %s was not renewed in time", lease->name);
    ek_cause(err, "%s", lease->trouble.sentence);
    return ek_hint(err, "is the store within reach? Nothing was done after that"), EK_STALE;
}

int ek_lease_check(struct ek_lease *lease, int64_t needed_ms, struct ek_error *err)
{
    int64_t patience = ek_boottime_ms() + lease->ttl_ms / 2;
    pthread_mutex_lock(&lease->mutex);
    while (!lease->lost && lease->until_ms - ek_boottime_ms() < needed_ms &&
           ek_boottime_ms() < patience) {
        lease->hurry = true;
        pthread_cond_broadcast(&lease->changed);
        wait_until(lease, lease->ttl_ms / RETRIES);
    }
    bool ours = !lease->lost && lease->until_ms - ek_boottime_ms() >= needed_ms;
    int result = ours ? 0 : not_ours(lease, err);
    pthread_mutex_unlock(&lease->mutex);
    return result;
}

int ek_lease_not_lost(struct ek_lease *lease, struct ek_error *err)
{
    pthread_mutex_lock(&lease->mutex);
    int result = lease->lost ? not_ours(lease, err) : 0;
    pthread_mutex_unlock(&lease->mutex);
    return result;
}

int64_t ek_lease_token(struct ek_lease *lease)
{
    pthread_mutex_lock(&lease->mutex);
    int64_t token = lease->record.token;
    pthread_mutex_unlock(&lease->mutex);
    return token;
}

const char *ek_lease_id(const struct ek_lease *lease)
{
    return lease->holder.id;
}

int ek_lease_raise(struct ek_lease *lease, int64_t other, struct ek_error *err)
{
    return follow_up(lease, other, err);
}

void ek_lease_release(struct ek_lease *lease)
{
    if (!lease)
        return;
    pthread_mutex_lock(&lease->mutex);
    lease->stopping = true;
    pthread_cond_broadcast(&lease->changed);
    pthread_mutex_unlock(&lease->mutex);
    pthread_join(lease->thread, NULL);
    give_back(lease);
    pthread_cond_destroy(&lease->changed);
    pthread_mutex_destroy(&lease->mutex);
    pthread_mutex_destroy(&lease->asking);
    free(lease);
}
