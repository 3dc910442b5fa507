/* What the git tests share: a scratch directory, and commits made with libgit2. */
#ifndef EK_TESTS_GIT_HELPER_H
#define EK_TESTS_GIT_HELPER_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <git2.h>

#include "drivers/git/git.h"
#include "drivers/git/library.h"

/* A test's own directory, under TMPDIR. */
struct scratch {
    char path[256];
    char text[512]; /* of scratch_path */
};

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *walk)
{
    (void)status;
    (void)flag;
    (void)walk;
    return remove(path);
}

static inline int scratch_new(void **state)
{
    struct scratch *scratch = calloc(1, sizeof *scratch);
    const char *base = getenv("TMPDIR");
    snprintf(scratch->path, sizeof scratch->path, "%s/ek-git-XXXXXX", base ? base : "/tmp");
    *state = scratch;
    return mkdtemp(scratch->path) && ek_git_library(NULL) == 0 ? 0 : -1;
}

static inline int scratch_free(void **state)
{
    struct scratch *scratch = *state;
    int result = nftw(scratch->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(scratch);
    return result;
}

static inline const char *scratch_path(struct scratch *scratch, const char *name)
{
    snprintf(scratch->text, sizeof scratch->text, "%s/%s", scratch->path, name);
    return scratch->text;
}

static inline void write_file(struct scratch *scratch, const char *name, const char *content)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", scratch->path, name);
    for (char *slash = path + strlen(scratch->path) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        if (mkdir(path, 0755) != 0)
            assert_int_equal(errno, EEXIST);
        *slash = '/';
    }
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
}

static inline git_repository *new_repository(struct scratch *scratch, const char *name, bool bare)
{
    git_repository *repository = NULL;
    git_repository_init_options options;
    git_repository_init_options_init(&options, GIT_REPOSITORY_INIT_OPTIONS_VERSION);
    options.flags = GIT_REPOSITORY_INIT_MKPATH | (bare ? GIT_REPOSITORY_INIT_BARE : 0);
    options.initial_head = "main";
    assert_int_equal(git_repository_init_ext(&repository, scratch_path(scratch, name), &options),
                     0);
    return repository;
}

/* A file of a commit; the list ends with an empty path. */
struct content {
    const char *path;
    const char *text;
    uint32_t mode; /* 0: an ordinary file */
};

/* Commit exactly these files on `reference`, whose old commit is the parent; its id as text. */
static inline const char *commit_files(git_repository *repository, const char *reference,
                                       const struct content *files, const char *message)
{
    static char id_text[GIT_OID_HEXSZ + 1];
    git_index *index = NULL;
    git_oid tree_id;
    git_oid parent_id;
    git_oid id;
    git_tree *tree = NULL;
    git_commit *parent = NULL;
    git_signature *who = NULL;
    assert_int_equal(git_index_new(&index), 0);
    for (; files->path; files++) {
        git_index_entry entry = {.mode = files->mode ? files->mode : GIT_FILEMODE_BLOB,
                                 .path = files->path};
        if (entry.mode == GIT_FILEMODE_COMMIT) /* a submodule: the text is its commit */
            assert_int_equal(git_oid_fromstr(&entry.id, files->text), 0);
        else
            assert_int_equal(git_blob_create_from_buffer(&entry.id, repository, files->text,
                                                         strlen(files->text)),
                             0);
        assert_int_equal(git_index_add(index, &entry), 0);
    }
    assert_int_equal(git_index_write_tree_to(&tree_id, index, repository), 0);
    assert_int_equal(git_tree_lookup(&tree, repository, &tree_id), 0);
    assert_int_equal(git_signature_new(&who, "A Person", "person@example.net", 1700000000, 0), 0);
    if (git_reference_name_to_id(&parent_id, repository, reference) == 0)
        assert_int_equal(git_commit_lookup(&parent, repository, &parent_id), 0);
    const git_commit *parents[] = {parent};
    assert_int_equal(git_commit_create(&id, repository, reference, who, who, NULL, message, tree,
                                       parent ? 1 : 0, parents),
                     0);
    git_commit_free(parent);
    git_signature_free(who);
    git_tree_free(tree);
    git_index_free(index);
    git_oid_tostr(id_text, sizeof id_text, &id);
    return id_text;
}

static inline void tag_commit(git_repository *repository, const char *name, const char *commit,
                              bool annotated)
{
    git_oid id;
    git_object *object = NULL;
    git_signature *who = NULL;
    assert_int_equal(git_revparse_single(&object, repository, commit), 0);
    assert_int_equal(git_signature_new(&who, "A Person", "person@example.net", 1700000000, 0), 0);
    if (annotated)
        assert_int_equal(git_tag_create(&id, repository, name, object, who, "a tag", 0), 0);
    else
        assert_int_equal(git_tag_create_lightweight(&id, repository, name, object, 0), 0);
    git_signature_free(who);
    git_object_free(object);
}

#endif
