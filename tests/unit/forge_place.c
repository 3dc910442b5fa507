/* Forges before anything is sent: the drivers are complete, places and tokens are checked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "drivers/forge/drivers.h"
#include "reconciler/base/file.h"

static const char commit[] = "3f2c1ab7d0c94a55b1e2f60718293a4b5c6d7e8f";

static char token_path[64];

static int write_token(void **state)
{
    (void)state;
    snprintf(token_path, sizeof token_path, "/tmp/ek-forge-%d", (int)getpid());
    return ek_file_write(token_path, "s3cret\n", 7, 0600, NULL);
}

static int remove_token(void **state)
{
    (void)state;
    return unlink(token_path);
}

static void drivers_are_complete(void **state)
{
    size_t count = 0;
    (void)state;
    for (; ek_forge_drivers[count]; count++) {
        const struct ek_forge_driver *driver = ek_forge_drivers[count];
        EK_BUFFER list = {0};
        EK_BUFFER one = {0};
        EK_BUFFER status = {0};
        assert_non_null(driver->title);
        assert_non_null(driver->headers);
        assert_non_null(driver->update_method);
        assert_non_null(driver->author_key);
        assert_non_null(driver->context_key);
        assert_non_null(strstr(driver->token_header, ": "));
        assert_in_range(driver->comment_max, 2000, 1000000);
        assert_in_range(driver->description_max, 100, 1000);
        for (size_t i = 0; i < 3; i++)
            assert_non_null(driver->states[i]);
        driver->comments_path("acme/fleet", "7", &list);
        driver->comment_path("acme/fleet", "7", "12", &one);
        driver->status_path("acme/fleet", commit, &status);
        assert_int_equal(list.bytes[0], '/');
        assert_non_null(strstr(list.bytes, "/7/"));
        assert_string_equal(one.bytes + one.length - 3, "/12");
        assert_non_null(strstr(status.bytes, commit));
        assert_ptr_equal(ek_forge_driver_find(driver->name), driver);
    }
    assert_int_equal(count, 3);
    assert_null(ek_forge_driver_find("bitbucket"));
}

static int open_place(const struct ek_forge_place *place, struct ek_error *err)
{
    const struct ek_forge_login login = {.token_file = token_path};
    EK_FORGE *forge = NULL;
    return ek_forge_open(place, &login, 1000, &forge, err);
}

static void places(void **state)
{
    static const struct {
        const char *forge, *url, *repository, *number, *commit;
        bool good;
    } table[] = {
        {"github", "https://api.github.com", "acme/fleet", "7", commit, true},
        {"github", "https://api.github.com/", "acme/fleet.x_y-z", NULL, NULL, true},
        {"gitea", "HTTPS://git.example.net:3000/api/v1", "acme/fleet", "7", commit, true},
        {"gitlab", "https://gitlab.example/api/v4", "a/b/c/d", "7", commit, true},
        {"gitlab", "https://gitlab.example/api/v4", "23", "7", commit, true},
        {"bitbucket", "https://x", "a/b", "7", commit, false},
        {"github", "http://api.github.com", "a/b", "7", commit, false},
        {"github", "https://", "a/b", "7", commit, false},
        {"github", "https://u:p@h/", "a/b", "7", commit, false},
        {"github", "https://h/?x", "a/b", "7", commit, false},
        {"github", "https://h\r\nX: y", "a/b", "7", commit, false},
        {"github", "https://h", "23", "7", commit, false},
        {"github", "https://h", "a/b/c", "7", commit, false},
        {"github", "https://h", "a/", "7", commit, false},
        {"github", "https://h", "/b", "7", commit, false},
        {"github", "https://h", "../b", "7", commit, false},
        {"github", "https://h", "a/b c", "7", commit, false},
        {"gitlab", "https://h", "a//b", "7", commit, false},
        {"gitlab", "https://h", "group", "7", commit, false},
        {"github", "https://h", "a/b", "7x", commit, false},
        {"github", "https://h", "a/b", "", commit, false},
        {"github", "https://h", "a/b", "7", "main", false},
        {"github", "https://h", "a/b", "7", "3f2c1ab", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct ek_error err = {0};
        const struct ek_forge_place place = {table[i].forge, table[i].url, table[i].repository,
                                             table[i].number, table[i].commit};
        int result = open_place(&place, &err);
        if ((result == 0) != table[i].good)
            fail_msg("row %zu: %s", i, err.sentence);
        if (!table[i].good)
            assert_string_equal(err.id, "EK-1204");
        assert_null(strstr(err.sentence, "u:p"));
    }
}

static void what_needs_a_place_says_so(void **state)
{
    const struct ek_forge_place place = {"github", "https://h.invalid", "a/b", NULL, NULL};
    const struct ek_forge_login login = {.token_file = token_path};
    const struct ek_forge_status status = {EK_FORGE_SUCCESS, "c", "d", NULL};
    struct ek_forge_said said;
    struct ek_error err = {0};
    EK_FORGE *forge = NULL;
    (void)state;
    assert_int_equal(ek_forge_open(&place, &login, 1000, &forge, &err), 0);
    assert_int_equal(ek_forge_comment(forge, "text", "", &said, &err), EK_INVALID);
    assert_string_equal(err.id, "EK-1204");
    assert_int_equal(ek_forge_status(forge, &status, &err), EK_INVALID);
    assert_string_equal(err.id, "EK-1204");
    assert_string_equal(ek_forge_title(forge), "GitHub");
}

static void no_answer(void **state)
{
    const struct ek_forge_place place = {"gitea", "https://127.0.0.1:1/api/v1", "a/b", "7", commit};
    const struct ek_forge_login login = {.token_file = token_path};
    const struct ek_forge_status status = {EK_FORGE_PENDING, "c", "d", "https://x"};
    struct ek_forge_said said;
    struct ek_error err = {0};
    EK_FORGE *forge = NULL;
    (void)state;
    assert_int_equal(ek_forge_open(&place, &login, 1000, &forge, &err), 0);
    assert_int_equal(ek_forge_comment(forge, "text", "", &said, &err), EK_UNREACHABLE);
    assert_string_equal(err.id, "EK-1206");
    assert_int_equal(ek_forge_status(forge, &status, NULL), EK_UNREACHABLE);
    assert_null(strstr(err.cause, "s3cret"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drivers_are_complete),
        cmocka_unit_test(places),
        cmocka_unit_test(what_needs_a_place_says_so),
        cmocka_unit_test(no_answer),
    };
    return cmocka_run_group_tests(tests, write_token, remove_token);
}
