/* What several repositories say together of each deployment. */
#include "tests/unit/specs_helper.h"

#include "reconciler/loop/backoff.h"
#include "reconciler/loop/roster.h"
#include "reconciler/loop/turns.h"

#define AN_ACCOUNT "apiVersion: evenkeel/v1\nkind: Account\nmetadata: { name: acme }\n"
#define A_DEPLOYMENT(name, host, more)                                                             \
    "---\napiVersion: evenkeel/v1\nkind: Deployment\nmetadata: { name: " name                      \
    ", account: acme }\nspec:\n  provider: { name: local, directory: /srv/" name " }\n"            \
    "  replicaSet:\n    name: rs-" name "\n    members: [ { name: a, host: " host " } ]\n" more

static struct ek_desired *desired(const char *repository, const char *path, const char *text)
{
    char file_path[64];
    struct ek_desired *made = NULL;
    struct ek_error err = {0};
    snprintf(file_path, sizeof file_path, "%s", path);
    struct ek_spec_file file = {file_path, (char *)(uintptr_t)text, strlen(text)};
    struct ek_spec_files files = {.files = &file, .count = 1};
    assert_int_equal(ek_desired_new(repository, &files, &made, &err), 0);
    return made;
}

static struct ek_roster roster_of(struct ek_desired *a, struct ek_desired *b,
                                  const struct ek_roster *before)
{
    const struct ek_desired *both[] = {a, b};
    struct ek_roster roster = {0};
    struct ek_error err = {0};
    assert_int_equal(ek_roster_make(both, 2, before, &roster, &err), 0);
    return roster;
}

static const struct ek_wanted *named(const struct ek_roster *roster, const char *name)
{
    for (size_t i = 0; i < roster->count; i++)
        if (strcmp(roster->items[i].name, name) == 0)
            return &roster->items[i];
    static const struct ek_wanted nobody;
    fail_msg("%s is not in the roster", name);
    return &nobody;
}

static void each_has_his_own(void **state)
{
    (void)state;
    struct ek_desired *one =
        desired("one", "a.yaml", AN_ACCOUNT A_DEPLOYMENT("orders", "o.example.net", ""));
    struct ek_desired *two =
        desired("two", "b.yaml", AN_ACCOUNT A_DEPLOYMENT("carts", "c.example.net", ""));
    struct ek_roster roster = roster_of(one, two, NULL);
    assert_int_equal(roster.count, 2);
    assert_string_equal(roster.items[0].name, "carts");
    assert_int_equal(named(&roster, "orders")->standing, EK_STANDING_WANTED);
    assert_ptr_equal(named(&roster, "orders")->desired, one);
    assert_ptr_equal(named(&roster, "carts")->spec, &two->specs.deployments[0]);
    ek_roster_done(&roster);
    ek_desired_release(one);
    ek_desired_release(two);
}

static void what_two_claim_is_nobodys(void **state)
{
    (void)state;
    struct ek_desired *one =
        desired("one", "a.yaml", AN_ACCOUNT A_DEPLOYMENT("orders", "o.example.net", ""));
    struct ek_desired *two =
        desired("two", "b.yaml", AN_ACCOUNT A_DEPLOYMENT("orders", "other.example.net", ""));
    struct ek_roster roster = roster_of(one, two, NULL);
    assert_int_equal(roster.count, 1);
    assert_int_equal(roster.items[0].standing, EK_STANDING_CLAIMED);
    assert_null(roster.items[0].spec);
    assert_non_null(strstr(roster.items[0].sentence, "one and two both claim"));
    ek_roster_done(&roster);
    ek_desired_release(two);
    /* The same server under two names. */
    two = desired("two", "b.yaml", AN_ACCOUNT A_DEPLOYMENT("carts", "o.example.net", ""));
    roster = roster_of(one, two, NULL);
    assert_int_equal(roster.count, 2);
    assert_int_equal(named(&roster, "orders")->standing, EK_STANDING_CLAIMED);
    assert_int_equal(named(&roster, "carts")->standing, EK_STANDING_CLAIMED);
    assert_non_null(strstr(named(&roster, "carts")->sentence, "o.example.net:27017"));
    ek_roster_done(&roster);
    ek_desired_release(one);
    ek_desired_release(two);
}

static void gone_and_broken_are_told_apart(void **state)
{
    (void)state;
    struct ek_desired *first = desired("one", "a.yaml",
                                       AN_ACCOUNT A_DEPLOYMENT("orders", "o.example.net", "")
                                           A_DEPLOYMENT("carts", "c.example.net", ""));
    struct ek_roster before = roster_of(first, NULL, NULL);
    struct ek_desired *gone =
        desired("one", "a.yaml", AN_ACCOUNT A_DEPLOYMENT("orders", "o.example.net", ""));
    struct ek_roster roster = roster_of(gone, NULL, &before);
    assert_int_equal(named(&roster, "carts")->standing, EK_STANDING_REMOVED);
    assert_non_null(strstr(named(&roster, "carts")->sentence, "left as they are"));
    /* It stays so, however many commits come after, until somebody wants it again. */
    struct ek_roster later = roster_of(gone, NULL, &roster);
    assert_int_equal(named(&later, "carts")->standing, EK_STANDING_REMOVED);
    struct ek_roster again = roster_of(first, NULL, &later);
    assert_int_equal(named(&again, "carts")->standing, EK_STANDING_WANTED);
    /* A file that can't be read may still speak of it. */
    struct ek_desired *broken = desired("one", "a.yaml", AN_ACCOUNT "---\nspec: { \n");
    struct ek_roster lost = roster_of(broken, NULL, &before);
    assert_int_equal(named(&lost, "carts")->standing, EK_STANDING_BROKEN);
    assert_int_equal(named(&lost, "orders")->standing, EK_STANDING_BROKEN);
    struct ek_desired *wrong = desired("one", "a.yaml",
                                       AN_ACCOUNT A_DEPLOYMENT("orders", "o.example.net", "")
                                           A_DEPLOYMENT("carts", "c.example.net", "  nope: 1\n"));
    struct ek_roster half = roster_of(wrong, NULL, &before);
    assert_int_equal(named(&half, "carts")->standing, EK_STANDING_BROKEN);
    assert_non_null(strstr(named(&half, "carts")->sentence, "unknown key \"nope\""));
    assert_int_equal(named(&half, "orders")->standing, EK_STANDING_WANTED);
    struct ek_roster *all[] = {&before, &roster, &later, &again, &lost, &half};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        ek_roster_done(all[i]);
    ek_desired_release(first);
    ek_desired_release(gone);
    ek_desired_release(broken);
    ek_desired_release(wrong);
}

static void the_same_content_has_the_same_fingerprint(void **state)
{
    (void)state;
    const char *text = AN_ACCOUNT A_DEPLOYMENT("orders", "o.example.net", "");
    struct ek_desired *a = desired("one", "a.yaml", text);
    struct ek_desired *b = desired("one", "a.yaml", text);
    struct ek_desired *c = desired("one", "b.yaml", text);
    assert_string_equal(a->fingerprint, b->fingerprint);
    assert_string_not_equal(a->fingerprint, c->fingerprint);
    assert_ptr_equal(ek_desired_hold(a), a);
    ek_desired_release(a);
    assert_string_equal(a->repository, "one"); /* still held once */
    ek_desired_release(a);
    ek_desired_release(b);
    ek_desired_release(c);
}

static void waiting_grows_and_ends_at_five_minutes(void **state)
{
    (void)state;
    assert_int_equal(ek_backoff_ms(0, 0), 0);
    assert_int_equal(ek_backoff_ms(1, 0), 2000);
    assert_int_equal(ek_backoff_ms(2, 0), 4000);
    assert_int_equal(ek_backoff_ms(1000, 0), 300000);
    for (unsigned failures = 1; failures < 20; failures++) {
        int64_t most = ek_backoff_ms(failures, 0);
        assert_int_equal(ek_backoff_ms(failures, UINT32_MAX), most / 2);
        assert_in_range(ek_backoff_ms(failures, 0x7fffffff), most / 2, most);
    }
}

static void turns_are_limited_over_all_and_by_account(void **state)
{
    (void)state;
    struct ek_turns *turns = ek_turns_new(3, 2);
    assert_true(ek_turns_take(turns, "acme"));
    assert_true(ek_turns_take(turns, "acme"));
    assert_false(ek_turns_take(turns, "acme"));
    assert_true(ek_turns_take(turns, "other"));
    assert_false(ek_turns_take(turns, "third"));
    ek_turns_give_back(turns, "acme");
    assert_true(ek_turns_take(turns, "third"));
    assert_int_equal(ek_turns_taken(turns), 3);
    ek_turns_limit(turns, 1, 1);
    assert_false(ek_turns_take(turns, "acme"));
    ek_turns_give_back(turns, "acme");
    ek_turns_give_back(turns, "other");
    assert_false(ek_turns_take(turns, "acme"));
    ek_turns_give_back(turns, "third");
    assert_true(ek_turns_take(turns, "acme"));
    ek_turns_give_back(turns, "nobody");
    assert_int_equal(ek_turns_taken(turns), 1);
    ek_turns_free(turns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_has_his_own),
        cmocka_unit_test(what_two_claim_is_nobodys),
        cmocka_unit_test(gone_and_broken_are_told_apart),
        cmocka_unit_test(the_same_content_has_the_same_fingerprint),
        cmocka_unit_test(waiting_grows_and_ends_at_five_minutes),
        cmocka_unit_test(turns_are_limited_over_all_and_by_account),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
