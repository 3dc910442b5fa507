#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/git/git.h"
#include "reconciler/base/memory.h"
#include "reconciler/command/import.h"
#include "specs/diagnostic.h"
#include "specs/parse.h"

static const char unnamed[] = "imported.yaml";

void ek_import_tree_done(struct ek_import_tree *tree)
{
    free(tree->root);
    free(tree->path);
    ek_specs_free(&tree->specs);
    ek_spec_files_done(&tree->files);
    *tree = (struct ek_import_tree){0};
}

/* The nearest folder above that is a work tree of git, else `folder` itself; absolute. */
static char *root_of(const char *folder)
{
    char *real = realpath(folder, NULL);
    if (!real)
        return NULL;
    EK_BUFFER mark = {0};
    for (size_t length = strlen(real); length > 0;) {
        ek_buffer_done(&mark);
        ek_buffer_printf(&mark, "%.*s/.git", (int)length, real);
        if (access(ek_buffer_text(&mark), F_OK) == 0) {
            real[length] = 0;
            break;
        }
        while (length > 0 && real[--length] != '/')
            ;
    }
    return real;
}

/* The folder that `out` is in. */
static char *folder_of(const char *out)
{
    const char *slash = strrchr(out, '/');
    if (!slash)
        return strdup(".");
    return slash == out ? strdup("/") : strndup(out, (size_t)(slash - out));
}

/* The path of `out` from the root on. */
static char *path_below(const char *root, const char *folder, const char *out)
{
    EK_BUFFER path = {0};
    const char *slash = strrchr(out, '/');
    char *real = realpath(folder, NULL);
    size_t length = strlen(root);
    if (real && strncmp(real, root, length) == 0 && real[length] == '/')
        ek_buffer_printf(&path, "%s/", real + length + 1);
    ek_buffer_text_add(&path, slash ? slash + 1 : out);
    free(real);
    return ek_buffer_take(&path);
}

/* The file itself is not a part of what is around it. */
static void leave_out(struct ek_spec_files *files, const char *path)
{
    size_t kept = 0;
    for (size_t i = 0; i < files->count; i++)
        if (strcmp(files->files[i].path, path) == 0) {
            free(files->files[i].path);
            free(files->files[i].text);
        } else {
            files->files[kept++] = files->files[i];
        }
    files->count = kept;
}

static int read_tree(struct ek_import_tree *tree, struct ek_error *err)
{
    EK_DIAGNOSTICS diagnostics = {0};
    struct ek_error problem = {0};
    int result = ek_directory_read(tree->root, &tree->files, &problem);
    if (result == 0) {
        leave_out(&tree->files, tree->path);
        if (tree->files.count > 0)
            result = ek_specs_parse_sound(&tree->files, &tree->specs, &diagnostics, &problem);
    }
    if (result == EK_NO_MEMORY && err)
        *err = problem;
    return result == EK_NO_MEMORY ? result : 0;
}

int ek_import_tree_open(const char *out, struct ek_import_tree *ret_tree, struct ek_error *err)
{
    struct ek_import_tree tree = {0};
    int result = 0;
    if (!out) {
        *ret_tree = tree;
        return 0;
    }
    char *folder = folder_of(out);
    if (folder && access(folder, F_OK) == 0)
        tree.root = root_of(folder);
    if (tree.root)
        tree.path = path_below(tree.root, folder, out);
    if (!folder || (tree.root && !tree.path))
        result = ek_no_memory(err);
    else if (tree.root)
        result = read_tree(&tree, err);
    free(folder);
    if (result != 0)
        ek_import_tree_done(&tree);
    else
        *ret_tree = tree;
    return result;
}

/* ---- with the new text ---- */

static int compare_paths(const void *a, const void *b)
{
    const struct ek_spec_file *left = a;
    const struct ek_spec_file *right = b;
    return strcmp(left->path, right->path);
}

static void show(const struct ek_options *options, const struct ek_diagnostics *diagnostics)
{
    EK_BUFFER words = {0};
    ek_diagnostics_render(diagnostics, ek_colour_wanted(options, STDERR_FILENO), &words);
    ek_print_aside(&words);
}

/* What is wrong elsewhere was wrong before. */
static bool about(const struct ek_diagnostics *diagnostics, const char *path)
{
    for (size_t i = 0; i < diagnostics->count; i++)
        if (strcmp(diagnostics->items[i].file, path) == 0)
            return true;
    return false;
}

int ek_import_tree_parse(const struct ek_options *options, const struct ek_import_tree *tree,
                         const struct ek_buffer *text, struct ek_specs *ret_specs,
                         struct ek_error *err)
{
    EK_DIAGNOSTICS diagnostics = {0};
    struct ek_specs specs = {0};
    char path[PATH_MAX];
    struct ek_spec_files all = tree->files;
    all.files = calloc(tree->files.count + 1, sizeof *all.files);
    if (!all.files)
        return ek_no_memory(err);
    snprintf(path, sizeof path, "%s", tree->path ? tree->path : unnamed);
    for (size_t i = 0; i < tree->files.count; i++)
        all.files[i] = tree->files.files[i];
    all.files[all.count++] =
        (struct ek_spec_file){.path = path, .text = text->bytes, .length = text->length};
    qsort(all.files, all.count, sizeof *all.files, compare_paths);
    int result = ek_specs_parse_sound(&all, &specs, &diagnostics, err);
    free(all.files);
    if (result == 0 && about(&diagnostics, path)) {
        show(options, &diagnostics);
        result = ek_fail(err, EK_INVALID, "EK-1409",
                         "the specs do not hold with what was found; nothing was written");
        ek_hint(err, "see above; --account and --deployment choose other names");
    }
    if (result == 0)
        *ret_specs = specs;
    else
        ek_specs_free(&specs);
    return result;
}
