/* What can be one member's only: its server, its directory, its configuration file, its unit. Two
 * members of the tree that claim the same one are an error at the second. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "specs/check.h"
#include "specs/names.h"

/* One member's claim to one thing. */
struct claim {
    const struct ek_subject *subject;
    size_t member;
    const char *host;  /* the machine that the thing is on; compared without case */
    const char *thing; /* compared exactly */
};

/* What can be claimed, in the order in which it is looked at. */
struct claimable {
    const char *key;       /* of the member; where the error stands when it was written */
    const char *id;        /* when both members are of one deployment */
    const char *id_across; /* when they are of two */
    const char *what;      /* "%s is … of" */
    const char *hint;
    unsigned follows_from; /* no error of its own where one of these was told: bits by number */
};

/* On one machine by the servers' host, and by the way that Evenkeel gets there. */
enum {
    SERVER,
    DIRECTORY,
    CONFIGURATION,
    UNIT,
    REACHED_CONFIGURATION,
    REACHED_UNIT,
    CLAIMABLE_COUNT
};
#define BIT(claimable) (1U << (claimable))

static const struct claimable claimables[CLAIMABLE_COUNT] = {
    [SERVER] = {"host", "EK-0338", "EK-0346", "the server",
                "a server is one member of one deployment", 0},
    [DIRECTORY] = {"directory", "EK-0347", "EK-0347", "the directory",
                   "give each member a directory of its own", BIT(SERVER)},
    [CONFIGURATION] = {"configuration", "EK-0348", "EK-0348", "the configuration file",
                       "several servers on one host need a configuration of their own each",
                       BIT(SERVER) | BIT(DIRECTORY)},
    [UNIT] = {"unit", "EK-0349", "EK-0349", "the unit",
              "several servers on one host need a unit of their own each", BIT(SERVER)},
    [REACHED_CONFIGURATION] = {"configuration", "EK-0348", "EK-0348", "the configuration file",
                               "both are reached as one machine: a configuration of their own each",
                               BIT(SERVER) | BIT(CONFIGURATION)},
    [REACHED_UNIT] = {"unit", "EK-0349", "EK-0349", "the unit",
                      "both are reached as one machine: a unit of their own each",
                      BIT(SERVER) | BIT(UNIT)},
};

static const char this_machine[] = "localhost";

static const struct ek_deployment_spec *deployment_of(const struct ek_subject *subject)
{
    return subject->value;
}

static const char *host_of(const struct ek_member_spec *member)
{
    return strcmp(member->host, "127.0.0.1") == 0 ? this_machine : member->host;
}

/* A local name means another server in each network namespace. */
static const char *server_of(struct ek_arena *scratch, const struct ek_member_spec *member)
{
    bool apart = ek_is_local_host(member->host) && member->network_namespace;
    return ek_arena_printf(scratch, "%d%s%s", member->port, apart ? " " : "",
                           apart ? member->network_namespace : "");
}

/* The machine that Evenkeel gets to, for provider hosts. Which one "this machine" is, only the
 * members of one deployment agree upon. */
static const char *reached(struct ek_arena *scratch, const struct ek_deployment_spec *deployment,
                           const struct ek_member_spec *member)
{
    if (deployment->reach == EK_REACH_LOCAL)
        return ek_arena_printf(scratch, "%s/%s", deployment->account ? deployment->account : "",
                               deployment->name ? deployment->name : "");
    return ek_arena_printf(scratch, "%s:%d", member->ssh.host, member->ssh.port);
}

/* False: the member has no such thing, or what is written there is broken. */
static bool claim_of(const struct ek_check *check, const struct ek_subject *subject, size_t member,
                     int what, struct claim *ret_claim)
{
    const struct ek_deployment_spec *deployment = deployment_of(subject);
    const struct ek_member_spec *spec = &deployment->members[member];
    bool local = deployment->provider == EK_PROVIDER_LOCAL;
    bool configuration = what == CONFIGURATION || what == REACHED_CONFIGURATION;
    struct claim claim = {subject, member, local ? this_machine : host_of(spec), NULL};
    switch (what) {
    case SERVER:
        claim.host = host_of(spec);
        claim.thing = server_of(check->scratch, spec);
        break;
    case DIRECTORY: claim.thing = local ? spec->directory : NULL; break;
    case CONFIGURATION:
    case UNIT: claim.thing = configuration ? spec->configuration : local ? NULL : spec->unit; break;
    default:
        claim.host = local ? NULL : reached(check->scratch, deployment, spec);
        claim.thing = !claim.host ? NULL : configuration ? spec->configuration : spec->unit;
        break;
    }
    *ret_claim = claim;
    return claim.thing != NULL;
}

static int compare_things(const struct claim *a, const struct claim *b)
{
    int hosts = strcasecmp(a->host, b->host);
    return hosts ? hosts : strcmp(a->thing, b->thing);
}

/* By host and thing, then in the order of the tree. */
static int compare_claims(const void *left, const void *right)
{
    const struct claim *a = left;
    const struct claim *b = right;
    int order = compare_things(a, b);
    if (order != 0)
        return order;
    if (a->subject != b->subject)
        return a->subject < b->subject ? -1 : 1;
    return a->member < b->member ? -1 : a->member > b->member;
}

static char *member_path(const struct claim *claim, const char *key)
{
    const struct ek_check *check = claim->subject->check;
    char *path =
        ek_arena_printf(check->scratch, "spec.replicaSet.members[%zu].%s", claim->member, key);
    if (ek_subject_node(claim->subject, path))
        return path;
    return ek_arena_printf(check->scratch, "spec.replicaSet.members[%zu]", claim->member);
}

static void report(const struct claimable *what, const struct claim *first,
                   const struct claim *second, const char *shown)
{
    const struct ek_member_spec *holder = &deployment_of(first->subject)->members[first->member];
    const char *name = ek_subject_name(first->subject);
    bool same = first->subject == second->subject;
    struct ek_place at = ek_subject_place(first->subject, member_path(first, what->key));
    ek_subject_report(second->subject, member_path(second, what->key),
                      same ? what->id : what->id_across, "%s is %s of member \"%s\"%s%s%s already",
                      shown, what->what, holder->name ? holder->name : "?",
                      same ? "" : " of deployment \"",
                      same   ? ""
                      : name ? name
                             : "?",
                      same ? "" : "\"");
    ek_subject_hint(second->subject, "%s; the first one is at %s:%d:%d", what->hint,
                    first->subject->document->file->path, at.line, at.column);
}

/* The same documents twice are one error already. */
static bool is_told(const struct claim *first, const struct claim *second)
{
    const struct ek_subject *a = first->subject;
    const struct ek_subject *b = second->subject;
    const char *names[] = {ek_subject_name(a), ek_subject_name(b)};
    const char *accounts[] = {ek_subject_account(a), ek_subject_account(b)};
    return a != b && names[0] && names[1] && strcmp(names[0], names[1]) == 0 && accounts[0] &&
           accounts[1] && strcmp(accounts[0], accounts[1]) == 0;
}

/* The members whose own text is sound, of deployments whose provider is known. */
static size_t collect(const struct ek_check *check, int what, struct claim *claims)
{
    size_t count = 0;
    for (size_t i = 0; i < check->count; i++) {
        const struct ek_subject *subject = &check->subjects[i];
        if (subject->kind != &ek_kinds[EK_KIND_DEPLOYMENT] ||
            !ek_subject_node(subject, "spec.provider.name") ||
            !ek_subject_sound(subject, "spec.provider.name"))
            continue;
        for (size_t m = 0; m < deployment_of(subject)->member_count; m++) {
            char path[64];
            snprintf(path, sizeof path, "spec.replicaSet.members[%zu]", m);
            if (ek_subject_sound(subject, path) &&
                claim_of(check, subject, m, what, &claims[count]))
                count++;
        }
    }
    return count;
}

static const char *shown_as(const struct ek_check *check, int what, const struct claim *claim)
{
    const struct ek_member_spec *member = &deployment_of(claim->subject)->members[claim->member];
    return what == SERVER ? ek_arena_printf(check->scratch, "%s:%d", member->host, member->port)
                          : claim->thing;
}

/* What was told of each member so far, as bits: a member that was copied and left as it was is one
 * mistake and one error. */
struct reported {
    unsigned *of_members;
    size_t *first_of; /* per subject: where its members begin */
};

static struct reported make_reported(const struct ek_check *check, size_t *ret_members)
{
    struct reported reported = {
        .first_of = ek_arena_zeroed(check->scratch, (check->count + 1) * sizeof(size_t))};
    size_t members = 0;
    for (size_t i = 0; reported.first_of && i < check->count; i++) {
        const struct ek_subject *subject = &check->subjects[i];
        reported.first_of[i] = members;
        if (subject->kind == &ek_kinds[EK_KIND_DEPLOYMENT])
            members += deployment_of(subject)->member_count;
    }
    reported.of_members = ek_arena_zeroed(check->scratch, (members + 1) * sizeof(unsigned));
    *ret_members = members;
    return reported;
}

/* The claims to one kind of thing. */
static void check_one(const struct ek_check *check, int what, struct claim *claims,
                      const struct reported *reported)
{
    size_t count = collect(check, what, claims);
    qsort(claims, count, sizeof *claims, compare_claims);
    for (size_t i = 1, first = 0; i < count; i++) {
        const struct claim *claim = &claims[i];
        if (compare_things(&claims[first], claim) != 0) {
            first = i;
            continue;
        }
        unsigned *so_far =
            &reported
                 ->of_members[reported->first_of[claim->subject - check->subjects] + claim->member];
        if (is_told(&claims[first], claim) || (*so_far & claimables[what].follows_from))
            continue;
        *so_far |= BIT(what);
        report(&claimables[what], &claims[first], claim, shown_as(check, what, claim));
    }
}

void ek_check_collisions(struct ek_check *check)
{
    size_t members;
    struct reported reported = make_reported(check, &members);
    struct claim *claims = ek_arena_zeroed(check->scratch, (members + 1) * sizeof *claims);
    bool all = reported.first_of && reported.of_members && claims;
    for (int what = 0; all && what < CLAIMABLE_COUNT; what++)
        check_one(check, what, claims, &reported);
}
