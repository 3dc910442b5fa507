/* The stand-in's message parser under sanitizers: what was recorded as interesting
 * (tests/fuzz/corpus/wire), as it is and with thousands of small changes that are the same each
 * time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "tests/fuzz/wire.c"
#include "tests/standin/util.c"
#include "tests/standin/wire.c"

#define CORPUS "tests/fuzz/corpus/wire/"
#define CHANGES 3000
#define SIZE 8192

static size_t load(const char *name, uint8_t *to)
{
    char path[300];
    FILE *f;
    size_t n;

    (void)snprintf(path, sizeof path, CORPUS "%s", name);
    f = fopen(path, "rbe");
    assert_non_null(f);
    n = fread(to, 1, SIZE / 2, f);
    (void)fclose(f);
    return n;
}

static uint32_t next(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* One small change, as lengths and flags go wrong. */
static size_t change(uint8_t *data, size_t n, uint32_t *random)
{
    static const uint8_t nasty[] = {0, 1, 4, 5, 0x7f, 0x80, 0xff};
    size_t at = n == 0 ? 0 : next(random) % n;

    switch (next(random) % 4) {
    case 0: return at;
    case 1:
        if (n > 0)
            data[at] = nasty[next(random) % sizeof nasty];
        return n;
    case 2:
        if (n > 0)
            data[at] = (uint8_t)(data[at] ^ (1u << next(random) % 8));
        return n;
    default:
        if (n > 1 && n + n - at <= SIZE) {
            memmove(data + at + (n - at), data + at, n - at);
            return n + (n - at);
        }
        return n;
    }
}

static void test_corpus_and_changes(void **unused)
{
    DIR *dir = opendir(CORPUS);
    const struct dirent *e;
    int files = 0;

    (void)unused;
    assert_non_null(dir);
    while ((e = readdir(dir)) != NULL) {
        static uint8_t original[SIZE], data[SIZE];
        uint32_t random = 2463534242u;
        size_t n;

        if (e->d_name[0] == '.')
            continue;
        files++;
        n = load(e->d_name, original);
        (void)LLVMFuzzerTestOneInput(original, n);
        for (int i = 0; i < CHANGES; i++) {
            size_t size = n;
            uint8_t *exact;

            memcpy(data, original, n);
            for (uint32_t k = next(&random) % 3 + 1; k > 0; k--)
                size = change(data, size, &random);
            exact = malloc(size + 1); /* so that one byte too far is seen */
            memcpy(exact + 1, data, size);
            (void)LLVMFuzzerTestOneInput(exact + 1, size);
            free(exact);
        }
    }
    closedir(dir);
    assert_true(files >= 20);
}

static int parse(const char *name, struct message *ret_message)
{
    uint8_t data[SIZE];
    size_t n = load(name, data);

    memset(ret_message, 0, sizeof *ret_message);
    ret_message->op = (data[0] & 1) == 0 ? OP_MSG : OP_QUERY;
    return message_parse(ret_message, data + 1, n - 1);
}

static void test_good_ones(void **unused)
{
    static const char *const good[] = {
        "hello-query",    "hello-wrapped", "ping", "ping-checksum", "insert-sequence",
        "sequence-first", "more-to-come",  "sasl", "update",        "sequence-of-nothing"};
    struct message m;

    (void)unused;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_int_equal(parse(good[i], &m), 0);
        assert_non_null(doc_str(&m.command, "$db", NULL));
        message_done(&m);
    }
    assert_int_equal(parse("insert-sequence", &m), 0);
    assert_string_equal(doc_first_key(&m.command), "insert");
    assert_true(doc_has(&m.command, "documents"));
    message_done(&m);
    assert_int_equal(parse("hello-wrapped", &m), 0);
    assert_string_equal(doc_first_key(&m.command), "isMaster");
    assert_true(m.secondary_ok);
    message_done(&m);
}

static void test_bad_ones(void **unused)
{
    static const char *const bad[] = {
        "query-not-a-command", "query-long-name", "ping-checksum-missing", "no-database",
        "sequences-nine",      "two-bodies",      "unknown-kind",          "unknown-flag",
        "truncated",           "length-beyond",   "length-negative",       "flags-only"};
    struct message m;

    (void)unused;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal(parse(bad[i], &m), STREAM_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_corpus_and_changes),
        cmocka_unit_test(test_good_ones),
        cmocka_unit_test(test_bad_ones),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
