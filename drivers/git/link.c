#include "drivers/git/link.h"

#include <string.h>

#include "drivers/git/library.h"
#include "reconciler/base/buffer.h"

enum { HOPS_MAX = 32, TARGET_MAX = 4096 };

/* Append the target of a link; false when it can't be read or is no path inside a tree. */
static bool read_target(git_tree *root, const git_oid *id, struct ek_buffer *target)
{
    git_blob *blob = NULL;
    if (git_blob_lookup(&blob, git_tree_owner(root), id) != 0)
        return false;
    size_t length = (size_t)git_blob_rawsize(blob);
    if (length <= TARGET_MAX)
        ek_buffer_add(target, git_blob_rawcontent(blob), length);
    git_blob_free(blob);
    return length > 0 && length <= TARGET_MAX && ek_buffer_text(target)[0] != '/';
}

/* Append the segments of `more` to a tidy path; false when they lead out of the tree. */
static bool go(struct ek_buffer *path, const char *more)
{
    while (*more) {
        size_t length = strcspn(more, "/");
        bool up = length == 2 && memcmp(more, "..", 2) == 0;
        bool here = length == 0 || (length == 1 && more[0] == '.');
        if (up) {
            const char *last = path->length ? strrchr(path->bytes, '/') : NULL;
            if (path->length == 0)
                return false;
            path->length = last ? (size_t)(last - path->bytes) : 0;
            path->bytes[path->length] = 0;
        } else if (!here) {
            ek_buffer_printf(path, "%s%.*s", path->length ? "/" : "", (int)length, more);
        }
        more += length + (more[length] == '/');
    }
    return true;
}

/* The path with its first link replaced by what that stands for. *ret_more: there was one; else
 * *ret_folder tells what is there. False: it leads nowhere. */
static bool resolve_one(git_tree *root, struct ek_buffer *path, bool *ret_more, bool *ret_folder)
{
    const char *text = ek_buffer_text(path);
    git_filemode_t mode = GIT_FILEMODE_TREE; /* of the root */
    for (size_t end = 0; text[end] && mode == GIT_FILEMODE_TREE;) {
        EK_BUFFER prefix = {0};
        EK_BUFFER target = {0};
        git_tree_entry *entry = NULL;
        end += strcspn(text + end, "/");
        ek_buffer_add(&prefix, text, end);
        ek_buffer_fail_with(path, &prefix);
        if (path->failed || git_tree_entry_bypath(&entry, root, ek_buffer_text(&prefix)) != 0)
            return false;
        mode = git_tree_entry_filemode(entry);
        bool link = mode == GIT_FILEMODE_LINK;
        bool good = !link || read_target(root, git_tree_entry_id(entry), &target);
        git_tree_entry_free(entry);
        if (!good)
            return false;
        if (link) {
            EK_BUFFER next = {0};
            ek_buffer_text_add(&target, text + end);
            good = go(&next, ek_buffer_text(&prefix)) && go(&next, "..") &&
                   go(&next, ek_buffer_text(&target));
            ek_buffer_fail_with(&next, &target);
            ek_buffer_done(path);
            *path = next;
            next = (struct ek_buffer){0};
            *ret_more = true;
            return good;
        }
        if (text[end] == '/' && mode == GIT_FILEMODE_COMMIT)
            break; /* inside a submodule: whatever it is, it is not here */
        end += text[end] == '/';
    }
    *ret_folder = mode == GIT_FILEMODE_TREE || mode == GIT_FILEMODE_COMMIT;
    *ret_more = false;
    return true;
}

int ek_git_link_is_folder(git_tree *root, const char *path, bool *ret_folder, struct ek_error *err)
{
    EK_BUFFER at = {0};
    bool more = go(&at, path);
    bool leads = true;
    bool folder = false;
    for (int hops = 0; leads && more && hops < HOPS_MAX; hops++)
        leads = resolve_one(root, &at, &more, &folder);
    int result = ek_buffer_check(&at, err);
    if (result == 0)
        *ret_folder = leads && !more && folder;
    return result;
}
