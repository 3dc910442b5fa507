#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "reconciler/base/hex.h"

static void every_byte_there_and_back(void **state)
{
    (void)state;
    uint8_t bytes[256];
    uint8_t back[256] = {0};
    char text[2 * sizeof bytes + 1];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    ek_hex(bytes, sizeof bytes, text);
    assert_int_equal(strlen(text), 512);
    assert_int_equal(strspn(text, "0123456789abcdef"), 512);
    assert_memory_equal(text + 2 * 0x0a, "0a", 2);
    assert_memory_equal(text + 2 * 0xf0, "f0", 2);
    assert_true(ek_hex_read(text, sizeof back, back));
    assert_memory_equal(back, bytes, sizeof bytes);
}

static void either_case_and_nothing_else(void **state)
{
    (void)state;
    static const char digits[] = "0123456789abcdefABCDEF";
    uint8_t bytes[2];
    for (int c = 0; c < 256; c++) {
        const char *at = c ? strchr(digits, c) : NULL;
        int wanted = !at ? -1 : (int)(at - digits) - (at - digits >= 16 ? 6 : 0);
        assert_int_equal(ek_hex_digit((char)c), wanted);
    }
    assert_true(ek_hex_read("aAfF and more", 2, bytes));
    assert_int_equal(bytes[0], 0xaa);
    assert_int_equal(bytes[1], 0xff);
    assert_false(ek_hex_read("00g0", 2, bytes));
    assert_false(ek_hex_read("000", 2, bytes)); /* ends too early */
    assert_false(ek_hex_read("", 1, bytes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_there_and_back),
        cmocka_unit_test(either_case_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
