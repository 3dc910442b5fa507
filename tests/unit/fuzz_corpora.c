/* The fuzz targets' corpora (tests/fuzz/corpus) and the golden cases' files, replayed: as they are,
 * and with changes that are the same each time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/base/file.h"
#include "tests/model/cases.c" /* the model's fleets, compiled into this program */

#define LLVMFuzzerTestOneInput fuzz_observed
#include "tests/fuzz/observed.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_comment
#include "tests/fuzz/comment.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_plan_file
#include "tests/fuzz/plan_file.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_specs
#include "tests/fuzz/specs.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_webhook
#include "tests/fuzz/webhook.c"
#undef LLVMFuzzerTestOneInput

enum { CHANGES = 40, FILE_MAX_BYTES = 1 << 20 };

typedef int target(const uint8_t *data, size_t size);

struct suite {
    target *run;
    const char *corpus;
    const char *golden; /* name of the file of a golden case, or NULL */
    int step;           /* of so many cases one */
};

static uint32_t random_state;

static uint32_t random_below(uint32_t limit)
{
    random_state = random_state * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)random_state * limit >> 32);
}

/* Cut, doubled, a character replaced, or two pieces exchanged. */
static void change(struct ek_buffer *text)
{
    static const char characters[] = "{}[]\":, \n0a-9.truenull#&*!|>%@`\\\x80\xff";
    uint32_t length = (uint32_t)text->length;
    uint32_t at = random_below(length);
    switch (random_below(4)) {
    case 0: text->bytes[at] = characters[random_below(sizeof characters - 1)]; break;
    case 1: text->length = at; break;
    case 2: {
        EK_BUFFER piece = {0};
        ek_buffer_add(&piece, text->bytes + at, random_below(length - at) + 1);
        ek_buffer_add(text, ek_buffer_text(&piece), piece.length);
        break;
    }
    default: {
        uint32_t other = random_below(length);
        char kept = text->bytes[at];
        text->bytes[at] = text->bytes[other];
        text->bytes[other] = kept;
    }
    }
}

static bool replay(const struct suite *suite, const char *path)
{
    EK_BUFFER text = {0};
    struct ek_error err = {0};
    if (ek_file_read(path, FILE_MAX_BYTES, &text, NULL, &err) != 0)
        return false;
    suite->run((const uint8_t *)ek_buffer_text(&text), text.length);
    for (int i = 0; i < CHANGES && text.length > 0; i++) {
        EK_BUFFER changed = {0};
        ek_buffer_add(&changed, ek_buffer_text(&text), text.length);
        for (uint32_t n = random_below(3) + 1; n > 0 && changed.length > 0; n--)
            change(&changed);
        suite->run((const uint8_t *)ek_buffer_text(&changed), changed.length);
    }
    return true;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int replay_all(const struct suite *suite, const char *directory, const char *file, int step)
{
    struct dirent **names;
    char path[600];
    int replayed = 0;
    int count = scandir(directory, &names, is_visible, alphasort);
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s%s%s", directory, names[i]->d_name, file ? "/" : "",
                 file ? file : "");
        if (i % step == 0)
            replayed += replay(suite, path);
        free(names[i]);
    }
    if (count >= 0)
        free(names);
    return replayed;
}

static void corpus(void **state)
{
    const struct suite *suite = *state;
    random_state = 1;
    assert_true(replay_all(suite, suite->corpus, NULL, 1) > 0);
    assert_true(!suite->golden ||
                replay_all(suite, "tests/golden", suite->golden, suite->step) > 20);
}

int main(void)
{
    static struct suite suites[] = {
        {fuzz_observed, "tests/fuzz/corpus/observed", "observed.json", 5},
        {fuzz_plan_file, "tests/fuzz/corpus/plan_file", "plan.json", 5},
        {fuzz_specs, "tests/fuzz/corpus/specs", "spec.yaml", 5},
        {fuzz_webhook, "tests/fuzz/corpus/webhook", NULL, 1},
        {fuzz_comment, "tests/fuzz/corpus/comment", "plan.md", 1},
    };
    const struct CMUnitTest tests[] = {
        {.name = "observed", .test_func = corpus, .initial_state = &suites[0]},
        {.name = "plan_file", .test_func = corpus, .initial_state = &suites[1]},
        {.name = "specs", .test_func = corpus, .initial_state = &suites[2]},
        {.name = "webhook", .test_func = corpus, .initial_state = &suites[3]},
        {.name = "comment", .test_func = corpus, .initial_state = &suites[4]},
    };
    return cmocka_run_group_tests_name("fuzz corpora", tests, NULL, NULL);
}
