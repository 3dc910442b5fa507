/* Everybody is given what is wanted of him by now. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/clock.h"
#include "reconciler/base/memory.h"
#include "reconciler/loop/loop_internal.h"

/* First looks are spread over this much, so that a start does not look at everything at once. */
enum { SPREAD_MS = 2000 };

static struct ek_keeper *keeper_of(struct ek_loop *loop, const struct ek_wanted *wanted)
{
    for (size_t i = 0; i < loop->keeper_count; i++) {
        struct ek_keeper *keeper = loop->keepers[i];
        if (strcmp(keeper->name, wanted->name) == 0 &&
            strcmp(keeper->account, wanted->account) == 0)
            return keeper;
    }
    return NULL;
}

static int add_keeper(struct ek_loop *loop, const struct ek_wanted *wanted,
                      struct ek_keeper **ret_keeper, struct ek_error *err)
{
    struct ek_keeper **more = reallocarray(loop->keepers, loop->keeper_count + 1, sizeof(void *));
    struct ek_keeper *keeper = calloc(1, sizeof *keeper);
    if (more)
        loop->keepers = more;
    if (!more || !keeper) {
        free(keeper);
        return ek_no_memory(err);
    }
    keeper->loop = loop;
    snprintf(keeper->account, sizeof keeper->account, "%s", wanted->account);
    snprintf(keeper->name, sizeof keeper->name, "%s", wanted->name);
    ek_sleeper_init(&keeper->sleeper,
                    ek_monotonic_ms() + (loop->keeper_count ? ek_loop_chance() % SPREAD_MS : 0));
    keeper->wanted = *wanted;
    ek_desired_hold((struct ek_desired *)(uintptr_t)wanted->desired);
    int result = ek_sleeper_start(&keeper->sleeper, ek_keep, keeper, err);
    if (result != 0) {
        ek_desired_release((struct ek_desired *)(uintptr_t)keeper->wanted.desired);
        pthread_cond_destroy(&keeper->sleeper.wake);
        free(keeper);
        return result;
    }
    loop->keepers[loop->keeper_count++] = keeper;
    *ret_keeper = keeper;
    return 0;
}

static bool same_standing(const struct ek_wanted *a, const struct ek_wanted *b)
{
    return a->standing == b->standing && a->desired == b->desired &&
           strcmp(a->sentence, b->sentence) == 0;
}

/* A rollout under way ends at its next step boundary; what is left is planned anew from there. */
static void give(struct ek_keeper *keeper, const struct ek_wanted *wanted)
{
    if (same_standing(&keeper->wanted, wanted))
        return;
    ek_desired_hold((struct ek_desired *)(uintptr_t)wanted->desired);
    ek_desired_release((struct ek_desired *)(uintptr_t)keeper->wanted.desired);
    keeper->wanted = *wanted;
    keeper->cancelled = 1;
    ek_sleeper_wake(&keeper->sleeper);
}

int ek_loop_distribute(struct ek_loop *loop, struct ek_error *err)
{
    const struct ek_desired **desired = calloc(loop->follower_count + 1, sizeof(void *));
    struct ek_roster roster = {0};
    if (!desired)
        return ek_no_memory(err);
    for (size_t i = 0; i < loop->follower_count; i++)
        desired[i] = loop->followers[i]->dropped ? NULL : loop->followers[i]->desired;
    int result = ek_roster_make(desired, loop->follower_count, &loop->roster, &roster, err);
    free(desired);
    for (size_t i = 0; result == 0 && i < roster.count; i++) {
        struct ek_keeper *keeper = keeper_of(loop, &roster.items[i]);
        if (keeper)
            give(keeper, &roster.items[i]);
        else if (!loop->stopping)
            result = add_keeper(loop, &roster.items[i], &keeper, err);
    }
    if (result != 0) {
        ek_roster_done(&roster);
        return result;
    }
    ek_roster_done(&loop->roster);
    loop->roster = roster;
    return 0;
}
