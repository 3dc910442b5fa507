/* What is sent to the server, and what its refusals mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/mongodb/link.h"
#include "tests/unit/mongodb_json.h"

#define CONFIG(version, a, b)                                                                      \
    "{\"_id\":\"rs0\",\"version\":" version ",\"term\":{\"$numberLong\":\"12\"},\"future\":{"      \
    "\"kept\":[1,\"two\",null]},\"members\":[{\"_id\":0,\"host\":\"" a "\",\"priority\":2.5,"      \
    "\"tags\":{\"dc\":\"x\"},\"slaveDelay\":{\"$numberLong\":\"0\"},\"votes\":1},{\"newField\":"   \
    "true,\"_id\":7,\"host\":\"" b "\",\"horizons\":{\"out\":\"h:1\"}}],\"settings\":{"            \
    "\"replicaSetId\":{\"$oid\":\"6b024d459fe00b3bc66db41f\"}},\"last\":1}"

static void renaming_keeps_every_other_field(void **state)
{
    (void)state;
    const int ids[] = {7, 0};
    const char *const hosts[] = {"b.new:27017", "a.new:27017"};
    const struct ek_mongodb_renaming both = {4, ids, hosts, 2}, one = {4, ids, hosts, 1};
    bson_t *before = json(CONFIG("4", "a.old:1", "b.old:2"));
    bson_t *expected = json(CONFIG("5", "a.new:27017", "b.new:27017"));
    bson_t *expected_one = json(CONFIG("5", "a.old:1", "b.new:27017"));
    bson_t after = BSON_INITIALIZER, after_one = BSON_INITIALIZER;
    assert_int_equal(ek_mongodb_renamed_config(before, 4, &both, &after), 2);
    assert_true(bson_equal(&after, expected));
    assert_int_equal(ek_mongodb_renamed_config(before, 4, &one, &after_one), 1);
    assert_true(bson_equal(&after_one, expected_one));
    bson_destroy(&after);
    bson_destroy(&after_one);
    bson_destroy(before);
    bson_destroy(expected);
    bson_destroy(expected_one);
}

static void renaming_a_member_that_is_not_there(void **state)
{
    (void)state;
    const int ids[] = {0, 3};
    const char *const hosts[] = {"a.new:1", "c.new:1"};
    const struct ek_mongodb_renaming names = {4, ids, hosts, 2};
    bson_t *before = json(CONFIG("4", "a.old:1", "b.old:2"));
    bson_t after = BSON_INITIALIZER;
    assert_int_equal(ek_mongodb_renamed_config(before, 4, &names, &after), 1);
    bson_destroy(&after);
    bson_destroy(before);
}

static void every_refusal_has_its_meaning(void **state)
{
    (void)state;
    static const struct {
        int code, means;
        const char *id;
    } rows[] = {
        {2, EK_INVALID, "EK-0435"},      {13, EK_DENIED, "EK-0433"},
        {18, EK_DENIED, "EK-0432"},      {23, EK_EXISTS, "EK-0440"},
        {31, EK_INVALID, "EK-0449"},     {50, EK_TIMEOUT, "EK-0436"},
        {59, EK_UNSUPPORTED, "EK-0451"}, {64, EK_TIMEOUT, "EK-0455"},
        {74, EK_CONFLICT, "EK-0441"},    {76, EK_CONFLICT, "EK-0442"},
        {93, EK_CONFLICT, "EK-0438"},    {94, EK_CONFLICT, "EK-0442"},
        {95, EK_CONFLICT, "EK-0454"},    {103, EK_CONFLICT, "EK-0438"},
        {109, EK_CONFLICT, "EK-0437"},   {189, EK_CONFLICT, "EK-0448"},
        {262, EK_TIMEOUT, "EK-0436"},    {308, EK_TIMEOUT, "EK-0437"},
        {10107, EK_CONFLICT, "EK-0434"}, {11600, EK_CONFLICT, "EK-0448"},
        {0, EK_SYSTEM, "EK-0450"},       {424242, EK_SYSTEM, "EK-0450"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ek_mongodb_reply reply = {.code = rows[i].code, .words = "its own words"};
        struct ek_error err = {0};
        char number[16];
        snprintf(number, sizeof number, " %d: ", rows[i].code);
        assert_int_equal(ek_mongodb_reply_fail(&reply, "b", "freeze", &err), rows[i].means);
        assert_string_equal(err.id, rows[i].id);
        assert_non_null(strstr(err.sentence, number));
        assert_non_null(strstr(err.sentence, "its own words"));
        assert_int_equal(strncmp(err.sentence, "b: freeze: ", 11), 0);
    }
}

static void a_lost_answer_says_that_the_effect_is_unknown(void **state)
{
    (void)state;
    struct ek_mongodb_reply reply = {.lost = true, .words = "socket error or timeout"};
    struct ek_error err = {0};
    assert_int_equal(ek_mongodb_reply_fail(&reply, "b", "step down", &err), EK_UNREACHABLE);
    assert_string_equal(err.id, "EK-0431");
    assert_non_null(strstr(err.sentence, "may or may not have happened"));
}

static void the_driver_is_found_by_name_and_complete(void **state)
{
    (void)state;
    const struct ek_mongodb_driver *driver = ek_mongodb_driver_named("libmongoc");
    assert_non_null(driver);
    assert_string_equal(driver->name, "libmongoc");
    assert_true(driver->observe && driver->handshake && driver->set_ssl_mode && driver->step_down &&
                driver->freeze && driver->rename_members && driver->initiate &&
                driver->ensure_user);
    assert_null(ek_mongodb_driver_named("mongo"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(renaming_keeps_every_other_field),
        cmocka_unit_test(renaming_a_member_that_is_not_there),
        cmocka_unit_test(every_refusal_has_its_meaning),
        cmocka_unit_test(a_lost_answer_says_that_the_effect_is_unknown),
        cmocka_unit_test(the_driver_is_found_by_name_and_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
