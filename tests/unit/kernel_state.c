/* The block of a state: as large as the deployment, parts apart, lists that grow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/kernel/aspect.h"
#include "reconciler/kernel/facts.h"
#include "reconciler/report/state_json.h"
#include "tests/model/cases.c" /* the model's fleets, compiled into this program */

static struct model_case fleet;

static struct ek_state *state_of(size_t members)
{
    struct ek_state *made;
    assert_int_equal(ek_state_new(members, &made, NULL), 0);
    return made;
}

static struct ek_text_ref text_of(struct ek_state **made, const char *text)
{
    struct ek_text_ref ref;
    assert_int_equal(ek_state_add_text(made, text, &ref, NULL), 0);
    return ref;
}

/* What most have in common, and one has otherwise in its file. */
static void give_options(struct ek_state **made)
{
    static const char common[] =
        "net.bindIp=127.0.0.1,10.1.2.3\nnet.port=27017\n"
        "net.tls.allowConnectionsWithoutCertificates=true\nnet.tls.disabledProtocols=TLS1_0,TLS1_"
        "1\n"
        "net.tls.tlsCipherConfig=ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256\n"
        "replication.replSetName=orders-production\nsecurity.authorization=enabled\n"
        "security.keyFile=/etc/mongod/orders-production.key\n"
        "storage.dbPath=/var/lib/mongodb/orders-production\n";
    for (size_t m = 0; m < 3; m++) {
        char own[EK_TEXT_SIZE];
        snprintf(own, sizeof own, "%ssystemLog.path=/var/log/mongodb/%zu.log\n", common, m);
        const struct ek_text_ref all = text_of(made, common);
        const struct ek_text_ref other = m == 2 ? text_of(made, own) : all;
        ek_member_transport(*made, m)->options_running.keys = all;
        ek_member_transport(*made, m)->options_configured.keys = other;
        ek_member_transport(*made, m)->options_wanted.keys = other;
        const struct ek_text_ref lost = text_of(made, "--replSet orders-production --auth");
        ek_member(*made, m)->options_lost = lost;
        const struct ek_text_ref foreign = text_of(made, "/etc/pki/tls/private/mongod.pem");
        ek_member_certificates(*made, m)->foreign = foreign;
    }
}

static void three_members_take_less_than_8_kib(void **state)
{
    (void)state;
    struct ek_state *three = state_of(3);
    struct ek_state *fifty = state_of(50);
    give_options(&three);
    assert_true(three->size < 8192);
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

static void a_text_is_kept_once(void **state)
{
    (void)state;
    struct ek_state *made = state_of(2);
    size_t bare = made->size;
    assert_string_equal(ek_state_text(made, (struct ek_text_ref){0}), "");
    assert_int_equal(text_of(&made, "").place, 0);
    assert_int_equal(made->size, bare);
    struct ek_text_ref one = text_of(&made, "one two");
    struct ek_text_ref two = text_of(&made, "two");
    size_t size = made->size;
    assert_int_not_equal(one.place, two.place);
    assert_int_equal(text_of(&made, "one two").place, one.place);
    assert_int_equal(text_of(&made, "two").place, two.place);
    assert_int_equal(made->size, size);
    ek_member(made, 1)->options_lost = one;
    made->parts[EK_PART_replica_set_list].size = 12;
    assert_int_equal(ek_state_insert(&made, EK_PART_replica_set_list, 0, 5, NULL), 0);
    memset(ek_state_change(made, EK_PART_replica_set_list, 0), 0x5a, 60);
    assert_string_equal(ek_state_text(made, ek_member(made, 1)->options_lost), "one two");
    ek_state_remove(made, EK_PART_replica_set_list, 0, 5);
    assert_string_equal(ek_state_text(made, two), "two");
    assert_int_equal(made->size, size);
    free(made);
}

static void assert_same_facts(const struct ek_state *one, const struct ek_state *other)
{
    char digests[2][EK_SHA256_HEX_SIZE];
    const struct ek_state *const states[] = {one, other};
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(ek_state_digest_whole(EK_SITUATION(&fleet.spec, states[i], &fleet.policy),
                                               digests[i], NULL),
                         0);
    assert_string_equal(digests[0], digests[1]);
    json_t *json[] = {ek_state_json(one, NULL), ek_state_json(other, NULL)};
    assert_true(json_equal(json[0], json[1]));
    json_decref(json[0]);
    json_decref(json[1]);
}

/* In which order texts were added, and what else was, says nothing. */
static void where_a_text_lies_says_nothing(void **state)
{
    (void)state;
    struct ek_state *other = NULL;
    model_case_init(&fleet, 2, EK_SSL_PREFER, EK_SSL_PREFER, MODEL_DOMAIN_KNOWN);
    model_copy(&other, fleet.state);
    const struct ek_text_ref keys = model_text(&fleet, "net.port=1\n");
    const struct ek_text_ref lost = model_text(&fleet, "--auth");
    ek_member_transport(fleet.state, 1)->options_running.keys = keys;
    ek_member(fleet.state, 1)->options_lost = lost;
    text_of(&other, "said by nobody");
    const struct ek_text_ref other_lost = text_of(&other, "--auth");
    const struct ek_text_ref other_keys = text_of(&other, "net.port=1\n");
    ek_member_transport(other, 1)->options_running.keys = other_keys;
    ek_member(other, 1)->options_lost = other_lost;
    assert_int_not_equal(keys.place, other_keys.place);
    assert_same_facts(fleet.state, other);
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
        cmocka_unit_test(three_members_take_less_than_8_kib),
        cmocka_unit_test(parts_lie_apart),
        cmocka_unit_test(what_is_not_known_is_so_from_the_first),
        cmocka_unit_test(a_copy_is_a_copy),
        cmocka_unit_test(a_text_is_kept_once),
        cmocka_unit_test(where_a_text_lies_says_nothing),
        cmocka_unit_test(a_list_grows_and_shrinks_in_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
