/* The model checker's two questions; each prints what it finds wrong. */
#ifndef EK_TESTS_MODEL_MODEL_H
#define EK_TESTS_MODEL_MODEL_H

#include "tests/model/cases.h"

struct model_totals {
    size_t cases;
    size_t states;
    size_t transitions;
    bool stop_at_first;
    size_t failures; /* of one member, tried in one state */
    size_t listed;   /* plans above the least for a listed reason */
    size_t broken;   /* laws broken, plans lost, plans above the least without a listed reason */
};

/* A case in words; static storage, overwritten by the next call. */
const char *model_describe(const struct model_case *c);

/* Is every plan safe, and does it end where the specs want, from every state on its way, and from
 * those that so many mishaps after one another leave, for sets of at most so many members? */
void model_walk(size_t members_max, int mishaps, struct model_totals *totals);

/* Report what is wrong with a case; the first twenty are printed. */
void model_report(const struct model_case *c, struct model_totals *totals, const char *what,
                  const char *detail);

/* One member fails in this state, in every way there is: nothing that disturbs the set is proposed,
 * and what was about to be done is not permitted any more. */
void model_failures(const struct model_case *c, const struct ek_state *state,
                    struct model_totals *totals);

/* Law 10 in this state: nothing is done that people or the clock withhold, and what is done
 * meanwhile is on the way. */
void model_consent(const struct model_case *c, const struct ek_state *state,
                   struct model_totals *totals);

/* Is every plan the least: (restarts, elections, steps) compared with a search over all
 * permitted steps. */
void model_minimal(size_t members_max, struct model_totals *totals);

/* Both, from every lawful mix of modes, files, names and primary, for sets of at most so many
 * members. */
void model_mixed(size_t members_max, struct model_totals *totals);

#endif
