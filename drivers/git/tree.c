#include "drivers/git/tree.h"

#include <string.h>

#include "drivers/git/link.h"

struct walk {
    git_repository *repository;
    git_tree *root;
    struct ek_collection *collection;
};

static int add_blob(const struct walk *walk, const git_oid *id, const char *path,
                    struct ek_error *err)
{
    git_blob *blob = NULL;
    size_t length = 0;
    git_object_t type;
    git_odb *odb = NULL;
    /* The size first: a huge file is refused before it is read into memory. */
    int code = git_repository_odb(&odb, walk->repository);
    if (code == 0)
        code = git_odb_read_header(&length, &type, odb, id);
    git_odb_free(odb);
    if (code != 0)
        return ek_git_fail(err, code, "EK-0616", "%s can't be read from the repository", path);
    int result = ek_collection_allows(walk->collection, path, length, err);
    if (result != 0)
        return result;
    code = git_blob_lookup(&blob, walk->repository, id);
    if (code != 0)
        return ek_git_fail(err, code, "EK-0616", "%s can't be read from the repository", path);
    result = ek_collection_add(walk->collection, path, git_blob_rawcontent(blob),
                               (size_t)git_blob_rawsize(blob), err);
    git_blob_free(blob);
    return result;
}

static int walk_tree(const struct walk *walk, const git_oid *id, const char *path, int depth,
                     struct ek_error *err);

static int walk_link(const struct walk *walk, const char *path, struct ek_error *err)
{
    bool folder;
    int result = ek_git_link_is_folder(walk->root, path, &folder, err);
    return result == 0 && folder ? ek_collection_folder_link(path, err) : result;
}

static int walk_entry(const struct walk *walk, const git_tree_entry *entry, const char *path,
                      int depth, struct ek_error *err)
{
    const char *name = git_tree_entry_name(entry);
    const git_oid *id = git_tree_entry_id(entry);
    bool taken = ek_collection_takes(name);
    switch (git_tree_entry_filemode(entry)) {
    case GIT_FILEMODE_TREE:
        return ek_collection_enters(name) ? walk_tree(walk, id, path, depth + 1, err) : 0;
    case GIT_FILEMODE_BLOB:
    case GIT_FILEMODE_BLOB_EXECUTABLE: return taken ? add_blob(walk, id, path, err) : 0;
    case GIT_FILEMODE_LINK:
        if (taken)
            return ek_collection_link(path, err);
        return ek_collection_enters(name) ? walk_link(walk, path, err) : 0;
    case GIT_FILEMODE_COMMIT: /* a submodule: another repository's specs */
        if (ek_collection_enters(name))
            return ek_collection_submodule(walk->collection, path, err);
        return 0;
    case GIT_FILEMODE_UNREADABLE: return 0;
    }
    return 0;
}

static int walk_tree(const struct walk *walk, const git_oid *id, const char *path, int depth,
                     struct ek_error *err)
{
    EK_GIT_TREE *tree = NULL;
    int result = ek_collection_depth(path, depth, err);
    if (result != 0)
        return result;
    int code = git_tree_lookup(&tree, walk->repository, id);
    if (code != 0)
        return ek_git_fail(err, code, "EK-0616", "folder %s can't be read from the repository",
                           *path ? path : "/");
    for (size_t i = 0; result == 0 && i < git_tree_entrycount(tree); i++) {
        const git_tree_entry *entry = git_tree_entry_byindex(tree, i);
        EK_BUFFER below = {0};
        ek_buffer_printf(&below, "%s%s%s", path, *path ? "/" : "", git_tree_entry_name(entry));
        result = ek_buffer_check(&below, err);
        if (result == 0)
            result = walk_entry(walk, entry, ek_buffer_text(&below), depth, err);
    }
    return result;
}

/* "./specs//orders/" -> "specs/orders" */
static void tidy_path(const char *path, struct ek_buffer *tidy)
{
    while (*path) {
        size_t length = strcspn(path, "/");
        bool here = length == 0 || (length == 1 && path[0] == '.');
        if (!here && tidy->length > 0)
            ek_buffer_text_add(tidy, "/");
        if (!here)
            ek_buffer_add(tidy, path, length);
        path += length + (path[length] == '/');
    }
}

int ek_git_tree_collect(git_commit *commit, const char *path, struct ek_collection *collection,
                        struct ek_error *err)
{
    struct walk walk = {.repository = git_commit_owner(commit), .collection = collection};
    EK_GIT_TREE *root = NULL;
    EK_BUFFER tidy = {0};
    int code = git_commit_tree(&root, commit);
    if (code != 0)
        return ek_git_fail(err, code, "EK-0616", "the commit's tree can't be read");
    walk.root = root;
    tidy_path(path ? path : "", &tidy);
    if (ek_buffer_check(&tidy, err) != 0)
        return EK_NO_MEMORY;
    if (tidy.length == 0)
        return walk_tree(&walk, git_tree_id(root), "", 0, err);
    git_tree_entry *entry = NULL;
    if (git_tree_entry_bypath(&entry, root, ek_buffer_text(&tidy)) != 0)
        return ek_fail(err, EK_NOT_FOUND, "EK-0608", "the commit has no folder %s",
                       ek_buffer_text(&tidy));
    /* The folder that was asked for is entered even when it is hidden. */
    int result = git_tree_entry_type(entry) == GIT_OBJECT_TREE
                     ? walk_tree(&walk, git_tree_entry_id(entry), ek_buffer_text(&tidy), 0, err)
                     : walk_entry(&walk, entry, ek_buffer_text(&tidy), 0, err);
    git_tree_entry_free(entry);
    return result;
}
