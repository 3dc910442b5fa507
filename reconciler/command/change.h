/* A pull request's change: what it touches, and what was planned before it. */
#ifndef EK_COMMAND_CHANGE_H
#define EK_COMMAND_CHANGE_H

#include "drivers/git/git.h"
#include "reconciler/command/fleet.h"
#include "specs/compare.h"

struct ek_fleet_change {
    struct ek_git_change git;
    struct ek_specs base; /* the specs before the change; empty when they are broken */
    size_t base_errors;   /* how many errors they have: then all of the new ones are planned */
    struct ek_specs_comparison comparison;
};

/* Read both sides of the change that the request's revision makes to options->from. Errors as
 * ek_git_read_change. Free with ek_fleet_change_free. */
int ek_fleet_change_read(const struct ek_git_request *request, const char *from,
                         struct ek_fleet_change **ret_change, struct ek_error *err);

/* Compare with the specs after the change, once they are parsed. They must outlive it. */
int ek_fleet_change_compare(struct ek_fleet_change *change, const struct ek_specs *after,
                            struct ek_error *err);
void ek_fleet_change_free(struct ek_fleet_change *change);

/* The difference about a deployment of the specs after the change; NULL: untouched. */
const struct ek_spec_difference *ek_fleet_change_about(const struct ek_fleet_change *change,
                                                       const struct ek_deployment_spec *after);

/* Look at a touched deployment as the specs were before, for what is amiss without the change:
 * *ret_before stays zeroed when there is nothing to look at. */
void ek_fleet_change_assess_before(const struct ek_fleet *fleet,
                                   const struct ek_deployment_spec *after,
                                   struct ek_assessment *ret_before);

/* What the reports say of the change as a whole; `gone` has room for comparison.count. */
struct ek_plan_change ek_fleet_change_report(const struct ek_fleet_change *change,
                                             const char *wanted, struct ek_plan_gone *gone);

/* What the reports say of one deployment; `before` (looked at as above) may be NULL. */
void ek_fleet_change_tell(const struct ek_fleet_change *change, const struct ek_assessment *before,
                          struct ek_planned *storage, struct ek_planned *planned);

#endif
