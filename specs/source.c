#include "specs/source.h"

#include <stdlib.h>

void ek_spec_files_done(struct ek_spec_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        free(files->files[i].path);
        free(files->files[i].text);
    }
    free(files->files);
    for (size_t i = 0; i < files->submodule_count; i++)
        free(files->submodules[i]);
    free(files->submodules);
    free(files->commit);
    free(files->commit_subject);
    free(files->origin);
    *files = (struct ek_spec_files){0};
}
