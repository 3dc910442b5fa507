/* How errors look: text with its carets, and JSON. */
#include "tests/unit/specs_helper.h"

#include <jansson.h>

#include "specs/report.h"
#include "specs/text.h"

static char *render(const char *text, bool colour)
{
    struct parsed parsed = parse_text(text);
    struct ek_buffer rendered = {0};
    ek_diagnostics_render(&parsed.diagnostics, colour, &rendered);
    parsed_done(&parsed);
    return ek_buffer_take(&rendered);
}

static void assert_rendered(const char *text, const char *wanted)
{
    char *rendered = render(text, false);
    assert_string_equal(rendered, wanted);
    free(rendered);
}

static void the_whole_shape(void **state)
{
    (void)state;
    assert_rendered("apiVersion: evenkeel/v1\n"
                    "kind: Account\n"
                    "metadata:\n"
                    "  nam: acme   # the company\n"
                    "  name: acme\n",
                    "orders.yaml:4:3: error: unknown key \"nam\"\n"
                    "  nam: acme   # the company\n"
                    "  ^^^\n"
                    "  key: metadata.nam\n"
                    "  hint: did you mean \"name\"?\n"
                    "  see: evenkeel explain EK-0314\n");
}

static void two_errors_have_a_line_between(void **state)
{
    (void)state;
    assert_rendered("apiVersion: evenkeel/v1\nkind: Account\nmetadata: { name: acme, x: y }\n---\n"
                    "7\n",
                    "orders.yaml:3:25: error: unknown key \"x\"\n"
                    "metadata: { name: acme, x: y }\n"
                    "                        ^\n"
                    "  key: metadata.x\n"
                    "  hint: keys that can stand here: name, labels\n"
                    "  see: evenkeel explain EK-0314\n"
                    "\n"
                    "orders.yaml:5:1: error: a document must be a mapping, not the number 7\n"
                    "7\n"
                    "^\n"
                    "  see: evenkeel explain EK-0310\n");
}

static void a_block_is_underlined_on_its_first_line(void **state)
{
    (void)state;
    assert_rendered(ACCOUNT "---\nkind: Account\nmetadata: {}\n",
                    "orders.yaml:5:1: error: the document does not say its apiVersion\n"
                    "kind: Account\n"
                    "^^^^^^^^^^^^^\n"
                    "  key: apiVersion\n"
                    "  hint: every document starts with apiVersion: evenkeel/v1 and a kind\n"
                    "  see: evenkeel explain EK-0311\n");
}

static void wide_and_combining_characters(void **state)
{
    (void)state;
    /* Two characters of double width, one combining mark: characters and columns differ. */
    assert_rendered("apiVersion: evenkeel/v1\nkind: Account\n"
                    "metadata: { labels: { \xe6\x9d\xb1\xe4\xba\xac e\xcc\x81: 1 }, name: acme }\n",
                    "orders.yaml:3:30: error: a label must be a text, not the number 1\n"
                    "metadata: { labels: { \xe6\x9d\xb1\xe4\xba\xac e\xcc\x81: 1 }, name: acme }\n"
                    "                              ^\n"
                    "  key: metadata.labels.\xe6\x9d\xb1\xe4\xba\xac e\xcc\x81\n"
                    "  hint: put it in quotes\n"
                    "  see: evenkeel explain EK-0317\n");
}

static void tabs_keep_their_width(void **state)
{
    (void)state;
    assert_rendered(
        "apiVersion: evenkeel/v1\nkind: Account\nmetadata: {\tname:\tAB }\n",
        "orders.yaml:3:19: error: \"AB\" is not a valid name\n"
        "metadata: {\tname:\tAB }\n"
        "           \t     \t^^\n"
        "  key: metadata.name\n"
        "  hint: small letters, digits and inner hyphens, 63 at most: it becomes a part "
        "of DNS names\n"
        "  see: evenkeel explain EK-0325\n");
}

static void nothing_dangerous_reaches_the_terminal(void **state)
{
    (void)state;
    char *rendered =
        render("apiVersion: evenkeel/v1\nkind: \"A\\e[31m\xe2\x80\xae\"\n# \033[2J\n", false);
    assert_null(strchr(rendered, '\033'));
    free(rendered);
    rendered = render("apiVersion: evenkeel/v1\nkind: \"A\\e[31m\xe2\x80\xae\"\n", false);
    assert_null(strchr(rendered, '\033'));
    assert_null(strstr(rendered, "\xe2\x80\xae"));
    assert_non_null(strstr(rendered, "unknown kind \"A\\x1b[31m\\u202e\"\n"));
    assert_non_null(strstr(rendered, "\nkind: \"A\\e[31m\\u202e\"\n      ^^^^^^^^^^^^^^^\n"));
    free(rendered);
}

static void colour_only_when_asked(void **state)
{
    (void)state;
    char *rendered = render(ACCOUNT "x: y\n", true);
    assert_non_null(strstr(rendered, "\033[1;31merror:\033[0m"));
    assert_non_null(strstr(rendered, "\033[31m^\033[0m\n"));
    free(rendered);
}

static void long_lines_are_cut_to_a_window(void **state)
{
    (void)state;
    struct ek_buffer text = {0};
    ek_buffer_text_add(&text, "apiVersion: evenkeel/v1\nkind: Account\nmetadata: { name: acme, "
                              "labels: { ");
    for (int i = 0; i < 900; i++)
        ek_buffer_printf(&text, "k%d: vvvvvvvvvvvvvvvvv, ", i);
    ek_buffer_text_add(&text, "bad: 5 } }\n");
    struct parsed parsed = parse_text(ek_buffer_text(&text));
    assert_int_equal(parsed.diagnostics.count, 1);
    const struct ek_diagnostic *found = &parsed.diagnostics.items[0];
    assert_true(found->column > 10000);
    assert_true(strlen(found->source) <= 200);
    assert_int_equal(found->source[found->source_column - 1], '5');
    parsed_done(&parsed);
    ek_buffer_done(&text);
}

static void json_says_the_same(void **state)
{
    (void)state;
    struct parsed parsed = parse_text(ACCOUNT "\"a\\tb\": 1\n");
    json_t *array = ek_diagnostics_json(&parsed.diagnostics);
    assert_int_equal(json_array_size(array), 1);
    json_t *one = json_array_get(array, 0);
    assert_string_equal(json_string_value(json_object_get(one, "id")), "EK-0314");
    assert_string_equal(json_string_value(json_object_get(one, "severity")), "error");
    assert_string_equal(json_string_value(json_object_get(one, "file")), "orders.yaml");
    assert_int_equal(json_integer_value(json_object_get(one, "line")), 4);
    assert_int_equal(json_integer_value(json_object_get(one, "column")), 1);
    assert_int_equal(json_integer_value(json_object_get(one, "length")), 6);
    assert_string_equal(json_string_value(json_object_get(one, "message")), "unknown key \"a\tb\"");
    assert_non_null(json_object_get(one, "key"));
    assert_non_null(json_object_get(one, "hint"));
    json_decref(array);
    parsed_done(&parsed);
}

static void near_words(void **state)
{
    (void)state;
    static const char *const words[] = {"sslMode", "sslDomain", "plan", "ab", NULL};
    assert_string_equal(ek_text_nearest("sslmode", words), "sslMode");
    assert_string_equal(ek_text_nearest("slsMode", words), "sslMode");
    assert_string_equal(ek_text_nearest("plann", words), "plan");
    assert_string_equal(ek_text_nearest("sslDomian", words), "sslDomain");
    assert_null(ek_text_nearest("replicaSet", words));
    assert_null(ek_text_nearest("xy", words));
    assert_null(ek_text_nearest("", words));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_shape),
        cmocka_unit_test(two_errors_have_a_line_between),
        cmocka_unit_test(a_block_is_underlined_on_its_first_line),
        cmocka_unit_test(wide_and_combining_characters),
        cmocka_unit_test(tabs_keep_their_width),
        cmocka_unit_test(nothing_dangerous_reaches_the_terminal),
        cmocka_unit_test(colour_only_when_asked),
        cmocka_unit_test(long_lines_are_cut_to_a_window),
        cmocka_unit_test(json_says_the_same),
        cmocka_unit_test(near_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
