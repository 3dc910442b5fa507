/* Drift: what moved, to which field it belongs, and what is none. Run from the top of the source
 * tree. */
#include "tests/unit/specs_helper.h"

#include <jansson.h>

#include "reconciler/aspects/certificate/state.h"
#include "reconciler/aspects/replica_set/state.h"
#include "reconciler/aspects/transport/state.h"
#include "reconciler/base/file.h"
#include "reconciler/loop/drift.h"
#include "reconciler/report/state_json.h"

/* A golden case whose state is as its spec says. */
#define AT_REST "tests/golden/nothing-to-do-prefer/"

struct fixture {
    struct parsed parsed;
    struct ek_deployment_spec *spec;
    struct ek_state *state;
    struct ek_policy policy;
    uint8_t digest[32];
    struct ek_synced synced;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct ek_error err = {0};
    EK_BUFFER spec = {0};
    EK_BUFFER observed = {0};
    assert_int_equal(ek_file_read(AT_REST "spec.yaml", 1 << 20, &spec, NULL, &err), 0);
    assert_int_equal(ek_file_read(AT_REST "observed.json", 1 << 20, &observed, NULL, &err), 0);
    f->parsed = parse_text(ek_buffer_text(&spec));
    assert_int_equal(f->parsed.result, 0);
    f->spec = &f->parsed.specs.deployments[0];
    json_t *json = json_loads(ek_buffer_text(&observed), 0, NULL);
    assert_int_equal(ek_state_json_read(json_object_get(json, "observed"), &f->state, NULL, &err),
                     0);
    json_t *policy = json_object_get(json, "policy");
    f->policy.now_s = json_integer_value(json_object_get(policy, "now_s"));
    snprintf(f->policy.new_label, sizeof f->policy.new_label, "%s",
             json_string_value(json_object_get(policy, "new_label")));
    json_decref(json);
    assert_int_equal(ek_deployment_spec_digest(f->spec, f->digest, NULL), 0);
    assert_int_equal(
        ek_synced_note(&f->synced, EK_SITUATION(f->spec, f->state, &f->policy), f->digest, &err),
        0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    ek_synced_done(&f->synced);
    free(f->state);
    parsed_done(&f->parsed);
    free(f);
    return 0;
}

static struct ek_drift find(struct fixture *f)
{
    struct ek_plan plan = {0};
    struct ek_drift drift = {0};
    struct ek_error err = {0};
    assert_int_equal(ek_plan_make(EK_SITUATION(f->spec, f->state, &f->policy), &plan, &err), 0);
    assert_int_equal(
        ek_drift_find(&f->synced,
                      &(struct ek_drift_question){EK_SITUATION(f->spec, f->state, &f->policy),
                                                  f->digest, &plan},
                      &drift, &err),
        0);
    ek_plan_done(&plan);
    return drift;
}

static void at_rest_there_is_none(void **state)
{
    struct ek_drift drift = find(*state);
    assert_false(drift.present);
    ek_drift_done(&drift);
}

static void a_mode_that_was_set_by_hand(void **state)
{
    struct fixture *f = *state;
    EK_BUFFER words = {0};
    ek_member_transport(f->state, 1)->mode_running = EK_SSL_ALLOW;
    struct ek_drift drift = find(f);
    assert_true(drift.present);
    assert_int_equal(drift.fields, 1U << EK_DRIFT_SSL_MODE);
    assert_non_null(strstr(ek_buffer_text(&drift.change), "- b sslMode running: preferSSL\n"));
    assert_non_null(strstr(ek_buffer_text(&drift.change), "+ b sslMode running: allowSSL\n"));
    ek_drift_words(drift.fields, &words);
    assert_string_equal(ek_buffer_text(&words), "sslMode");
    ek_drift_done(&drift);
}

static void a_name_and_a_file(void **state)
{
    struct fixture *f = *state;
    ek_member_transport(f->state, 0)->domain_name_bound = EK_NO;
    ek_member_transport(f->state, 2)->options_configured.digest[0] ^= 1;
    struct ek_drift drift = find(f);
    assert_true(drift.present);
    assert_int_equal(drift.fields, 1U << EK_DRIFT_NAMES | 1U << EK_DRIFT_CONFIGURATION);
    ek_drift_done(&drift);
}

static void what_time_made_due_is_none(void **state)
{
    struct fixture *f = *state;
    struct ek_plan plan;
    struct ek_error err = {0};
    f->policy.now_s =
        ek_member_certificates(f->state, 0)->certificate_installed.not_after_s - 86400;
    assert_int_equal(ek_plan_make(EK_SITUATION(f->spec, f->state, &f->policy), &plan, &err), 0);
    assert_true(plan.count > 0); /* a renewal */
    ek_plan_done(&plan);
    struct ek_drift drift = find(f);
    assert_false(drift.present);
    ek_member_transport(f->state, 1)->mode_running =
        EK_SSL_ALLOW; /* and something else moved meanwhile */
    ek_drift_done(&drift);
    drift = find(f);
    assert_true(drift.present);
    ek_drift_done(&drift);
}

static void what_is_wanted_is_none(void **state)
{
    struct fixture *f = *state;
    f->spec->ssl_mode = EK_SSL_REQUIRE;
    assert_int_equal(ek_deployment_spec_digest(f->spec, f->digest, NULL), 0);
    struct ek_drift drift = find(f);
    assert_false(drift.present); /* the specs moved, not the fleet */
    ek_drift_done(&drift);
}

static void what_we_began_is_none(void **state)
{
    struct fixture *f = *state;
    ek_member_transport(f->state, 1)->mode_running = EK_SSL_ALLOW;
    ek_synced_forget(&f->synced);
    struct ek_drift drift = find(f);
    assert_false(drift.present);
    ek_drift_done(&drift);
}

static void one_field_holds_back_the_others(void **state)
{
    struct fixture *f = *state;
    unsigned mode = 1U << EK_DRIFT_SSL_MODE;
    unsigned names = 1U << EK_DRIFT_NAMES;
    assert_int_equal(ek_drift_policy_of(f->spec, mode | names), EK_DRIFT_ENFORCE);
    f->spec->drift[EK_DRIFT_SSL_MODE] = EK_DRIFT_REPORT;
    assert_int_equal(ek_drift_policy_of(f->spec, names), EK_DRIFT_ENFORCE);
    assert_int_equal(ek_drift_policy_of(f->spec, mode | names), EK_DRIFT_REPORT);
    f->spec->drift[EK_DRIFT_NAMES] = EK_DRIFT_IGNORE;
    assert_int_equal(ek_drift_policy_of(f->spec, mode), EK_DRIFT_REPORT);
    assert_int_equal(ek_drift_policy_of(f->spec, names), EK_DRIFT_IGNORE);
    f->spec->drift[EK_DRIFT_SSL_MODE] = EK_DRIFT_ENFORCE; /* what is ignored hides nothing else */
    assert_int_equal(ek_drift_policy_of(f->spec, mode | names), EK_DRIFT_REPORT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(at_rest_there_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_mode_that_was_set_by_hand, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_name_and_a_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_time_made_due_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_wanted_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_we_began_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_field_holds_back_the_others, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
