/* keyFiles as a server reads them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "drivers/mongodb/key_file.h"

static void test_keys_are_read_as_the_server_reads_them(void **state)
{
    static const struct {
        const char *text;
        const char *keys; /* NULL: refused */
    } table[] = {
        {"c2VjcmV0\n", "c2VjcmV0\n"},
        {"c2Vj\ncmV0\n\n", "c2VjcmV0\n"},
        {"  c2Vj cmV0==  ", "c2VjcmV0==\n"},
        {"# rotated in May\nc2VjcmV0\n", "c2VjcmV0\n"},
        {"- c2VjcmV0\n- b3RoZXI=\n", "c2VjcmV0\nb3RoZXI=\n"},
        {"[ c2VjcmV0, b3RoZXI= ]", "c2VjcmV0\nb3RoZXI=\n"},
        {"- \"c2Vj cmV0\"\n", "c2VjcmV0\n"},
        {"- |\n  c2Vj\n  cmV0\n- b3RoZXI=\n", "c2VjcmV0\nb3RoZXI=\n"},
        {"", NULL},
        {"short", NULL},
        {"c2VjcmV0!", NULL},
        {"- c2VjcmV0\n- b3RoZXI=\n- dGhpcmQ=\n", NULL},
        {"[]", NULL},
        {"key: c2VjcmV0\n", NULL},
        {"- [ c2VjcmV0 ]\n", NULL},
        {"\tc2VjcmV0: [", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        EK_SECRET *keys = NULL;
        struct ek_error err = {0};
        int result = ek_key_file_parse(table[i].text, strlen(table[i].text), &keys, &err);
        assert_int_equal(result, table[i].keys ? 0 : EK_INVALID);
        if (table[i].keys)
            assert_string_equal(ek_secret_reveal(keys), table[i].keys);
        else
            assert_string_equal(err.id, "EK-0457");
        assert_null(strstr(err.sentence, "c2VjcmV0")); /* a secret is told to nobody */
    }
}

static void test_keys_are_told_apart(void **state)
{
    EK_SECRET *keys = ek_secret_new("first1\nsecond\n", 14);
    EK_SECRET *one = NULL;
    EK_SECRET *two = NULL;
    EK_SECRET *three = NULL;
    assert_int_equal(ek_key_file_key(keys, 0, &one, NULL), 0);
    assert_int_equal(ek_key_file_key(keys, 1, &two, NULL), 0);
    assert_int_equal(ek_key_file_key(keys, 2, &three, NULL), 0);
    (void)state;
    assert_string_equal(ek_secret_reveal(one), "first1");
    assert_string_equal(ek_secret_reveal(two), "second");
    assert_null(three);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_are_read_as_the_server_reads_them),
        cmocka_unit_test(test_keys_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
