/* Specs out of real repositories. */
#include "tests/unit/git_helper.h"

static const struct content first_files[] = {{"orders.yaml", "first\n", 0}, {0}};
static const struct content second_files[] = {
    {"zeta.yml", "z", 0},
    {"acme/orders.yaml", "second\n", 0},
    {"acme/empty.yaml", "", 0},
    {"acme/run.yaml", "executable", GIT_FILEMODE_BLOB_EXECUTABLE},
    {"README.md", "no spec", 0},
    {".github/workflow.yaml", "hidden folder", 0},
    {".travis.yml", "hidden file", 0},
    {"link", "zeta.yml", GIT_FILEMODE_LINK},
    {0},
};

/* A repository with two commits on main and one on "feature/ssl". */
struct sample {
    char first[41];
    char second[41];
    char feature[41];
};

static struct sample new_sample(struct scratch *scratch, bool bare)
{
    struct sample sample;
    git_repository *repository = new_repository(scratch, "repo", bare);
    snprintf(sample.first, 41, "%s",
             commit_files(repository, "refs/heads/main", first_files, "First\n\nBody\n"));
    snprintf(sample.second, 41, "%s",
             commit_files(repository, "refs/heads/main", second_files,
                          "Enable SSL \033[31mfor orders\n"));
    snprintf(sample.feature, 41, "%s",
             commit_files(repository, "refs/heads/feature/ssl", first_files, "Feature\n"));
    tag_commit(repository, "v1", sample.first, false);
    tag_commit(repository, "v2", sample.second, true);
    git_repository_free(repository);
    return sample;
}

static struct ek_spec_files read_revision(const char *url, const char *revision, const char *path)
{
    struct ek_git_request request = {.url = url, .revision = revision, .path = path};
    struct ek_spec_files files = {0};
    struct ek_error err = {0};
    if (ek_git_read(&request, &files, &err) != 0)
        fail_msg("%s %s", err.sentence, err.cause);
    return files;
}

static void assert_commit(const char *url, const char *revision, const char *commit)
{
    struct ek_spec_files files = read_revision(url, revision, NULL);
    assert_string_equal(files.commit, commit);
    ek_spec_files_done(&files);
}

static struct ek_error refused(const struct ek_git_request *request, const char *id)
{
    struct ek_spec_files files = {0};
    struct ek_error err = {0};
    int result = ek_git_read(request, &files, &err);
    assert_true(result < 0);
    assert_int_equal(err.code, result);
    if (strcmp(err.id, id) != 0)
        fail_msg("%s instead of %s: %s (%s)", err.id, id, err.sentence, err.cause);
    assert_null(files.files);
    assert_null(files.commit);
    return err;
}

static void all_specs_of_head(void **state)
{
    struct scratch *scratch = *state;
    struct sample sample = new_sample(scratch, false);
    static const char *const paths[] = {"acme/empty.yaml", "acme/orders.yaml", "acme/run.yaml",
                                        "zeta.yml"};
    const char *url = scratch_path(scratch, "repo");
    struct ek_spec_files files = read_revision(url, NULL, NULL);
    assert_int_equal(files.count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(files.files[i].path, paths[i]);
    assert_int_equal(files.files[0].length, 0);
    assert_string_equal(files.files[0].text, "");
    assert_string_equal(files.files[1].text, "second\n");
    assert_int_equal(files.files[1].length, 7);
    assert_string_equal(files.commit, sample.second);
    assert_string_equal(files.commit_subject, "Enable SSL \\x1b[31mfor orders");
    assert_string_equal(files.origin, url);
    ek_spec_files_done(&files);
}

static void check_revisions(struct scratch *scratch, const char *url, const struct sample *sample)
{
    (void)scratch;
    char abbreviated[8];
    snprintf(abbreviated, sizeof abbreviated, "%.7s", sample->first);
    assert_commit(url, NULL, sample->second);
    assert_commit(url, "", sample->second);
    assert_commit(url, "HEAD", sample->second);
    assert_commit(url, "main", sample->second);
    assert_commit(url, "refs/heads/main", sample->second);
    assert_commit(url, "feature/ssl", sample->feature);
    assert_commit(url, "v1", sample->first);
    assert_commit(url, "v2", sample->second);
    assert_commit(url, sample->first, sample->first);
    assert_commit(url, abbreviated, sample->first);
    assert_commit(url, "main~1", sample->first);
}

static void every_kind_of_revision(void **state)
{
    struct scratch *scratch = *state;
    struct sample sample = new_sample(scratch, false);
    char url[512];
    snprintf(url, sizeof url, "%s", scratch_path(scratch, "repo"));
    check_revisions(scratch, url, &sample);
}

static void a_bare_repository(void **state)
{
    struct scratch *scratch = *state;
    struct sample sample = new_sample(scratch, true);
    char url[512];
    snprintf(url, sizeof url, "%s", scratch_path(scratch, "repo"));
    check_revisions(scratch, url, &sample);
}

static void a_file_url(void **state)
{
    struct scratch *scratch = *state;
    struct sample sample = new_sample(scratch, true);
    char url[600];
    snprintf(url, sizeof url, "file://%s", scratch_path(scratch, "repo"));
    check_revisions(scratch, url, &sample);
    snprintf(url, sizeof url, "file://localhost%s", scratch_path(scratch, "re%70o"));
    check_revisions(scratch, url, &sample);
}

/* A branch whose name is also the beginning of a commit id means the branch. */
static void a_branch_counts_before_an_id(void **state)
{
    struct scratch *scratch = *state;
    struct sample sample = new_sample(scratch, true);
    git_repository *repository = NULL;
    assert_int_equal(git_repository_open(&repository, scratch_path(scratch, "repo")), 0);
    char name[64];
    snprintf(name, sizeof name, "refs/heads/%.7s", sample.first);
    char commit[41];
    snprintf(commit, sizeof commit, "%s", commit_files(repository, name, first_files, "Other\n"));
    git_repository_free(repository);
    assert_commit(scratch_path(scratch, "repo"), name + strlen("refs/heads/"), commit);
}

static void a_folder_of_the_commit(void **state)
{
    struct scratch *scratch = *state;
    new_sample(scratch, false);
    static const struct {
        const char *path;
        size_t count;
    } paths[] = {{"acme", 3},    {"./acme/", 3},  {"acme/orders.yaml", 1},
                 {".github", 1}, {"zeta.yml", 1}, {"/", 4}};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct ek_spec_files files =
            read_revision(scratch_path(scratch, "repo"), "main", paths[i].path);
        assert_int_equal(files.count, paths[i].count);
        ek_spec_files_done(&files);
    }
    struct ek_git_request request = {.url = scratch_path(scratch, "repo"), .path = "acne"};
    refused(&request, "EK-0608");
    request.path = "../repo";
    refused(&request, "EK-0608");
    request.path = "README.md";
    refused(&request, "EK-0609");
}

/* What is checked out or changed but not committed plays no part. */
static void the_work_tree_is_not_read(void **state)
{
    struct scratch *scratch = *state;
    new_sample(scratch, false);
    write_file(scratch, "repo/acme/orders.yaml", "changed");
    write_file(scratch, "repo/new.yaml", "new");
    struct ek_spec_files files = read_revision(scratch_path(scratch, "repo"), NULL, NULL);
    assert_int_equal(files.count, 4);
    assert_string_equal(files.files[1].text, "second\n");
    ek_spec_files_done(&files);
}

static void revisions_that_are_not_there(void **state)
{
    struct scratch *scratch = *state;
    struct sample sample = new_sample(scratch, false);
    struct ek_git_request request = {.url = scratch_path(scratch, "repo"), .revision = "mian"};
    struct ek_error err = refused(&request, "EK-0606");
    assert_int_equal(err.code, EK_NOT_FOUND);
    assert_string_equal(err.hint, "did you mean \"main\"?");
    request.revision = "release-2026";
    err = refused(&request, "EK-0606");
    assert_string_equal(err.hint, "there are: feature/ssl, main, v1, v2");
    request.revision = "0000000000000000000000000000000000000000";
    refused(&request, "EK-0606");
    request.revision = "main:acme";
    refused(&request, "EK-0606");
    request.revision = "ma..in";
    refused(&request, "EK-0606");
    char one_digit[2] = {sample.first[0], 0};
    request.revision = one_digit;
    refused(&request, "EK-0606");
}

static void an_ambiguous_abbreviation(void **state)
{
    struct scratch *scratch = *state;
    git_repository *repository = new_repository(scratch, "repo", true);
    /* Commits until two ids agree in four digits; 65536 values, so a thousand are ample. */
    static char seen[2000][5];
    char shared[5] = "";
    for (size_t i = 0; i < 2000 && !shared[0]; i++) {
        char message[32];
        snprintf(message, sizeof message, "Commit %zu\n", i);
        snprintf(seen[i], 5, "%.4s",
                 commit_files(repository, "refs/heads/main", first_files, message));
        for (size_t k = 0; k < i; k++)
            if (strcmp(seen[k], seen[i]) == 0)
                memcpy(shared, seen[i], 5);
    }
    git_repository_free(repository);
    assert_true(shared[0] != 0);
    struct ek_git_request request = {.url = scratch_path(scratch, "repo"), .revision = shared};
    assert_int_equal(refused(&request, "EK-0607").code, EK_CONFLICT);
}

static void places_without_specs(void **state)
{
    struct scratch *scratch = *state;
    struct ek_git_request request = {.url = scratch_path(scratch, "nowhere")};
    assert_int_equal(refused(&request, "EK-0601").code, EK_NOT_FOUND);

    write_file(scratch, "plain/orders.yaml", "x");
    request.url = scratch_path(scratch, "plain");
    refused(&request, "EK-0602");

    git_repository_free(new_repository(scratch, "fresh", false));
    request.url = scratch_path(scratch, "fresh");
    refused(&request, "EK-0617");
    write_file(scratch, "fresh/specs/orders.yaml", "x");
    request.url = scratch_path(scratch, "fresh/specs");
    struct ek_error err = refused(&request, "EK-0602");
    assert_non_null(strstr(err.hint, "fresh/.git"));

    git_repository *repository = new_repository(scratch, "docs", true);
    static const struct content docs[] = {{"README.md", "x", 0}, {".ci/x.yaml", "y", 0}, {0}};
    commit_files(repository, "refs/heads/main", docs, "Docs\n");
    static const struct content link[] = {{"a.yaml", "b.yaml", GIT_FILEMODE_LINK}, {0}};
    commit_files(repository, "refs/heads/link", link, "Link\n");
    git_repository_free(repository);
    request.url = scratch_path(scratch, "docs");
    refused(&request, "EK-0609");
    request.revision = "link";
    refused(&request, "EK-0612");
}

static const struct content teams[] = {{"envs/prod/acme.yaml", "a", 0},
                                       {"teams/a/orders.yaml", "o", 0},
                                       {"teams/here", "a", GIT_FILEMODE_LINK},
                                       {"teams/round", "round", GIT_FILEMODE_LINK},
                                       {"teams/out", "../../elsewhere", GIT_FILEMODE_LINK},
                                       {"teams/nowhere", "b", GIT_FILEMODE_LINK},
                                       {"teams/root", "/srv", GIT_FILEMODE_LINK},
                                       {"teams/file", "a/orders.yaml", GIT_FILEMODE_LINK},
                                       {"teams/.hidden", "a", GIT_FILEMODE_LINK},
                                       {0}};

/* A link to a folder would leave out the folder's specs; one that stands for none is left out. */
static void links_to_folders(void **state)
{
    static const struct {
        const char *path;
        const char *target;
        bool refused;
    } links[] = {
        {"envs/prod/team", "../../teams/a", true},
        {"envs/prod/team", "../../teams/a/", true},
        {"envs/prod/team", "../../teams/here", true},
        {"envs/prod/all", "../../", true},
        {"envs/prod/deep", "../.././teams//here/../a", true},
        {"envs/prod/team", "../../teams/round", false},
        {"envs/prod/team", "../../teams/out", false},
        {"envs/prod/team", "../../teams/root", false},
        {"envs/prod/team", "../../teams/nowhere", false},
        {"envs/prod/notes", "../../teams/file", false},
        {"envs/prod/notes", "../../teams/a/orders.yaml", false},
        {"envs/prod/.team", "../../teams/a", false},
    };
    struct scratch *scratch = *state;
    git_repository *repository = new_repository(scratch, "links", true);
    const char *url = scratch_path(scratch, "links");
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        struct content tree[12] = {{links[i].path, links[i].target, GIT_FILEMODE_LINK}};
        memcpy(tree + 1, teams, sizeof teams);
        commit_files(repository, "refs/heads/main", tree, "Links\n");
        struct ek_git_request request = {.url = url, .path = "envs/prod"};
        if (links[i].refused) {
            struct ek_error err = refused(&request, "EK-0612");
            assert_non_null(strstr(err.sentence, links[i].path));
            assert_non_null(strstr(err.sentence, "to a folder"));
            continue;
        }
        struct ek_spec_files files = read_revision(url, NULL, "envs/prod");
        assert_int_equal(files.count, 1);
        ek_spec_files_done(&files);
    }
    git_repository_free(repository);
}

/* What a submodule holds is not read, and that is told. */
static void submodules_are_named(void **state)
{
    struct scratch *scratch = *state;
    git_repository *repository = new_repository(scratch, "modules", true);
    const char *first = commit_files(repository, "refs/heads/main", teams, "Teams\n");
    const struct content tree[] = {{"acme.yaml", "a", 0},
                                   {".tools", first, GIT_FILEMODE_COMMIT},
                                   {"teams/a", first, GIT_FILEMODE_COMMIT},
                                   {"teams/b", first, GIT_FILEMODE_COMMIT},
                                   {0}};
    commit_files(repository, "refs/heads/main", tree, "Modules\n");
    git_repository_free(repository);
    struct ek_spec_files files = read_revision(scratch_path(scratch, "modules"), NULL, NULL);
    assert_int_equal(files.count, 1);
    assert_int_equal(files.submodule_count, 2);
    assert_string_equal(files.submodules[0], "teams/a");
    assert_string_equal(files.submodules[1], "teams/b");
    ek_spec_files_done(&files);
}

static void limits_hold(void **state)
{
    struct scratch *scratch = *state;
    git_repository *repository = new_repository(scratch, "repo", true);
    char *large = malloc((1 << 20) + 2);
    memset(large, '#', (1 << 20) + 1);
    large[(1 << 20) + 1] = 0;
    struct content files[] = {{"large.yaml", large, 0}, {0}};
    commit_files(repository, "refs/heads/main", files, "Large\n");
    large[1 << 20] = 0;
    commit_files(repository, "refs/heads/fits", files, "Fits\n");
    free(large);
    static const struct content deep[] = {{"1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21/"
                                           "22/23/24/25/26/27/28/29/30/31/32/33/"
                                           "a.yaml",
                                           "x", 0},
                                          {0}};
    commit_files(repository, "refs/heads/deep", deep, "Deep\n");
    git_repository_free(repository);
    struct ek_git_request request = {.url = scratch_path(scratch, "repo")};
    refused(&request, "EK-0611");
    request.revision = "deep";
    refused(&request, "EK-0611");
    struct ek_spec_files spec_files = read_revision(request.url, "fits", NULL);
    assert_int_equal(spec_files.files[0].length, 1 << 20);
    ek_spec_files_done(&spec_files);
}

static void damaged_repositories(void **state)
{
    struct scratch *scratch = *state;
    struct sample sample = new_sample(scratch, true);
    struct ek_spec_files files = read_revision(scratch_path(scratch, "repo"), NULL, NULL);
    ek_spec_files_done(&files);
    char name[128];
    snprintf(name, sizeof name, "repo/objects/%.2s/%s", sample.second, sample.second + 2);
    assert_int_equal(chmod(scratch_path(scratch, name), 0644), 0);
    write_file(scratch, name, "garbage");
    struct ek_git_request request = {.url = scratch_path(scratch, "repo")};
    refused(&request, "EK-0616");
}

#define GIT_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_new, scratch_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GIT_TEST(all_specs_of_head),
        GIT_TEST(every_kind_of_revision),
        GIT_TEST(a_bare_repository),
        GIT_TEST(a_file_url),
        GIT_TEST(a_branch_counts_before_an_id),
        GIT_TEST(a_folder_of_the_commit),
        GIT_TEST(the_work_tree_is_not_read),
        GIT_TEST(revisions_that_are_not_there),
        GIT_TEST(an_ambiguous_abbreviation),
        GIT_TEST(places_without_specs),
        GIT_TEST(links_to_folders),
        GIT_TEST(submodules_are_named),
        GIT_TEST(limits_hold),
        GIT_TEST(damaged_repositories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
