/* No commit excuses itself: what held before, and the controller's floor, are asked for besides. */
#include "tests/unit/store_support.h"

#include "reconciler/consent/consent.h"
#include "tests/model/cases.c" /* the model's fleets, compiled into this program */

enum { THREE = 2 };
static const int64_t now_ms = 1795829400000;
static char a[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1";
static char b[] = "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB2";
static char ssh[] = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA alice@example.net";

static struct ek_error err;
static struct ek_store_handle store;
static struct model_case fleet;
static struct ek_guard guard;
static char *plan_keys[4];
static char *commit_keys[4];

static int set_up(void **state)
{
    err = (struct ek_error){0};
    if (scratch_make(state) != 0)
        return -1;
    struct ek_store_location location = {.path = scratch_path("store.db")};
    model_case_init(&fleet, THREE, EK_SSL_DISABLED, EK_SSL_PREFER, 0);
    return ek_store_open(&location, &store, &err);
}

static int tear_down(void **state)
{
    ek_guard_done(&guard);
    ek_store_close(&store);
    return scratch_remove(state);
}

/* What the specs ask for: the rule, and up to two keys for plans, one for commits. */
static void ask(enum ek_approval_rule rule, char *first, char *second, char *commit_key)
{
    struct ek_approvers *approvers = &fleet.spec.maintenance.approvers;
    plan_keys[0] = first;
    plan_keys[1] = second;
    commit_keys[0] = commit_key;
    *approvers = (struct ek_approvers){.plan_keys = plan_keys,
                                       .plan_key_count = (size_t) !!first + !!second,
                                       .commit_keys = commit_keys,
                                       .commit_key_count = commit_key != NULL};
    fleet.spec.maintenance.approval = rule;
}

static void load(const char *floor)
{
    ek_guard_done(&guard);
    assert_good(ek_guard_load(&store, &fleet.spec, floor, &guard, &err));
}

/* The specs are carried out as they are. */
static void carried_out(void)
{
    const struct ek_guard_note note = {.who = "alice@ops1", .commit = "3f2c1ab", .at_ms = now_ms};
    load(NULL);
    assert_good(ek_guard_keep(&store, &fleet.spec, &guard, &note, &err));
}

static struct ek_consent refreshed(const char *commit_signer, const char *plan_signer)
{
    static uint8_t digest[32];
    struct ek_policy policy = fleet.policy;
    struct ek_consent_question question = {.store = &store,
                                           .spec = &fleet.spec,
                                           .spec_digest = digest,
                                           .guard = &guard,
                                           .state = fleet.state,
                                           .commit_signed_by = commit_signer,
                                           .plan_signed_by = plan_signer,
                                           .now_ms = now_ms};
    assert_good(ek_consent_refresh(&question, &policy, &err));
    return policy.consent;
}

static void what_counts_as_less(void **state)
{
    (void)state;
    static const enum ek_approval_rule none = EK_APPROVAL_NONE, required = EK_APPROVAL_REQUIRED,
                                       is_signed = EK_APPROVAL_SIGNED;
    const struct {
        enum ek_approval_rule before, after;
        char *keys_before[2], *keys_after[2];
        char *commit_before, *commit_after;
        const char *words; /* NULL: not less */
    } rows[] = {
        {none, none, {0}, {0}, NULL, NULL, NULL},
        {none, is_signed, {0}, {b}, NULL, NULL, NULL},
        {none, required, {0}, {b}, NULL, ssh, NULL},
        {required, required, {0}, {0}, NULL, NULL, NULL},
        {required, none, {0}, {0}, NULL, NULL, "approval required -> none"},
        {required, EK_APPROVAL_DEFAULT, {0}, {0}, NULL, NULL, "approval required -> none"},
        {is_signed, none, {a}, {a}, NULL, NULL, "approval signed -> none"},
        {is_signed, required, {a}, {a}, NULL, NULL, "approval signed -> required"},
        {is_signed, is_signed, {a, b}, {a}, NULL, NULL, NULL},
        {is_signed, is_signed, {a, b}, {b, a}, NULL, NULL, NULL},
        {is_signed,
         is_signed,
         {a},
         {a, b},
         NULL,
         NULL,
         "planKeys gains ...BBBBBBBBBBBBBBBBBBBBBBB2"},
        {is_signed, is_signed, {a}, {b}, NULL, NULL, "planKeys gains ...BBBBBBBBBBBBBBBBBBBBBBB2"},
        {is_signed, is_signed, {a}, {a}, NULL, ssh, NULL}, /* commits don't count there */
        {required, required, {0}, {0}, NULL, ssh, "commitKeys gains ...IwAAAA alice@example.net"},
        {required, required, {0}, {0}, ssh, NULL, NULL},
        {required, is_signed, {a}, {a}, NULL, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[16];
        snprintf(name, sizeof name, "row%zu", i);
        fleet.spec.name = name;
        ask(rows[i].before, rows[i].keys_before[0], rows[i].keys_before[1], rows[i].commit_before);
        carried_out();
        ask(rows[i].after, rows[i].keys_after[0], rows[i].keys_after[1], rows[i].commit_after);
        load(NULL);
        assert_int_equal(guard.loosened, rows[i].words != NULL);
        assert_int_equal(guard.also_count, rows[i].words != NULL);
        if (rows[i].words && strncmp(rows[i].words, "commitKeys", 10) != 0)
            assert_string_equal(guard.words, rows[i].words);
        else if (rows[i].words)
            assert_int_equal(strncmp(guard.words, "commitKeys gains ...", 20), 0);
    }
}

static void nothing_was_carried_out_yet(void **state)
{
    (void)state;
    ask(EK_APPROVAL_NONE, NULL, NULL, NULL);
    load(NULL);
    assert_false(guard.moved);
    assert_int_equal(guard.also_count, 0);
    ask(EK_APPROVAL_SIGNED, a, NULL, NULL);
    load(NULL);
    assert_true(guard.moved);
    assert_false(guard.loosened);
    ek_guard_done(&guard);
    assert_good(ek_guard_load(NULL, &fleet.spec, NULL, &guard, &err));
    assert_false(guard.loosened);
}

/* The old rule's consent and the new one's, both. */
static void both_must_agree(void **state)
{
    (void)state;
    ask(EK_APPROVAL_SIGNED, a, NULL, NULL);
    carried_out();
    ask(EK_APPROVAL_NONE, NULL, NULL, NULL);
    load(NULL);
    assert_int_equal(refreshed(NULL, NULL).signature, EK_AGREEMENT_MISSING);
    assert_int_equal(refreshed(NULL, NULL).approval, EK_AGREEMENT_NOT_NEEDED);
    guard.also[0].plan_signed_by = a;
    assert_int_equal(refreshed(NULL, NULL).signature, EK_AGREEMENT_GIVEN);
    assert_string_equal(refreshed(NULL, NULL).by, a);

    ask(EK_APPROVAL_SIGNED, b, NULL, NULL);
    load(NULL);
    assert_int_equal(refreshed(NULL, b).signature, EK_AGREEMENT_MISSING);
    guard.also[0].plan_signed_by = a;
    assert_int_equal(refreshed(NULL, NULL).signature, EK_AGREEMENT_MISSING);
    assert_int_equal(refreshed(NULL, b).signature, EK_AGREEMENT_GIVEN);

    ask(EK_APPROVAL_REQUIRED, NULL, NULL, ssh);
    load(NULL);
    struct ek_consent consent = refreshed("mallory", NULL);
    assert_int_equal(consent.approval, EK_AGREEMENT_GIVEN);
    assert_int_equal(consent.signature, EK_AGREEMENT_MISSING);
    assert_int_equal(ek_consent_missing(&fleet.spec, &consent, &err), EK_BLOCKED);
    assert_string_equal(err.id, "EK-1103");
}

/* A commit that adds its own author's key can't be approved by that key. */
static void a_new_key_does_not_count_for_itself(void **state)
{
    (void)state;
    ask(EK_APPROVAL_REQUIRED, NULL, NULL, NULL);
    carried_out();
    ask(EK_APPROVAL_REQUIRED, NULL, NULL, ssh);
    load(NULL);
    struct ek_consent consent = refreshed("mallory", NULL);
    assert_int_equal(consent.approval, EK_AGREEMENT_MISSING);
    assert_int_equal(ek_consent_missing(&fleet.spec, &consent, &err), EK_BLOCKED);
    assert_string_equal(err.id, "EK-1102");
    guard.also[0].commit_signed_by = "alice";
    assert_int_equal(refreshed("mallory", NULL).approval, EK_AGREEMENT_GIVEN);
}

static void the_floor_holds_whatever_the_specs_say(void **state)
{
    (void)state;
    struct ek_controller_spec controller = {.maintenance.approval = EK_APPROVAL_NONE};
    char *floor = NULL;
    assert_good(ek_guard_floor_text(&controller, &floor, &err));
    assert_null(floor);
    char *keys[] = {a};
    controller.maintenance.approval = EK_APPROVAL_SIGNED;
    controller.maintenance.approvers.plan_keys = keys;
    controller.maintenance.approvers.plan_key_count = 1;
    assert_good(ek_guard_floor_text(&controller, &floor, &err));
    ask(EK_APPROVAL_NONE, NULL, NULL, NULL);
    load(floor);
    assert_false(guard.loosened);
    assert_int_equal(guard.also_count, 1);
    assert_string_equal(guard.also[0].approvers->plan_keys[0], a);
    assert_int_equal(refreshed(NULL, NULL).signature, EK_AGREEMENT_MISSING);
    /* A key that the specs name is none of the controller's. */
    ask(EK_APPROVAL_SIGNED, b, NULL, NULL);
    load(floor);
    assert_int_equal(refreshed(NULL, b).signature, EK_AGREEMENT_MISSING);
    guard.also[0].plan_signed_by = a;
    assert_int_equal(refreshed(NULL, b).signature, EK_AGREEMENT_GIVEN);
    /* Both, where the specs ask for less than before. */
    carried_out();
    ask(EK_APPROVAL_NONE, NULL, NULL, NULL);
    load(floor);
    assert_int_equal(guard.also_count, 2);
    guard.also[1].plan_signed_by = a;
    assert_int_equal(refreshed(NULL, NULL).signature, EK_AGREEMENT_MISSING);
    guard.also[0].plan_signed_by = b;
    assert_int_equal(refreshed(NULL, NULL).signature, EK_AGREEMENT_GIVEN);
    free(floor);
}

/* The loosening is a part of what is agreed to; another one, or none, is another plan. */
static void the_digest_names_the_loosening(void **state)
{
    (void)state;
    uint8_t plain[32] = {1};
    uint8_t first[32] = {1};
    uint8_t second[32] = {1};
    ask(EK_APPROVAL_SIGNED, a, NULL, NULL);
    load(NULL);
    assert_good(ek_guard_digest(&guard, first, NULL));
    assert_memory_equal(first, plain, 32);
    carried_out();
    ask(EK_APPROVAL_NONE, NULL, NULL, NULL);
    load(NULL);
    assert_good(ek_guard_digest(&guard, first, NULL));
    assert_memory_not_equal(first, plain, 32);
    ask(EK_APPROVAL_REQUIRED, NULL, NULL, NULL);
    load(NULL);
    assert_good(ek_guard_digest(&guard, second, NULL));
    assert_memory_not_equal(second, plain, 32);
    assert_memory_not_equal(second, first, 32);
}

static bool count_one(void *context, const struct ek_store_event *event)
{
    assert_string_equal(event->who, "alice@ops1");
    ++*(int *)context;
    return true;
}

/* Only a change is written, and only where something was ever asked for. */
static void kept_once(void **state)
{
    (void)state;
    int count = 0;
    struct ek_store_query query = {.kind = "consent-rule"};
    ask(EK_APPROVAL_NONE, NULL, NULL, NULL);
    carried_out();
    ask(EK_APPROVAL_REQUIRED, a, b, NULL);
    carried_out();
    ask(EK_APPROVAL_REQUIRED, b, a, NULL);
    carried_out();
    assert_good(store.driver->events(store.store, &query, count_one, &count, &err));
    assert_int_equal(count, 1);
    ask(EK_APPROVAL_NONE, NULL, NULL, NULL);
    carried_out();
    count = 0;
    assert_good(store.driver->events(store.store, &query, count_one, &count, &err));
    assert_int_equal(count, 2);
    load(NULL);
    assert_false(guard.moved);
}

/* What was kept can't be understood: it may have been stricter than anything. */
static void a_rule_that_is_not_understood(void **state)
{
    (void)state;
    int64_t number;
    struct ek_store_event event = {.at_ms = now_ms,
                                   .account = fleet.spec.account,
                                   .deployment = fleet.spec.name,
                                   .kind = "consent-rule",
                                   .who = "x",
                                   .commit = "",
                                   .plan = "",
                                   .text = "",
                                   .detail = "{\"approval\":\"by-two-people\"}"};
    assert_good(store.driver->append(store.store, &event, &number, &err));
    ask(EK_APPROVAL_REQUIRED, NULL, NULL, NULL);
    load(NULL);
    assert_true(guard.loosened);
    assert_int_equal(refreshed("alice", NULL).signature, EK_AGREEMENT_MISSING);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_counts_as_less),
        TEST(nothing_was_carried_out_yet),
        TEST(both_must_agree),
        TEST(a_new_key_does_not_count_for_itself),
        TEST(the_floor_holds_whatever_the_specs_say),
        TEST(the_digest_names_the_loosening),
        TEST(kept_once),
        TEST(a_rule_that_is_not_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
