/* What one repository said at one commit: shared by all threads that go by it. */
#ifndef EK_LOOP_DESIRED_H
#define EK_LOOP_DESIRED_H

#include "reconciler/base/hash.h"
#include "specs/parse.h"

struct ek_desired {
    char *repository;         /* its name */
    struct ek_specs specs;    /* what is sound */
    struct ek_buffer trouble; /* every error of the tree, rendered for people; empty: none */
    char **broken_files;      /* files that an error stands in */
    size_t broken_file_count;
    char fingerprint[EK_SHA256_HEX_SIZE]; /* of all files: the same content is the same desired
                                             state */
    int holders;
};

/* Parse the files of a repository; what is broken is left out and told. Takes nothing over from
 * `files`. The caller holds the result. Errors as ek_specs_parse_sound. */
int ek_desired_new(const char *repository, const struct ek_spec_files *files,
                   struct ek_desired **ret_desired, struct ek_error *err);

/* One more holder; returns desired. NULL is fine. */
struct ek_desired *ek_desired_hold(struct ek_desired *desired);

/* One holder less; the last one frees it. */
void ek_desired_release(struct ek_desired *desired);

#endif
