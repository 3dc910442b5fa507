/* YAML itself: what is taken, what is refused, and where the fault is shown. */
#include "tests/unit/specs_helper.h"

struct text {
    const char *bytes;
    size_t length;  /* 0: up to the NUL */
    const char *id; /* NULL: nothing is wrong */
    int line;
    int column;
};

#define EXACT(literal) literal, sizeof(literal) - 1

static const struct text texts[] = {
    {"", 0, NULL, 0, 0},
    {"# nothing but a comment\n", 0, NULL, 0, 0},
    {"---\n---\n" ACCOUNT "---\n# end\n", 0, NULL, 0, 0},
    {ACCOUNT "...\n" AUTHORITY, 0, NULL, 0, 0},
    {"\xef\xbb\xbf" ACCOUNT, 0, NULL, 0, 0},
    {"apiVersion: evenkeel/v1\r\nkind: Account\r\nmetadata: { name: acme }\r\n", 0, NULL, 0, 0},
    {"apiVersion: evenkeel/v1\nkind: Account\nmetadata: { name: \"\\x61cme\" }\n", 0, NULL, 0, 0},
    {"apiVersion: evenkeel/v1\nkind: Account\nmetadata: &m { name: &n acme, labels: { a: *n } }\n",
     0, NULL, 0, 0},
    {"apiVersion: evenkeel/v1\nkind: Account\nmetadata: { name: !!str 12 }\n", 0, NULL, 0, 0},
    {ACCOUNT "spec: { technicalContact: a@b.c\n", 0, "EK-0301", 5, 1},
    {ACCOUNT "spec: 'never closed\n", 0, "EK-0301", 5, 1},
    {EXACT("apiVersion: evenkeel/v1\nkind: A\0ccount\n"), "EK-0302", 2, 8},
    {EXACT(ACCOUNT "# \xc3\xa4 \xff\n"), "EK-0302", 4, 5},
    {EXACT(ACCOUNT "# \xc0\xaf overlong\n"), "EK-0302", 4, 3},
    {EXACT(ACCOUNT "# \xed\xa0\x80 surrogate\n"), "EK-0302", 4, 3},
    {EXACT(ACCOUNT "# \033[31m\n"), "EK-0302", 4, 3},
    {EXACT(ACCOUNT "# \xe2\x80\xa8\n"), "EK-0302", 4, 3},
    {EXACT("\xff\xfe"
           "a\0"),
     "EK-0302", 1, 1},
    {"apiVersion: evenkeel/v1\nkind: Account\nmetadata:\n\tname: acme\n", 0, "EK-0303", 4, 1},
    {"apiVersion: evenkeel/v1\nkind: Account\nmetadata:\n  labels:\n  \ta: b\n", 0, "EK-0303", 5,
     3},
    {ACCOUNT "kind: Account\n", 0, "EK-0304", 4, 1},
    {"apiVersion: evenkeel/v1\nkind: Account\nmetadata: { name: acme, \"name\": acme }\n", 0,
     "EK-0304", 3, 25},
    {"apiVersion: evenkeel/v1\nkind: Account\nmetadata: &m { name: acme }\nspec: { <<: *m }\n", 0,
     "EK-0305", 4, 9},
    {ACCOUNT "? [a, b]\n: c\n", 0, "EK-0306", 4, 3},
    {ACCOUNT "\"a\\0b\": c\n", 0, "EK-0306", 4, 1},
    {"apiVersion: evenkeel/v1\nkind: Account\nmetadata: { name: !secret acme }\n", 0, "EK-0307", 3,
     19},
    {"apiVersion: evenkeel/v1\nkind: Account\nmetadata: &m { name: acme, labels: *m }\n", 0,
     "EK-0308", 3, 36},
    {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 0, "EK-0308", 1, 34},
    {"apiVersion: evenkeel/v1\nkind: Account\nmetadata: { name: *n }\n", 0, "EK-0309", 3, 19},
    {"just text\n", 0, "EK-0310", 1, 1},
    {ACCOUNT "---\n- a\n- b\n", 0, "EK-0310", 5, 1},
};

static void every_text_has_its_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const struct text *text = &texts[i];
        struct parsed parsed =
            parse_bytes(text->bytes, text->length ? text->length : strlen(text->bytes));
        const struct ek_diagnostic *found = text->id ? find_diagnostic(&parsed, text->id) : NULL;
        if (text->id ? !found : parsed.result != 0) {
            show_diagnostics(&parsed);
            fail_msg("text %zu should give %s", i, text->id ? text->id : "nothing");
        }
        if (found && (found->line != text->line || found->column != text->column)) {
            show_diagnostics(&parsed);
            fail_msg("text %zu: %s should stand at %d:%d", i, text->id, text->line, text->column);
        }
        assert_int_equal(parsed.result, text->id ? EK_INVALID : 0);
        parsed_done(&parsed);
    }
}

static void documents_before_a_fault_are_checked(void **state)
{
    (void)state;
    struct parsed parsed =
        parse_text("apiVersion: evenkeel/v1\nkind: Account\nmetadata: { nam: acme }\n---\na: [\n");
    assert_non_null(find_diagnostic(&parsed, "EK-0314"));
    assert_non_null(find_diagnostic(&parsed, "EK-0301"));
    parsed_done(&parsed);
}

static void a_fault_in_one_file_leaves_the_others(void **state)
{
    (void)state;
    char a[] = "a.yaml";
    char b[] = "b.yaml";
    char broken[] = "a: {\n";
    char account[] = "apiVersion: evenkeel/v1\nkind: Account\nmetadata: { name: Acme }\n";
    struct ek_spec_file list[] = {{a, broken, strlen(broken)}, {b, account, strlen(account)}};
    struct ek_spec_files files = {.files = list, .count = 2};
    struct ek_specs specs = {0};
    struct ek_diagnostics diagnostics;
    struct ek_error err;
    assert_int_equal(ek_specs_parse(&files, &specs, &diagnostics, &err), EK_INVALID);
    assert_int_equal(diagnostics.count, 2);
    assert_string_equal(diagnostics.items[0].file, "a.yaml");
    assert_string_equal(diagnostics.items[1].file, "b.yaml");
    assert_string_equal(diagnostics.items[1].id, "EK-0325");
    assert_string_equal(err.sentence, "2 errors in 2 of 2 spec files");
    assert_null(specs.memory);
    ek_diagnostics_done(&diagnostics);
}

/* What the unreadable part holds is not known: a name is not called missing because of it. */
static void names_may_be_in_what_is_unreadable(void **state)
{
    (void)state;
    static const char *const texts_unread[] = {
        AUTHORITY "---\nkind: {\n",
        AUTHORITY "---\napiVersion: evenkeel/v1\nkind: Acount\nmetadata: { name: acme }\n",
        AUTHORITY "---\nkind: Account\nmetadata: { name: acme }\n",
    };
    for (size_t i = 0; i < 3; i++) {
        struct parsed parsed = parse_text(texts_unread[i]);
        assert_int_equal(parsed.result, EK_INVALID);
        assert_int_equal(parsed.diagnostics.count, 1);
        assert_null(find_diagnostic(&parsed, "EK-0350"));
        parsed_done(&parsed);
    }
    struct parsed parsed = parse_text(AUTHORITY);
    assert_non_null(find_diagnostic(&parsed, "EK-0350"));
    parsed_done(&parsed);
}

/* A node that several aliases lead to is wrong once. */
static void aliases_do_not_repeat_errors(void **state)
{
    (void)state;
    char *text =
        tree_with(18, "      - { name: a, host: db-a.example.net, address: &bad nowhere }\n"
                      "      - { name: d, host: db-d.example.net, address: *bad }");
    struct parsed parsed = parse_text(text);
    assert_int_equal(parsed.diagnostics.count, 1);
    assert_string_equal(parsed.diagnostics.items[0].id, "EK-0329");
    parsed_done(&parsed);
    free(text);
}

static void wide_maps_are_refused(void **state)
{
    (void)state;
    struct ek_buffer text = {0};
    ek_buffer_text_add(&text, ACCOUNT "spec:\n");
    for (int i = 0; i < 5000; i++)
        ek_buffer_printf(&text, "  k%d: x\n", i);
    struct parsed parsed = parse_text(ek_buffer_text(&text));
    assert_non_null(find_diagnostic(&parsed, "EK-0308"));
    parsed_done(&parsed);
    ek_buffer_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_text_has_its_answer),
        cmocka_unit_test(documents_before_a_fault_are_checked),
        cmocka_unit_test(a_fault_in_one_file_leaves_the_others),
        cmocka_unit_test(names_may_be_in_what_is_unreadable),
        cmocka_unit_test(aliases_do_not_repeat_errors),
        cmocka_unit_test(wide_maps_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
