#include "drivers/git/collection.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "reconciler/base/memory.h"

void ek_collection_done(struct ek_collection *collection)
{
    ek_spec_files_done(&collection->files);
}

bool ek_collection_enters(const char *name)
{
    return name[0] != '.';
}

bool ek_collection_takes(const char *name)
{
    const char *dot = strrchr(name, '.');
    return name[0] != '.' && dot && (strcasecmp(dot, ".yaml") == 0 || strcasecmp(dot, ".yml") == 0);
}

int ek_collection_allows(const struct ek_collection *collection, const char *path, size_t length,
                         struct ek_error *err)
{
    if (length > EK_SPEC_FILE_MAX)
        return ek_fail(err, EK_INVALID, "EK-0611", "%s is larger than %zu KiB", path,
                       EK_SPEC_FILE_MAX >> 10);
    if (collection->bytes + length > EK_SPEC_TREE_MAX)
        return ek_fail(err, EK_INVALID, "EK-0611",
                       "the spec files are larger than %zu MiB together", EK_SPEC_TREE_MAX >> 20);
    if (collection->files.count == EK_SPEC_FILES_MAX)
        return ek_fail(err, EK_INVALID, "EK-0611", "there are more than %zu spec files",
                       EK_SPEC_FILES_MAX);
    return 0;
}

int ek_collection_depth(const char *path, int depth, struct ek_error *err)
{
    if (depth > EK_SPEC_DEPTH_MAX)
        return ek_fail(err, EK_INVALID, "EK-0611", "%.200s: folders are nested deeper than %d",
                       path, EK_SPEC_DEPTH_MAX);
    return 0;
}

int ek_collection_link(const char *path, struct ek_error *err)
{
    ek_fail(err, EK_INVALID, "EK-0612", "%s is a symbolic link", path);
    return ek_hint(err, "links are not followed; put the file itself there");
}

int ek_collection_folder_link(const char *path, struct ek_error *err)
{
    ek_fail(err, EK_INVALID, "EK-0612", "%s is a symbolic link to a folder", path);
    return ek_hint(err, "links are not followed; put the folder itself there, or give the link a "
                        "name that begins with a dot");
}

int ek_collection_submodule(struct ek_collection *collection, const char *path,
                            struct ek_error *err)
{
    struct ek_spec_files *files = &collection->files;
    char **grown =
        reallocarray(files->submodules, files->submodule_count + 1, sizeof *files->submodules);
    if (grown)
        files->submodules = grown;
    char *copy = grown ? strdup(path) : NULL;
    if (!copy)
        return ek_no_memory(err);
    files->submodules[files->submodule_count++] = copy;
    return 0;
}

int ek_collection_add(struct ek_collection *collection, const char *path, const char *bytes,
                      size_t length, struct ek_error *err)
{
    struct ek_spec_files *files = &collection->files;
    if (files->count == collection->capacity) {
        size_t capacity = collection->capacity ? collection->capacity * 2 : 16;
        void *more = reallocarray(files->files, capacity, sizeof *files->files);
        if (!more)
            return ek_no_memory(err);
        files->files = more;
        collection->capacity = capacity;
    }
    char *text = malloc(length + 1);
    char *name = strdup(path);
    if (!text || !name) {
        free(text);
        free(name);
        return ek_no_memory(err);
    }
    if (length)
        memcpy(text, bytes, length);
    text[length] = 0;
    files->files[files->count++] =
        (struct ek_spec_file){.path = name, .text = text, .length = length};
    collection->bytes += length;
    return 0;
}

static int compare_paths(const void *left, const void *right)
{
    const struct ek_spec_file *a = left;
    const struct ek_spec_file *b = right;
    return strcmp(a->path, b->path);
}

int ek_collection_finish(struct ek_collection *collection, const char *origin,
                         struct ek_spec_files *ret_files, struct ek_error *err)
{
    struct ek_spec_files *files = &collection->files;
    if (files->count == 0) {
        ek_fail(err, EK_NOT_FOUND, "EK-0609", "%s holds no specs", origin);
        return ek_hint(err, "specs are files named *.yaml or *.yml, not hidden and not below a "
                            "hidden folder");
    }
    qsort(files->files, files->count, sizeof *files->files, compare_paths);
    files->origin = strdup(origin);
    if (!files->origin)
        return ek_no_memory(err);
    *ret_files = *files;
    *files = (struct ek_spec_files){0};
    return 0;
}
