/* Inside drivers/git/: the files of a tree as they are found, and the rules that a directory
 * and a commit share: which names count, and how much is too much. */
#ifndef EK_DRIVERS_GIT_COLLECTION_H
#define EK_DRIVERS_GIT_COLLECTION_H

#include <stdbool.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/error.h"
#include "specs/source.h"

#define EK_SPEC_FILE_MAX ((size_t)1 << 20)
#define EK_SPEC_TREE_MAX ((size_t)256 << 20)
#define EK_SPEC_FILES_MAX ((size_t)50000)
#define EK_SPEC_DEPTH_MAX 32

struct ek_collection {
    struct ek_spec_files files;
    size_t capacity;
    size_t bytes;
};

void ek_collection_done(struct ek_collection *collection);
#define EK_COLLECTION EK_CLEANUP(ek_collection_done) struct ek_collection

/* A folder that is entered: any that is not hidden. */
bool ek_collection_enters(const char *name);

/* A file that is read: *.yaml or *.yml in any case, not hidden. */
bool ek_collection_takes(const char *name);

/* EK_INVALID when a file of `length` bytes, or one more file, is too much (EK-0611). */
int ek_collection_allows(const struct ek_collection *collection, const char *path, size_t length,
                         struct ek_error *err);

/* EK_INVALID when folders are nested too deeply at `path` (EK-0611). */
int ek_collection_depth(const char *path, int depth, struct ek_error *err);

/* A symbolic link that carries the name of a spec: refused, since leaving it out silently would
 * leave out what it stands for (EK-0612). */
int ek_collection_link(const char *path, struct ek_error *err);

/* The same for a link to a folder, whose specs would be left out. */
int ek_collection_folder_link(const char *path, struct ek_error *err);

/* Note another repository inside the tree: what it holds is not read. EK_NO_MEMORY. */
int ek_collection_submodule(struct ek_collection *collection, const char *path,
                            struct ek_error *err);

/* Add a copy. The limits were checked; EK_NO_MEMORY is all that can go wrong. */
int ek_collection_add(struct ek_collection *collection, const char *path, const char *bytes,
                      size_t length, struct ek_error *err);

/* Sort and give the files to the caller; EK_NOT_FOUND when there are none (EK-0609). */
int ek_collection_finish(struct ek_collection *collection, const char *origin,
                         struct ek_spec_files *ret_files, struct ek_error *err);

#endif
