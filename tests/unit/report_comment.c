/* Comments on pull requests: nothing from outside acts in them, and they fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "reconciler/base/comment_parts.h"
#include "reconciler/document/planned.h"
#include "reconciler/document/words.h"
#include "reconciler/report/comment.h"

static void code_holds_anything(void **state)
{
    static const struct {
        const char *words;
        const char *shown;
    } table[] = {
        {"orders", "`orders`"},
        {"", ""},
        {"a `b` c", "``a `b` c``"},
        {"``", "``` `` ```"},
        {" x", "`  x `"},
        {"two\nlines\r\n@all", "`two lines @all`"},
        {"\033[31mred", "`\\x1b[31mred`"},
        {"<img src=x> @dana #12", "`<img src=x> @dana #12`"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        EK_BUFFER text = {0};
        ek_markdown_code(&text, table[i].words);
        assert_string_equal(ek_buffer_text(&text), table[i].shown);
    }
}

static void text_escapes_what_acts(void **state)
{
    (void)state;
    EK_BUFFER text = {0};
    ek_markdown_text(&text,
                     "see https://x.example [a](b) <script> @all #7 !3 *b* _c_ `d` a|b\n/close "
                     "1 restart (a: 1), 1.5 s & more");
    assert_string_equal(ek_buffer_text(&text),
                        "see https:&#8203;//x.example \\[a\\](b) &lt;script&gt; @&#8203;all "
                        "#&#8203;7 !&#8203;3 \\*b\\* \\_c\\_ \\`d\\` a\\|b /close "
                        "1 restart (a: 1), 1.5 s &amp; more");
}

static void a_block_is_not_left(void **state)
{
    (void)state;
    EK_BUFFER text = {0};
    ek_markdown_block(&text, "diff", "+ 1\n```\n````\n# out?\n\xff\033[1m");
    assert_string_equal(ek_buffer_text(&text),
                        "`````diff\n+ 1\n```\n````\n# out?\n\\xff\\x1b[1m\n`````\n");
}

static void a_marker_is_read_as_it_was_written(void **state)
{
    static const char *const fleets[] = {
        "", ".x", "fleets/prod", "a b", "--> <", "\xc3\xa9t\xc3\xa9", "100%25", "-"};
    (void)state;
    for (size_t i = 0; i < sizeof fleets / sizeof *fleets; i++) {
        EK_BUFFER text = {0};
        EK_BUFFER fleet = {0};
        size_t part = 0;
        size_t length = 0;
        ek_comment_mark(&text, fleets[i], 2, 3);
        assert_ptr_equal(strstr(text.bytes + 4, "--"), text.bytes + text.length - 4);
        ek_buffer_text_add(&text, "body\n");
        assert_true(ek_comment_marked(text.bytes, &fleet, &part, &length));
        assert_string_equal(ek_buffer_text(&fleet), fleets[i]);
        assert_int_equal(part, 2);
        assert_string_equal(text.bytes + length, "body\n");
    }
}

static void what_only_looks_like_a_marker(void **state)
{
    static const char *const bodies[] = {
        "",
        "text <!-- evenkeel:plan . 1/1 -->\n",
        " <!-- evenkeel:plan . 1/1 -->\n",
        "<!-- evenkeel:plan 1/1 -->\n",
        "<!-- evenkeel:plan . 0/1 -->\n",
        "<!-- evenkeel:plan . 1/1 --\n",
        "<!-- evenkeel:plan . x -->\n",
        "<!-- evenkeel:plan:orders -->\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        EK_BUFFER fleet = {0};
        size_t part = 0;
        assert_false(ek_comment_marked(bodies[i], &fleet, &part, NULL));
    }
}

static void parts_of_one_size(const char *markdown, size_t limit, struct ek_comment_parts *parts)
{
    assert_int_equal(ek_comment_split(markdown, "fleets/prod", limit, parts, NULL), 0);
    for (size_t i = 0; i < parts->count; i++) {
        EK_BUFFER fleet = {0};
        size_t part = 0;
        assert_in_range(strlen(parts->texts[i]), 1, limit);
        assert_true(ek_comment_marked(parts->texts[i], &fleet, &part, NULL));
        assert_int_equal(part, i + 1);
    }
}

static void folds_and_blocks_are_closed_and_opened(void **state)
{
    (void)state;
    EK_BUFFER text = {0};
    ek_buffer_text_add(&text, "## Evenkeel: steps\n\n<details><summary>9</summary>\n\n````diff\n");
    for (int i = 0; i < 200; i++)
        ek_buffer_printf(&text, "+ %d a line with ``` in it and more\n", i);
    ek_buffer_text_add(&text, "````\n\n</details>\n\nthe end\n");
    struct ek_comment_parts parts;
    parts_of_one_size(text.bytes, 4000, &parts);
    assert_in_range(parts.count, 3, 5);
    for (size_t i = 0; i < parts.count; i++) {
        const char *body = strchr(parts.texts[i], '\n') + 1;
        if (i)
            assert_memory_equal(body, "<details><summary>continued</summary>\n\n````diff\n+ ", 50);
        if (i + 1 < parts.count)
            assert_non_null(strstr(body, "more\n````\n\n</details>\n"));
    }
    assert_non_null(strstr(parts.texts[parts.count - 1], "the end\n"));
    for (int i = 0; i < 200; i++) {
        char line[64];
        size_t found = 0;
        snprintf(line, sizeof line, "\n+ %d a line", i);
        for (size_t k = 0; k < parts.count; k++)
            found += strstr(parts.texts[k], line) != NULL;
        assert_int_equal(found, 1);
    }
    ek_comment_parts_done(&parts);
}

static void what_is_far_too_long_is_cut(void **state)
{
    (void)state;
    EK_BUFFER text = {0};
    for (int i = 0; i < 100000; i++)
        ek_buffer_text_add(&text, "\xc3\xa9");
    struct ek_comment_parts parts;
    parts_of_one_size(text.bytes, 4000, &parts);
    assert_int_equal(parts.count, EK_COMMENT_PARTS_MAX);
    assert_non_null(strstr(parts.texts[7], "left out"));
    for (size_t i = 0; i < parts.count; i++)
        assert_memory_equal(strchr(parts.texts[i], '\n') + 1, "\xc3\xa9", 2);
    ek_comment_parts_done(&parts);
}

static void nothing_is_one_part(void **state)
{
    (void)state;
    struct ek_comment_parts parts;
    parts_of_one_size("", 4000, &parts);
    assert_int_equal(parts.count, 1);
    ek_comment_parts_done(&parts);
}

static void the_title_is_the_heading(void **state)
{
    (void)state;
    EK_BUFFER one = {0};
    EK_BUFFER none = {0};
    ek_comment_title("\n## Evenkeel: 3 steps for `orders`\n\n## Evenkeel: other\n", &one);
    assert_string_equal(ek_buffer_text(&one), "3 steps for orders");
    ek_comment_title("# no\n### none\n", &none);
    assert_string_equal(ek_buffer_text(&none), "");
}

static void errors_are_shown_and_do_nothing(void **state)
{
    (void)state;
    struct ek_diagnostic item = {.id = "EK-0301",
                                 .file = "a/`x`.yaml",
                                 .line = 3,
                                 .column = 5,
                                 .length = 2,
                                 .key = "spec.x",
                                 .sentence = "unknown key \"<b>@all\"",
                                 .hint = "`y`",
                                 .source = "  ```",
                                 .source_column = 3};
    struct ek_diagnostics diagnostics = {.items = &item, .count = 1};
    EK_BUFFER text = {0};
    ek_diagnostics_markdown("prod", "3f2c1ab7d0c94a55b1e2f60718293a4b5c6d7e8f", &diagnostics,
                            &text);
    assert_non_null(strstr(text.bytes, "## Evenkeel: `prod`: 1 error in the specs\n"));
    assert_non_null(
        strstr(text.bytes, "- ``a/`x`.yaml:3:5`` `unknown key \"<b>@all\"`, hint: `` `y` ``"));
    assert_non_null(strstr(text.bytes, "(commit `3f2c1ab`)"));
    assert_non_null(strstr(text.bytes, "````text\n"));
}

static void words_for_a_shell(void **state)
{
    static const char *const table[][2] = {
        {"orders.plan", "orders.plan"},
        {"", "''"},
        {"a b", "'a b'"},
        {"$(reboot)", "'$(reboot)'"},
        {"it's", "'it'\\''s'"},
        {"~root", "'~root'"},
        {"https://x/y.git", "https://x/y.git"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        EK_BUFFER text = {0};
        ek_shell_word(&text, table[i][0]);
        assert_string_equal(ek_buffer_text(&text), table[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(code_holds_anything),
        cmocka_unit_test(text_escapes_what_acts),
        cmocka_unit_test(a_block_is_not_left),
        cmocka_unit_test(a_marker_is_read_as_it_was_written),
        cmocka_unit_test(what_only_looks_like_a_marker),
        cmocka_unit_test(folds_and_blocks_are_closed_and_opened),
        cmocka_unit_test(what_is_far_too_long_is_cut),
        cmocka_unit_test(nothing_is_one_part),
        cmocka_unit_test(the_title_is_the_heading),
        cmocka_unit_test(errors_are_shown_and_do_nothing),
        cmocka_unit_test(words_for_a_shell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
