/* The floor that a controller's configuration sets under every plan's consent. */
#include "tests/unit/specs_helper.h"

#define KEY "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="
#define SSH                                                                                        \
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE "            \
    "alice@example.net"

static struct parsed parse_controller(const char *approval)
{
    char path[] = "controller.yaml";
    EK_BUFFER text = {0};
    ek_buffer_printf(&text,
                     "apiVersion: evenkeel/v1\nkind: Controller\nmetadata: { name: one }\nspec:\n"
                     "  repositories: [ { name: fleet, url: /srv/fleet.git } ]\n%s",
                     approval);
    struct ek_spec_file file = {path, text.bytes, text.length};
    struct ek_spec_files files = {.files = &file, .count = 1};
    struct parsed parsed = {0};
    parsed.result = ek_configuration_parse(&files, &parsed.specs, &parsed.diagnostics, &parsed.err);
    return parsed;
}

static void without_a_floor(void **state)
{
    (void)state;
    struct parsed parsed = parse_controller("");
    assert_int_equal(parsed.result, 0);
    assert_int_equal(parsed.specs.controllers[0].maintenance.approval, EK_APPROVAL_NONE);
    assert_int_equal(parsed.specs.warnings->count, 0);
    parsed_done(&parsed);
}

static void a_floor_and_its_keys(void **state)
{
    (void)state;
    struct parsed parsed = parse_controller("  approval: { floor: required }\n");
    assert_int_equal(parsed.result, 0);
    assert_int_equal(parsed.specs.controllers[0].maintenance.approval, EK_APPROVAL_REQUIRED);
    parsed_done(&parsed);
    parsed = parse_controller("  approval:\n    floor: signed\n    planKeys: [ " KEY " ]\n"
                              "    commitKeys: [ " SSH " ]\n");
    if (parsed.result != 0)
        show_diagnostics(&parsed);
    assert_int_equal(parsed.result, 0);
    const struct ek_controller_spec *controller = &parsed.specs.controllers[0];
    assert_int_equal(controller->maintenance.approval, EK_APPROVAL_SIGNED);
    assert_int_equal(controller->maintenance.approvers.plan_key_count, 1);
    assert_string_equal(controller->maintenance.approvers.plan_keys[0], KEY);
    assert_string_equal(controller->maintenance.approvers.commit_keys[0], SSH);
    parsed_done(&parsed);
}

static void floors_that_make_no_sense(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *id;
        const char *key;
    } rows[] = {
        {"  approval: { floor: signed }\n", "EK-1112", "spec.approval.floor"},
        {"  approval: { floor: always }\n", "EK-0320", "spec.approval.floor"},
        {"  approval: { floor: signed, planKeys: [ abc ] }\n", "EK-1113",
         "spec.approval.planKeys[0]"},
        {"  approval: required\n", "EK-0317", "spec.approval"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct parsed parsed = parse_controller(rows[i].text);
        if (parsed.diagnostics.count != 1)
            show_diagnostics(&parsed);
        assert_int_equal(parsed.diagnostics.count, 1);
        assert_string_equal(parsed.diagnostics.items[0].id, rows[i].id);
        assert_string_equal(parsed.diagnostics.items[0].key, rows[i].key);
        assert_int_equal(parsed.diagnostics.items[0].line, 6);
        parsed_done(&parsed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_floor),
        cmocka_unit_test(a_floor_and_its_keys),
        cmocka_unit_test(floors_that_make_no_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
