#include "reconciler/command/change.h"

#include <stdlib.h>
#include <string.h>

#include "reconciler/base/memory.h"
#include "specs/diagnostic.h"
#include "specs/parse.h"

int ek_fleet_change_read(const struct ek_git_request *request, const char *from,
                         struct ek_fleet_change **ret_change, struct ek_error *err)
{
    struct ek_git_change git = {0};
    int result = ek_git_read_change(request, from, &git, err);
    if (result != 0)
        return result;
    struct ek_fleet_change *change = calloc(1, sizeof *change);
    if (!change) {
        ek_git_change_done(&git);
        return ek_no_memory(err);
    }
    change->git = git;
    EK_DIAGNOSTICS diagnostics = {0};
    if (ek_specs_parse(&change->git.base, &change->base, &diagnostics, err) == EK_NO_MEMORY) {
        ek_fleet_change_free(change);
        return EK_NO_MEMORY;
    }
    change->base_errors = diagnostics.count;
    *ret_change = change;
    return 0;
}

int ek_fleet_change_compare(struct ek_fleet_change *change, const struct ek_specs *after,
                            struct ek_error *err)
{
    return ek_specs_compare(&change->base, after, &change->comparison, err);
}

void ek_fleet_change_free(struct ek_fleet_change *change)
{
    if (!change)
        return;
    ek_specs_comparison_done(&change->comparison);
    ek_specs_free(&change->base);
    ek_git_change_done(&change->git);
    free(change);
}

const struct ek_spec_difference *ek_fleet_change_about(const struct ek_fleet_change *change,
                                                       const struct ek_deployment_spec *after)
{
    for (size_t i = 0; i < change->comparison.count; i++)
        if (change->comparison.items[i].after == after)
            return &change->comparison.items[i];
    return NULL;
}

void ek_fleet_change_assess_before(const struct ek_fleet *fleet,
                                   const struct ek_deployment_spec *after,
                                   struct ek_assessment *ret_before)
{
    const struct ek_spec_difference *difference = ek_fleet_change_about(fleet->change, after);
    if (difference && difference->before)
        ek_assess(&fleet->change->base, difference->before, &fleet->controller, 0, ret_before);
}

struct ek_plan_change ek_fleet_change_report(const struct ek_fleet_change *change,
                                             const char *wanted, struct ek_plan_gone *gone)
{
    struct ek_plan_change report = {
        .base = change->git.base.commit,
        .untouched = change->comparison.untouched,
        .base_errors = change->base_errors,
        .gone = gone,
    };
    if (wanted)
        report.untouched = 1;
    for (size_t i = 0; i < change->comparison.count; i++) {
        const struct ek_spec_difference *item = &change->comparison.items[i];
        const struct ek_deployment_spec *either = item->after ? item->after : item->before;
        if (wanted && strcmp(wanted, either->name) == 0)
            report.untouched = 0;
        if (item->after || (wanted && strcmp(wanted, item->before->name) != 0))
            continue;
        gone[report.gone_count++] =
            (struct ek_plan_gone){.name = item->before->name,
                                  .account = item->before->account,
                                  .renamed = item->renamed ? item->renamed->name : NULL};
    }
    return report;
}

void ek_fleet_change_tell(const struct ek_fleet_change *change, const struct ek_assessment *before,
                          struct ek_planned *storage, struct ek_planned *planned)
{
    const struct ek_spec_difference *difference = ek_fleet_change_about(change, planned->spec);
    if (!difference || change->base_errors)
        return;
    planned->touched = difference->before ? EK_TOUCHED_CHANGED : EK_TOUCHED_ADDED;
    planned->renamed = difference->renamed ? difference->renamed->name : NULL;
    if (!before || !before->spec)
        return;
    if (before->error.code) {
        planned->before_problem = before->error.sentence;
    } else if (before->plan.count) {
        *storage = ek_assessment_planned(before);
        planned->before = storage;
    }
}
