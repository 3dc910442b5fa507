/* What moved between two states, also between what two versions know of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <string.h>

#include "reconciler/kernel/aspect.h"
#include "reconciler/kernel/facts.h"
#include "tests/model/cases.c" /* the model's fleets, compiled into this program */

enum { THREE = 2 };
enum { A, B, C };

static struct model_case fleet;
static json_t *before;
static struct ek_buffer text;
static unsigned drift;

static const struct ek_situation *now(void)
{
    static struct ek_situation situation;
    situation =
        (struct ek_situation){.spec = &fleet.spec, .state = fleet.state, .policy = &fleet.policy};
    return &situation;
}

static int set_up(void **state)
{
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_PREFER, EK_SSL_PREFER, MODEL_DOMAIN_KNOWN);
    return ek_facts_json(now(), &before, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    json_decref(before);
    ek_buffer_done(&text);
    model_case_done(&fleet);
    return 0;
}

static const char *moved(void)
{
    text.length = 0;
    ek_buffer_text_add(&text, "");
    assert_int_equal(ek_facts_moved(before, now(), &text, &drift, NULL), 0);
    return ek_buffer_text(&text);
}

static void nothing_moved(void **state)
{
    (void)state;
    assert_string_equal(moved(), "");
    assert_int_equal(drift, 0);
}

static void what_was_and_what_is_under_its_key(void **state)
{
    (void)state;
    ek_member_transport(fleet.state, B)->mode_running = EK_SSL_REQUIRE;
    assert_string_equal(moved(),
                        "- b sslMode running: preferSSL\n+ b sslMode running: requireSSL\n");
    assert_int_equal(drift, 1U << EK_DRIFT_SSL_MODE);
    assert_int_equal(ek_facts_moved(before, now(), &text, NULL, NULL), 0);
}

/* Who leads is nobody's wish: it moves the plan and is no drift. */
static void a_field_under_no_key_of_the_specs(void **state)
{
    (void)state;
    ek_member(fleet.state, B)->state = EK_MEMBER_UNKNOWN;
    assert_non_null(strstr(moved(), "- b role: SECONDARY\n"));
    assert_int_equal(drift, 0);
}

/* Taken down by another version, which knew of more, or wrote it otherwise. */
static void what_another_version_knew(void **state)
{
    (void)state;
    json_object_set_new(before, "b.colour", json_string("red"));
    json_object_set_new(before, "weather", json_string("fine"));
    json_object_set_new(before, "initiated", json_integer(1));
    assert_string_equal(moved(),
                        "- b colour: red\n- weather: fine\n+ replica set initiated: yes\n");
    assert_int_equal(drift, 1U << EK_DRIFT_MEMBERS);
}

/* Under which key of the specs each fact is reported as drift; the others under none. */
static const struct {
    const char *key;
    enum ek_drift_field drift;
} reported[] = {
    {"initiated", EK_DRIFT_MEMBERS},
    {"set_name", EK_DRIFT_MEMBERS},
    {"config_version", EK_DRIFT_MEMBERS},
    {"foreign_member", EK_DRIFT_MEMBERS},
    {"cluster_role", EK_DRIFT_MEMBERS},
    {"id", EK_DRIFT_MEMBERS},
    {"host", EK_DRIFT_MEMBERS},
    {"priority", EK_DRIFT_MEMBERS},
    {"votes", EK_DRIFT_MEMBERS},
    {"hidden", EK_DRIFT_MEMBERS},
    {"arbiter", EK_DRIFT_MEMBERS},
    {"delayed", EK_DRIFT_MEMBERS},
    {"configuration", EK_DRIFT_CONFIGURATION},
    {"spec_host_resolves", EK_DRIFT_NAMES},
    {"domain_label", EK_DRIFT_NAMES},
    {"domain_name_bound", EK_DRIFT_NAMES},
    {"ssl_mode_configured", EK_DRIFT_SSL_MODE},
    {"ssl_mode_running", EK_DRIFT_SSL_MODE},
    {"options_configured", EK_DRIFT_CONFIGURATION},
    {"options_wanted", EK_DRIFT_CONFIGURATION},
    {"options_running", EK_DRIFT_CONFIGURATION},
    {"authority", EK_DRIFT_CERTIFICATES},
    {"options_lost", EK_DRIFT_CONFIGURATION},
    {"options_added", EK_DRIFT_CONFIGURATION},
    {"certificate_installed", EK_DRIFT_CERTIFICATES},
    {"trust_installed", EK_DRIFT_CERTIFICATES},
    {"certificate_running", EK_DRIFT_CERTIFICATES},
    {"trust_running", EK_DRIFT_CERTIFICATES},
    {"key_password", EK_DRIFT_CERTIFICATES},
    {"key_file", EK_DRIFT_CERTIFICATES},
    {"authentication", EK_DRIFT_USERS},
    {"own_user", EK_DRIFT_USERS},
};

static int drift_of(const char *key)
{
    for (size_t i = 0; i < sizeof reported / sizeof *reported; i++)
        if (strcmp(reported[i].key, key) == 0)
            return (int)reported[i].drift;
    return EK_NO_DRIFT;
}

static void each_fact_is_reported_under_its_key(void **state)
{
    (void)state;
    for (size_t a = 0; a < EK_ASPECTS; a++)
        for (const struct ek_field *const *field = ek_aspect_at(a)->fields; *field; field++)
            if ((*field)->drift != drift_of((*field)->key))
                fail_msg("%s is reported under %d", (*field)->key, (*field)->drift);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fact_is_reported_under_its_key),
        cmocka_unit_test_setup_teardown(nothing_moved, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_and_what_is_under_its_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_field_under_no_key_of_the_specs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_another_version_knew, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
