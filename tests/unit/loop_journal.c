#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reconciler/aspects/replica_set/steps.h"
#include "reconciler/base/clock.h"
#include "reconciler/base/file.h"
#include "reconciler/execute/execute.h"
#include "reconciler/loop/journal.h"

static char *line(const struct ek_journal_entry *entry, enum ek_journal_form form)
{
    struct ek_buffer text = {0};
    ek_journal_line(entry, form, &text);
    return ek_buffer_take(&text);
}

static const struct ek_journal_entry done = {
    .event = EK_JOURNAL_STEP_DONE,
    .at_ms = 1767322984005,
    .account = "acme",
    .deployment = "orders",
    .step = "restart b",
    .commit = "6113728f27ae82c7b1a177c8d03f9e96e0adf246",
    .plan = "9b1dc2",
    .duration_ms = 1500,
    .message = "9 of 12",
};

static void json_has_the_fields_in_their_order(void **state)
{
    (void)state;
    char *text = line(&done, EK_JOURNAL_JSON);
    assert_string_equal(
        text, "{\"time\":\"2026-01-02T03:03:04.005Z\",\"level\":\"info\",\"event\":\"step-done\","
              "\"account\":\"acme\",\"deployment\":\"orders\",\"step\":\"restart b\","
              "\"commit\":\"6113728f27ae82c7b1a177c8d03f9e96e0adf246\",\"plan\":\"9b1dc2\","
              "\"message\":\"9 of 12\",\"duration_ms\":1500}\n");
    free(text);
}

static void the_first_line_tells_the_format(void **state)
{
    (void)state;
    const struct ek_journal_entry started = {.event = EK_JOURNAL_STARTED};
    char *text = line(&started, EK_JOURNAL_JSON);
    assert_non_null(strstr(text, "\"format_version\":\"1.0\",\"version\":\"" EK_VERSION "\"}\n"));
    free(text);
}

static void people_get_a_short_line(void **state)
{
    (void)state;
    char *text = line(&done, EK_JOURNAL_TEXT);
    assert_string_equal(text, "2026-01-02T03:03:04.005Z info    acme/orders: step-done: restart b: "
                              "9 of 12 (1.500 s) commit 6113728f27ae\n");
    free(text);
    text = line(&done, EK_JOURNAL_SYSTEMD);
    assert_string_equal(
        text, "<6>acme/orders: step-done: restart b: 9 of 12 (1.500 s) commit 6113728f27ae\n");
    free(text);
    const struct ek_journal_entry failed = {.event = EK_JOURNAL_FETCH_FAILED,
                                            .repository = "specs",
                                            .id = "EK-0601",
                                            .message = "no answer"};
    text = line(&failed, EK_JOURNAL_SYSTEMD);
    assert_string_equal(text, "<3>specs: fetch-failed: no answer [EK-0601]\n");
    free(text);
}

/* Whatever a server, a commit or a sender says: one line, no control, and JSON that is read. */
static void nothing_breaks_out_of_its_line(void **state)
{
    (void)state;
    static const char *const nasty[] = {"a\nb\r\tc\x1b[31m\x7f", "quote \" backslash \\ end",
                                        "bad \xff\xfe utf-8 \xc3",
                                        "overlong \xc0\xaf \xe0\x80\xaf, C1 \xc2\x9b, \xed\xa0\x80",
                                        "good \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"};
    for (size_t i = 0; i < sizeof nasty / sizeof *nasty; i++) {
        const struct ek_journal_entry entry = {.event = EK_JOURNAL_DRIFT,
                                               .account = nasty[i],
                                               .deployment = nasty[i],
                                               .step = nasty[i],
                                               .commit = nasty[i],
                                               .id = nasty[i],
                                               .message = nasty[i]};
        for (int form = EK_JOURNAL_TEXT; form <= EK_JOURNAL_JSON; form++) {
            char *text = line(&entry, (enum ek_journal_form)form);
            size_t length = strlen(text);
            for (size_t k = 0; k + 1 < length; k++)
                assert_true((unsigned char)text[k] >= 0x20 && text[k] != 0x7f);
            assert_int_equal(text[length - 1], '\n');
            assert_null(strstr(text, "\xc2\x9b"));
            if (form == EK_JOURNAL_JSON) {
                json_error_t problem;
                json_t *read = json_loads(text, 0, &problem);
                assert_non_null(read);
                if (i == 0)
                    assert_string_equal(json_string_value(json_object_get(read, "message")),
                                        nasty[0]);
                if (i == 4)
                    assert_string_equal(json_string_value(json_object_get(read, "message")),
                                        nasty[4]);
                json_decref(read);
            }
            free(text);
        }
    }
}

static void an_endless_message_is_cut(void **state)
{
    (void)state;
    char *endless = malloc(1000001);
    memset(endless, 'x', 1000000);
    endless[1000000] = 0;
    const struct ek_journal_entry entry = {.event = EK_JOURNAL_DRIFT, .message = endless};
    char *text = line(&entry, EK_JOURNAL_JSON);
    assert_true(strlen(text) < 10000);
    json_error_t problem;
    json_t *read = json_loads(text, 0, &problem);
    assert_non_null(read);
    json_decref(read);
    free(text);
    free(endless);
}

/* ---- writing ------------------------------------------------------------------------------ */

static char *slurp(int fd)
{
    struct ek_buffer text = {0};
    char chunk[4096];
    ssize_t got;
    lseek(fd, 0, SEEK_SET);
    while ((got = read(fd, chunk, sizeof chunk)) > 0)
        ek_buffer_add(&text, chunk, (size_t)got);
    return ek_buffer_take(&text);
}

static int scratch(void)
{
    char path[] = "/tmp/ek-journal.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    return fd;
}

static void what_is_less_urgent_is_left_out(void **state)
{
    (void)state;
    int fd = scratch();
    struct ek_journal *journal = ek_journal_new(fd, EK_JOURNAL_JSON, EK_LEVEL_WARNING);
    const struct ek_journal_entry info = {.event = EK_JOURNAL_STARTED};
    const struct ek_journal_entry warning = {.event = EK_JOURNAL_DRIFT};
    ek_journal_write(journal, &info);
    ek_journal_write(journal, &warning);
    ek_journal_write(NULL, &warning);
    char *text = slurp(fd);
    assert_null(strstr(text, "started"));
    assert_non_null(strstr(text, "\"level\":\"warning\",\"event\":\"drift\""));
    free(text);
    ek_journal_free(journal);
    close(fd);
}

static void an_error_brings_its_id_cause_and_hint(void **state)
{
    (void)state;
    int fd = scratch();
    struct ek_error err = {0};
    struct ek_journal *journal = ek_journal_new(fd, EK_JOURNAL_JSON, EK_LEVEL_INFO);
    const struct ek_journal_entry entry = {.event = EK_JOURNAL_RECONCILE_FAILED,
                                           .deployment = "orders"};
    ek_fail(&err, EK_TIMEOUT, "EK-0127", "its effect was not seen");
    ek_cause(&err, "no answer");
    ek_hint(&err, "look at the log");
    ek_journal_error(journal, &entry, &err);
    char *text = slurp(fd);
    assert_non_null(strstr(text, "\"id\":\"EK-0127\",\"message\":\"its effect was not seen; cause: "
                                 "no answer; hint: look at the log\""));
    free(text);
    ek_journal_free(journal);
    close(fd);
}

static void a_log_that_is_full_stops_nothing(void **state)
{
    (void)state;
    int fd = open("/dev/full", O_WRONLY);
    struct ek_journal *journal = ek_journal_new(fd, EK_JOURNAL_TEXT, EK_LEVEL_INFO);
    ek_journal_write(journal, &done);
    ek_journal_free(journal);
    close(fd);
}

enum { THREADS = 4, EACH = 500 };

static void *write_many(void *journal)
{
    for (int i = 0; i < EACH; i++)
        ek_journal_write(journal, &done);
    return NULL;
}

static void threads_never_mix_their_lines(void **state)
{
    (void)state;
    int fd = scratch();
    struct ek_journal *journal = ek_journal_new(fd, EK_JOURNAL_JSON, EK_LEVEL_INFO);
    pthread_t threads[THREADS];
    char *wanted = line(&done, EK_JOURNAL_JSON);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, journal), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    char *text = slurp(fd);
    assert_int_equal(strlen(text), strlen(wanted) * THREADS * EACH);
    for (const char *at = text; *at; at += strlen(wanted))
        assert_memory_equal(at, wanted, strlen(wanted));
    free(text);
    free(wanted);
    ek_journal_free(journal);
    close(fd);
}

static void the_journal_is_known_by_its_stream(void **state)
{
    (void)state;
    char stream[64];
    struct stat status;
    int fd = scratch();
    assert_int_equal(fstat(fd, &status), 0);
    unsetenv("JOURNAL_STREAM");
    assert_int_equal(ek_journal_form_of(fd), EK_JOURNAL_TEXT);
    snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    assert_int_equal(ek_journal_form_of(fd), EK_JOURNAL_SYSTEMD);
    setenv("JOURNAL_STREAM", "9:9", 1); /* standard error was redirected since */
    assert_int_equal(ek_journal_form_of(fd), EK_JOURNAL_TEXT);
    setenv("JOURNAL_STREAM", "rubbish", 1);
    assert_int_equal(ek_journal_form_of(fd), EK_JOURNAL_TEXT);
    unsetenv("JOURNAL_STREAM");
    close(fd);
}

/* ---- the executor's events ---------------------------------------------------------------- */

static void steps_are_told(void **state)
{
    (void)state;
    struct ek_member_spec members[] = {{.name = (char[]){"a"}}, {.name = (char[]){"b"}}};
    const struct ek_deployment_spec spec = {.name = (char[]){"orders"},
                                            .account = (char[]){"acme"},
                                            .members = members,
                                            .member_count = 2};
    const struct ek_step step_down = {
        .kind = &ek_step_step_down, .member = 0, .other = 1, .why = "it is restarted next"};
    struct ek_event event = {.kind = EK_EVENT_STEP_BEGUN,
                             .at_ms = 1767322984005,
                             .elapsed_ms = 3,
                             .number = 7,
                             .total = 12,
                             .step = &step_down};
    int fd = scratch();
    struct ek_journal *journal = ek_journal_new(fd, EK_JOURNAL_SYSTEMD, EK_LEVEL_INFO);
    ek_journal_execution(journal, &spec, "6113728f27ae82", &event);
    event.kind = EK_EVENT_WAITING;
    ek_journal_execution(journal, &spec, NULL, &event);
    event.kind = EK_EVENT_STEP_DONE;
    event.elapsed_ms = 950;
    ek_journal_execution(journal, &spec, NULL, &event);
    char *text = slurp(fd);
    assert_string_equal(text,
                        "<6>acme/orders: step-begun: step down a -> b: 7 of 12: it is restarted "
                        "next commit 6113728f27ae\n"
                        "<6>acme/orders: step-done: step down a -> b: 7 of 12 (0.950 s)\n");
    free(text);
    ek_journal_free(journal);
    close(fd);
}

/* The schema that is shipped is the one of the tables (make manual writes it), and it knows every
 * key of a line. */
static void the_schema_is_that_of_the_tables(void **state)
{
    (void)state;
    json_error_t problem;
    EK_BUFFER wanted = {0};
    EK_BUFFER shipped = {0};
    struct ek_error err = {0};
    ek_journal_schema(&wanted);
    assert_int_equal(ek_file_read("contrib/schema/log.schema.json", 1 << 20, &shipped, NULL, &err),
                     0);
    assert_string_equal(ek_buffer_text(&shipped), ek_buffer_text(&wanted));
    json_t *schema = json_loads(ek_buffer_text(&wanted), 0, &problem);
    assert_non_null(schema);
    const json_t *properties = json_object_get(schema, "properties");
    const json_t *words = json_object_get(json_object_get(properties, "event"), "enum");
    assert_int_equal(json_array_size(words), EK_JOURNAL_EVENTS);
    char *text = line(&done, EK_JOURNAL_JSON);
    json_t *entry = json_loads(text, 0, &problem);
    const char *key;
    json_t *value;
    json_object_foreach(entry, key, value) assert_non_null(json_object_get(properties, key));
    json_decref(entry);
    free(text);
    json_decref(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_has_the_fields_in_their_order),
        cmocka_unit_test(the_first_line_tells_the_format),
        cmocka_unit_test(people_get_a_short_line),
        cmocka_unit_test(nothing_breaks_out_of_its_line),
        cmocka_unit_test(an_endless_message_is_cut),
        cmocka_unit_test(what_is_less_urgent_is_left_out),
        cmocka_unit_test(an_error_brings_its_id_cause_and_hint),
        cmocka_unit_test(a_log_that_is_full_stops_nothing),
        cmocka_unit_test(threads_never_mix_their_lines),
        cmocka_unit_test(the_journal_is_known_by_its_stream),
        cmocka_unit_test(steps_are_told),
        cmocka_unit_test(the_schema_is_that_of_the_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
