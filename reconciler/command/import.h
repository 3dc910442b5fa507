/* Inside the command import: the specs around the file that is written, and the listing. */
#ifndef EK_COMMAND_IMPORT_H
#define EK_COMMAND_IMPORT_H

#include <limits.h>

#include "reconciler/command/command.h"
#include "reconciler/import/import.h"
#include "specs/diagnostic.h"
#include "specs/source.h"

/* The tree that the new file is to be a part of: the work tree around it, else its folder. */
struct ek_import_tree {
    char root[PATH_MAX];         /* "": no file is written */
    char path[PATH_MAX];         /* of the file, from there */
    struct ek_spec_files files;  /* all others */
    struct ek_specs specs;       /* what is sound in them */
    struct ek_diagnostics wrong; /* what is wrong in them */
};

/* Read what is around `out` (NULL: nothing); what can't be read is as if it were not there. */
int ek_import_tree_open(const char *out, struct ek_import_tree *ret_tree, struct ek_error *err);
void ek_import_tree_done(struct ek_import_tree *tree);

/* Parse the tree with the new text in it; ret_specs is freed with ek_specs_free. EK_INVALID
 * (EK-1409) when that makes something wrong, which is printed to standard error. */
int ek_import_tree_parse(const struct ek_options *options, const struct ek_import_tree *tree,
                         const struct ek_buffer *text, struct ek_specs *ret_specs,
                         struct ek_error *err);

/* The listing: what was found, what could not be seen, what is to be decided. */
struct ek_import_report {
    const struct ek_import *import;
    const char *account;
    const char *deployment;
    const char *file; /* that was written, or NULL */
};
void ek_import_text(const struct ek_import_report *report, bool colour, struct ek_buffer *text);
struct json_t *ek_import_json(const struct ek_import_report *report, const char *specs);

#endif
