/* What the loop says of itself: whether it gets on, whether it is ready, how its deployments are.
 */
#include <stdio.h>

#include "reconciler/base/clock.h"
#include "reconciler/loop/loop_internal.h"

static bool is_stalled(const struct ek_sleeper *sleeper, int64_t now)
{
    return sleeper->started && !sleeper->ended && sleeper->stalled_ms && sleeper->stalled_ms < now;
}

bool ek_loop_gets_on(struct ek_loop *loop, char *ret_sentence, size_t size)
{
    bool well = true;
    pthread_mutex_lock(&loop->lock);
    int64_t now = ek_monotonic_ms();
    for (size_t i = 0; i < loop->follower_count && well; i++)
        if (is_stalled(&loop->followers[i]->sleeper, now)) {
            well = false;
            snprintf(ret_sentence, size, "fetching %s has not come back for too long",
                     loop->followers[i]->settings.name);
        }
    for (size_t i = 0; i < loop->keeper_count && well; i++)
        if (is_stalled(&loop->keepers[i]->sleeper, now)) {
            well = false;
            snprintf(ret_sentence, size, "%s/%s has made no progress for too long",
                     loop->keepers[i]->account, loop->keepers[i]->name);
        }
    pthread_mutex_unlock(&loop->lock);
    return well;
}

bool ek_loop_ready(struct ek_loop *loop, char *ret_sentence, size_t size)
{
    bool ready = true;
    pthread_mutex_lock(&loop->lock);
    if (loop->store_failed) {
        ready = false;
        snprintf(ret_sentence, size, "the store does not answer");
    }
    for (size_t i = 0; i < loop->follower_count && ready; i++)
        if (!loop->followers[i]->dropped && !loop->followers[i]->desired) {
            ready = false;
            snprintf(ret_sentence, size, "repository %s was not read yet",
                     loop->followers[i]->settings.name);
        }
    for (size_t i = 0; i < loop->keeper_count && ready; i++)
        if (loop->keepers[i]->condition == EK_CONDITION_NEW) {
            ready = false;
            snprintf(ret_sentence, size, "%s/%s was not looked at yet", loop->keepers[i]->account,
                     loop->keepers[i]->name);
        }
    pthread_mutex_unlock(&loop->lock);
    return ready;
}

void ek_loop_sum_up(struct ek_loop *loop, struct ek_loop_summary *ret_summary)
{
    struct ek_loop_summary summary = {0};
    size_t *const counters[] = {
        [EK_CONDITION_NEW] = NULL,
        [EK_CONDITION_SYNCED] = &summary.synced,
        [EK_CONDITION_DIFFERING] = &summary.differing,
        [EK_CONDITION_BLOCKED] = &summary.blocked,
        [EK_CONDITION_FAILING] = &summary.failing,
        [EK_CONDITION_BROKEN] = &summary.broken,
        [EK_CONDITION_REMOVED] = &summary.removed,
    };
    pthread_mutex_lock(&loop->lock);
    for (size_t i = 0; i < loop->keeper_count; i++) {
        const struct ek_keeper *keeper = loop->keepers[i];
        summary.deployments += keeper->condition != EK_CONDITION_REMOVED;
        summary.acting += keeper->acting;
        summary.waiting += keeper->waiting;
        summary.steps_done += keeper->steps_done;
        if (counters[keeper->condition])
            ++*counters[keeper->condition];
    }
    for (size_t i = 0; i < loop->follower_count; i++)
        summary.failed_repositories +=
            !loop->followers[i]->dropped && loop->followers[i]->failures > 0;
    pthread_mutex_unlock(&loop->lock);
    *ret_summary = summary;
}
