/* Mirrors of remote repositories, fetched here over file://, and what a URL means. */
#include "tests/unit/git_helper.h"

#include <dirent.h>
#include <pthread.h>
#include <sys/file.h>

#include "drivers/git/location.h"
#include "drivers/git/mirror.h"
#include "drivers/git/revision.h"

static const struct content files[] = {{"orders.yaml", "first\n", 0}, {0}};

struct remote {
    char path[512];
    char url[600];
    char cache[512];
    struct ek_git_request request;
};

static void remote_init(struct remote *remote, struct scratch *scratch)
{
    snprintf(remote->path, sizeof remote->path, "%s/remote", scratch->path);
    snprintf(remote->url, sizeof remote->url, "file://%s", remote->path);
    snprintf(remote->cache, sizeof remote->cache, "%s/cache/git", scratch->path);
    remote->request = (struct ek_git_request){.url = remote->url, .cache = remote->cache};
}

/* The commit that `revision` has in a freshly fetched mirror; "" when it has none. */
static void assert_mirrored(const struct remote *remote, const char *revision, const char *wanted)
{
    EK_MIRROR mirror = {0};
    struct ek_error err = {0};
    EK_GIT_COMMIT *commit = NULL;
    char id[GIT_OID_HEXSZ + 1] = "";
    if (ek_mirror_open(&remote->request, remote->url, &mirror, &err) != 0)
        fail_msg("%s (%s)", err.sentence, err.cause);
    assert_true(git_repository_is_bare(mirror.repository));
    if (ek_git_revision(mirror.repository, revision, &commit, &err) == 0)
        git_oid_tostr(id, sizeof id, git_commit_id(commit));
    assert_string_equal(id, wanted);
}

static void a_mirror_follows_its_remote(void **state)
{
    struct scratch *scratch = *state;
    struct remote remote;
    remote_init(&remote, scratch);
    git_repository *repository = new_repository(scratch, "remote", true);
    char first[41];
    char second[41];
    snprintf(first, 41, "%s", commit_files(repository, "refs/heads/main", files, "First\n"));
    tag_commit(repository, "v1", first, true);
    assert_mirrored(&remote, NULL, first);
    assert_mirrored(&remote, "v1", first);

    snprintf(second, 41, "%s", commit_files(repository, "refs/heads/main", files, "Second\n"));
    commit_files(repository, "refs/heads/short-lived", files, "Other\n");
    assert_mirrored(&remote, "main", second);
    assert_mirrored(&remote, "main~1", first);

    /* Rewritten, deleted, and another branch as HEAD. */
    git_oid id;
    git_reference *reference = NULL;
    assert_int_equal(git_oid_fromstr(&id, first), 0);
    assert_int_equal(
        git_reference_create(&reference, repository, "refs/heads/main", &id, 1, "rewritten"), 0);
    git_reference_free(reference);
    assert_int_equal(git_reference_remove(repository, "refs/heads/short-lived"), 0);
    assert_int_equal(git_reference_remove(repository, "refs/tags/v1"), 0);
    char trunk[41];
    snprintf(trunk, 41, "%s", commit_files(repository, "refs/heads/trunk", files, "Trunk\n"));
    assert_int_equal(git_repository_set_head(repository, "refs/heads/trunk"), 0);
    assert_mirrored(&remote, "main", first);
    assert_mirrored(&remote, "short-lived", "");
    assert_mirrored(&remote, "v1", "");
    assert_mirrored(&remote, NULL, trunk);
    git_repository_free(repository);
}

static void one_mirror_for_one_address(void **state)
{
    struct scratch *scratch = *state;
    struct remote remote;
    remote_init(&remote, scratch);
    git_repository *repository = new_repository(scratch, "remote", true);
    char id[41];
    snprintf(id, 41, "%s", commit_files(repository, "refs/heads/main", files, "First\n"));
    git_repository_free(repository);
    assert_mirrored(&remote, NULL, id);
    assert_mirrored(&remote, NULL, id);
    size_t count = 0;
    DIR *cache = opendir(remote.cache);
    assert_non_null(cache);
    for (struct dirent *entry; (entry = readdir(cache));) {
        size_t length = strlen(entry->d_name);
        count += length == 68 && strcmp(entry->d_name + 64, ".git") == 0;
    }
    closedir(cache);
    assert_int_equal(count, 1);
    struct stat status;
    assert_int_equal(stat(remote.cache, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
}

/* What a process killed while it made the mirror leaves behind. */
static void a_half_made_mirror_is_completed(void **state)
{
    struct scratch *scratch = *state;
    struct remote remote;
    remote_init(&remote, scratch);
    git_repository *repository = new_repository(scratch, "remote", true);
    char id[41];
    snprintf(id, 41, "%s", commit_files(repository, "refs/heads/main", files, "First\n"));
    git_repository_free(repository);
    assert_mirrored(&remote, NULL, id);
    DIR *cache = opendir(remote.cache);
    char name[1024] = "";
    for (struct dirent *entry; (entry = readdir(cache));)
        if (strlen(entry->d_name) == 68)
            snprintf(name, sizeof name, "%s/%s", remote.cache, entry->d_name);
    closedir(cache);
    char part[1100];
    snprintf(part, sizeof part, "%s/HEAD", name);
    assert_int_equal(unlink(part), 0);
    snprintf(part, sizeof part, "%s/refs", name);
    assert_int_equal(nftw(part, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    assert_mirrored(&remote, NULL, id);
}

static void *fetch_often(void *context)
{
    const struct remote *remote = context;
    for (int i = 0; i < 5; i++) {
        EK_MIRROR mirror = {0};
        EK_GIT_COMMIT *commit = NULL;
        if (ek_mirror_open(&remote->request, remote->url, &mirror, NULL) != 0 ||
            ek_git_revision(mirror.repository, "main", &commit, NULL) != 0)
            return "failed";
    }
    return NULL;
}

static void several_at_once(void **state)
{
    struct scratch *scratch = *state;
    struct remote remote;
    remote_init(&remote, scratch);
    git_repository *repository = new_repository(scratch, "remote", true);
    commit_files(repository, "refs/heads/main", files, "First\n");
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, fetch_often, &remote), 0);
    for (size_t i = 0; i < 4; i++) {
        void *result = NULL;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_null(result);
    }
    git_repository_free(repository);
}

static void a_remote_that_is_gone(void **state)
{
    struct scratch *scratch = *state;
    struct remote remote;
    remote_init(&remote, scratch);
    struct ek_mirror mirror = {0};
    struct ek_error err = {0};
    assert_true(ek_mirror_open(&remote.request, remote.url, &mirror, &err) < 0);
    assert_string_equal(err.id, "EK-0603");
    assert_true(strlen(err.cause) > 0);
    assert_null(mirror.repository);
    /* The lock was given back: the next try fails in the same way, at once. */
    assert_true(ek_mirror_open(&remote.request, remote.url, &mirror, &err) < 0);
    assert_string_equal(err.id, "EK-0603");
}

static void a_cache_that_can_not_be_made(void **state)
{
    struct scratch *scratch = *state;
    struct remote remote;
    remote_init(&remote, scratch);
    struct ek_mirror mirror = {0};
    struct ek_error err = {0};
    remote.request.cache = NULL;
    assert_int_equal(ek_mirror_open(&remote.request, remote.url, &mirror, &err), EK_INVALID);
    assert_string_equal(err.id, "EK-0613");
    write_file(scratch, "cache", "a file");
    remote.request.cache = remote.cache;
    assert_true(ek_mirror_open(&remote.request, remote.url, &mirror, &err) < 0);
}

/* Nobody listens there: refused at once, without leaving this machine. */
static void an_unreachable_host(void **state)
{
    struct scratch *scratch = *state;
    struct remote remote;
    remote_init(&remote, scratch);
    static const char *const urls[] = {"https://127.0.0.1:1/specs.git",
                                       "ssh://git@127.0.0.1:1/specs.git"};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct ek_git_request request = {.url = urls[i], .cache = remote.cache};
        struct ek_spec_files result = {0};
        struct ek_error err = {0};
        int code = ek_git_read(&request, &result, &err);
        if (code != EK_UNREACHABLE)
            fail_msg("%s: %s %s (%s)", urls[i], err.id, err.sentence, err.cause);
        assert_string_equal(err.id, "EK-0603");
    }
}

static void urls_are_understood(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *address; /* NULL: refused with EK-0610 */
        bool remote;
    } urls[] = {
        {"/srv/specs", "/srv/specs", false},
        {"specs", "specs", false},
        {"./a:b", "./a:b", false},
        {"file:///srv/my%20specs", "/srv/my specs", false},
        {"file://localhost/srv", "/srv", false},
        {"FILE:///srv", "/srv", false},
        {"https://git.example.net/specs.git", "https://git.example.net/specs.git", true},
        {"https://me@git.example.net/specs", "https://me@git.example.net/specs", true},
        {"ssh://git@git.example.net:2222/specs", "ssh://git@git.example.net:2222/specs", true},
        {"git@git.example.net:team/specs.git", "git@git.example.net:team/specs.git", true},
        {"file://otherhost/srv", NULL, false},
        {"file:///srv/%00", NULL, false},
        {"file:///srv/%4", NULL, false},
        {"http://git.example.net/specs", NULL, false},
        {"git://git.example.net/specs", NULL, false},
        {"ext::sh", NULL, true},
        {"https://me:hunter2@git.example.net/specs", NULL, false},
        {"http://me:hunter2@git.example.net/specs", NULL, false},
        {"https://git.example.net", NULL, false},
        {"https:///specs", NULL, false},
    };
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        EK_LOCATION location = {0};
        struct ek_error err = {0};
        int result = ek_location_parse(urls[i].url, &location, &err);
        if ((result == 0) != (urls[i].address != NULL))
            fail_msg("%s: %d", urls[i].url, result);
        if (result != 0) {
            assert_string_equal(err.id, "EK-0610");
            assert_null(strstr(err.sentence, "hunter2"));
            assert_null(strstr(err.hint, "hunter2"));
            continue;
        }
        assert_string_equal(ek_buffer_text(&location.address), urls[i].address);
        assert_int_equal(location.remote, urls[i].remote);
    }
}

#define GIT_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_new, scratch_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GIT_TEST(a_mirror_follows_its_remote),
        GIT_TEST(one_mirror_for_one_address),
        GIT_TEST(a_half_made_mirror_is_completed),
        GIT_TEST(several_at_once),
        GIT_TEST(a_remote_that_is_gone),
        GIT_TEST(a_cache_that_can_not_be_made),
        GIT_TEST(an_unreachable_host),
        cmocka_unit_test(urls_are_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
