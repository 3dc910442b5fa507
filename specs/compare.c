#include "specs/compare.h"

#include <stdlib.h>
#include <string.h>

#include "reconciler/base/hash.h"
#include "reconciler/base/memory.h"
#include "specs/parse.h"

/* The deployments of a tree by account and name. */
struct index {
    const struct ek_deployment_spec **items;
    size_t count;
};

static int by_name(const void *a, const void *b)
{
    const struct ek_deployment_spec *const *one = a;
    const struct ek_deployment_spec *const *other = b;
    int order = strcmp((*one)->account, (*other)->account);
    return order ? order : strcmp((*one)->name, (*other)->name);
}

/* Its items are NULL without memory. */
static struct index index_of(const struct ek_specs *specs)
{
    struct index index = {calloc(specs->deployment_count + 1, sizeof(void *)), 0};
    if (!index.items)
        return index;
    index.count = specs->deployment_count;
    for (size_t i = 0; i < index.count; i++)
        index.items[i] = &specs->deployments[i];
    if (index.count)
        qsort(index.items, index.count, sizeof(void *), by_name);
    return index;
}

static const struct ek_deployment_spec *find(const struct index *index,
                                             const struct ek_deployment_spec *wanted)
{
    const struct ek_deployment_spec **found =
        index->count ? bsearch(&wanted, index->items, index->count, sizeof(void *), by_name) : NULL;
    return found ? *found : NULL;
}

static int compare_two(const struct ek_specs *before, const struct ek_specs *after,
                       const struct ek_spec_difference *two, bool *ret_equal, struct ek_error *err)
{
    uint8_t digests[2][EK_SHA256_SIZE];
    int result = ek_deployment_reach_digest(before, two->before, digests[0], err);
    if (result == 0)
        result = ek_deployment_reach_digest(after, two->after, digests[1], err);
    if (result == 0)
        *ret_equal = memcmp(digests[0], digests[1], sizeof digests[0]) == 0;
    return result;
}

/* Two deployments can't run on one server: one that is the same tells. */
static bool share_a_server(const struct ek_deployment_spec *one,
                           const struct ek_deployment_spec *other)
{
    for (size_t i = 0; i < one->member_count; i++)
        for (size_t k = 0; k < other->member_count; k++)
            if (one->members[i].port == other->members[k].port &&
                strcmp(one->members[i].host, other->members[k].host) == 0)
                return true;
    return false;
}

/* Hints: a change that renames thousands does without. */
static void find_renamings(struct ek_specs_comparison *comparison)
{
    enum { MOST = 1000 };
    if (comparison->count > MOST)
        return;
    for (size_t i = 0; i < comparison->count; i++)
        for (size_t k = 0; k < comparison->count; k++) {
            struct ek_spec_difference *added = &comparison->items[i];
            struct ek_spec_difference *gone = &comparison->items[k];
            bool pair = !added->before && added->after && gone->before && !gone->after;
            if (!pair || added->renamed || gone->renamed ||
                !share_a_server(added->after, gone->before))
                continue;
            added->renamed = gone->before;
            gone->renamed = added->after;
        }
}

int ek_specs_compare(const struct ek_specs *before, const struct ek_specs *after,
                     struct ek_specs_comparison *ret_comparison, struct ek_error *err)
{
    struct ek_specs_comparison comparison = {
        .items = calloc(before->deployment_count + after->deployment_count + 1,
                        sizeof *comparison.items)};
    struct index old_ones = index_of(before);
    struct index new_ones = index_of(after);
    int result = comparison.items && old_ones.items && new_ones.items ? 0 : ek_no_memory(err);
    for (size_t i = 0; result == 0 && i < after->deployment_count; i++) {
        const struct ek_deployment_spec *spec = &after->deployments[i];
        struct ek_spec_difference two = {.before = find(&old_ones, spec), .after = spec};
        bool equal = false;
        if (two.before)
            result = compare_two(before, after, &two, &equal, err);
        if (equal)
            comparison.untouched++;
        else
            comparison.items[comparison.count++] = two;
    }
    for (size_t i = 0; result == 0 && i < before->deployment_count; i++)
        if (!find(&new_ones, &before->deployments[i]))
            comparison.items[comparison.count++] =
                (struct ek_spec_difference){.before = &before->deployments[i]};
    free(old_ones.items);
    free(new_ones.items);
    if (result != 0) {
        ek_specs_comparison_done(&comparison);
        return result;
    }
    find_renamings(&comparison);
    *ret_comparison = comparison;
    return 0;
}

void ek_specs_comparison_done(struct ek_specs_comparison *comparison)
{
    free(comparison->items);
    *comparison = (struct ek_specs_comparison){0};
}
