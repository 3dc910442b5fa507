/* git: specs out of a commit, without a work tree. */
#ifndef EK_DRIVERS_GIT_GIT_H
#define EK_DRIVERS_GIT_GIT_H

#include "reconciler/base/error.h"
#include "specs/source.h"

enum { EK_COMMIT_ID_SIZE = 65 }; /* hexadecimal, of SHA-1 or SHA-256, with its NUL */

struct ek_git_request {
    const char *url; /* local path, file://, https:// or ssh:// URL, or scp-like host:path */
    const char
        *revision;     /* branch, tag or commit (abbreviated too); NULL: HEAD of the repository */
    const char *path;  /* folder inside the tree, NULL or "": all of it */
    const char *cache; /* directory for bare mirrors of remote repositories */
    const char *token_file;   /* https password or token, or NULL */
    const char *ssh_key_file; /* private key, or NULL: the agent */
    const char *ancestor; /* commit that the revision must lead back to (EK_CONFLICT, EK-0618, when
                             it does not), or NULL */
};

/* Every *.yaml and *.yml of the commit's tree (not below a dot folder), sorted by path.
 * Errors EK-06xx: no such repository, not reachable, no such revision, no specs inside. */
int ek_git_read(const struct ek_git_request *request, struct ek_spec_files *ret_files,
                struct ek_error *err);

/* What a change did to the specs: as they were where it left `from`, and as they are at its end. */
struct ek_git_change {
    struct ek_spec_files base;    /* at the merge base; no files when there were no specs yet */
    struct ek_spec_files head;    /* of request->revision; no files when it takes them all away */
    char from[EK_COMMIT_ID_SIZE]; /* the commit that was named, which may have gone on since */
};

/* Read both; before a `from` of zeros alone, as hosts name it, there was nothing (base.commit is
 * NULL then). EK-1201 when the clone is too shallow to know, EK-1202 when the two have no commit in
 * common; else as ek_git_read: not finding specs is an error only when neither side has any. */
int ek_git_read_change(const struct ek_git_request *request, const char *from,
                       struct ek_git_change *ret_change, struct ek_error *err);
void ek_git_change_done(struct ek_git_change *change);

/* Who signed the request's revision with one of these OpenSSH public keys (as in .pub files): the
 * key's comment. EK_NOT_FOUND (EK-1130): no SSH signature; EK_DENIED (EK-1131): by another key,
 * or it does not fit; EK-1132, EK-04xx: it can't be checked here. */
int ek_git_commit_signer(const struct ek_git_request *request, char *const *keys, size_t count,
                         char ret_who[128], struct ek_error *err);

/* The same from a plain directory. When it lies in the work tree of a git repository nothing is
 * read from git: the files as they are; commit stays NULL. A single file is accepted too. */
int ek_directory_read(const char *path, struct ek_spec_files *ret_files, struct ek_error *err);

#endif
