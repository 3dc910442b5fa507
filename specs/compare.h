/* What one tree of specs says otherwise than another one. */
#ifndef EK_SPECS_COMPARE_H
#define EK_SPECS_COMPARE_H

#include "specs/spec.h"

/* One deployment, known by account and name. Borrowed from the trees. */
struct ek_spec_difference {
    const struct ek_deployment_spec *before; /* NULL: new */
    const struct ek_deployment_spec *after;  /* NULL: no longer there */
    /* The other half of what looks like a renaming: the servers of a new deployment are those of
     * one that is gone, or the other way round. NULL: none. */
    const struct ek_deployment_spec *renamed;
};

struct ek_specs_comparison {
    struct ek_spec_difference *items; /* those of `after` in its order, then those that are gone */
    size_t count;
    size_t untouched; /* deployments that both trees say the same about */
};

/* Deployments count as the same when ek_deployment_reach_digest is. EK_NO_MEMORY is all that can go
 * wrong. */
int ek_specs_compare(const struct ek_specs *before, const struct ek_specs *after,
                     struct ek_specs_comparison *ret_comparison, struct ek_error *err);
void ek_specs_comparison_done(struct ek_specs_comparison *comparison);

#endif
