#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>
#include <string.h>

#include "reconciler/report/progress.h"
#include "tests/model/steps.h"

static struct ek_member_spec members[] = {{.name = (char[]){"a"}}, {.name = (char[]){"b"}}};
static const struct ek_deployment_spec spec = {
    .name = (char[]){"orders"}, .members = members, .member_count = 2};
static struct ek_step restart = {
    .kind = &ek_step_restart, .member = 1, .other = -1, .why = "because"};
static const struct ek_step step_down = {.kind = &ek_step_step_down, .member = 0, .other = 1};
static struct ek_step raise_mode = {.kind = &ek_step_set_ssl_mode, .member = 0, .other = -1};
static const struct ek_step bind = {.kind = &ek_step_bind_name, .member = 0, .other = -1};

struct said {
    struct ek_progress progress;
    struct ek_buffer text;
};

struct times {
    int64_t at_ms, elapsed_ms;
};

static const char *tell(struct said *said, enum ek_event_kind kind, const struct ek_step *step,
                        struct times times, const char *words)
{
    const struct ek_event event = {.kind = kind,
                                   .at_ms = times.at_ms,
                                   .elapsed_ms = times.elapsed_ms,
                                   .number = 3,
                                   .total = 7,
                                   .step = step,
                                   .text = words};
    ek_buffer_done(&said->text);
    ek_progress_text(&said->progress, &event, &said->text);
    return ek_buffer_text(&said->text);
}

static void off_a_terminal_one_line_per_step(void **state)
{
    (void)state;
    struct said said = {.progress = {.spec = &spec}};
    assert_string_equal(tell(&said, EK_EVENT_PLANNED, NULL, (struct times){1000, 0}, NULL), "");
    assert_string_equal(tell(&said, EK_EVENT_STEP_BEGUN, &restart, (struct times){1000, 0}, NULL),
                        "");
    assert_string_equal(
        tell(&said, EK_EVENT_STEP_WAITING, &restart, (struct times){11000, 10000},
             "member b is STARTUP2"),
        "orders: 3/7 restart b: Still waiting: member b is STARTUP2 [10s elapsed]\n");
    assert_string_equal(
        tell(&said, EK_EVENT_STEP_DONE, &restart, (struct times){12000, 3210}, NULL),
        "orders: 3/7 restart b ... done (3.2 s)\n");
    assert_string_equal(
        tell(&said, EK_EVENT_STEP_DONE, &step_down, (struct times){12000, 400}, NULL),
        "orders: 3/7 step down a -> b ... done (400 ms)\n");
    assert_string_equal(
        tell(&said, EK_EVENT_STEP_DONE, &raise_mode, (struct times){12000, 61000}, NULL),
        "orders: 3/7 set sslMode a preferSSL ... done (1 min 1 s)\n");
    assert_string_equal(tell(&said, EK_EVENT_FINISHED, NULL, (struct times){12000, 0}, NULL), "");
    ek_buffer_done(&said.text);
}

static void on_a_terminal_the_line_is_written_over(void **state)
{
    (void)state;
    struct said said = {.progress = {.spec = &spec, .terminal = true}};
    assert_string_equal(tell(&said, EK_EVENT_STEP_BEGUN, &restart, (struct times){1000, 0}, NULL),
                        "orders: 3/7 restart b ...");
    assert_true(said.progress.line_open);
    assert_string_equal(tell(&said, EK_EVENT_STEP_DONE, &restart, (struct times){2000, 1000}, NULL),
                        "\r\033[Korders: 3/7 restart b ... done (1 s)\n");
    assert_false(said.progress.line_open);
    ek_buffer_done(&said.text);
}

static void what_passes_soon_is_not_worth_a_line(void **state)
{
    (void)state;
    struct said said = {.progress = {.spec = &spec}};
    int lines = 0;
    for (int64_t at = 1000000; at < 1025000; at += 200) {
        const char *text =
            tell(&said, EK_EVENT_WAITING, NULL, (struct times){at, 77000}, "no primary");
        if (!text[0])
            continue;
        lines++;
        assert_string_equal(text, lines == 1 ? "orders: Still waiting: no primary [10s elapsed]\n"
                                             : "orders: Still waiting: no primary [20s elapsed]\n");
    }
    assert_int_equal(lines, 2);
    tell(&said, EK_EVENT_STEP_DONE, &restart, (struct times){1026000, 0}, NULL);
    assert_string_equal(
        tell(&said, EK_EVENT_WAITING, NULL, (struct times){1030000, 0}, "no primary"), "");
    ek_buffer_done(&said.text);
}

static void counts_what_was_done(void **state)
{
    (void)state;
    struct said said = {.progress = {.spec = &spec, .quiet = true}};
    assert_string_equal(tell(&said, EK_EVENT_STEP_BEGUN, &bind, (struct times){0, 0}, NULL), "");
    assert_string_equal(tell(&said, EK_EVENT_STEP_DONE, &bind, (struct times){0, 0}, NULL), "");
    tell(&said, EK_EVENT_STEP_DONE, &restart, (struct times){0, 0}, NULL);
    tell(&said, EK_EVENT_STEP_DONE, &raise_mode, (struct times){0, 0}, NULL);
    assert_int_equal(said.progress.added, 1);
    assert_int_equal(said.progress.changed, 2);
    assert_int_equal(said.progress.destroyed, 0);
    ek_buffer_done(&said.text);
}

static void one_json_object_per_line(void **state)
{
    (void)state;
    struct ek_progress progress = {.spec = &spec};
    EK_BUFFER text = {0};
    const struct ek_event event = {.kind = EK_EVENT_STEP_DONE,
                                   .at_ms = 1800000000000,
                                   .elapsed_ms = 12,
                                   .number = 3,
                                   .total = 7,
                                   .step = &restart};
    ek_progress_json_version(&text);
    ek_progress_json(&progress, &event, &text);
    const char *second = strchr(ek_buffer_text(&text), '\n') + 1;
    json_t *first = json_loads(ek_buffer_text(&text), JSON_DISABLE_EOF_CHECK, NULL);
    assert_string_equal(json_string_value(json_object_get(first, "type")), "version");
    assert_string_equal(json_string_value(json_object_get(first, "format_version")), "1.0");
    json_t *done = json_loads(second, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(done, "type")), "step_done");
    assert_string_equal(json_string_value(json_object_get(done, "deployment")), "orders");
    assert_string_equal(json_string_value(json_object_get(done, "at")), "2027-01-15T08:00:00Z");
    const json_t *step = json_object_get(done, "step");
    assert_string_equal(json_string_value(json_object_get(step, "kind")), "restart");
    assert_string_equal(json_string_value(json_object_get(step, "member")), "b");
    assert_true(json_is_null(json_object_get(step, "other")));
    assert_int_equal(text.bytes[text.length - 1], '\n');
    assert_null(strchr(second, '\n')[1] ? second : NULL);
    json_decref(first);
    json_decref(done);
}

int main(void)
{
    model_set_mode(&restart, EK_SSL_ALLOW);
    model_set_mode(&raise_mode, EK_SSL_PREFER);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(off_a_terminal_one_line_per_step),
        cmocka_unit_test(on_a_terminal_the_line_is_written_over),
        cmocka_unit_test(what_passes_soon_is_not_worth_a_line),
        cmocka_unit_test(counts_what_was_done),
        cmocka_unit_test(one_json_object_per_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
