/* What is worth knowing of specs that are sound: keys that nothing acts on yet, a tree without
 * deployments, submodules. */
#include "tests/unit/specs_helper.h"

#include <jansson.h>

#include "specs/describe.h"
#include "specs/keys.h"

static const struct ek_diagnostic *only_warning(const struct parsed *parsed)
{
    assert_int_equal(parsed->result, 0);
    assert_int_equal(parsed->diagnostics.count, 0);
    assert_int_equal(parsed->specs.warnings->count, 1);
    return &parsed->specs.warnings->items[0];
}

static void keys_that_nothing_acts_on(void **state)
{
    (void)state;
    static const struct {
        size_t replaced;
        const char *instead;
        const char *key;
        int line;
        int column;
        const char *says;
    } rows[] = {
        {3, "metadata: { name: acme }\nspec: { technicalContact: dba@example.net }",
         "spec.technicalContact", 4, 9, "no mail is sent"},
        {13, "  maintenance: { technicalContact: dba@example.net }",
         "spec.maintenance.technicalContact", 13, 18, "no mail is sent"},
        {22, "  sslDomain: { base: fleet.example.net, keepOldNames: 30d }",
         "spec.sslDomain.keepOldNames", 22, 41, "they stay bound"},
        {23, "  certificates: { authority: acme-ca, notifyBefore: 30d }",
         "spec.certificates.notifyBefore", 23, 39, "no mail is sent"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = tree_with(rows[i].replaced, rows[i].instead);
        struct parsed parsed = parse_text(text);
        const struct ek_diagnostic *warning = only_warning(&parsed);
        assert_string_equal(warning->id, "EK-0319");
        assert_true(warning->warning);
        assert_string_equal(warning->key, rows[i].key);
        assert_int_equal(warning->line, rows[i].line);
        assert_int_equal(warning->column, rows[i].column);
        assert_non_null(strstr(warning->sentence, "is not acted on yet: "));
        assert_non_null(strstr(warning->sentence, rows[i].says));
        parsed_done(&parsed);
        free(text);
    }
}

/* Only what was written is warned of, never a default. */
static void defaults_are_not_warned_of(void **state)
{
    (void)state;
    char *text = tree_with(0, "");
    struct parsed parsed = parse_text(text);
    assert_int_equal(parsed.result, 0);
    assert_int_equal(parsed.specs.warnings->count, 0);
    parsed_done(&parsed);
    free(text);
}

/* Errors are told alone; where the rest goes on, the warnings of all are kept. */
static void with_errors(void **state)
{
    (void)state;
    char *text = tree_with(13, "  plan: premium\n  maintenance: { technicalContact: a@b.net }");
    struct parsed parsed = parse_text(text);
    assert_int_equal(parsed.result, EK_INVALID);
    assert_int_equal(parsed.diagnostics.count, 1);
    assert_false(parsed.diagnostics.items[0].warning);
    assert_null(parsed.specs.warnings);
    parsed_done(&parsed);
    free(text);
}

static void warnings_in_text_and_json(void **state)
{
    (void)state;
    char *text = tree_with(13, "  maintenance: { technicalContact: a@b.net }");
    struct parsed parsed = parse_text(text);
    EK_BUFFER shown = {0};
    ek_diagnostics_render(parsed.specs.warnings, false, &shown);
    assert_string_equal(ek_buffer_text(&shown),
                        "orders.yaml:13:18: warning: technicalContact is not acted on yet: no mail "
                        "is sent\n"
                        "  maintenance: { technicalContact: a@b.net }\n"
                        "                 ^^^^^^^^^^^^^^^^\n"
                        "  key: spec.maintenance.technicalContact\n"
                        "  see: evenkeel explain EK-0319\n");
    json_t *json = ek_diagnostics_json(parsed.specs.warnings);
    assert_string_equal(json_string_value(json_object_get(json_array_get(json, 0), "severity")),
                        "warning");
    json_decref(json);
    parsed_done(&parsed);
    free(text);
}

static void a_tree_without_deployments(void **state)
{
    (void)state;
    struct parsed parsed = parse_text(ACCOUNT AUTHORITY);
    const struct ek_diagnostic *warning = only_warning(&parsed);
    assert_string_equal(warning->id, "EK-0353");
    assert_int_equal(warning->line, 0);
    EK_BUFFER shown = {0};
    ek_diagnostics_render(parsed.specs.warnings, false, &shown);
    assert_string_equal(ek_buffer_text(&shown),
                        "the specs: warning: there is no deployment in 1 spec file: nothing is "
                        "looked after\n"
                        "  hint: look whether path and revision are the right ones\n"
                        "  see: evenkeel explain EK-0353\n");
    json_t *json = ek_diagnostic_json(warning);
    assert_null(json_object_get(json, "line"));
    json_decref(json);
    parsed_done(&parsed);
}

static void submodules(void **state)
{
    (void)state;
    char path[] = "orders.yaml";
    char teams[] = "teams/a";
    char *text = tree_with(0, "");
    char *submodule = teams;
    struct ek_spec_file file = {.path = path, .text = text, .length = strlen(text)};
    struct ek_spec_files files = {
        .files = &file, .count = 1, .submodules = &submodule, .submodule_count = 1};
    struct parsed parsed = {0};
    parsed.result = ek_specs_parse(&files, &parsed.specs, &parsed.diagnostics, &parsed.err);
    const struct ek_diagnostic *warning = only_warning(&parsed);
    assert_string_equal(warning->id, "EK-0619");
    assert_string_equal(warning->file, "teams/a");
    assert_string_equal(warning->sentence, "this is a submodule: specs in it are not read");
    parsed_done(&parsed);
    free(text);
}

/* Every place that describes a key says so as well. */
static void described(const char *path, const struct ek_key *key, void *context)
{
    const struct ek_buffer *page = context;
    if (!key->not_yet)
        return;
    EK_BUFFER row = {0};
    EK_BUFFER words = {0};
    struct ek_error err;
    ek_buffer_printf(&row, "| `%s` | ", path);
    const char *line = strstr(ek_buffer_text(page), ek_buffer_text(&row));
    assert_non_null(line);
    const char *said = strstr(line, "**Not acted on yet**: ");
    assert_non_null(said);
    assert_true(said < strchr(line, '\n'));
    assert_int_equal(ek_specs_key_doc(path, &words, &err), 0);
    assert_non_null(strstr(ek_buffer_text(&words), "  Not acted on yet: "));
}

static void schema_reference_and_explain_say_so(void **state)
{
    (void)state;
    EK_BUFFER page = {0};
    EK_BUFFER schema = {0};
    ek_specs_reference(&page);
    for (size_t i = 0; i < ek_kind_count; i++)
        if (!ek_kinds[i].later)
            ek_keys_visit(ek_kinds[i].keys, described, &page);
    ek_specs_schema(&schema);
    assert_non_null(strstr(ek_buffer_text(&schema),
                           "How long before a renewal the technical contact is told. Not acted on "
                           "yet: no mail is sent."));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_that_nothing_acts_on),
        cmocka_unit_test(defaults_are_not_warned_of),
        cmocka_unit_test(with_errors),
        cmocka_unit_test(warnings_in_text_and_json),
        cmocka_unit_test(a_tree_without_deployments),
        cmocka_unit_test(submodules),
        cmocka_unit_test(schema_reference_and_explain_say_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
