#include "drivers/git/git.h"

#include <git2/graph.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/git/library.h"
#include "drivers/git/location.h"
#include "drivers/git/read.h"
#include "drivers/git/revision.h"
#include "drivers/git/tree.h"
#include "reconciler/base/memory.h"
#include "specs/text.h"

static int open_local(const char *path, git_repository **ret_repository, struct ek_error *err)
{
    if (access(path, F_OK) != 0)
        return ek_fail(err, EK_NOT_FOUND, "EK-0601", "%s does not exist", path);
    int code = git_repository_open_ext(ret_repository, path, GIT_REPOSITORY_OPEN_NO_SEARCH, NULL);
    if (code == 0)
        return 0;
    if (code != GIT_ENOTFOUND)
        return ek_git_fail(err, code, "EK-0616", "the repository %s can't be opened", path);
    ek_fail(err, EK_NOT_FOUND, "EK-0602", "%s is not a git repository", path);
    git_buf above = {0};
    if (git_repository_discover(&above, path, 0, NULL) == 0)
        ek_hint(err, "it lies inside the repository %s: name that, and the folder as the path",
                above.ptr);
    else
        ek_hint(err, "a plain directory of specs is read without git");
    git_buf_dispose(&above);
    return EK_NOT_FOUND;
}

/* The first line of the message, made harmless: whoever commits writes it. */
static char *subject_of(const git_commit *commit)
{
    const char *message = git_commit_message(commit);
    struct ek_buffer subject = {0};
    ek_text_show(&subject, message ? message : "", message ? strcspn(message, "\r\n") : 0);
    return ek_buffer_take(&subject);
}

/* A branch that was pushed by force leads elsewhere than where it was followed to. */
static int lead_back(git_repository *repository, const git_commit *commit, const char *ancestor,
                     struct ek_error *err)
{
    git_oid id;
    if (git_oid_fromstr(&id, ancestor) == 0 &&
        (git_oid_equal(&id, git_commit_id(commit)) ||
         git_graph_descendant_of(repository, git_commit_id(commit), &id) == 1))
        return 0;
    ek_fail(err, EK_CONFLICT, "EK-0618",
            "commit %.10s does not lead back to %.10s: history was rewritten",
            git_oid_tostr_s(git_commit_id(commit)), ancestor);
    return ek_hint(err, "push a commit that does, or accept the rewritten history where the "
                        "repository is configured");
}

int ek_git_commit_name(git_commit *commit, const struct ek_git_request *request,
                       struct ek_spec_files *ret_files, struct ek_error *err)
{
    char id[GIT_OID_HEXSZ + 1];
    struct ek_buffer commit_id = {0};
    struct ek_buffer origin = {0};
    git_oid_tostr(id, sizeof id, git_commit_id(commit));
    ek_buffer_text_add(&commit_id, id);
    ek_buffer_text_add(&origin, request->url);
    struct ek_spec_files files = {.commit = ek_buffer_take(&commit_id),
                                  .commit_subject = subject_of(commit),
                                  .origin = ek_buffer_take(&origin)};
    if (!files.commit || !files.commit_subject || !files.origin) {
        ek_spec_files_done(&files);
        return ek_no_memory(err);
    }
    *ret_files = files;
    return 0;
}

int ek_git_commit_read(git_commit *commit, const struct ek_git_request *request,
                       struct ek_spec_files *ret_files, struct ek_error *err)
{
    EK_COLLECTION collection = {0};
    struct ek_spec_files files = {0};
    struct ek_spec_files name = {0};
    int result = ek_git_commit_name(commit, request, &name, err);
    if (result == 0)
        result = ek_git_tree_collect(commit, request->path, &collection, err);
    if (result == 0)
        result = ek_collection_finish(&collection, request->url, &files, err);
    if (result != 0) {
        ek_spec_files_done(&name);
        return result;
    }
    files.commit = name.commit;
    files.commit_subject = name.commit_subject;
    name.commit = name.commit_subject = NULL;
    ek_spec_files_done(&name);
    *ret_files = files;
    return 0;
}

void ek_git_close(struct ek_git_opened *opened)
{
    if (opened->mirror.repository)
        ek_mirror_close(&opened->mirror);
    else
        git_repository_free(opened->repository);
    *opened = (struct ek_git_opened){0};
}

int ek_git_open(const struct ek_git_request *request, struct ek_git_opened *ret_opened,
                struct ek_error *err)
{
    EK_LOCATION location = {0};
    struct ek_git_opened opened = {0};
    int result = ek_git_library(err);
    if (result == 0)
        result = ek_location_parse(request->url, &location, err);
    if (result != 0)
        return result;
    const char *address = ek_buffer_text(&location.address);
    if (location.remote)
        result = ek_mirror_open(request, address, &opened.mirror, err);
    else
        result = open_local(address, &opened.repository, err);
    if (result != 0)
        return result;
    if (location.remote)
        opened.repository = opened.mirror.repository;
    *ret_opened = opened;
    return 0;
}

int ek_git_read(const struct ek_git_request *request, struct ek_spec_files *ret_files,
                struct ek_error *err)
{
    EK_GIT_OPENED opened = {0};
    EK_GIT_COMMIT *commit = NULL;
    int result = ek_git_open(request, &opened, err);
    if (result == 0)
        result = ek_git_revision(opened.repository, request->revision, &commit, err);
    if (result == 0 && request->ancestor)
        result = lead_back(opened.repository, commit, request->ancestor, err);
    return result == 0 ? ek_git_commit_read(commit, request, ret_files, err) : result;
}
