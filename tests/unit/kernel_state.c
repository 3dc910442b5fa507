/* The block of a state: as large as the deployment, parts apart, lists that grow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/kernel/aspect.h"
#include "tests/model/cases.c" /* the model's fleets, compiled into this program */

static struct model_case fleet;

static struct ek_state *state_of(size_t members)
{
    struct ek_state *made;
    assert_int_equal(ek_state_new(members, &made, NULL), 0);
    return made;
}

static void three_members_take_less_than_16_kib(void **state)
{
    (void)state;
    struct ek_state *three = state_of(3);
    struct ek_state *fifty = state_of(50);
    assert_true(three->size < 16384);
    assert_true(fifty->size > 10 * three->size);
    memset(ek_member(fifty, 49), 0x5a, sizeof(struct ek_member));
    memset(ek_member_access(fifty, 49), 0x5a, sizeof(struct ek_member_access));
    free(three);
    free(fifty);
}

static void parts_lie_apart(void **state)
{
    (void)state;
    struct ek_state *made = state_of(7);
    size_t end = sizeof(struct ek_state);
    for (size_t i = 0; i < EK_PARTS; i++) {
        const struct ek_part *part = &made->parts[i];
        assert_true(part->offset >= end);
        assert_int_equal(part->offset % _Alignof(max_align_t), 0);
        end = part->offset + (size_t)part->count * part->size;
    }
    assert_true(end <= made->size);
    free(made);
}

static void what_is_not_known_is_so_from_the_first(void **state)
{
    (void)state;
    struct ek_state *made = state_of(2);
    for (size_t a = 0; a < EK_ASPECTS; a++)
        for (const struct ek_field *const *field = ek_aspect_at(a)->fields; *field; field++)
            for (size_t i = 0; i < ek_state_count(made, (*field)->part); i++)
                if ((*field)->kind->unknown && !ek_field_unknown(*field, made, i))
                    fail_msg("%s is known in a new state", (*field)->key);
    free(made);
}

static void a_copy_is_a_copy(void **state)
{
    (void)state;
    model_case_init(&fleet, 2, EK_SSL_PREFER, EK_SSL_PREFER, MODEL_DOMAIN_KNOWN);
    struct ek_state *copy;
    struct ek_state *other = state_of(9);
    assert_int_equal(ek_state_clone(fleet.state, &copy, NULL), 0);
    assert_int_equal(copy->size, fleet.state->size);
    assert_memory_equal(copy, fleet.state, copy->size);
    assert_int_equal(ek_state_assign(&other, copy, NULL), 0);
    assert_memory_equal(other, copy, copy->size);
    free(copy);
    free(other);
}

/* Lists are played with a part of the members' size, since no aspect has a list of its own yet. */
static void a_list_grows_and_shrinks_in_its_place(void **state)
{
    (void)state;
    const enum ek_part_id list = EK_PART_replica_set_list;
    struct ek_state *made = state_of(3);
    made->parts[list].size = 12; /* not a multiple of the alignment */
    snprintf(ek_member(made, 2)->name, EK_NAME_SIZE, "last before");
    ek_member_access(made, 2)->key_file = EK_YES;
    size_t size = made->size;
    for (uint8_t n = 0; n < 64; n++) {
        assert_int_equal(ek_state_insert(&made, list, n / 2, 1, NULL), 0);
        memset(ek_state_change(made, list, n / 2), n + 1, 12);
    }
    assert_int_equal(ek_state_count(made, list), 64);
    assert_string_equal(ek_member(made, 2)->name, "last before");
    assert_int_equal(ek_member_access(made, 2)->key_file, EK_YES);
    uint8_t seen[65] = {0};
    for (size_t i = 0; i < 64; i++)
        seen[*(const uint8_t *)ek_state_read(made, list, i)]++;
    for (size_t n = 1; n <= 64; n++)
        assert_int_equal(seen[n], 1);
    assert_int_equal(*(const uint8_t *)ek_state_read(made, list, 31), 64);
    ek_state_remove(made, list, 31, 1);
    assert_int_not_equal(*(const uint8_t *)ek_state_read(made, list, 31), 64);
    ek_state_remove(made, list, 0, 63);
    assert_int_equal(made->size, size);
    assert_int_equal(ek_member_access(made, 2)->key_file, EK_YES);
    free(made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_members_take_less_than_16_kib),
        cmocka_unit_test(parts_lie_apart),
        cmocka_unit_test(what_is_not_known_is_so_from_the_first),
        cmocka_unit_test(a_copy_is_a_copy),
        cmocka_unit_test(a_list_grows_and_shrinks_in_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
