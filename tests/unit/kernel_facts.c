/* Rows of fields: none is forgotten, and whatever makes the planner say something else moves the
 * digest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/kernel/aspect.h"
#include "reconciler/kernel/facts.h"
#include "tests/model/cases.c" /* the model's fleets, compiled into this program */

static struct model_case fleet;

/* ---- no field without a row ---- */

/* Which bytes of a part's element belong to a row; the others may be padding only. */
static void cover(const struct ek_aspect *aspect, enum ek_part_id part, uint8_t *covered)
{
    for (const struct ek_field *const *field = aspect->fields; *field; field++)
        if ((*field)->part == part)
            memset(covered + (*field)->offset, 1, (*field)->size);
}

static void every_byte_of_a_part_has_a_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < EK_ASPECT_PARTS; i++) {
        const struct ek_aspect *aspect = ek_aspect_at(i / EK_PARTS_OF_ASPECT);
        size_t size = aspect->sizes[i % EK_PARTS_OF_ASPECT];
        uint8_t *covered = calloc(1, size + 1);
        size_t bare = 0;
        assert_non_null(covered);
        cover(aspect, (enum ek_part_id)i, covered);
        for (size_t b = 0; b < size; b++) {
            bare = covered[b] ? 0 : bare + 1;
            if (bare >= sizeof(int64_t))
                fail_msg("%s: byte %zu of an element has no row", aspect->name, b);
        }
        free(covered);
    }
}

static void keys_are_told_apart(void **state)
{
    (void)state;
    for (size_t a = 0; a < EK_ASPECTS; a++)
        for (const struct ek_field *const *f = ek_aspect_at(a)->fields; *f; f++)
            for (size_t b = 0; b < EK_ASPECTS; b++)
                for (const struct ek_field *const *g = ek_aspect_at(b)->fields; *g; g++)
                    if (*f != *g && ek_field_of_member(*f) == ek_field_of_member(*g))
                        assert_string_not_equal((*f)->key, (*g)->key);
}

/* ---- the same digest, the same plan ---- */

/* Ways to change the bytes of one value so that it stays a value. */
enum { WAYS = 5 };

/* "x", in every state here. */
static struct ek_text_ref text;

static bool change_plain(const struct ek_field *field, void *value, int way)
{
    if (field->kind == &ek_tri_kind) {
        if (way > 2)
            return false;
        *(enum ek_tri *)value = (enum ek_tri)way;
    } else if (field->kind == &ek_flag_kind) {
        *(bool *)value = way & 1;
    } else if (field->kind == &ek_long_kind) {
        const int64_t values[WAYS] = {field->unknown, 0, 1, 7000000, 1799999999};
        *(int64_t *)value = values[way];
    } else if (field->kind == &ek_int_kind) {
        *(int *)value = way == 0 ? (int)field->unknown : way - 1;
    } else if (field->kind == &ek_number_kind) {
        *(double *)value = way;
    } else if (field->kind == &ek_members_kind) {
        *(uint64_t *)value = way == 0 ? 0 : 7U >> (way - 1);
    } else if (field->kind == &ek_digest_kind) {
        memset(value, way * 0x55, 32);
    } else if (field->kind == &ek_text_ref_kind && way < 2) {
        *(struct ek_text_ref *)value = way ? text : (struct ek_text_ref){0};
    } else {
        return false;
    }
    return true;
}

static bool change(const struct ek_field *field, void *value, int way)
{
    if (change_plain(field, value, way))
        return true;
    if (field->kind == &ek_text_kind && way < 2)
        snprintf(value, field->size, "%s", way ? "x" : "");
    else if (field->size == sizeof(int) && field->kind != &ek_tri_kind &&
             field->kind != &ek_text_ref_kind && way < 4)
        *(int *)value = way + 1; /* an enumeration */
    else
        return false;
    return true;
}

struct said {
    struct ek_verdict verdict;
    char planned[65];
    char whole[65];
};

static struct said ask_about(const struct ek_state *state)
{
    struct said said;
    const struct ek_situation *situation = EK_SITUATION(&fleet.spec, state, &fleet.policy);
    memset(&said, 0, sizeof said);
    ek_next(situation, &said.verdict);
    assert_int_equal(ek_state_digest(situation, said.planned, NULL), 0);
    assert_int_equal(ek_state_digest_whole(situation, said.whole, NULL), 0);
    return said;
}

/* Another step, or the end, and not merely something that is waited or asked for. */
static bool plans_differ(const struct said *a, const struct said *b)
{
    if (a->verdict.kind != b->verdict.kind)
        return a->verdict.kind != EK_VERDICT_BLOCKED && b->verdict.kind != EK_VERDICT_BLOCKED;
    return a->verdict.kind == EK_VERDICT_STEP && !ek_step_same(&a->verdict.step, &b->verdict.step);
}

static bool verdicts_differ(const struct said *a, const struct said *b)
{
    if (plans_differ(a, b) || a->verdict.kind != b->verdict.kind)
        return true;
    return a->verdict.kind == EK_VERDICT_BLOCKED &&
           strcmp(a->verdict.blocked.id, b->verdict.blocked.id) != 0;
}

static size_t flips;
static size_t moved;

static void hold_together(const struct ek_field *field, const char *part, const struct said *was,
                          const struct said *is)
{
    flips++;
    moved += verdicts_differ(was, is);
    if (verdicts_differ(was, is) && strcmp(was->whole, is->whole) == 0)
        fail_msg("%s %s: the planner says something else, the whole digest stays", field->key,
                 part);
    if (field->role == EK_FIELD_PLANNED && plans_differ(was, is) &&
        strcmp(was->planned, is->planned) == 0)
        fail_msg("%s %s: another step, and the digest of plans stays", field->key, part);
    if (field->role == EK_FIELD_TOLD && verdicts_differ(was, is) &&
        strcmp(was->planned, is->planned) == 0)
        fail_msg("%s %s is told only, and the planner looks at it", field->key, part);
}

/* One field of one element in every way, its parts one by one. */
static void flip(const struct ek_state *state, const struct ek_field *field, size_t index,
                 const struct said *was)
{
    static struct ek_state *changed;
    const struct ek_field *part = field->kind == &ek_object_kind ? field->parts : NULL;
    do {
        for (int way = 0; way < WAYS; way++) {
            model_copy(&changed, state);
            char *value = (char *)ek_state_change(changed, field->part, index) + field->offset;
            const struct ek_field *flipped = part ? part : field;
            if (!flipped->kind || !change(flipped, value + (part ? part->offset : 0), way))
                continue;
            struct said is = ask_about(changed);
            hold_together(field, part ? part->key : "", was, &is);
        }
    } while (part && (++part)->key);
}

static void flip_all(const struct ek_state *state)
{
    struct said was = ask_about(state);
    for (size_t a = 0; a < EK_ASPECTS; a++)
        for (const struct ek_field *const *f = ek_aspect_at(a)->fields; *f; f++) {
            bool is_name = strcmp((*f)->key, "name") == 0; /* the key of every fact */
            for (size_t i = 0; !is_name && i < ek_state_count(state, (*f)->part); i++)
                flip(state, *f, i, &was);
        }
}

/* From every state on the way from one mode to another, and of a set that is made. */
static void along(void)
{
    text = model_text(&fleet, "x");
    for (int steps = 0; steps < 40; steps++) {
        struct said said = ask_about(fleet.state);
        flip_all(fleet.state);
        if (said.verdict.kind != EK_VERDICT_STEP)
            return;
        assert_int_equal(ek_effect(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy),
                                   &said.verdict.step, &fleet.state, NULL),
                         0);
    }
}

static void what_moves_the_planner_moves_the_digest(void **state)
{
    enum { THREE = 2, PSA = 4 };
    (void)state;
    flips = moved = 0;
    model_case_init(&fleet, THREE, EK_SSL_DISABLED, EK_SSL_REQUIRE, 0);
    along();
    model_case_init(&fleet, THREE, EK_SSL_REQUIRE, EK_SSL_DISABLED,
                    MODEL_DOMAIN_KNOWN | MODEL_CERTIFICATES_DUE);
    along();
    model_case_init(&fleet, PSA, EK_SSL_ALLOW, EK_SSL_PREFER,
                    MODEL_DOMAIN_KNOWN | MODEL_CERTIFICATES_DUE);
    along();
    model_case_init_bare(&fleet, THREE, EK_SSL_PREFER);
    along();
    assert_true(flips > 10000 && moved > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_of_a_part_has_a_row),
        cmocka_unit_test(keys_are_told_apart),
        cmocka_unit_test(what_moves_the_planner_moves_the_digest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
