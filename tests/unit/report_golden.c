/* Golden plans: what people, machines and pull requests get to see of the fleets in tests/golden.
 * Each folder there is a case: the specs and what was observed are read as any others are, and the
 * plan is held against the files beside them. `make golden-accept` writes those anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "reconciler/aspects/replica_set/state.h"
#include "reconciler/base/file.h"
#include "reconciler/document/plan_file.h"
#include "reconciler/document/plan_json.h"
#include "reconciler/report/plan_report.h"
#include "reconciler/report/state_json.h"
#include "specs/arena.h"
#include "tests/unit/specs_helper.h"

enum { CASES_MAX = 400, FILE_MAX = 1 << 20 };

struct fleet {
    struct parsed parsed; /* owns the specs */
    const struct ek_deployment_spec *spec;
    struct ek_state *state;
    struct ek_policy policy;
    char problems[EK_MEMBERS_MAX + 1][512];
};

/* ---- the case's own files --------------------------------------------------------------- */

static void read_golden(const char *name, const char *file, struct ek_buffer *ret_text)
{
    char path[400];
    struct ek_error err = {0};
    snprintf(path, sizeof path, "tests/golden/%s/%s", name, file);
    if (ek_file_read(path, FILE_MAX, ret_text, NULL, &err) != 0)
        fail_msg("%s: %s", path, err.sentence);
}

static void read_specs(const char *name, struct fleet *fleet)
{
    EK_BUFFER text = {0};
    read_golden(name, "spec.yaml", &text);
    fleet->parsed = parse_bytes(ek_buffer_text(&text), text.length);
    if (fleet->parsed.result != 0)
        show_diagnostics(&fleet->parsed);
    assert_int_equal(fleet->parsed.result, 0);
    assert_int_equal(fleet->parsed.specs.deployment_count, 1);
    fleet->spec = fleet->parsed.specs.deployments;
}

/* Member `name` of the specs, -1 without a name. */
static int index_of(const struct ek_deployment_spec *spec, const char *name)
{
    for (size_t i = 0; name && i < spec->member_count; i++)
        if (strcmp(spec->members[i].name, name) == 0)
            return (int)i;
    assert_null(name);
    return -1;
}

static int word_index(const char *word, const char *const *words)
{
    int i = 0;
    while (word && words[i] && strcmp(words[i], word) != 0)
        i++;
    assert_true(!word || words[i]);
    return word ? i : 0;
}

static void copy_text(char *to, size_t size, const char *text)
{
    assert_true(snprintf(to, size, "%s", text ? text : "") < (int)size);
}

static void read_consent(const char *name, json_t *json, struct ek_consent *ret_consent)
{
    static const char *const windows[] = {"any time", "open", "closed", NULL};
    static const char *const agreements[] = {"not needed", "given", "missing", NULL};
    const char *window = NULL;
    const char *words = NULL;
    const char *approval = NULL;
    const char *signature = NULL;
    const char *by = NULL;
    const char *how = NULL;
    const char *paused_by = NULL;
    const char *paused_why = NULL;
    json_int_t changes_s = 0;
    json_int_t until_s = 0;
    json_error_t problem;
    if (json_unpack_ex(json, &problem, JSON_STRICT,
                       "{s?s, s?I, s?s, s?s, s?s, s?s, s?s, s?I, s?s, s?s !}", "window", &window,
                       "window_changes_s", &changes_s, "window_words", &words, "approval",
                       &approval, "signature", &signature, "by", &by, "how", &how, "paused_until_s",
                       &until_s, "paused_by", &paused_by, "paused_why", &paused_why) != 0)
        fail_msg("%s/observed.json: consent: %s", name, problem.text);
    *ret_consent = (struct ek_consent){
        .window = (enum ek_window_state)word_index(window, windows),
        .window_changes_s = changes_s,
        .approval = (enum ek_agreement)word_index(approval, agreements),
        .signature = (enum ek_agreement)word_index(signature, agreements),
        .paused_until_s = until_s,
    };
    copy_text(ret_consent->window_words, sizeof ret_consent->window_words, words);
    copy_text(ret_consent->by, sizeof ret_consent->by, by);
    copy_text(ret_consent->how, sizeof ret_consent->how, how);
    copy_text(ret_consent->paused_by, sizeof ret_consent->paused_by, paused_by);
    copy_text(ret_consent->paused_why, sizeof ret_consent->paused_why, paused_why);
}

static void read_observed(const char *name, struct fleet *fleet)
{
    EK_BUFFER text = {0};
    struct ek_error err = {0};
    json_error_t problem;
    json_t *observed = NULL;
    const char *label = NULL;
    const char *former = NULL;
    int paused = 0;
    json_int_t now_s = 0;
    json_t *consent = NULL;
    read_golden(name, "observed.json", &text);
    json_t *json = json_loads(ek_buffer_text(&text), JSON_REJECT_DUPLICATES, &problem);
    if (!json ||
        json_unpack_ex(json, &problem, JSON_STRICT, "{s:o, s:{s:I, s:s, s?s, s?b, s?o !} !}",
                       "observed", &observed, "policy", "now_s", &now_s, "new_label", &label,
                       "former_primary", &former, "paused", &paused, "consent", &consent) != 0)
        fail_msg("%s/observed.json:%d: %s", name, problem.line, problem.text);
    if (ek_state_json_read(observed, &fleet->state, fleet->problems, &err) != 0)
        fail_msg("%s/observed.json: %s", name, err.sentence);
    assert_int_equal(fleet->state->member_count, fleet->spec->member_count);
    for (size_t i = 0; i < fleet->spec->member_count; i++)
        assert_string_equal(ek_member(fleet->state, i)->name, fleet->spec->members[i].name);
    fleet->policy = (struct ek_policy){
        .now_s = now_s, .former_primary = index_of(fleet->spec, former), .paused = paused != 0};
    snprintf(fleet->policy.new_label, sizeof fleet->policy.new_label, "%s", label);
    if (consent)
        read_consent(name, consent, &fleet->policy.consent);
    json_t *again = ek_state_json(fleet->state, (const char(*)[512])fleet->problems);
    assert_true(json_equal(observed, again)); /* nothing was lost in reading */
    json_decref(again);
    json_decref(json);
}

/* ---- the comparison ------------------------------------------------------------------- */

static void show_difference(const char *path, const char *is, const char *was)
{
    int line = 1;
    size_t i = 0;
    size_t start = 0;
    for (; is[i] && is[i] == was[i]; i++)
        if (is[i] == '\n') {
            line++;
            start = i + 1;
        }
    print_error("%s:%d differs\n  accepted: %.*s\n  now:      %.*s\n", path, line,
                (int)strcspn(was + start, "\n"), was + start, (int)strcspn(is + start, "\n"),
                is + start);
}

/* Text and Markdown are kept by some cases only (tests/golden/sentences.py says which). */
static bool is_kept(const char *name, const char *file)
{
    char path[400];
    snprintf(path, sizeof path, "tests/golden/%s/%s", name, file);
    return access(path, F_OK) == 0;
}

static void compare(const char *name, const char *file, const struct ek_buffer *text)
{
    char path[400];
    EK_BUFFER accepted = {0};
    struct ek_error err = {0};
    snprintf(path, sizeof path, "tests/golden/%s/%s", name, file);
    if (getenv("EK_GOLDEN_ACCEPT"))
        assert_int_equal(ek_file_write(path, ek_buffer_text(text), text->length, 0644, &err), 0);
    if (ek_file_read(path, FILE_MAX, &accepted, NULL, &err) != 0)
        fail_msg("%s: %s; make golden-accept writes it", path, err.sentence);
    if (strcmp(ek_buffer_text(&accepted), ek_buffer_text(text)) != 0) {
        show_difference(path, ek_buffer_text(text), ek_buffer_text(&accepted));
        fail();
    }
}

/* Nothing but an address that can't be broken stands beyond the hundredth column. */
static void check_width(const char *text)
{
    while (*text) {
        size_t length = strcspn(text, "\n");
        if (length > 100 && !memmem(text, length, "mongodb://", 10))
            fail_msg("%zu columns: %.*s", length, (int)length, text);
        text += length + (text[length] == '\n');
    }
}

static void check_last_lines(const struct ek_plan *plan, const char *text)
{
    char total[128];
    snprintf(total, sizeof total, "\nPlan: %d to add, %d to change, %d to destroy.\n", plan->to_add,
             plan->to_change, plan->to_destroy);
    size_t length = strlen(text);
    if (plan->count) {
        assert_true(length > strlen(total));
        assert_string_equal(text + length - strlen(total), total);
    } else {
        assert_null(strstr(text, "\nPlan: "));
    }
}

/* A plan file shows, from itself alone, what plan showed. */
static void check_shown(const char *dump, const struct ek_plan_set *set, const char *plan_text,
                        const char *plan_markdown)
{
    struct ek_arena *arena = ek_arena_new();
    struct ek_plan_file *file = NULL;
    struct ek_planned planned;
    struct ek_error err = {0};
    EK_BUFFER text = {0};
    EK_BUFFER markdown = {0};
    if (ek_plan_file_parse(dump, strlen(dump), "the plan", &file, &err) != 0 ||
        ek_plan_file_show(file, 0, arena, &planned, &err) != 0)
        fail_msg("%s: %s", err.id, err.sentence);
    struct ek_plan_set shown = *set;
    shown.planned = &planned;
    shown.name = ek_plan_file_name(file);
    ek_plan_text(&shown, false, &text);
    ek_plan_markdown(&shown, &markdown);
    if (strcmp(ek_buffer_text(&text), plan_text) != 0)
        show_difference("show", ek_buffer_text(&text), plan_text);
    assert_string_equal(ek_buffer_text(&text), plan_text);
    assert_string_equal(ek_buffer_text(&markdown), plan_markdown);
    ek_arena_free(arena);
    ek_plan_file_free(file);
}

static void golden_plan(void **state)
{
    const char *name = *state;
    static struct fleet fleet;
    struct ek_plan plan;
    struct ek_error err = {0};
    read_specs(name, &fleet);
    read_observed(name, &fleet);
    if (ek_plan_make(EK_SITUATION(fleet.spec, fleet.state, &fleet.policy), &plan, &err) != 0)
        fail_msg("%s: %s", err.id, err.sentence);
    struct ek_planned planned = {
        .spec = fleet.spec,
        .state = fleet.state,
        .policy = &fleet.policy,
        .plan = &plan,
        .problems = (const char(*)[512])fleet.problems,
        .observed_ms = fleet.policy.now_s * 1000,
    };
    struct ek_plan_set set = {
        .source = {.url = "https://git.example.net/specs.git",
                   .commit = "3f2c1ab7d0c94a55b1e2f60718293a4b5c6d7e8f",
                   .commit_subject = "Change sslMode of orders"},
        .planned = &planned,
        .count = 1,
        .next_command = "evenkeel apply orders.plan",
    };
    EK_BUFFER text = {0};
    EK_BUFFER json = {0};
    EK_BUFFER markdown = {0};
    ek_plan_text(&set, false, &text);
    ek_plan_markdown(&set, &markdown);
    json_t *document = ek_plan_json(&set);
    char *dump = json_dumps(document, JSON_INDENT(2) | JSON_SORT_KEYS);
    check_shown(dump, &set, ek_buffer_text(&text), ek_buffer_text(&markdown));
    ek_buffer_printf(&json, "%s\n", dump);
    free(dump);
    json_decref(document);
    check_width(ek_buffer_text(&text));
    check_last_lines(&plan, ek_buffer_text(&text));
    compare(name, "plan.json", &json);
    if (is_kept(name, "plan.txt"))
        compare(name, "plan.txt", &text);
    if (is_kept(name, "plan.md"))
        compare(name, "plan.md", &markdown);
    ek_plan_done(&plan);
    parsed_done(&fleet.parsed);
    free(fleet.state);
}

static int is_case(const struct dirent *entry)
{
    return entry->d_name[0] != '_' && !strchr(entry->d_name, '.');
}

int main(void)
{
    struct dirent **names;
    int count = scandir("tests/golden", &names, is_case, alphasort);
    if (count < 1 || count > CASES_MAX) {
        fprintf(stderr, "tests/golden: %d cases; run this at the top of the sources\n", count);
        return 1;
    }
    struct CMUnitTest tests[CASES_MAX];
    for (int i = 0; i < count; i++)
        tests[i] = (struct CMUnitTest){
            .name = names[i]->d_name, .test_func = golden_plan, .initial_state = names[i]->d_name};
    int failed = _cmocka_run_group_tests("golden plans", tests, (size_t)count, NULL, NULL);
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
    return failed;
}
