#include "reconciler/loop/turns.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One account that has turns now. */
struct holder {
    char account[64];
    size_t taken;
};

struct ek_turns {
    pthread_mutex_t lock;
    size_t total, per_account;
    size_t taken;
    struct holder *holders;
    size_t count;
};

struct ek_turns *ek_turns_new(size_t total, size_t per_account)
{
    struct ek_turns *turns = calloc(1, sizeof *turns);
    if (!turns)
        return NULL;
    pthread_mutex_init(&turns->lock, NULL);
    ek_turns_limit(turns, total, per_account);
    return turns;
}

void ek_turns_free(struct ek_turns *turns)
{
    if (!turns)
        return;
    pthread_mutex_destroy(&turns->lock);
    free(turns->holders);
    free(turns);
}

void ek_turns_limit(struct ek_turns *turns, size_t total, size_t per_account)
{
    pthread_mutex_lock(&turns->lock);
    turns->total = total;
    turns->per_account = per_account;
    pthread_mutex_unlock(&turns->lock);
}

static struct holder *holder_of(struct ek_turns *turns, const char *account)
{
    for (size_t i = 0; i < turns->count; i++)
        if (strcmp(turns->holders[i].account, account) == 0)
            return &turns->holders[i];
    struct holder *more = reallocarray(turns->holders, turns->count + 1, sizeof *more);
    if (!more)
        return NULL;
    turns->holders = more;
    struct holder *added = &more[turns->count++];
    *added = (struct holder){0};
    snprintf(added->account, sizeof added->account, "%s", account);
    return added;
}

bool ek_turns_take(struct ek_turns *turns, const char *account)
{
    pthread_mutex_lock(&turns->lock);
    struct holder *holder = turns->taken < turns->total ? holder_of(turns, account) : NULL;
    bool free_turn = holder && holder->taken < turns->per_account;
    if (free_turn) {
        holder->taken++;
        turns->taken++;
    }
    pthread_mutex_unlock(&turns->lock);
    return free_turn;
}

void ek_turns_give_back(struct ek_turns *turns, const char *account)
{
    pthread_mutex_lock(&turns->lock);
    struct holder *holder = holder_of(turns, account);
    if (holder && holder->taken > 0) {
        holder->taken--;
        turns->taken--;
    }
    pthread_mutex_unlock(&turns->lock);
}

size_t ek_turns_taken(struct ek_turns *turns)
{
    pthread_mutex_lock(&turns->lock);
    size_t taken = turns->taken;
    pthread_mutex_unlock(&turns->lock);
    return taken;
}
