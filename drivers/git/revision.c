#include "drivers/git/revision.h"

#include <stdbool.h>
#include <string.h>

#include "specs/text.h"

static int peel(git_object *object, const char *revision, git_commit **ret_commit,
                struct ek_error *err)
{
    git_object *commit = NULL;
    if (git_object_peel(&commit, object, GIT_OBJECT_COMMIT) != 0)
        return ek_fail(err, EK_INVALID, "EK-0606", "\"%s\" is not a commit", revision);
    *ret_commit = (git_commit *)commit;
    return 0;
}

static int head_commit(git_repository *repository, git_commit **ret_commit, struct ek_error *err)
{
    EK_GIT_REFERENCE *head = NULL;
    EK_GIT_OBJECT *object = NULL;
    int code = git_repository_head(&head, repository);
    if (code == GIT_EUNBORNBRANCH || code == GIT_ENOTFOUND) {
        ek_fail(err, EK_NOT_FOUND, "EK-0617", "the repository's HEAD leads to no commit");
        return ek_hint(err, "commit the specs first, or name a branch");
    }
    if (code == 0)
        code = git_reference_peel(&object, head, GIT_OBJECT_COMMIT);
    if (code != 0)
        return ek_git_fail(err, code, "EK-0616", "HEAD can't be read");
    return peel(object, "HEAD", ret_commit, err);
}

/* The reference of that name as branch, tag, branch of a remote, or full name. */
static git_object *named_object(git_repository *repository, const char *revision)
{
    static const char *const places[] = {"refs/heads/", "refs/tags/", "refs/remotes/", ""};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        EK_GIT_REFERENCE *reference = NULL;
        git_object *object = NULL;
        EK_BUFFER name = {0};
        if (!places[i][0] && strncmp(revision, "refs/", 5) != 0)
            continue;
        ek_buffer_printf(&name, "%s%s", places[i], revision);
        if (git_reference_lookup(&reference, repository, ek_buffer_text(&name)) == 0 &&
            git_reference_peel(&object, reference, GIT_OBJECT_COMMIT) == 0)
            return object;
    }
    return NULL;
}

static const char *short_name(const char *reference)
{
    static const char *const places[] = {"refs/heads/", "refs/tags/", "refs/remotes/"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (strncmp(reference, places[i], strlen(places[i])) == 0)
            return reference + strlen(places[i]);
    return NULL;
}

#define NAMES_MAX 2000
#define NAMES_SHOWN 5

static int fail_unknown(git_repository *repository, const char *revision, struct ek_error *err)
{
    git_strarray references = {0};
    const char *words[NAMES_MAX + 1] = {0};
    size_t count = 0;
    EK_BUFFER list = {0};
    ek_fail(err, EK_NOT_FOUND, "EK-0606", "there is no branch, tag or commit \"%s\"", revision);
    if (git_reference_list(&references, repository) != 0)
        return EK_NOT_FOUND;
    for (size_t i = 0; i < references.count && count < NAMES_MAX; i++) {
        const char *word = short_name(references.strings[i]);
        if (!word)
            continue;
        words[count++] = word;
        if (count <= NAMES_SHOWN)
            ek_buffer_printf(&list, "%s%s", count > 1 ? ", " : "", word);
    }
    const char *nearest = ek_text_nearest(revision, words);
    if (nearest)
        ek_hint(err, "did you mean \"%s\"?", nearest);
    else if (count > 0)
        ek_hint(err, "there are: %s%s", ek_buffer_text(&list), count > NAMES_SHOWN ? ", …" : "");
    git_strarray_dispose(&references);
    return EK_NOT_FOUND;
}

int ek_git_revision(git_repository *repository, const char *revision, git_commit **ret_commit,
                    struct ek_error *err)
{
    if (!revision || !*revision || strcmp(revision, "HEAD") == 0)
        return head_commit(repository, ret_commit, err);
    EK_GIT_OBJECT *object = named_object(repository, revision);
    int code = 0;
    if (!object)
        code = git_revparse_single(&object, repository, revision);
    if (code == GIT_EAMBIGUOUS && strlen(revision) >= GIT_OID_MINPREFIXLEN) {
        ek_fail(err, EK_CONFLICT, "EK-0607", "\"%s\" is the beginning of several commit ids",
                revision);
        return ek_hint(err, "write more digits of the id");
    }
    if (code != 0 || !object)
        return fail_unknown(repository, revision, err);
    return peel(object, revision, ret_commit, err);
}
