/* Where two commits went apart, and the specs on both sides of the change. */
#include <glib.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "drivers/git/read.h"
#include "drivers/git/revision.h"

/* ---- histories that were cut off --------------------------------------------------------- */

static guint oid_hash(gconstpointer oid)
{
    guint hash;
    memcpy(&hash, ((const git_oid *)oid)->id, sizeof hash);
    return hash;
}

static gboolean oid_equal(gconstpointer a, gconstpointer b)
{
    return git_oid_equal(a, b);
}

/* A walk backwards as far as the clone goes; it does not go on behind commits of `end`. */
struct walk {
    git_repository *repository;
    GHashTable *end;  /* or NULL */
    GHashTable *seen; /* git_oid, owned */
    GQueue *ahead;    /* the same oids, in the order in which they were met */
};

static struct walk walk_new(git_repository *repository, GHashTable *end)
{
    return (struct walk){.repository = repository,
                         .end = end,
                         .seen = g_hash_table_new_full(oid_hash, oid_equal, g_free, NULL),
                         .ahead = g_queue_new()};
}

static void walk_done(struct walk *walk)
{
    g_hash_table_destroy(walk->seen);
    g_queue_free(walk->ahead);
}

static void walk_meet(struct walk *walk, const git_oid *id)
{
    if (g_hash_table_contains(walk->seen, id))
        return;
    git_oid *own = g_memdup2(id, sizeof *id);
    g_hash_table_add(walk->seen, own);
    g_queue_push_tail(walk->ahead, own);
}

/* The next commit, or NULL. What the clone does not hold is passed over, as git does at the
 * boundary of a shallow clone. */
static const git_oid *walk_next(struct walk *walk)
{
    for (const git_oid *id; (id = g_queue_pop_head(walk->ahead));) {
        EK_GIT_COMMIT *commit = NULL;
        if (git_commit_lookup(&commit, walk->repository, id) != 0)
            continue;
        if (walk->end && g_hash_table_contains(walk->end, id))
            return id;
        for (unsigned int i = 0; i < git_commit_parentcount(commit); i++)
            walk_meet(walk, git_commit_parent_id(commit, i));
        return id;
    }
    return NULL;
}

/* Whether `id` lies behind `other`. */
static bool is_behind(git_repository *repository, const git_oid *id, const git_oid *other)
{
    struct walk walk = walk_new(repository, NULL);
    const git_oid *at;
    walk_meet(&walk, other);
    do
        at = walk_next(&walk);
    while (at && !git_oid_equal(at, id));
    walk_done(&walk);
    return at && !git_oid_equal(id, other);
}

/* libgit2 walks off the end of a shallow clone; this stops there. Of the commits that both sides
 * come to, the one that lies behind no other. */
static bool shallow_merge_base(git_repository *repository, const git_oid *from, const git_oid *to,
                               git_oid *ret_base)
{
    struct walk of_from = walk_new(repository, NULL);
    struct walk of_to = walk_new(repository, of_from.seen);
    bool found = false;
    walk_meet(&of_from, from);
    for (const git_oid *id = from; id;)
        id = walk_next(&of_from);
    walk_meet(&of_to, to);
    for (const git_oid *id; (id = walk_next(&of_to));) {
        if (!g_hash_table_contains(of_from.seen, id))
            continue;
        if (!found || is_behind(repository, ret_base, id))
            *ret_base = *id;
        found = true;
    }
    walk_done(&of_from);
    walk_done(&of_to);
    return found;
}

/* ---- the change -------------------------------------------------------------------------- */

static const char *const deeper =
    "fetch more of it: fetch-depth: 0 with actions/checkout, GIT_DEPTH: 0 in GitLab CI, or git "
    "fetch --unshallow";

static int find_base(git_repository *repository, git_commit *from, git_commit *to,
                     git_commit **ret_base, struct ek_error *err)
{
    git_oid id;
    const git_oid *left = git_commit_id(from);
    const git_oid *right = git_commit_id(to);
    bool shallow = git_repository_is_shallow(repository) == 1;
    int code = 0;
    if (shallow)
        code = shallow_merge_base(repository, left, right, &id) ? 0 : GIT_ENOTFOUND;
    else
        code = git_merge_base(&id, repository, left, right);
    if (code == GIT_ENOTFOUND && shallow) {
        ek_fail(err, EK_NOT_FOUND, "EK-1201",
                "this clone's history ends before the two commits meet");
        return ek_hint(err, "%s", deeper);
    }
    if (code == GIT_ENOTFOUND) {
        ek_fail(err, EK_NOT_FOUND, "EK-1202", "the two commits have no history in common");
        return ek_hint(err, "look whether --from and --to name branches of the same repository");
    }
    if (code == 0)
        code = git_commit_lookup(ret_base, repository, &id);
    return code == 0 ? 0 : ek_git_fail(err, code, "EK-0616", "the history can't be read");
}

/* A commit that a shallow clone lacks is no mistyped name. */
static int find_commit(git_repository *repository, const char *revision, git_commit **ret_commit,
                       struct ek_error *err)
{
    int result = ek_git_revision(repository, revision, ret_commit, err);
    if (result != EK_NOT_FOUND || git_repository_is_shallow(repository) != 1)
        return result;
    ek_fail(err, EK_NOT_FOUND, "EK-1201", "this clone is shallow and lacks the commit \"%s\"",
            revision);
    return ek_hint(err, "%s", deeper);
}

static bool holds_no_specs(const struct ek_error *err)
{
    return strcmp(err->id, "EK-0608") == 0 || strcmp(err->id, "EK-0609") == 0;
}

/* The specs of one side; a side without any is empty, with its commit. */
static int read_side(git_commit *commit, const struct ek_git_request *request,
                     struct ek_spec_files *ret_files, struct ek_error *ret_empty,
                     struct ek_error *err)
{
    struct ek_error problem = {0};
    int result = ek_git_commit_read(commit, request, ret_files, &problem);
    if (result == 0)
        return 0;
    if (!holds_no_specs(&problem)) {
        if (err)
            *err = problem;
        return result;
    }
    *ret_empty = problem;
    return ek_git_commit_name(commit, request, ret_files, err);
}

/* How hosts name the commit before the first one of a branch: as many zeros. */
static bool is_nothing(const char *revision)
{
    size_t length = strspn(revision, "0");
    return !revision[length] && (length == 40 || length == 64);
}

int ek_git_read_change(const struct ek_git_request *request, const char *from,
                       struct ek_git_change *ret_change, struct ek_error *err)
{
    EK_GIT_OPENED opened = {0};
    EK_GIT_COMMIT *left = NULL;
    EK_GIT_COMMIT *right = NULL;
    EK_GIT_COMMIT *base = NULL;
    struct ek_error empty_base = {0};
    struct ek_error empty_head = {0};
    struct ek_git_change change = {0};
    bool nothing = is_nothing(from);
    int result = ek_git_open(request, &opened, err);
    if (result == 0 && !nothing)
        result = find_commit(opened.repository, from, &left, err);
    if (result == 0)
        result = find_commit(opened.repository, request->revision, &right, err);
    if (result == 0 && !nothing)
        result = find_base(opened.repository, left, right, &base, err);
    if (result == 0 && !nothing)
        result = read_side(base, request, &change.base, &empty_base, err);
    if (result == 0)
        result = read_side(right, request, &change.head, &empty_head, err);
    if (result == 0 && (nothing || empty_base.code) && empty_head.code) {
        result = empty_head.code;
        if (err)
            *err = empty_head;
    }
    if (result != 0) {
        ek_git_change_done(&change);
        return result;
    }
    snprintf(change.from, sizeof change.from, "%s",
             nothing ? from : git_oid_tostr_s(git_commit_id(left)));
    *ret_change = change;
    return 0;
}

void ek_git_change_done(struct ek_git_change *change)
{
    ek_spec_files_done(&change->base);
    ek_spec_files_done(&change->head);
}
