/* A fleet goes on while some of its specs are broken: what is left out, and what is not. */
#include "tests/unit/specs_helper.h"

#define AN_ACCOUNT(name) "apiVersion: evenkeel/v1\nkind: Account\nmetadata: { name: " name " }\n"
#define A_DEPLOYMENT(name, account, port, more)                                                    \
    "---\napiVersion: evenkeel/v1\nkind: Deployment\nmetadata: { name: " name                      \
    ", account: " account " }\nspec:\n  provider: { name: local, directory: /srv/" name " }\n"     \
    "  replicaSet:\n    name: rs-" name "\n    members: [ { name: a, host: " name                  \
    ".example.net, port: " port " } ]\n" more

static struct parsed parse_sound(const char *const *texts, size_t count)
{
    char paths[4][16] = {"1.yaml", "2.yaml", "3.yaml", "4.yaml"};
    struct ek_spec_file file[4];
    struct ek_spec_files files = {.files = file, .count = count};
    struct parsed parsed = {0};
    for (size_t i = 0; i < count; i++)
        file[i] = (struct ek_spec_file){
            .path = paths[i], .text = (char *)(uintptr_t)texts[i], .length = strlen(texts[i])};
    parsed.result = ek_specs_parse_sound(&files, &parsed.specs, &parsed.diagnostics, &parsed.err);
    return parsed;
}

static void the_good_ones_go_on(void **state)
{
    (void)state;
    const char *const texts[] = {
        AN_ACCOUNT("acme") A_DEPLOYMENT("orders", "acme", "27017", "")
            A_DEPLOYMENT("carts", "acme", "27018", "  sslmode: preferSSL\n")
                A_DEPLOYMENT("stock", "acme", "27019", "")};
    struct parsed parsed = parse_sound(texts, 1);
    assert_int_equal(parsed.result, 0);
    assert_int_equal(parsed.diagnostics.count, 1);
    assert_int_equal(parsed.specs.deployment_count, 2);
    assert_string_equal(parsed.specs.deployments[0].name, "orders");
    assert_string_equal(parsed.specs.deployments[1].name, "stock");
    assert_int_equal(parsed.specs.broken_count, 1);
    assert_string_equal(parsed.specs.broken[0].kind, "Deployment");
    assert_string_equal(parsed.specs.broken[0].account, "acme");
    assert_string_equal(parsed.specs.broken[0].name, "carts");
    assert_non_null(strstr(parsed.specs.broken[0].sentence, "1.yaml:22:3: unknown key"));
    parsed_done(&parsed);
}

static void what_needs_a_broken_one_is_broken_too(void **state)
{
    (void)state;
    const char *const texts[] = {
        AN_ACCOUNT("acme"),
        "apiVersion: evenkeel/v1\nkind: CertificateAuthority\nmetadata: { name: ca, account: acme "
        "}\nspec: { algorithm: P-257 }\n",
        A_DEPLOYMENT("orders", "acme", "27017",
                     "  sslMode: preferSSL\n  sslDomain: { base: fleet.example.net }\n"
                     "  certificates: { authority: ca }\n"),
        A_DEPLOYMENT("stock", "acme", "27019", "")};
    struct parsed parsed = parse_sound(texts, 4);
    assert_int_equal(parsed.result, 0);
    assert_int_equal(parsed.specs.deployment_count, 1);
    assert_string_equal(parsed.specs.deployments[0].name, "stock");
    assert_int_equal(parsed.specs.authority_count, 0);
    assert_int_equal(parsed.specs.broken_count, 2);
    assert_string_equal(parsed.specs.broken[1].name, "orders");
    parsed_done(&parsed);
}

static void a_name_that_is_taken_twice_is_nobodys(void **state)
{
    (void)state;
    const char *const texts[] = {AN_ACCOUNT("acme") A_DEPLOYMENT("orders", "acme", "27017", ""),
                                 A_DEPLOYMENT("orders", "acme", "27018", ""),
                                 A_DEPLOYMENT("stock", "acme", "27019", "")};
    struct parsed parsed = parse_sound(texts, 3);
    assert_int_equal(parsed.specs.deployment_count, 1);
    assert_string_equal(parsed.specs.deployments[0].name, "stock");
    assert_int_equal(parsed.specs.broken_count, 2);
    parsed_done(&parsed);
}

static void a_file_that_is_no_yaml_takes_its_accounts_with_it(void **state)
{
    (void)state;
    const char *const texts[] = {AN_ACCOUNT("acme") "spec: { \n",
                                 AN_ACCOUNT("other") A_DEPLOYMENT("orders", "acme", "27017", "")
                                     A_DEPLOYMENT("stock", "other", "27019", "")};
    struct parsed parsed = parse_sound(texts, 2);
    assert_int_equal(parsed.result, 0);
    assert_true(parsed.diagnostics.count > 0);
    assert_int_equal(parsed.specs.deployment_count, 1);
    assert_string_equal(parsed.specs.deployments[0].name, "stock");
    parsed_done(&parsed);
}

static void a_sound_tree_is_whole(void **state)
{
    (void)state;
    const char *const texts[] = {AN_ACCOUNT("acme") A_DEPLOYMENT("orders", "acme", "27017", "")};
    struct parsed parsed = parse_sound(texts, 1);
    assert_int_equal(parsed.diagnostics.count, 0);
    assert_int_equal(parsed.specs.deployment_count, 1);
    assert_int_equal(parsed.specs.broken_count, 0);
    parsed_done(&parsed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_good_ones_go_on),
        cmocka_unit_test(what_needs_a_broken_one_is_broken_too),
        cmocka_unit_test(a_name_that_is_taken_twice_is_nobodys),
        cmocka_unit_test(a_file_that_is_no_yaml_takes_its_accounts_with_it),
        cmocka_unit_test(a_sound_tree_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
