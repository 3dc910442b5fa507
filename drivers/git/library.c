#include "drivers/git/library.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "reconciler/base/memory.h"

static pthread_once_t started = PTHREAD_ONCE_INIT;
static int start_result;

static void start(void)
{
    start_result = git_libgit2_init();
    /* libgit2 refuses repositories that belong to another user, so that a git command run
     * somewhere below a stranger's directory doesn't obey that repository's configuration. Here
     * the repository is always one that the caller named, nothing is searched for, and nothing
     * that its configuration could name (hooks, filters, helpers) is ever run: objects are read.
     * With the check on, root in a container could not read a mounted repository. */
    if (start_result >= 0)
        git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
}

int ek_git_library(struct ek_error *err)
{
    pthread_once(&started, start);
    if (start_result < 0)
        return ek_fail(err, EK_SYSTEM, "EK-0616", "libgit2 can't be started");
    return 0;
}

struct cause {
    int git_code;     /* 0: any */
    int klass;        /* -1: any */
    const char *part; /* of the message, or NULL: any */
    enum ek_code code;
    const char *id;
};

/* The first row that fits counts. */
static const struct cause causes[] = {
    {GIT_EAUTH, -1, NULL, EK_DENIED, "EK-0604"},
    {GIT_ECERTIFICATE, -1, NULL, EK_DENIED, "EK-0605"},
    {0, GIT_ERROR_HTTP, "404", EK_NOT_FOUND, "EK-0602"},
    {0, GIT_ERROR_HTTP, "401", EK_DENIED, "EK-0604"},
    {0, GIT_ERROR_HTTP, "403", EK_DENIED, "EK-0604"},
    {0, GIT_ERROR_SSH, "not found", EK_NOT_FOUND, "EK-0602"},
    {0, GIT_ERROR_SSH, "uthenticat", EK_DENIED, "EK-0604"},
    {0, GIT_ERROR_SSL, NULL, EK_DENIED, "EK-0605"},
    {0, GIT_ERROR_OS, "failed to connect", EK_UNREACHABLE, "EK-0603"},
    {0, GIT_ERROR_NET, NULL, EK_UNREACHABLE, "EK-0603"},
    {0, GIT_ERROR_HTTP, NULL, EK_UNREACHABLE, "EK-0603"},
    {0, GIT_ERROR_SSH, NULL, EK_UNREACHABLE, "EK-0603"},
    {GIT_EEOF, -1, NULL, EK_UNREACHABLE, "EK-0603"},
    {GIT_ENOTFOUND, -1, NULL, EK_NOT_FOUND, NULL},
    {0, GIT_ERROR_NOMEMORY, NULL, EK_NO_MEMORY, NULL},
};

int ek_git_fail(struct ek_error *err, int git_code, const char *id, const char *format, ...)
{
    char sentence[512];
    char message[512] = "";
    const git_error *last = git_error_last();
    int klass = last ? last->klass : GIT_ERROR_NONE;
    if (last && last->message)
        snprintf(message, sizeof message, "%s", last->message);
    if (klass == GIT_ERROR_NOMEMORY)
        return ek_no_memory(err);
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    enum ek_code code = EK_SYSTEM;
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
        const struct cause *cause = &causes[i];
        bool fits = (cause->git_code == 0 || cause->git_code == git_code) &&
                    (cause->klass < 0 || cause->klass == klass) &&
                    (!cause->part || strstr(message, cause->part));
        if (!fits)
            continue;
        code = cause->code;
        id = cause->id ? cause->id : id;
        break;
    }
    ek_fail(err, code, id, "%s", sentence);
    ek_cause(err, "%s", message);
    return code;
}

void ek_git_repository_cleanup(git_repository **repository)
{
    git_repository_free(*repository);
}

void ek_git_commit_cleanup(git_commit **commit)
{
    git_commit_free(*commit);
}

void ek_git_tree_cleanup(git_tree **tree)
{
    git_tree_free(*tree);
}

void ek_git_object_cleanup(git_object **object)
{
    git_object_free(*object);
}

void ek_git_reference_cleanup(git_reference **reference)
{
    git_reference_free(*reference);
}

void ek_git_remote_cleanup(git_remote **remote)
{
    git_remote_free(*remote);
}
