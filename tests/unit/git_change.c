/* Both sides of a change, and clones that end too early to tell. */
#include "tests/unit/git_helper.h"

static const struct content old_files[] = {{"specs/orders.yaml", "old", 0}, {0}};
static const struct content new_files[] = {{"specs/orders.yaml", "new", 0}, {0}};
static const struct content other_files[] = {{"specs/orders.yaml", "other", 0}, {0}};
static const struct content no_files[] = {{"README.md", "no specs", 0}, {0}};

/* main: base - later; change: base - first - second */
struct sample {
    char base[41];
    char later[41];
    char second[41];
};

static void branch(git_repository *repository, const char *reference, const char *commit)
{
    git_oid id;
    git_reference *made = NULL;
    assert_int_equal(git_oid_fromstr(&id, commit), 0);
    assert_int_equal(git_reference_create(&made, repository, reference, &id, 1, NULL), 0);
    git_reference_free(made);
}

static struct sample new_sample(struct scratch *scratch)
{
    struct sample sample;
    git_repository *repository = new_repository(scratch, "repo", false);
    commit_files(repository, "refs/heads/main", no_files, "root\n");
    snprintf(sample.base, 41, "%s",
             commit_files(repository, "refs/heads/main", old_files, "base\n"));
    branch(repository, "refs/heads/change", sample.base);
    commit_files(repository, "refs/heads/change", other_files, "first\n");
    snprintf(sample.second, 41, "%s",
             commit_files(repository, "refs/heads/change", new_files, "second\n"));
    snprintf(sample.later, 41, "%s",
             commit_files(repository, "refs/heads/main", other_files, "later\n"));
    commit_files(repository, "refs/heads/empty", no_files, "unrelated\n");
    git_repository_free(repository);
    return sample;
}

struct range {
    const char *from, *to, *path;
};

static int read_change(struct scratch *scratch, struct range range, struct ek_git_change *change,
                       struct ek_error *err)
{
    struct ek_git_request request = {
        .url = scratch_path(scratch, "repo"), .revision = range.to, .path = range.path};
    return ek_git_read_change(&request, range.from, change, err);
}

/* As a clone of depth `n` writes it: these commits have no parents here. */
static void make_shallow(struct scratch *scratch, const char *boundary)
{
    char line[64];
    snprintf(line, sizeof line, "%s\n", boundary);
    write_file(scratch, "repo/.git/shallow", line);
}

static void remove_object(struct scratch *scratch, const char *id)
{
    char name[128];
    snprintf(name, sizeof name, "repo/.git/objects/%.2s/%s", id, id + 2);
    assert_int_equal(unlink(scratch_path(scratch, name)), 0);
}

static void compared_with_where_it_began(void **state)
{
    struct sample sample = new_sample(*state);
    struct ek_git_change change;
    struct ek_error err = {0};
    assert_int_equal(read_change(*state, (struct range){"main", "change", "specs"}, &change, &err),
                     0);
    assert_string_equal(change.base.commit, sample.base);
    assert_string_equal(change.head.commit, sample.second);
    assert_string_equal(change.from, sample.later);
    assert_string_equal(change.base.files[0].text, "old");
    assert_string_equal(change.head.files[0].text, "new");
    assert_string_equal(change.head.commit_subject, "second");
    ek_git_change_done(&change);
}

static void a_side_without_specs(void **state)
{
    struct sample sample = new_sample(*state);
    struct ek_git_change change;
    struct ek_error err = {0};
    char root[48];
    snprintf(root, sizeof root, "%s~1", sample.base);
    assert_int_equal(read_change(*state, (struct range){root, "main", "specs"}, &change, &err), 0);
    assert_int_equal(change.base.count, 0);
    assert_non_null(change.base.commit);
    assert_int_equal(change.head.count, 1);
    ek_git_change_done(&change);
    assert_int_equal(read_change(*state, (struct range){root, root, "specs"}, &change, &err),
                     EK_NOT_FOUND);
    assert_string_equal(err.id, "EK-0608");
    assert_int_equal(read_change(*state, (struct range){"main", "change", "spcs"}, &change, &err),
                     EK_NOT_FOUND);
    assert_string_equal(err.id, "EK-0608");
}

static void before_the_first_commit(void **state)
{
    static const char zeros[] = "0000000000000000000000000000000000000000";
    new_sample(*state);
    struct ek_git_change change;
    struct ek_error err = {0};
    assert_int_equal(read_change(*state, (struct range){zeros, "main", "specs"}, &change, &err), 0);
    assert_null(change.base.commit);
    assert_int_equal(change.base.count, 0);
    assert_int_equal(change.head.count, 1);
    ek_git_change_done(&change);
    assert_int_equal(read_change(*state, (struct range){zeros, "main", "spcs"}, &change, &err),
                     EK_NOT_FOUND);
    assert_string_equal(err.id, "EK-0608");
}

static void histories_apart(void **state)
{
    new_sample(*state);
    struct ek_git_change change;
    struct ek_error err = {0};
    assert_int_equal(read_change(*state, (struct range){"empty", "main", NULL}, &change, &err),
                     EK_NOT_FOUND);
    assert_string_equal(err.id, "EK-1202");
    assert_int_equal(read_change(*state, (struct range){"mian", "main", NULL}, &change, &err),
                     EK_NOT_FOUND);
    assert_string_equal(err.id, "EK-0606");
    assert_non_null(strstr(err.hint, "main"));
}

static void a_shallow_clone_that_reaches_far_enough(void **state)
{
    struct sample sample = new_sample(*state);
    struct ek_git_change change;
    struct ek_error err = {0};
    char root[41];
    git_repository *repository = NULL;
    git_object *object = NULL;
    assert_int_equal(git_repository_open(&repository, scratch_path(*state, "repo")), 0);
    assert_int_equal(git_revparse_single(&object, repository, "main~2"), 0);
    git_oid_tostr(root, sizeof root, git_object_id(object));
    git_object_free(object);
    git_repository_free(repository);
    remove_object(*state, root);
    make_shallow(*state, sample.base);
    assert_int_equal(read_change(*state, (struct range){"main", "change", "specs"}, &change, &err),
                     0);
    assert_string_equal(change.base.commit, sample.base);
    ek_git_change_done(&change);
}

static void a_shallow_clone_that_does_not(void **state)
{
    struct sample sample = new_sample(*state);
    struct ek_git_change change;
    struct ek_error err = {0};
    remove_object(*state, sample.base);
    make_shallow(*state, sample.later);
    assert_int_equal(read_change(*state, (struct range){"main", "change", "specs"}, &change, &err),
                     EK_NOT_FOUND);
    assert_string_equal(err.id, "EK-1201");
    assert_non_null(strstr(err.hint, "fetch-depth: 0"));
    assert_int_equal(
        read_change(*state, (struct range){sample.base, "change", "specs"}, &change, &err),
        EK_NOT_FOUND);
    assert_string_equal(err.id, "EK-1201");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(compared_with_where_it_began, scratch_new, scratch_free),
        cmocka_unit_test_setup_teardown(a_side_without_specs, scratch_new, scratch_free),
        cmocka_unit_test_setup_teardown(before_the_first_commit, scratch_new, scratch_free),
        cmocka_unit_test_setup_teardown(histories_apart, scratch_new, scratch_free),
        cmocka_unit_test_setup_teardown(a_shallow_clone_that_reaches_far_enough, scratch_new,
                                        scratch_free),
        cmocka_unit_test_setup_teardown(a_shallow_clone_that_does_not, scratch_new, scratch_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
