/* Every example of the repository is sound, and stays so however it is cut off. Run from the
 * top of the source tree. */
#include "tests/unit/specs_helper.h"

#include <glob.h>

#include "reconciler/base/file.h"
#include "specs/describe.h"

static struct ek_buffer read_file(const char *path)
{
    struct ek_buffer content = {0};
    struct ek_error err = {0};
    if (ek_file_read(path, 1 << 20, &content, NULL, &err) != 0)
        fail_msg("%s", err.sentence);
    return content;
}

static void check_tree(const char *directory)
{
    char pattern[512];
    glob_t found = {0};
    snprintf(pattern, sizeof pattern, "%s*.yaml", directory);
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    struct ek_spec_file list[32] = {0};
    struct ek_buffer texts[32] = {0};
    assert_in_range(found.gl_pathc, 1, 32);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        texts[i] = read_file(found.gl_pathv[i]);
        list[i] = (struct ek_spec_file){found.gl_pathv[i], texts[i].bytes, texts[i].length};
        assert_memory_equal(texts[i].bytes,
                            "# yaml-language-server: $schema=../evenkeel.schema.json\n", 56);
    }
    struct ek_spec_files files = {.files = list, .count = found.gl_pathc};
    struct parsed parsed = {0};
    parsed.result = ek_specs_parse(&files, &parsed.specs, &parsed.diagnostics, &parsed.err);
    if (parsed.result != 0)
        show_diagnostics(&parsed);
    assert_int_equal(parsed.result, 0);
    assert_true(parsed.specs.deployment_count >= 1);
    parsed_done(&parsed);
    for (size_t i = 0; i < found.gl_pathc; i++)
        ek_buffer_done(&texts[i]);
    globfree(&found);
}

static void every_example_is_sound(void **state)
{
    (void)state;
    glob_t found = {0};
    assert_int_equal(glob("examples/*/", 0, NULL, &found), 0);
    assert_true(found.gl_pathc >= 2);
    for (size_t i = 0; i < found.gl_pathc; i++)
        check_tree(found.gl_pathv[i]);
    globfree(&found);
}

static void the_example_of_a_controller_is_sound(void **state)
{
    (void)state;
    char path[] = "contrib/systemd/controller.yaml";
    EK_BUFFER text = read_file(path);
    struct ek_spec_file file = {path, text.bytes, text.length};
    struct ek_spec_files files = {.files = &file, .count = 1};
    struct parsed parsed = {0};
    parsed.result = ek_configuration_parse(&files, &parsed.specs, &parsed.diagnostics, &parsed.err);
    if (parsed.result != 0)
        show_diagnostics(&parsed);
    assert_int_equal(parsed.result, 0);
    assert_int_equal(parsed.specs.controller_count, 1);
    const struct ek_controller_spec *controller = &parsed.specs.controllers[0];
    assert_int_equal(controller->repository_count, 1);
    assert_int_equal(controller->repositories[0].interval_s, 60);
    assert_int_equal(controller->repositories[0].rewritten, EK_REWRITTEN_REFUSE);
    assert_int_equal(controller->acting_per_account, 2);
    assert_int_equal(controller->maintenance.approval, EK_APPROVAL_NONE);
    parsed_done(&parsed);
    /* It is no part of a fleet's specs, and a fleet's specs are none of it. */
    parsed.result = ek_specs_parse(&files, &parsed.specs, &parsed.diagnostics, &parsed.err);
    assert_int_equal(parsed.result, EK_INVALID);
    assert_string_equal(parsed.diagnostics.items[0].id, "EK-0314");
    parsed_done(&parsed);
}

static void the_schema_file_is_the_printed_one(void **state)
{
    (void)state;
    EK_BUFFER printed = {0};
    EK_BUFFER written = read_file("examples/evenkeel.schema.json");
    ek_specs_schema(&printed);
    if (strcmp(ek_buffer_text(&printed), ek_buffer_text(&written)) != 0)
        fail_msg("run: build/evenkeel schema > examples/evenkeel.schema.json");
}

/* Either sound or with at least one error; a sanitizer watches the rest. */
static void check_bytes(const char *text, size_t length)
{
    struct parsed parsed = parse_bytes(text, length);
    if (parsed.result == 0)
        assert_int_equal(parsed.diagnostics.count, 0);
    else
        assert_true(parsed.result == EK_INVALID && parsed.diagnostics.count > 0);
    struct ek_buffer rendered = {0};
    ek_diagnostics_render(&parsed.diagnostics, false, &rendered);
    assert_int_equal(rendered.length > 0, parsed.result != 0);
    ek_buffer_done(&rendered);
    parsed_done(&parsed);
}

static struct ek_buffer all_examples(void)
{
    struct ek_buffer all = {0};
    glob_t found = {0};
    assert_int_equal(glob("examples/three-members-local/*.yaml", 0, NULL, &found), 0);
    assert_int_equal(glob("examples/hosts/*.yaml", GLOB_APPEND, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        EK_BUFFER one = read_file(found.gl_pathv[i]);
        ek_buffer_text_add(&all, "---\n");
        ek_buffer_add(&all, one.bytes, one.length);
    }
    globfree(&found);
    return all;
}

static void truncated_anywhere(void **state)
{
    (void)state;
    EK_BUFFER all = all_examples();
    for (size_t length = 0; length <= all.length; length++)
        check_bytes(all.bytes, length);
}

/* One byte replaced by one of those that mean something to YAML or to text. */
static void one_byte_wrong(void **state)
{
    (void)state;
    static const char bytes[] = {'\0', '\t', '\n', ' ', ':',  '-',    '{',        ']',       '"',
                                 '&',  '*',  '!',  '#', '\\', '\x1b', (char)0xc3, (char)0xff};
    EK_BUFFER all = all_examples();
    for (size_t i = 0; i < all.length; i++) {
        char kept = all.bytes[i];
        all.bytes[i] = bytes[i % sizeof bytes];
        check_bytes(all.bytes, all.length);
        all.bytes[i] = kept;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_example_is_sound),
        cmocka_unit_test(the_example_of_a_controller_is_sound),
        cmocka_unit_test(the_schema_file_is_the_printed_one),
        cmocka_unit_test(truncated_anywhere),
        cmocka_unit_test(one_byte_wrong),
    };
    (void)sound_lines;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
