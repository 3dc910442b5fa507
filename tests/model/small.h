/* All that the laws let change of a small fleet, in few bits: modes, files, the primary, the names
 * in the configuration. Everything else is as the space's base has it. */
#ifndef EK_TESTS_MODEL_SMALL_H
#define EK_TESTS_MODEL_SMALL_H

#include "tests/model/cases.h"

enum { SMALL_MAX = 5 };

struct small {
    uint8_t running[SMALL_MAX];
    uint8_t configured[SMALL_MAX];
    uint8_t primary;
    uint8_t renamed; /* the configuration has the names that the specs want */
    uint8_t stale;   /* a bit for each member: it serves another certificate than the installed */
};

struct small_space {
    const struct model_case *c;
    struct ek_state *base;  /* owned, as the next */
    struct ek_state *state; /* scratch: the last restored one */
    int count;
    bool renewing; /* `stale` counts */
};

struct small_cost {
    int restarts;
    int elections;
    int steps;
};

/* Restarts weigh more than any number of elections, elections more than any number of steps. */
long small_weigh(struct small_cost cost);
struct small_cost small_cost_of(const struct ek_step *step);

/* Give back what a space owns. */
void small_space_done(struct small_space *space);

/* A key of its own for each, below small_key_count(). */
size_t small_key(const struct small_space *space, const struct small *at);
size_t small_key_count(const struct small_space *space);

/* The whole state, into space->state. */
void small_restore(struct small_space *space, const struct small *at);

/* Everything that could be done in `at` (restored before), permitted or not. */
typedef void small_edge(void *context, const struct ek_step *step, const struct small *to);
void small_expand(const struct small_space *space, const struct small *at, small_edge *edge,
                  void *context);

bool small_is_goal(const struct small_space *space, const struct small *at);

/* Plans that are above the least, and why they stay. */
bool small_is_listed(const struct model_case *c, bool from_a_mix, long least, long ours);

#endif
