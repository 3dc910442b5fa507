#include "reconciler/loop/roster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/memory.h"

static int compare(const void *left, const void *right)
{
    const struct ek_wanted *a = left;
    const struct ek_wanted *b = right;
    int order = strcmp(a->account, b->account);
    return order ? order : strcmp(a->name, b->name);
}

static struct ek_wanted *find(const struct ek_roster *roster, const char *account, const char *name)
{
    for (size_t i = 0; i < roster->count; i++)
        if (strcmp(roster->items[i].account, account) == 0 &&
            strcmp(roster->items[i].name, name) == 0)
            return &roster->items[i];
    return NULL;
}

/* A line for the deployment; when another repository has spoken of it already, both lose. */
static struct ek_wanted *add(struct ek_roster *roster, const struct ek_desired *desired,
                             const char *account, const char *name)
{
    struct ek_wanted *item = find(roster, account, name);
    if (item) {
        if (item->standing != EK_STANDING_CLAIMED)
            snprintf(item->sentence, sizeof item->sentence,
                     "the repositories %s and %s both claim the deployment %s/%s", item->repository,
                     desired->repository, account, name);
        item->standing = EK_STANDING_CLAIMED;
        item->desired = NULL;
        item->spec = NULL;
        return NULL;
    }
    item = &roster->items[roster->count++];
    *item = (struct ek_wanted){.desired = desired};
    snprintf(item->account, sizeof item->account, "%s", account);
    snprintf(item->name, sizeof item->name, "%s", name);
    snprintf(item->repository, sizeof item->repository, "%s", desired->repository);
    return item;
}

static void add_repository(struct ek_roster *roster, const struct ek_desired *desired)
{
    for (size_t i = 0; i < desired->specs.deployment_count; i++) {
        const struct ek_deployment_spec *spec = &desired->specs.deployments[i];
        struct ek_wanted *item = add(roster, desired, spec->account, spec->name);
        if (!item)
            continue;
        item->standing = EK_STANDING_WANTED;
        item->spec = spec;
        snprintf(item->file, sizeof item->file, "%s", spec->at.file);
    }
    for (size_t i = 0; i < desired->specs.broken_count; i++) {
        const struct ek_broken_spec *broken = &desired->specs.broken[i];
        if (strcmp(broken->kind, "Deployment") != 0 || !broken->account || !broken->name)
            continue;
        struct ek_wanted *item = find(roster, broken->account, broken->name);
        if (item && item->desired == desired)
            continue; /* defined twice in one tree: one line is enough */
        item = add(roster, desired, broken->account, broken->name);
        if (!item)
            continue;
        item->standing = EK_STANDING_BROKEN;
        snprintf(item->file, sizeof item->file, "%s", broken->file);
        snprintf(item->sentence, sizeof item->sentence, "%s", broken->sentence);
    }
}

static const struct ek_desired *repository_named(const struct ek_desired *const *desired,
                                                 size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (desired[i] && strcmp(desired[i]->repository, name) == 0)
            return desired[i];
    return NULL;
}

static bool file_is_broken(const struct ek_desired *desired, const char *file)
{
    for (size_t i = 0; i < desired->broken_file_count; i++)
        if (strcmp(desired->broken_files[i], file) == 0)
            return true;
    return false;
}

/* What was there before and nobody speaks of now: removed, or lost behind an error in its file. */
static void keep_absent(struct ek_roster *roster, const struct ek_wanted *former,
                        const struct ek_desired *const *desired, size_t count)
{
    if (find(roster, former->account, former->name))
        return;
    struct ek_wanted *item = &roster->items[roster->count++];
    const struct ek_desired *owner = repository_named(desired, count, former->repository);
    *item = *former;
    item->spec = NULL;
    item->desired = owner;
    if (owner && former->standing != EK_STANDING_REMOVED && file_is_broken(owner, former->file)) {
        item->standing = EK_STANDING_BROKEN;
        snprintf(item->sentence, sizeof item->sentence, "its file %s has errors", former->file);
        return;
    }
    item->standing = EK_STANDING_REMOVED;
    snprintf(item->sentence, sizeof item->sentence,
             "%s/%s is no longer in the specs of %s; its servers are left as they are",
             former->account, former->name, former->repository);
}

/* ---- servers that two repositories claim ---- */

struct endpoint {
    const char *host;
    int port;
    struct ek_wanted *item;
};

static int compare_endpoints(const void *left, const void *right)
{
    const struct endpoint *a = left;
    const struct endpoint *b = right;
    int order = strcmp(a->host, b->host);
    if (order == 0)
        order = a->port < b->port ? -1 : a->port > b->port;
    return order ? order : (a->item > b->item) - (a->item < b->item);
}

static void both_lose(const struct endpoint *a, const struct endpoint *b)
{
    struct ek_wanted *items[] = {a->item, b->item};
    for (size_t i = 0; i < 2; i++) {
        const struct ek_wanted *other = items[1 - i];
        if (items[i]->standing != EK_STANDING_WANTED)
            continue;
        items[i]->standing = EK_STANDING_CLAIMED;
        snprintf(items[i]->sentence, sizeof items[i]->sentence,
                 "%s/%s of repository %s and %s/%s of repository %s both claim the server %s:%d",
                 items[i]->account, items[i]->name, items[i]->repository, other->account,
                 other->name, other->repository, a->host, a->port);
    }
}

static int find_shared_servers(struct ek_roster *roster, struct ek_error *err)
{
    size_t count = 0;
    for (size_t i = 0; i < roster->count; i++)
        count += roster->items[i].spec ? roster->items[i].spec->member_count : 0;
    struct endpoint *endpoints = calloc(count + 1, sizeof *endpoints);
    if (!endpoints)
        return ek_no_memory(err);
    count = 0;
    for (size_t i = 0; i < roster->count; i++) {
        struct ek_wanted *item = &roster->items[i];
        for (size_t m = 0; item->spec && m < item->spec->member_count; m++)
            endpoints[count++] = (struct endpoint){.host = item->spec->members[m].host,
                                                   .port = item->spec->members[m].port,
                                                   .item = item};
    }
    qsort(endpoints, count, sizeof *endpoints, compare_endpoints);
    for (size_t i = 1; i < count; i++) {
        const struct endpoint *a = &endpoints[i - 1];
        const struct endpoint *b = &endpoints[i];
        if (strcmp(a->host, b->host) == 0 && a->port == b->port && a->item != b->item &&
            strcmp(a->item->repository, b->item->repository) != 0)
            both_lose(a, b);
    }
    free(endpoints);
    for (size_t i = 0; i < roster->count; i++)
        if (roster->items[i].standing == EK_STANDING_CLAIMED)
            roster->items[i].spec = NULL;
    return 0;
}

/* ---- all of it ---- */

int ek_roster_make(const struct ek_desired *const *desired, size_t count,
                   const struct ek_roster *before, struct ek_roster *ret_roster,
                   struct ek_error *err)
{
    struct ek_roster roster = {0};
    size_t most = before ? before->count : 0;
    for (size_t i = 0; i < count; i++)
        if (desired[i])
            most += desired[i]->specs.deployment_count + desired[i]->specs.broken_count;
    roster.items = calloc(most + 1, sizeof *roster.items);
    if (!roster.items)
        return ek_no_memory(err);
    for (size_t i = 0; i < count; i++)
        if (desired[i])
            add_repository(&roster, desired[i]);
    for (size_t i = 0; before && i < before->count; i++)
        keep_absent(&roster, &before->items[i], desired, count);
    int result = find_shared_servers(&roster, err);
    if (result != 0) {
        ek_roster_done(&roster);
        return result;
    }
    qsort(roster.items, roster.count, sizeof *roster.items, compare);
    *ret_roster = roster;
    return 0;
}

void ek_roster_done(struct ek_roster *roster)
{
    free(roster->items);
    *roster = (struct ek_roster){0};
}
