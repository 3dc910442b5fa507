#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>

#include "reconciler/base/buffer.h"
#include "reconciler/base/hash.h"
#include "reconciler/base/json.h"
#include "reconciler/base/memory.h"
#include "reconciler/base/secret_bytes.h"
#include "specs/arena.h"
#include "specs/parse.h"

/* More than there can be of it: the allocator refuses by itself, and AddressSanitizer's if asked
 * to. */
static const size_t too_much = (size_t)1 << 62;

/* NOLINTBEGIN(bugprone-reserved-identifier): the sanitizer's own name */
const char *__asan_default_options(void) __attribute__((visibility("default"), used));
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}
/* NOLINTEND(bugprone-reserved-identifier) */

static void is_told(int result, const struct ek_error *err)
{
    assert_int_equal(result, EK_NO_MEMORY);
    assert_int_equal(err->code, EK_NO_MEMORY);
    assert_string_equal(err->id, "EK-0599");
    assert_true(err->hint[0] != 0);
}

static void one_sentence_says_it(void **state)
{
    (void)state;
    struct ek_error err = {0};
    is_told(ek_no_memory(&err), &err);
    assert_int_equal(ek_no_memory(NULL), EK_NO_MEMORY);
}

/* ---- buffers ---- */

static void a_buffer_that_failed_reads_as_empty(void **state)
{
    (void)state;
    struct ek_error err = {0};
    EK_BUFFER buffer = {0};
    ek_buffer_text_add(&buffer, "rm -rf /var/lib/evenkeel");
    assert_int_equal(ek_buffer_check(&buffer, &err), 0);
    ek_buffer_text_add(&buffer, NULL);
    assert_string_equal(ek_buffer_text(&buffer), "");
    assert_int_equal(buffer.length, 0);
    is_told(ek_buffer_check(&buffer, &err), &err);
}

static void a_buffer_that_failed_takes_nothing_more(void **state)
{
    (void)state;
    EK_BUFFER buffer = {0};
    ek_buffer_text_add(&buffer, "first");
    ek_buffer_fail(&buffer);
    ek_buffer_text_add(&buffer, "more");
    ek_buffer_printf(&buffer, "%d", 1);
    ek_buffer_add(&buffer, "x", 1);
    assert_string_equal(ek_buffer_text(&buffer), "");
    assert_int_equal(ek_buffer_check(&buffer, NULL), EK_NO_MEMORY);
    assert_null(ek_buffer_take(&buffer));
}

static void what_is_refused_fails_the_buffer(void **state)
{
    (void)state;
    EK_BUFFER buffer = {0};
    ek_buffer_text_add(&buffer, "first");
    ek_buffer_add(&buffer, "", too_much);
    assert_int_equal(ek_buffer_check(&buffer, NULL), EK_NO_MEMORY);
    assert_string_equal(ek_buffer_text(&buffer), "");
}

static void a_buffer_is_as_good_as_its_parts(void **state)
{
    (void)state;
    EK_BUFFER good = {0};
    EK_BUFFER bad = {0};
    EK_BUFFER whole = {0};
    ek_buffer_text_add(&good, "good");
    ek_buffer_fail(&bad);
    ek_buffer_printf(&whole, "%s", ek_buffer_text(&good));
    ek_buffer_fail_with(&whole, &good);
    assert_int_equal(ek_buffer_check(&whole, NULL), 0);
    ek_buffer_fail_with(&whole, &bad);
    assert_int_equal(ek_buffer_check(&whole, NULL), EK_NO_MEMORY);
}

static void done_with_it_begins_anew(void **state)
{
    (void)state;
    EK_BUFFER buffer = {0};
    ek_buffer_fail(&buffer);
    ek_buffer_done(&buffer);
    ek_buffer_text_add(&buffer, "again");
    assert_int_equal(ek_buffer_check(&buffer, NULL), 0);
    assert_string_equal(ek_buffer_text(&buffer), "again");
}

static void there_is_no_digest_of_a_buffer_that_failed(void **state)
{
    (void)state;
    struct ek_error err = {0};
    uint8_t digest[32] = {7};
    char hex[65] = "untouched";
    EK_BUFFER buffer = {0};
    ek_buffer_fail(&buffer);
    is_told(ek_sha256_of(&buffer, digest, &err), &err);
    is_told(ek_sha256_hex_of(&buffer, hex, &err), &err);
    assert_int_equal(digest[0], 7);
    assert_string_equal(hex, "untouched");
}

/* ---- secrets ---- */

static void a_secret_without_memory_is_none(void **state)
{
    (void)state;
    struct ek_error err = {0};
    struct ek_secret *secret = NULL;
    assert_null(ek_secret_new("", too_much));
    is_told(ek_secret_make("", too_much, &secret, &err), &err);
    assert_null(secret);
}

/* ---- JSON ---- */

static void a_tree_that_lacks_a_part_is_none(void **state)
{
    (void)state;
    json_t *object = json_object();
    json_t *array = json_array();
    ek_json_set(&object, "good", json_true());
    assert_int_equal(json_object_size(object), 1);
    ek_json_set(&object, "bad", NULL);
    assert_null(object);
    ek_json_set(&object, "later", json_string("is let go of"));
    assert_null(object);
    ek_json_append(&array, object);
    assert_null(array);
    ek_json_append(&array, json_string("is let go of"));
    assert_null(array);
}

static void without_a_tree_the_text_fails(void **state)
{
    (void)state;
    EK_BUFFER text = {0};
    ek_json_print(json_pack("{s:i}", "a", 1), JSON_COMPACT, &text);
    assert_string_equal(ek_buffer_text(&text), "{\"a\":1}");
    ek_json_print(NULL, JSON_COMPACT, &text);
    assert_int_equal(ek_buffer_check(&text, NULL), EK_NO_MEMORY);
}

static void what_is_no_utf8_is_no_want_of_memory(void **state)
{
    (void)state;
    static const struct {
        const char *text, *becomes;
    } table[] = {
        {"plain", "plain"},
        {"Z\xc3\xbcrich \xe2\x82\xac \xf0\x9f\x98\x80",
         "Z\xc3\xbcrich \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd"},
        {"\xff!", "\xef\xbf\xbd!"},
        {"\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        json_t *json = ek_json_text(table[i].text);
        assert_string_equal(json_string_value(json), table[i].becomes);
        json_decref(json);
    }
    assert_null(ek_json_text(NULL));
}

static void a_text_that_is_no_json_is_no_want_of_memory(void **state)
{
    (void)state;
    json_t *json = NULL;
    json_error_t problem;
    static const char *const bad[] = {"", "{", "[1,]", "{\"a\":1} x", "\"\xff\"", "nonsense"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(ek_json_read(bad[i], strlen(bad[i]), 0, &json, &problem), EK_INVALID);
        assert_true(problem.text[0] != 0);
    }
    assert_int_equal(ek_json_read("{}", 2, 0, &json, NULL), 0);
    json_decref(json);
}

/* ---- arenas ---- */

static void an_arena_that_failed_gives_nothing_more(void **state)
{
    (void)state;
    struct ek_error err = {0};
    EK_CLEANUP(ek_arena_cleanup) struct ek_arena *arena = ek_arena_new();
    int *numbers = ek_arena_grow(arena, NULL, 0, sizeof *numbers);
    assert_non_null(numbers);
    assert_int_equal(ek_arena_check(arena, &err), 0);
    assert_null(ek_arena_zeroed(arena, too_much));
    is_told(ek_arena_check(arena, &err), &err);
    assert_null(ek_arena_zeroed(arena, 1));
    assert_null(ek_arena_grow(arena, numbers, 1, sizeof *numbers));
    assert_string_equal(ek_arena_copy(arena, "text", 4), "");
    assert_string_equal(ek_arena_printf(arena, "%d", 1), "");
}

static void no_arena_is_one_that_failed(void **state)
{
    (void)state;
    assert_null(ek_arena_zeroed(NULL, 1));
    assert_string_equal(ek_arena_copy(NULL, "text", 4), "");
    assert_int_equal(ek_arena_check(NULL, NULL), EK_NO_MEMORY);
    ek_arena_fail(NULL);
    ek_arena_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_sentence_says_it),
        cmocka_unit_test(a_buffer_that_failed_reads_as_empty),
        cmocka_unit_test(a_buffer_that_failed_takes_nothing_more),
        cmocka_unit_test(what_is_refused_fails_the_buffer),
        cmocka_unit_test(a_buffer_is_as_good_as_its_parts),
        cmocka_unit_test(done_with_it_begins_anew),
        cmocka_unit_test(there_is_no_digest_of_a_buffer_that_failed),
        cmocka_unit_test(a_secret_without_memory_is_none),
        cmocka_unit_test(a_tree_that_lacks_a_part_is_none),
        cmocka_unit_test(without_a_tree_the_text_fails),
        cmocka_unit_test(what_is_no_utf8_is_no_want_of_memory),
        cmocka_unit_test(a_text_that_is_no_json_is_no_want_of_memory),
        cmocka_unit_test(an_arena_that_failed_gives_nothing_more),
        cmocka_unit_test(no_arena_is_one_that_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
