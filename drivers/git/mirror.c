#include "drivers/git/mirror.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "drivers/git/credentials.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/file.h"
#include "reconciler/base/hash.h"
#include "reconciler/base/lock.h"

#define LOCK_WAIT_MS 120000

void ek_mirror_close(struct ek_mirror *mirror)
{
    if (!mirror->repository)
        return;
    git_repository_free(mirror->repository);
    close(mirror->lock);
    *mirror = (struct ek_mirror){0};
}

/* <cache>/<SHA-256 of the address>.git */
static void mirror_path(const char *cache, const char *address, struct ek_buffer *path)
{
    char name[EK_SHA256_HEX_SIZE];
    ek_sha256_hex(address, strlen(address), name);
    ek_buffer_printf(path, "%s/%s.git", cache, name);
}

static int take_lock(const char *path, int *ret_lock, struct ek_error *err)
{
    EK_BUFFER name = {0};
    ek_buffer_printf(&name, "%s.lock", path);
    if (ek_buffer_check(&name, err) != 0)
        return EK_NO_MEMORY;
    int result = ek_lock_take(ek_buffer_text(&name), "EK-0613", ek_monotonic_ms() + LOCK_WAIT_MS,
                              ret_lock, err);
    return result == EK_LOCKED
               ? ek_fail(err, EK_LOCKED, "EK-0613", "another process is fetching into %s", path)
               : result;
}

/* The branch that the remote's HEAD stands on, so that HEAD means the same here. */
static void follow_head(git_repository *repository, git_remote *remote)
{
    git_buf branch = {0};
    if (git_remote_default_branch(&branch, remote) == 0)
        git_repository_set_head(repository, branch.ptr);
    git_buf_dispose(&branch);
}

static int fetch(const struct ek_git_request *request, const char *address,
                 git_repository *repository, struct ek_error *err)
{
    char branches[] = "+refs/heads/*:refs/heads/*";
    char tags[] = "+refs/tags/*:refs/tags/*";
    char *specs[] = {branches, tags};
    git_strarray refspecs = {.strings = specs, .count = 2};
    EK_GIT_REMOTE *remote = NULL;
    EK_CREDENTIALS credentials = {.request = request};
    git_fetch_options options;
    git_fetch_options_init(&options, GIT_FETCH_OPTIONS_VERSION);
    options.prune = GIT_FETCH_PRUNE;
    options.update_fetchhead = 0;
    options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
    options.proxy_opts.type = GIT_PROXY_AUTO;
    options.callbacks.credentials = ek_credentials_acquire;
    options.callbacks.payload = &credentials;
    git_remote_create_options creation;
    git_remote_create_options_init(&creation, GIT_REMOTE_CREATE_OPTIONS_VERSION);
    creation.repository = repository;
    /* The address is taken as it was given: url.*.insteadOf of whoever runs this would make the
     * same request mean something else elsewhere (and libgit2 1.5 leaks while it looks). */
    creation.flags = GIT_REMOTE_CREATE_SKIP_INSTEADOF | GIT_REMOTE_CREATE_SKIP_DEFAULT_FETCHSPEC;
    int code = git_remote_create_with_opts(&remote, address, &creation);
    if (code == 0)
        code = git_remote_fetch(remote, &refspecs, &options, NULL);
    if (code != 0) {
        if (credentials.problem.code != EK_OK) {
            if (err)
                *err = credentials.problem;
            return credentials.problem.code;
        }
        return ek_git_fail(err, code, "EK-0603", "%s can't be fetched", address);
    }
    follow_head(repository, remote);
    return 0;
}

int ek_mirror_open(const struct ek_git_request *request, const char *address,
                   struct ek_mirror *ret_mirror, struct ek_error *err)
{
    EK_BUFFER path = {0};
    if (!request->cache || !*request->cache)
        return ek_fail(err, EK_INVALID, "EK-0613",
                       "a remote repository needs a directory for its mirror");
    int result = ek_directory_make(request->cache, 0700, err);
    mirror_path(request->cache, address, &path);
    struct ek_mirror mirror = {0};
    if (result == 0)
        result = ek_buffer_check(&path, err);
    if (result == 0)
        result = take_lock(ek_buffer_text(&path), &mirror.lock, err);
    if (result != 0)
        return result;
    git_repository_init_options options;
    git_repository_init_options_init(&options, GIT_REPOSITORY_INIT_OPTIONS_VERSION);
    options.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_MKDIR;
    /* Initialising what is there already changes nothing and completes what was cut short. */
    int code = git_repository_init_ext(&mirror.repository, ek_buffer_text(&path), &options);
    if (code != 0) {
        close(mirror.lock);
        ek_git_fail(err, code, "EK-0613", "the mirror %s can't be opened", ek_buffer_text(&path));
        return ek_hint(err, "it only repeats what the remote repository holds and may be deleted");
    }
    result = fetch(request, address, mirror.repository, err);
    if (result != 0) {
        ek_mirror_close(&mirror);
        return result;
    }
    *ret_mirror = mirror;
    return 0;
}
