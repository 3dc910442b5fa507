/* The schema, the reference page and `explain`'s words for a key: all from the tables. */
#include "tests/unit/specs_helper.h"

#include <jansson.h>

#include "specs/describe.h"
#include "specs/keys.h"

static json_t *schema(void)
{
    EK_BUFFER text = {0};
    json_error_t error;
    ek_specs_schema(&text);
    json_t *parsed = json_loads(ek_buffer_text(&text), JSON_REJECT_DUPLICATES, &error);
    if (!parsed)
        fail_msg("line %d: %s", error.line, error.text);
    return parsed;
}

/* schema_at(root, "$defs", "Deployment", NULL) */
static json_t *schema_at(json_t *node, const char *first, ...)
{
    va_list args;
    va_start(args, first);
    for (const char *key = first; key; key = va_arg(args, const char *))
        node = json_object_get(node, key);
    va_end(args);
    assert_non_null(node);
    return node;
}

static void the_schema_is_json(void **state)
{
    (void)state;
    json_t *root = schema();
    assert_string_equal(json_string_value(schema_at(root, "$schema", NULL)),
                        "https://json-schema.org/draft/2020-12/schema");
    json_t *kinds = schema_at(root, "oneOf", NULL);
    assert_int_equal(json_array_size(kinds), 4);
    assert_string_equal(json_string_value(schema_at(json_array_get(kinds, 2), "$ref", NULL)),
                        "#/$defs/Deployment");
    json_t *spec = schema_at(root, "$defs", "Deployment", "properties", "spec", NULL);
    assert_true(json_is_false(schema_at(spec, "additionalProperties", NULL)));
    assert_null(json_object_get(schema_at(spec, "properties", NULL), "firewall"));
    json_t *mode = schema_at(spec, "properties", "sslMode", NULL);
    assert_int_equal(json_array_size(schema_at(mode, "enum", NULL)), 7);
    assert_string_equal(json_string_value(schema_at(mode, "default", NULL)), "disabled");
    json_t *provider =
        schema_at(spec, "properties", "provider", "properties", "name", "enum", NULL);
    assert_int_equal(json_array_size(provider), 2);
    json_t *members = schema_at(spec, "properties", "replicaSet", "properties", "members", NULL);
    assert_int_equal(json_integer_value(schema_at(members, "maxItems", NULL)), 50);
    json_t *port = schema_at(members, "items", "properties", "port", NULL);
    assert_int_equal(json_integer_value(schema_at(port, "maximum", NULL)), 65535);
    assert_int_equal(json_integer_value(schema_at(port, "default", NULL)), 27017);
    assert_true(
        json_is_false(schema_at(members, "items", "properties", "hidden", "default", NULL)));
    json_decref(root);
}

static void count_objects(json_t *node, size_t *closed, size_t *described)
{
    const char *key;
    json_t *value;
    size_t index;
    if (json_is_object(node)) {
        *closed += json_object_get(node, "properties") != NULL &&
                   json_is_false(json_object_get(node, "additionalProperties"));
        json_t *properties = json_object_get(node, "properties");
        json_object_foreach(properties, key, value) *described +=
            json_is_string(json_object_get(value, "description"));
        json_object_foreach(node, key, value) count_objects(value, closed, described);
    }
    json_array_foreach(node, index, value) count_objects(value, closed, described);
}

struct row_count {
    size_t maps;
    size_t rows;
};

static void count_row(const char *path, const struct ek_key *key, void *context)
{
    struct row_count *count = context;
    assert_true(strlen(path) > 0);
    assert_non_null(key->doc);
    assert_int_equal(key->doc[strlen(key->doc) - 1], '.');
    if (key->type == EK_TYPE_LATER)
        return;
    assert_non_null(key->since);
    count->rows++;
    count->maps += key->children != NULL;
    if (key->type == EK_TYPE_WORD)
        assert_non_null(key->words);
    if (key->type == EK_TYPE_MAP || key->type == EK_TYPE_LIST)
        assert_non_null(key->children);
    /* A value that is kept and has no default is required, or may be absent in the struct. */
    if (key->type == EK_TYPE_INTEGER || key->type == EK_TYPE_DURATION)
        assert_non_null(key->initial);
}

static void every_row_is_in_the_schema(void **state)
{
    (void)state;
    struct row_count count = {0};
    size_t kinds = 0;
    for (size_t i = 0; i < ek_kind_count; i++)
        if (!ek_kinds[i].later) {
            ek_keys_visit(ek_kinds[i].keys, count_row, &count);
            kinds++;
        }
    size_t closed = 0;
    size_t described = 0;
    json_t *root = schema();
    count_objects(root, &closed, &described);
    assert_int_equal(kinds, EK_KIND_COUNT_SERVED);
    assert_int_equal(closed, count.maps + kinds);
    assert_int_equal(described, count.rows);
    json_decref(root);
}

/* A default must itself be a value that the table takes. */
static void check_default(const char *path, const struct ek_key *key, void *context)
{
    struct ek_arena *arena = context;
    struct ek_problem problem = {0};
    int64_t slot[4] = {0};
    if (key->type != EK_TYPE_CONSTANT && key->initial &&
        !ek_value_types[key->type].parse(key, key->initial, arena, slot, &problem))
        fail_msg("%s: %s", path, problem.sentence);
}

static void defaults_are_allowed(void **state)
{
    (void)state;
    struct ek_arena *arena = ek_arena_new();
    for (size_t i = 0; i < EK_KIND_COUNT_SERVED; i++)
        ek_keys_visit(ek_kinds[i].keys, check_default, arena);
    ek_arena_free(arena);
}

static void the_reference_page_has_every_key(void **state)
{
    (void)state;
    EK_BUFFER page = {0};
    ek_specs_reference(&page);
    const char *text = ek_buffer_text(&page);
    static const char *const parts[] = {
        "# The language of the specs\n",
        "\n## Account\n",
        "\n## CertificateAuthority\n",
        "\n## Deployment\n",
        "| `spec.replicaSet.members[].port` | a whole number, 1 to 65535 | `27017` | 0.1 | ",
        "| `spec.certificates.validity` | a duration such as 30d, 1h to 730d | `730d` | 0.1 | ",
        "| `spec.plan` | one of `dedicated`, `shared`, `sandbox` | `dedicated` | 0.1 | ",
        "| `spec.provider` | a mapping (key: value) | required | 0.1 | ",
        "\\<provider.directory>/\\<name>",
        "- kind `BackupTarget`: ",
        "- `spec.firewall`: ",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strstr(text, parts[i]))
            fail_msg("the page lacks: %s", parts[i]);
}

static void explain(const char *path, const char *wanted)
{
    EK_BUFFER text = {0};
    struct ek_error err = {0};
    assert_int_equal(ek_specs_key_doc(path, &text, &err), 0);
    if (!strstr(ek_buffer_text(&text), wanted))
        fail_msg("%s gives %s", path, ek_buffer_text(&text));
}

static void keys_are_explained(void **state)
{
    (void)state;
    explain("spec.sslMode", "Deployment spec.sslMode\n  How the servers use SSL");
    explain("Deployment.spec.sslMode", "default: disabled\n");
    explain("sslMode", "value:   one of disabled, allowSSL");
    explain("spec.replicaSet.members[1].host", "Deployment spec.replicaSet.members[].host\n");
    explain("members.votes", "value:   a whole number, 0 to 1\n");
    explain("technicalContact", "Account spec.technicalContact\n");
    explain("technicalContact", "\n\nDeployment spec.maintenance.technicalContact\n");
    explain("Deployment", "One replica set");
    explain("BackupTarget", "Not supported by this version yet");
    explain("spec.firewall", "Not supported by this version yet");
}

static void unknown_keys_are_not_explained(void **state)
{
    (void)state;
    EK_BUFFER text = {0};
    struct ek_error err = {0};
    assert_int_equal(ek_specs_key_doc("spec.sslmod", &text, &err), EK_NOT_FOUND);
    assert_string_equal(err.id, "EK-0360");
    assert_string_equal(err.hint, "did you mean sslMode?");
    assert_int_equal(ek_specs_key_doc("", &text, &err), EK_NOT_FOUND);
    assert_int_equal(ek_specs_key_doc("Mode", &text, &err), EK_NOT_FOUND);
    assert_int_equal(text.length, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_schema_is_json),   cmocka_unit_test(every_row_is_in_the_schema),
        cmocka_unit_test(defaults_are_allowed), cmocka_unit_test(the_reference_page_has_every_key),
        cmocka_unit_test(keys_are_explained),   cmocka_unit_test(unknown_keys_are_not_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
