/* Specs out of a plain directory. */
#include "tests/unit/git_helper.h"

static struct ek_error refused(const char *path, const char *id)
{
    struct ek_spec_files files = {0};
    struct ek_error err = {0};
    int result = ek_directory_read(path, &files, &err);
    assert_true(result < 0);
    assert_int_equal(err.code, result);
    if (strcmp(err.id, id) != 0)
        fail_msg("%s instead of %s: %s", err.id, id, err.sentence);
    assert_null(files.files);
    return err;
}

static struct ek_spec_files read_directory(const char *path)
{
    struct ek_spec_files files = {0};
    struct ek_error err = {0};
    if (ek_directory_read(path, &files, &err) != 0)
        fail_msg("%s", err.sentence);
    return files;
}

static void all_specs_sorted(void **state)
{
    struct scratch *scratch = *state;
    static const char *const sorted[] = {"B.YML", "a/b.yaml", "a/c/d.yml", "a0.yaml", "z.yaml"};
    static const char *const others[] = {"README.md",   ".hidden.yaml", ".git/x.yaml",
                                         "a/.ci/y.yml", "yaml",         "a.yaml.orig"};
    for (size_t i = 0; i < 5; i++) {
        char name[64];
        snprintf(name, sizeof name, "specs/%s", sorted[4 - i]);
        write_file(scratch, name, sorted[4 - i]);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char name[64];
        snprintf(name, sizeof name, "specs/%s", others[i]);
        write_file(scratch, name, "no spec");
    }
    struct ek_spec_files files = read_directory(scratch_path(scratch, "specs"));
    assert_int_equal(files.count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(files.files[i].path, sorted[i]);
        assert_string_equal(files.files[i].text, sorted[i]);
        assert_int_equal(files.files[i].length, strlen(sorted[i]));
    }
    assert_null(files.commit);
    assert_null(files.commit_subject);
    assert_string_equal(files.origin, scratch_path(scratch, "specs"));
    ek_spec_files_done(&files);
}

static void a_work_tree_is_read_as_it_is(void **state)
{
    struct scratch *scratch = *state;
    git_repository *repository = new_repository(scratch, "repo", false);
    static const struct content committed[] = {{"a.yaml", "committed", 0}, {0}};
    commit_files(repository, "refs/heads/main", committed, "First\n");
    git_repository_free(repository);
    write_file(scratch, "repo/a.yaml", "changed");
    struct ek_spec_files files = read_directory(scratch_path(scratch, "repo"));
    assert_int_equal(files.count, 1);
    assert_string_equal(files.files[0].text, "changed");
    assert_null(files.commit);
    ek_spec_files_done(&files);
}

/* A file that is named is read, whatever its name. */
static void a_single_file(void **state)
{
    struct scratch *scratch = *state;
    write_file(scratch, "orders.txt", "text");
    struct ek_spec_files files = read_directory(scratch_path(scratch, "orders.txt"));
    assert_int_equal(files.count, 1);
    assert_string_equal(files.files[0].path, scratch_path(scratch, "orders.txt"));
    assert_string_equal(files.files[0].text, "text");
    ek_spec_files_done(&files);
}

static void links_are_not_followed(void **state)
{
    struct scratch *scratch = *state;
    write_file(scratch, "outside/secret.yaml", "secret");
    write_file(scratch, "specs/a.yaml", "a");
    char link[512];
    snprintf(link, sizeof link, "%s", scratch_path(scratch, "specs/folder"));
    assert_int_equal(symlink("../outside", link), 0);
    struct ek_error err = refused(scratch_path(scratch, "specs"), "EK-0612");
    assert_string_equal(err.sentence, "folder is a symbolic link to a folder");
    unlink(link);
    /* What stands for nothing that would be read. */
    static const char *const harmless[][2] = {{"../outside", "specs/.hidden"},
                                              {"nowhere", "specs/broken"},
                                              {"../outside/secret.yaml", "specs/README"}};
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++) {
        snprintf(link, sizeof link, "%s", scratch_path(scratch, harmless[i][1]));
        assert_int_equal(symlink(harmless[i][0], link), 0);
    }
    struct ek_spec_files files = read_directory(scratch_path(scratch, "specs"));
    assert_int_equal(files.count, 1);
    ek_spec_files_done(&files);
    snprintf(link, sizeof link, "%s", scratch_path(scratch, "specs/b.yaml"));
    assert_int_equal(symlink("../outside/secret.yaml", link), 0);
    err = refused(scratch_path(scratch, "specs"), "EK-0612");
    assert_non_null(strstr(err.sentence, "b.yaml"));
    /* The place that was asked for may be a link. */
    snprintf(link, sizeof link, "%s", scratch_path(scratch, "current"));
    assert_int_equal(symlink("outside", link), 0);
    files = read_directory(link);
    assert_int_equal(files.count, 1);
    ek_spec_files_done(&files);
}

static void places_without_specs(void **state)
{
    struct scratch *scratch = *state;
    assert_int_equal(refused(scratch_path(scratch, "nowhere"), "EK-0601").code, EK_NOT_FOUND);
    write_file(scratch, "empty/README.md", "x");
    struct ek_error err = refused(scratch_path(scratch, "empty"), "EK-0609");
    assert_non_null(strstr(err.hint, "*.yaml"));
    write_file(scratch, "file", "x");
    refused(scratch_path(scratch, "file/below"), "EK-0601");
}

/* A pipe would keep its reader waiting for ever. */
static void only_regular_files(void **state)
{
    struct scratch *scratch = *state;
    write_file(scratch, "specs/a.yaml", "a");
    assert_int_equal(mkfifo(scratch_path(scratch, "specs/b.yaml"), 0644), 0);
    refused(scratch_path(scratch, "specs"), "EK-0615");
    refused(scratch_path(scratch, "specs/b.yaml"), "EK-0615");
}

static void limits_hold(void **state)
{
    struct scratch *scratch = *state;
    char *large = malloc((1 << 20) + 2);
    memset(large, '#', (1 << 20) + 1);
    large[(1 << 20) + 1] = 0;
    write_file(scratch, "large/a.yaml", large);
    refused(scratch_path(scratch, "large"), "EK-0611");
    large[1 << 20] = 0;
    write_file(scratch, "large/a.yaml", large);
    free(large);
    struct ek_spec_files files = read_directory(scratch_path(scratch, "large"));
    assert_int_equal(files.files[0].length, 1 << 20);
    ek_spec_files_done(&files);
    write_file(scratch,
               "deep/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21/22/23/24/25/26/27/28/29/"
               "30/31/32/33/a.yaml",
               "x");
    refused(scratch_path(scratch, "deep"), "EK-0611");
}

static void bytes_are_kept(void **state)
{
    struct scratch *scratch = *state;
    write_file(scratch, "specs/a.yaml", "");
    FILE *file = fopen(scratch_path(scratch, "specs/b.yaml"), "we");
    assert_non_null(file);
    assert_int_equal(fwrite("a\0b\r\n", 1, 5, file), 5);
    fclose(file);
    struct ek_spec_files files = read_directory(scratch_path(scratch, "specs"));
    assert_int_equal(files.files[0].length, 0);
    assert_int_equal(files.files[1].length, 5);
    assert_memory_equal(files.files[1].text, "a\0b\r\n", 6);
    ek_spec_files_done(&files);
}

#define GIT_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_new, scratch_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GIT_TEST(all_specs_sorted),     GIT_TEST(a_work_tree_is_read_as_it_is),
        GIT_TEST(a_single_file),        GIT_TEST(links_are_not_followed),
        GIT_TEST(places_without_specs), GIT_TEST(only_regular_files),
        GIT_TEST(limits_hold),          GIT_TEST(bytes_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
