/* The files that specs are read from, wherever they come from (a directory, a commit). */
#ifndef EK_SPECS_SOURCE_H
#define EK_SPECS_SOURCE_H

#include <stddef.h>

struct ek_spec_file {
    char *path; /* as people should see it in messages: relative to the tree's root */
    char *text; /* NUL-terminated; may contain NUL bytes inside when the input does: length rules */
    size_t length;
};

struct ek_spec_files {
    struct ek_spec_file *files; /* sorted by path (byte order) */
    size_t count;
    char **submodules; /* paths of other repositories inside the tree, which are not read */
    size_t submodule_count;
    char *commit;         /* or NULL */
    char *commit_subject; /* or NULL */
    char *origin;         /* directory or URL, for messages */
};

/* Free everything and zero the struct; safe on a zeroed one. */
void ek_spec_files_done(struct ek_spec_files *files);

#endif
