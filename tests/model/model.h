/* The model checker's two questions; each prints what it finds wrong. */
#ifndef EK_TESTS_MODEL_MODEL_H
#define EK_TESTS_MODEL_MODEL_H

#include "tests/model/cases.h"

struct model_totals {
    size_t cases;
    size_t states;
    size_t transitions;
    size_t
        broken; /* laws broken, plans that don't end or end elsewhere, plans that are not minimal */
};

/* A case in words; static storage, overwritten by the next call. */
const char *model_describe(const struct model_case *c);

/* Is every plan safe, and does it end where the specs want, from every state on its way? */
void model_walk(struct model_totals *totals);

/* Is every plan the least: (restarts, elections, steps) compared with a search over all
 * permitted steps. */
void model_minimal(struct model_totals *totals);

/* Both, from every lawful mix of modes, files, names and primary, for sets of at most so many
 * members. */
void model_mixed(size_t members_max, struct model_totals *totals);

#endif
