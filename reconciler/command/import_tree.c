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
    ek_specs_free(&tree->specs);
    ek_diagnostics_done(&tree->wrong);
    ek_spec_files_done(&tree->files);
    *tree = (struct ek_import_tree){0};
}

/* The absolute path of a file that need not be there, nor the folders that it is to be in. */
static char *whole_path(const char *out)
{
    EK_BUFFER path = {0};
    EK_BUFFER folder = {0};
    size_t length = strlen(out);
    char *real = NULL;
    while (!real && length > 0) {
        while (length > 0 && out[--length] != '/')
            ;
        ek_buffer_done(&folder);
        ek_buffer_printf(&folder, "%.*s", (int)length, out);
        real = realpath(length ? ek_buffer_text(&folder) : out[0] == '/' ? "/" : ".", NULL);
    }
    if (real)
        ek_buffer_printf(&path, "%s/%s", strcmp(real, "/") == 0 ? "" : real,
                         out + length + (out[length] == '/'));
    free(real);
    return ek_buffer_take(&path);
}

/* How much of the path is the folder that holds the tree: of a work tree of git the top, else the
 * file's own. */
static size_t root_length(const char *path)
{
    EK_BUFFER mark = {0};
    size_t own = (size_t)(strrchr(path, '/') - path);
    for (size_t length = own; length > 0;) {
        ek_buffer_done(&mark);
        ek_buffer_printf(&mark, "%.*s/.git", (int)length, path);
        if (access(ek_buffer_text(&mark), F_OK) == 0)
            return length;
        while (length > 0 && path[--length] != '/')
            ;
    }
    return own;
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
    struct ek_error problem = {0};
    int result = ek_directory_read(tree->root, &tree->files, &problem);
    if (result == 0) {
        leave_out(&tree->files, tree->path);
        if (tree->files.count > 0)
            result = ek_specs_parse_sound(&tree->files, &tree->specs, &tree->wrong, &problem);
    }
    if (result == EK_NO_MEMORY && err)
        *err = problem;
    return result == EK_NO_MEMORY ? result : 0;
}

int ek_import_tree_open(const char *out, struct ek_import_tree *ret_tree, struct ek_error *err)
{
    struct ek_import_tree tree = {0};
    int result = 0;
    char *whole = out ? whole_path(out) : NULL;
    if (whole && strlen(whole) < PATH_MAX) {
        size_t length = root_length(whole);
        snprintf(tree.root, sizeof tree.root, "%.*s", length ? (int)length : 1, whole);
        snprintf(tree.path, sizeof tree.path, "%s", whole + length + 1);
        result = read_tree(&tree, err);
    }
    free(whole);
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

static bool was_wrong(const struct ek_diagnostics *before, const struct ek_diagnostic *now)
{
    for (size_t i = 0; i < before->count; i++) {
        const struct ek_diagnostic *one = &before->items[i];
        if (one->line == now->line && strcmp(one->file, now->file) == 0 &&
            strcmp(one->sentence, now->sentence) == 0)
            return true;
    }
    return false;
}

/* What is wrong without the new text is somebody else's. */
static bool makes_wrong(const struct ek_diagnostics *before, const struct ek_diagnostics *now)
{
    for (size_t i = 0; i < now->count; i++)
        if (!was_wrong(before, &now->items[i]))
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
    snprintf(path, sizeof path, "%s", tree->path[0] ? tree->path : unnamed);
    for (size_t i = 0; i < tree->files.count; i++)
        all.files[i] = tree->files.files[i];
    all.files[all.count++] =
        (struct ek_spec_file){.path = path, .text = text->bytes, .length = text->length};
    qsort(all.files, all.count, sizeof *all.files, compare_paths);
    int result = ek_specs_parse_sound(&all, &specs, &diagnostics, err);
    free(all.files);
    if (result == 0 && makes_wrong(&tree->wrong, &diagnostics)) {
        show(options, &diagnostics);
        result = ek_fail(err, EK_INVALID, "EK-1409",
                         "the specs do not hold with what was found; nothing was written");
        ek_hint(err, options->reach == 0
                         ? "see above; --account and --deployment choose other names"
                         : "see above; --reach local is for members that are all on this machine, "
                           "with a unit and a configuration each");
    }
    if (result == 0)
        *ret_specs = specs;
    else
        ek_specs_free(&specs);
    return result;
}
