/* What the store, the specs and the clock say, as the policy that the planner and law 10 read. */
#include "tests/unit/store_support.h"

#include <jansson.h>

#include "reconciler/consent/consent.h"
#include "reconciler/consent/sign.h"
#include "reconciler/document/plan_json.h"
#include "reconciler/laws/permit.h"
#include "tests/model/cases.c" /* the model's fleets, compiled into this program */

enum { THREE = 2 };
/* 2026-11-28 01:30 UTC is a Saturday, 02:30 in Berlin. */
static const int64_t saturday_ms = 1795829400000;
static const int64_t hour_ms = 3600000;

static struct ek_error err;
static struct ek_store_handle store;
static struct model_case fleet;
static uint8_t spec_digest[32];
static struct ek_consent_question question;
static char key_path[160];
static char key[EK_PUBLIC_KEY_SIZE];
static char *keys[] = {key};

static int set_up(void **state)
{
    err = (struct ek_error){0};
    if (scratch_make(state) != 0)
        return -1;
    struct ek_store_location location = {.path = scratch_path("store.db")};
    snprintf(key_path, sizeof key_path, "%s/plan.key", scratch);
    model_case_init(&fleet, THREE, EK_SSL_DISABLED, EK_SSL_PREFER, 0);
    memset(spec_digest, 0x5a, sizeof spec_digest);
    question = (struct ek_consent_question){.store = &store,
                                            .spec = &fleet.spec,
                                            .spec_digest = spec_digest,
                                            .state = fleet.state,
                                            .now_ms = saturday_ms};
    if (ek_sign_key_create(key_path, key, &err) != 0)
        return -1;
    return ek_store_open(&location, &store, &err);
}

static int tear_down(void **state)
{
    ek_store_close(&store);
    unlink(key_path);
    return scratch_remove(state);
}

static const struct ek_consent *refreshed(void)
{
    err = (struct ek_error){0};
    assert_good(ek_consent_refresh(&question, &fleet.policy, &err));
    assert_int_equal(fleet.policy.now_s, question.now_ms / 1000);
    return &fleet.policy.consent;
}

/* A plan of the fleet as it is now, as a file. */
static struct ek_plan_file *planned_file(const char *sign_key)
{
    struct ek_plan plan;
    struct ek_plan_file *file = NULL;
    assert_good(ek_plan_make(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &plan, &err));
    struct ek_planned planned = {.spec = &fleet.spec,
                                 .state = fleet.state,
                                 .policy = &fleet.policy,
                                 .plan = &plan,
                                 .observed_ms = question.now_ms};
    memcpy(planned.spec_digest, spec_digest, sizeof spec_digest);
    struct ek_plan_set set = {
        .source = {.url = "/srv/specs.git", .commit = "3f2c1ab"}, .planned = &planned, .count = 1};
    json_t *json = ek_plan_json(&set);
    if (sign_key)
        assert_good(ek_plan_sign(json, sign_key, &err));
    char *text = json_dumps(json, JSON_COMPACT);
    assert_good(ek_plan_file_parse(text, strlen(text), "test", &file, &err));
    free(text);
    json_decref(json);
    ek_plan_done(&plan);
    return file;
}

static void approve(const char *sign_key)
{
    struct ek_plan_file *file = planned_file(sign_key);
    const struct ek_consent_given given = {
        .file = file, .who = "alice@ops1", .key = sign_key ? key : NULL, .now_ms = question.now_ms};
    assert_good(ek_consent_approve(&store, &given, &err));
    ek_plan_file_free(file);
}

static void require(enum ek_approval_rule rule)
{
    fleet.spec.maintenance.approval = rule;
    fleet.spec.maintenance.approvers.plan_keys = keys;
    fleet.spec.maintenance.approvers.plan_key_count = 1;
}

/* ---- windows ---------------------------------------------------------------------------- */

static void nothing_is_asked_for(void **state)
{
    (void)state;
    static const struct ek_consent nothing;
    fleet.policy.consent.window = EK_WINDOW_CLOSED;
    fleet.policy.paused = true;
    assert_memory_equal(refreshed(), &nothing, sizeof nothing);
    assert_false(fleet.policy.paused);
    question.store = NULL;
    assert_memory_equal(refreshed(), &nothing, sizeof nothing);
}

static void windows_open_and_close(void **state)
{
    (void)state;
    char *windows[] = {"sun 02:00-05:00 Europe/Berlin", "sat 02:00-05:00 Europe/Berlin"};
    fleet.spec.maintenance.windows = windows;
    fleet.spec.maintenance.window_count = 2;
    assert_int_equal(refreshed()->window, EK_WINDOW_OPEN);
    assert_int_equal(refreshed()->window_changes_s, (saturday_ms + 5 * hour_ms / 2) / 1000);
    assert_string_equal(refreshed()->window_words, windows[1]);
    question.now_ms -= hour_ms;
    assert_int_equal(refreshed()->window, EK_WINDOW_CLOSED);
    assert_int_equal(refreshed()->window_changes_s, (saturday_ms - hour_ms / 2) / 1000);
    assert_string_equal(refreshed()->window_words, windows[1]);
    question.now_ms += 5 * hour_ms;
    assert_int_equal(refreshed()->window, EK_WINDOW_CLOSED);
    assert_string_equal(refreshed()->window_words, windows[0]);
    question.outside_window = true;
    assert_int_equal(refreshed()->window, EK_WINDOW_ANY_TIME);
}

static void a_window_whose_zone_is_gone_never_opens(void **state)
{
    (void)state;
    char *windows[] = {"daily 00:00-24:00 Middle/Earth"};
    fleet.spec.maintenance.windows = windows;
    fleet.spec.maintenance.window_count = 1;
    assert_int_equal(refreshed()->window, EK_WINDOW_CLOSED);
    assert_int_equal(refreshed()->window_changes_s, 0);
}

/* ---- pauses ----------------------------------------------------------------------------- */

static void a_pause_ends_by_itself(void **state)
{
    (void)state;
    struct ek_pause pause = {.who = "bob@ops1",
                             .why = "load test",
                             .since_ms = saturday_ms,
                             .until_ms = saturday_ms + hour_ms};
    assert_good(
        store.driver->put_pause(store.store, fleet.spec.account, fleet.spec.name, &pause, &err));
    assert_string_equal(refreshed()->paused_by, "bob@ops1");
    assert_string_equal(refreshed()->paused_why, "load test");
    assert_int_equal(refreshed()->paused_until_s, (saturday_ms + hour_ms) / 1000);
    assert_true(fleet.policy.paused);
    question.now_ms = pause.until_ms - 1;
    refreshed();
    assert_true(fleet.policy.paused);
    question.now_ms = pause.until_ms;
    assert_int_equal(refreshed()->paused_until_s, 0);
    assert_false(fleet.policy.paused);
    pause.until_ms = 0; /* resumed */
    question.now_ms = saturday_ms;
    assert_good(
        store.driver->put_pause(store.store, fleet.spec.account, fleet.spec.name, &pause, &err));
    refreshed();
    assert_false(fleet.policy.paused);
}

/* ---- approvals -------------------------------------------------------------------------- */

/* The fleet after the next so many steps, as if all was agreed to. */
static void go_on(size_t steps)
{
    struct ek_policy free_policy = fleet.policy;
    free_policy.consent = (struct ek_consent){0};
    for (size_t i = 0; i < steps; i++) {
        struct ek_verdict verdict;
        ek_next(EK_SITUATION(&fleet.spec, fleet.state, &free_policy), &verdict);
        assert_int_equal(verdict.kind, EK_VERDICT_STEP);
        ek_effect(EK_SITUATION(&fleet.spec, fleet.state, &free_policy), &verdict.step, &fleet.state,
                  NULL);
    }
}

static void an_approval_holds_all_the_way(void **state)
{
    (void)state;
    require(EK_APPROVAL_REQUIRED);
    assert_int_equal(refreshed()->approval, EK_AGREEMENT_MISSING);
    assert_int_equal(refreshed()->signature, EK_AGREEMENT_NOT_NEEDED);
    approve(NULL);
    struct ek_verdict verdict;
    for (int steps = 0;; steps++) {
        assert_int_equal(refreshed()->approval, EK_AGREEMENT_GIVEN);
        assert_string_equal(refreshed()->by, "alice@ops1");
        assert_string_equal(refreshed()->how, "command");
        ek_next(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &verdict);
        assert_int_equal(verdict.kind, EK_VERDICT_STEP);
        assert_int_equal(
            ek_permit(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &verdict.step, NULL),
            0);
        ek_effect(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &verdict.step,
                  &fleet.state, NULL);
        struct ek_policy free_policy = fleet.policy;
        ek_next(EK_SITUATION(&fleet.spec, fleet.state, &free_policy), &verdict);
        if (verdict.kind == EK_VERDICT_DONE)
            break;
        assert_true(steps < 100);
    }
    /* Nothing is left of it for what comes later. */
    assert_int_equal(refreshed()->approval, EK_AGREEMENT_MISSING);
}

static void an_approval_is_for_this_plan_only(void **state)
{
    (void)state;
    require(EK_APPROVAL_REQUIRED);
    approve(NULL);
    assert_int_equal(refreshed()->approval, EK_AGREEMENT_GIVEN);
    spec_digest[0] ^= 1;
    assert_int_equal(refreshed()->approval, EK_AGREEMENT_MISSING);
    spec_digest[0] ^= 1;
    ek_set(fleet.state)->config_version++;
    assert_int_equal(refreshed()->approval, EK_AGREEMENT_MISSING);
    ek_set(fleet.state)->config_version--;
    assert_int_equal(refreshed()->approval, EK_AGREEMENT_GIVEN);
    char *name = fleet.spec.name;
    fleet.spec.name = "another";
    assert_int_equal(refreshed()->approval, EK_AGREEMENT_MISSING);
    fleet.spec.name = name;
    question.store = NULL;
    assert_int_equal(refreshed()->approval, EK_AGREEMENT_MISSING);
}

static void an_approval_is_spent_and_lapses(void **state)
{
    (void)state;
    require(EK_APPROVAL_REQUIRED);
    struct ek_plan_file *file = planned_file(NULL);
    char plan[65];
    assert_int_equal(ek_plan_file_planned_name(file, 0, plan, NULL), 0);
    ek_plan_file_free(file);
    approve(NULL);
    question.now_ms += EK_APPROVAL_LASTS_MS - 1;
    assert_int_equal(refreshed()->approval, EK_AGREEMENT_GIVEN);
    question.now_ms++;
    assert_int_equal(refreshed()->approval, EK_AGREEMENT_MISSING);
    question.now_ms = saturday_ms + hour_ms;
    assert_int_equal(refreshed()->approval, EK_AGREEMENT_GIVEN);
    assert_good(ek_consent_spend(&question, plan, &err));
    assert_int_equal(refreshed()->approval, EK_AGREEMENT_MISSING);
    question.now_ms += hour_ms;
    approve(NULL);
    assert_int_equal(refreshed()->approval, EK_AGREEMENT_GIVEN);
}

static void a_plan_that_is_held_to_needs_its_name_only(void **state)
{
    (void)state;
    require(EK_APPROVAL_REQUIRED);
    struct ek_plan_file *file = planned_file(NULL);
    char plan[65];
    assert_int_equal(ek_plan_file_planned_name(file, 0, plan, NULL), 0);
    ek_plan_file_free(file);
    approve(NULL);
    ek_set(fleet.state)->config_version = 77; /* in none of its states */
    assert_int_equal(refreshed()->approval, EK_AGREEMENT_MISSING);
    question.plan = plan;
    assert_int_equal(refreshed()->approval, EK_AGREEMENT_GIVEN);
    plan[0] = plan[0] == 'a' ? 'b' : 'a';
    assert_int_equal(refreshed()->approval, EK_AGREEMENT_MISSING);
    question.plan = NULL;
}

static void what_an_approved_plan_threw_dice_for(void **state)
{
    (void)state;
    struct ek_plan plan;
    struct ek_approval approval;
    require(EK_APPROVAL_REQUIRED);
    struct ek_policy policy = fleet.policy;
    assert_int_equal(ek_consent_approved_plan(&question, &policy, &plan, &approval, &err),
                     EK_NOT_FOUND);
    snprintf(fleet.policy.new_label, sizeof fleet.policy.new_label, "aaaaaaaaaaaaa");
    approve(NULL);
    struct ek_plan_file *file = planned_file(NULL);
    char first[65];
    char second[65];
    assert_int_equal(ek_plan_file_planned_name(file, 0, first, NULL), 0);
    ek_plan_file_free(file);
    snprintf(policy.new_label, sizeof policy.new_label, "bbbbbbbbbbbbb");
    fleet.policy = policy;
    file = planned_file(NULL);
    assert_int_equal(ek_plan_file_planned_name(file, 0, second, NULL), 0);
    ek_plan_file_free(file);
    assert_string_equal(first, second); /* what people approved has the same name */
    assert_good(ek_consent_approved_plan(&question, &policy, &plan, &approval, &err));
    assert_string_equal(policy.new_label, "aaaaaaaaaaaaa");
    assert_string_equal(approval.who, "alice@ops1");
    assert_string_equal(approval.plan, first);
    ek_plan_done(&plan);
    fleet.policy = policy;
    go_on(5);
    assert_good(ek_consent_approved_plan(&question, &policy, &plan, &approval, &err));
    ek_plan_done(&plan);
}

static void signatures_count_by_the_specs_keys(void **state)
{
    (void)state;
    require(EK_APPROVAL_SIGNED);
    assert_int_equal(refreshed()->signature, EK_AGREEMENT_MISSING);
    assert_int_equal(refreshed()->approval, EK_AGREEMENT_NOT_NEEDED);
    approve(NULL); /* by a person, which is not enough */
    assert_int_equal(refreshed()->signature, EK_AGREEMENT_MISSING);
    question.commit_signed_by = "alice";
    assert_int_equal(refreshed()->signature, EK_AGREEMENT_MISSING);
    fleet.spec.maintenance.approval = EK_APPROVAL_REQUIRED;
    ek_set(fleet.state)->config_version++;
    assert_string_equal(refreshed()->how, "signed-commit");
    question.commit_signed_by = NULL;
    ek_set(fleet.state)->config_version--;
    fleet.spec.maintenance.approval = EK_APPROVAL_SIGNED;
    question.now_ms += hour_ms;
    approve(key_path);
    assert_int_equal(refreshed()->signature, EK_AGREEMENT_GIVEN);
    assert_string_equal(refreshed()->how, "signed-plan");
    go_on(3);
    assert_int_equal(refreshed()->signature, EK_AGREEMENT_GIVEN);
    fleet.spec.maintenance.approvers.plan_key_count = 0;
    assert_int_equal(refreshed()->signature, EK_AGREEMENT_MISSING);
    char *others[] = {"MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="};
    fleet.spec.maintenance.approvers.plan_keys = others;
    fleet.spec.maintenance.approvers.plan_key_count = 1;
    assert_int_equal(refreshed()->signature, EK_AGREEMENT_MISSING);
    question.plan_signed_by = others[0];
    assert_int_equal(refreshed()->signature, EK_AGREEMENT_GIVEN);
    fleet.spec.maintenance.approval = EK_APPROVAL_REQUIRED;
    ek_set(fleet.state)->config_version++;
    assert_int_equal(refreshed()->approval, EK_AGREEMENT_GIVEN);
}

static void what_is_said_is_recorded(void **state)
{
    (void)state;
    require(EK_APPROVAL_REQUIRED);
    approve(NULL);
    char plan[65];
    struct ek_plan_file *file = planned_file(NULL);
    assert_int_equal(ek_plan_file_planned_name(file, 0, plan, NULL), 0);
    ek_plan_file_free(file);
    assert_good(ek_consent_spend(&question, plan, &err));
    int64_t events = 0;
    char *document = NULL;
    assert_good(ek_store_verify(&store, &events, &err));
    assert_int_equal(events, 2);
    assert_good(store.driver->get_plan(store.store, plan, &document, &err));
    assert_non_null(strstr(document, plan));
    free(document);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_asked_for),
        TEST(windows_open_and_close),
        TEST(a_window_whose_zone_is_gone_never_opens),
        TEST(a_pause_ends_by_itself),
        TEST(an_approval_holds_all_the_way),
        TEST(an_approval_is_for_this_plan_only),
        TEST(an_approval_is_spent_and_lapses),
        TEST(a_plan_that_is_held_to_needs_its_name_only),
        TEST(what_an_approved_plan_threw_dice_for),
        TEST(signatures_count_by_the_specs_keys),
        TEST(what_is_said_is_recorded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
