#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "reconciler/command/options.c" /* the command's files are in no library */

static struct ek_options parsed;
static struct ek_error err;

static int parse(unsigned verb, const char *line)
{
    static char text[256];
    char *words[16];
    int count = 0;
    ek_options_done(&parsed);
    err = (struct ek_error){0};
    snprintf(text, sizeof text, "%s", line);
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
        words[count++] = word;
    return ek_options_parse(verb, count, words, &parsed, &err);
}

static int clean(void **state)
{
    (void)state;
    ek_options_done(&parsed);
    for (size_t i = 0; i < OPTIONS; i++)
        if (options[i].environment)
            unsetenv(options[i].environment);
    return 0;
}

static void every_way_to_write_a_value(void **state)
{
    (void)state;
    assert_int_equal(parse(EK_VERB_PLAN, "--git /srv/a --revision=main x -o p.plan -qv"), 0);
    assert_string_equal(parsed.git, "/srv/a");
    assert_string_equal(parsed.revision, "main");
    assert_string_equal(parsed.out, "p.plan");
    assert_true(parsed.quiet && parsed.verbose && !parsed.yes);
    assert_int_equal(parsed.argument_count, 1);
    assert_string_equal(parsed.arguments[0], "x");
    assert_int_equal(parse(EK_VERB_PLAN, "-op2 -- --git -q"), 0);
    assert_string_equal(parsed.out, "p2");
    assert_int_equal(parsed.argument_count, 2);
    assert_string_equal(parsed.arguments[0], "--git");
    assert_int_equal(parse(EK_VERB_APPLY, "--auto-approve --output json --no-color"), 0);
    assert_true(parsed.yes);
    assert_int_equal(parsed.output, EK_OUTPUT_JSON);
    assert_int_equal(parsed.colour, EK_COLOUR_NEVER);
}

static void the_master_key_comes_from_one_place(void **state)
{
    (void)state;
    assert_int_equal(parse(EK_VERB_PLAN, "--secret-key-command print-key"), 0);
    assert_string_equal(parsed.secret_key_command, "print-key");
    assert_null(parsed.secret_key_file);
    setenv("EVENKEEL_SECRET_KEY_FILE", "/etc/key", 1);
    assert_int_equal(parse(EK_VERB_PLAN, "--secret-key-command print-key"), 0);
    assert_null(parsed.secret_key_file); /* the flag beats the environment */
    setenv("EVENKEEL_SECRET_KEY_COMMAND", "print-key", 1);
    assert_int_equal(parse(EK_VERB_PLAN, ""), EK_INVALID);
    assert_string_equal(err.id, "EK-0804");
    assert_int_equal(parse(EK_VERB_PLAN, "--secret-key-file k"), 0);
    assert_string_equal(parsed.secret_key_file, "k");
    assert_null(parsed.secret_key_command);
    clean(NULL);
    assert_int_equal(parse(EK_VERB_PLAN, "--secret-key-file k --secret-key-command c"), EK_INVALID);
}

static void durations(void **state)
{
    (void)state;
    assert_int_equal(parse(EK_VERB_APPLY, ""), 0);
    assert_int_equal(parsed.step_timeout_ms, 180000);
    assert_int_equal(parsed.settle_timeout_ms, 60000);
    assert_int_equal(parsed.lock_timeout_ms, 0);
    const struct {
        const char *line;
        int64_t ms;
    } good[] = {{"--timeout 500ms", 500},
                {"--timeout 30s", 30000},
                {"--timeout 5m", 300000},
                {"--timeout=2h", 7200000}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(parse(EK_VERB_APPLY, good[i].line), 0);
        assert_int_equal(parsed.step_timeout_ms, good[i].ms);
    }
    const char *const bad[] = {"--timeout 5",
                               "--timeout x",
                               "--timeout -5s",
                               "--timeout 5s5",
                               "--timeout 99999999999999999999s",
                               "--timeout"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(parse(EK_VERB_APPLY, bad[i]), EK_INVALID);
        assert_string_equal(err.id, "EK-0803");
    }
}

static void flag_before_environment_before_default(void **state)
{
    (void)state;
    setenv("EVENKEEL_TIMEOUT", "7s", 1);
    setenv("EVENKEEL_STATE_DIR", "/from/environment", 1);
    assert_int_equal(parse(EK_VERB_APPLY, ""), 0);
    assert_int_equal(parsed.step_timeout_ms, 7000);
    assert_string_equal(parsed.state_directory, "/from/environment");
    assert_int_equal(parse(EK_VERB_APPLY, "--timeout 9s --state-dir /flag"), 0);
    assert_int_equal(parsed.step_timeout_ms, 9000);
    assert_string_equal(parsed.state_directory, "/flag");
    setenv("EVENKEEL_STATE_DIR", "", 1);
    assert_int_equal(parse(EK_VERB_APPLY, ""), 0);
    assert_null(parsed.state_directory);
    setenv("EVENKEEL_TIMEOUT", "soon", 1);
    assert_int_equal(parse(EK_VERB_APPLY, ""), EK_INVALID);
    assert_non_null(strstr(err.sentence, "EVENKEEL_TIMEOUT"));
}

static void what_makes_no_sense_is_refused_with_help(void **state)
{
    (void)state;
    const struct {
        unsigned verb;
        const char *line;
        const char *id;
        const char *hint;
    } bad[] = {
        {EK_VERB_PLAN, "--ouput json", "EK-0802", "did you mean --output?"},
        {EK_VERB_PLAN, "--yes", "EK-0802", "evenkeel help COMMAND"},
        {EK_VERB_PLAN, "--output yaml", "EK-0803", "text|json|markdown"},
        {EK_VERB_PLAN, "--quiet=yes", "EK-0803", ""},
        {EK_VERB_PLAN, "-z", "EK-0802", "evenkeel help COMMAND"},
        {EK_VERB_PLAN, "--revision main", "EK-0804", "--git"},
        {EK_VERB_PLAN, "--out=", "EK-0803", ""},
        {EK_VERB_PLAN, "--git", "EK-0803", "--git URL"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (parse(bad[i].verb, bad[i].line) == 0)
            fail_msg("taken: %s", bad[i].line);
        assert_string_equal(err.id, bad[i].id);
        assert_non_null(strstr(err.hint, bad[i].hint));
    }
}

static void names_are_unique_and_documented(void **state)
{
    (void)state;
    EK_BUFFER text = {0};
    ek_options_help(ALL, &text);
    for (size_t i = 0; i < OPTIONS; i++) {
        char name[64];
        snprintf(name, sizeof name, "--%s", options[i].name);
        assert_non_null(strstr(ek_buffer_text(&text), name));
        for (size_t k = 0; k < i; k++) {
            if (!(options[i].verbs & options[k].verbs))
                continue; /* of two commands that share neither */
            assert_string_not_equal(options[i].name, options[k].name);
            assert_true(!options[i].letter || options[i].letter != options[k].letter);
        }
    }
}

static void nearest_word(void **state)
{
    (void)state;
    const char *const words[] = {"plan", "apply", "status"};
    assert_string_equal(ek_nearest("plna", words, 3), "plan");
    assert_string_equal(ek_nearest("aply", words, 3), "apply");
    assert_null(ek_nearest("frobnicate", words, 3));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, clean, clean)
    const struct CMUnitTest tests[] = {
        TEST(every_way_to_write_a_value),
        TEST(the_master_key_comes_from_one_place),
        TEST(durations),
        TEST(flag_before_environment_before_default),
        TEST(what_makes_no_sense_is_refused_with_help),
        TEST(names_are_unique_and_documented),
        TEST(nearest_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
