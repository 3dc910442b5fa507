/* Turns: how many deployments are changed at a time, over all and of one account. */
#ifndef EK_LOOP_TURNS_H
#define EK_LOOP_TURNS_H

#include <stdbool.h>
#include <stddef.h>

struct ek_turns;

/* Never NULL. */
struct ek_turns *ek_turns_new(size_t total, size_t per_account);
void ek_turns_free(struct ek_turns *turns);

/* Other limits from now on; turns that were given stay. */
void ek_turns_limit(struct ek_turns *turns, size_t total, size_t per_account);

/* Take a turn if there is one: true, and ek_turns_give_back follows. Nobody waits in here: who
 * gets none looks at his deployment again and asks then. */
bool ek_turns_take(struct ek_turns *turns, const char *account);
void ek_turns_give_back(struct ek_turns *turns, const char *account);

/* How many are taken. */
size_t ek_turns_taken(struct ek_turns *turns);

#endif
