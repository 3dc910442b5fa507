/* How long before an authority's end it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reconciler/loop/endings.h"

static void each_distance_is_reached_once(void **state)
{
    (void)state;
    enum { DAY = 86400 };
    static const struct {
        int64_t left_s, distance_s;
    } cases[] = {{3650LL * DAY, EK_ENDING_FAR},
                 {90 * DAY + 1, EK_ENDING_FAR},
                 {90 * DAY, 90 * DAY},
                 {30 * DAY + 1, 90 * DAY},
                 {30 * DAY, 30 * DAY},
                 {7 * DAY + 1, 30 * DAY},
                 {7 * DAY, 7 * DAY},
                 {DAY + 1, 7 * DAY},
                 {DAY, DAY},
                 {1, DAY},
                 {0, 0},
                 {-DAY, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(ek_ending_distance_s(cases[i].left_s), cases[i].distance_s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_distance_is_reached_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
