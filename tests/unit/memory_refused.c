/* Each allocation in turn is refused: what is made then is EK_NO_MEMORY or all that it should be.
 * The linker leads the sources' calls here (--wrap, in the Makefile); jansson asks by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "drivers/host/server_configuration.h"
#include "reconciler/base/comment_parts.h"
#include "reconciler/base/hash.h"
#include "reconciler/base/json.h"
#include "reconciler/base/memory.h"
#include "reconciler/consent/approvals.h"
#include "reconciler/document/plan_file.h"
#include "reconciler/document/plan_json.h"
#include "reconciler/kernel/facts.h"
#include "reconciler/report/comment.h"
#include "reconciler/report/plan_report.h"
#include "reconciler/report/state_json.h"
#include "reconciler/report/status_report.h"
#include "specs/arena.h"
#include "specs/describe.h"
#include "specs/parse.h"
#include "tests/model/cases.c" /* the model's fleets, compiled into this program */

/* ---- refusing ---- */

static unsigned long left; /* allocations until one is refused; 0: none is */
static bool refused;

static bool refuse(void)
{
    bool now = left > 0 && --left == 0;
    refused |= now;
    return now;
}

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker's names */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_reallocarray(void *memory, size_t count, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t most);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_reallocarray(void *memory, size_t count, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t most);

void *__wrap_malloc(size_t size)
{
    return refuse() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return refuse() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return refuse() ? NULL : __real_realloc(memory, size);
}

void *__wrap_reallocarray(void *memory, size_t count, size_t size)
{
    return refuse() ? NULL : __real_reallocarray(memory, count, size);
}

char *__wrap_strdup(const char *text)
{
    return refuse() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t most)
{
    return refuse() ? NULL : __real_strndup(text, most);
}
/* NOLINTEND(bugprone-reserved-identifier) */

/* Makes something and says what it made; the text is the caller's. */
typedef int maker(struct ek_buffer *made, struct ek_error *err);

/* Where the two part. */
static void differs(unsigned long n, const char *is, const char *should)
{
    size_t at = 0;
    while (is[at] && is[at] == should[at])
        at++;
    at -= at < 40 ? at : 40;
    fail_msg("allocation %lu: \"%.160s\" instead of \"%.160s\"", n, is + at, should + at);
}

/* How many allocations were refused, one at a time. */
static unsigned long hold(maker *make)
{
    EK_BUFFER whole = {0};
    struct ek_error err = {0};
    left = 0;
    assert_int_equal(make(&whole, &err), 0);
    assert_true(whole.length > 0);
    for (unsigned long n = 1;; n++) {
        EK_BUFFER made = {0};
        err = (struct ek_error){0};
        refused = false;
        left = n;
        int result = make(&made, &err);
        left = 0;
        if (result == 0 && strcmp(ek_buffer_text(&made), ek_buffer_text(&whole)) != 0)
            differs(n, ek_buffer_text(&made), ek_buffer_text(&whole));
        if (result != 0 && (result != EK_NO_MEMORY || strcmp(err.id, "EK-0599") != 0))
            fail_msg("allocation %lu: %s [%s]", n, err.sentence, err.id);
        if (!refused)
            return n - 1;
    }
}

/* ---- specs ---- */

static const char sound[] =
    "apiVersion: evenkeel/v1\nkind: Account\nmetadata: { name: acme }\n---\n"
    "apiVersion: evenkeel/v1\nkind: CertificateAuthority\n"
    "metadata: { name: ca, account: acme }\n---\n"
    "apiVersion: evenkeel/v1\nkind: Deployment\nmetadata: { name: orders, account: acme }\nspec:\n"
    "  plan: dedicated\n  provider: { name: local, directory: /srv/orders }\n"
    "  replicaSet:\n    name: rs-orders\n    members:\n"
    "      - &a { name: a, host: a.example.net }\n"
    "      - { name: b, host: b.example.net }\n      - { name: c, host: c.example.net }\n"
    "  sslMode: preferSSL\n  sslDomain: { base: fleet.example.net }\n"
    "  certificates: { authority: ca }\n";

static const char broken[] =
    "apiVersion: evenkeel/v1\nkind: Deployment\n"
    "metadata: { name: orders, account: acme, nmae: x }\n"
    "spec: { sslmode: preferSSL, plan: shared, replicaSet: { name: 1 } }\n";

static int parse(const char *text, struct ek_buffer *made, struct ek_error *err)
{
    struct ek_spec_file file = {
        .path = (char *)"orders.yaml", .text = (char *)(uintptr_t)text, .length = strlen(text)};
    const struct ek_spec_files files = {.files = &file, .count = 1};
    struct ek_specs specs = {0};
    EK_DIAGNOSTICS diagnostics = {0};
    int result = ek_specs_parse(&files, &specs, &diagnostics, err);
    ek_diagnostics_render(&diagnostics, false, made);
    for (size_t i = 0; result == 0 && i < specs.deployment_count; i++) {
        uint8_t digest[32];
        result = ek_deployment_reach_digest(&specs, &specs.deployments[i], digest, err);
        for (size_t k = 0; result == 0 && k < sizeof digest; k++)
            ek_buffer_printf(made, "%02x", digest[k]);
    }
    ek_specs_free(&specs);
    if (result == EK_INVALID)
        result = 0;
    return result == 0 ? ek_buffer_check(made, err) : result;
}

static int make_specs(struct ek_buffer *made, struct ek_error *err)
{
    return parse(sound, made, err);
}

static int make_diagnostics(struct ek_buffer *made, struct ek_error *err)
{
    return parse(broken, made, err);
}

static int make_schema(struct ek_buffer *made, struct ek_error *err)
{
    ek_specs_schema(made);
    return ek_buffer_check(made, err);
}

/* ---- plans ---- */

static struct model_case model;
static struct ek_situation situation;
static struct ek_plan plan;
static struct ek_planned planned;
static struct ek_plan_set set;

static int set_up(void **state)
{
    (void)state;
    struct ek_error err = {0};
    json_set_alloc_funcs(__wrap_malloc, free);
    model_case_init(&model, 3, EK_SSL_DISABLED, EK_SSL_REQUIRE, 0);
    snprintf(ek_set(model.state)->set_id, sizeof ek_set(model.state)->set_id,
             "5f0c0ffee0c0ffee0c0ffee0");
    situation = (struct ek_situation){&model.spec, model.state, &model.policy};
    assert_int_equal(ek_plan_make(&situation, &plan, &err), 0);
    planned = (struct ek_planned){
        .spec = &model.spec, .state = model.state, .policy = &model.policy, .plan = &plan};
    set = (struct ek_plan_set){
        .source = {.directory = "/srv/specs"}, .planned = &planned, .count = 1};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ek_plan_done(&plan);
    model_case_done(&model);
    return 0;
}

static int make_plan(struct ek_buffer *made, struct ek_error *err)
{
    struct ek_plan fresh;
    int result = ek_plan_make(&situation, &fresh, err);
    if (result != 0)
        return result;
    for (size_t i = 0; i <= fresh.count; i++)
        ek_buffer_printf(made, "%s\n", fresh.digests[i]);
    ek_plan_done(&fresh);
    return ek_buffer_check(made, err);
}

static int make_observation(struct ek_buffer *made, struct ek_error *err)
{
    ek_json_print(ek_state_json(model.state, NULL), JSON_COMPACT | JSON_SORT_KEYS, made);
    return ek_buffer_check(made, err);
}

static int make_facts(struct ek_buffer *made, struct ek_error *err)
{
    struct ek_state *moved;
    json_t *facts;
    int result = ek_state_clone(model.state, &moved, err);
    if (result != 0)
        return result;
    snprintf(ek_member(moved, 0)->host, sizeof ek_member(moved, 0)->host, "elsewhere:1");
    result = ek_facts_json(&situation, &facts, err);
    if (result == 0) {
        result =
            ek_facts_moved(facts, EK_SITUATION(&model.spec, moved, &model.policy), made, NULL, err);
        json_decref(facts);
    }
    free(moved);
    return result;
}

static int make_document(struct ek_buffer *made, struct ek_error *err)
{
    ek_json_print(ek_plan_json(&set), JSON_COMPACT | JSON_SORT_KEYS, made);
    return ek_buffer_check(made, err);
}

static int make_text(struct ek_buffer *made, struct ek_error *err)
{
    ek_plan_text(&set, false, made);
    return ek_buffer_check(made, err);
}

static int make_markdown(struct ek_buffer *made, struct ek_error *err)
{
    ek_plan_markdown(&set, made);
    return ek_buffer_check(made, err);
}

static int make_file(struct ek_buffer *made, struct ek_error *err)
{
    static char document[1 << 20];
    EK_CLEANUP(ek_plan_file_cleanup) struct ek_plan_file *file = NULL;
    EK_CLEANUP(ek_arena_cleanup) struct ek_arena *arena = NULL;
    struct ek_plan_set shown;
    if (!document[0]) {
        EK_BUFFER text = {0};
        int result = make_document(&text, err);
        if (result != 0)
            return result;
        snprintf(document, sizeof document, "%s", ek_buffer_text(&text));
    }
    int result = ek_plan_file_parse(document, strlen(document), "the plan", &file, err);
    if (result == EK_INVALID && refused) /* jansson reads on without a letter: the digest tells */
        result = ek_no_memory(err);
    arena = ek_arena_new();
    if (result == 0)
        result = ek_plan_file_set(file, arena, &shown, err);
    if (result != 0)
        return result;
    ek_plan_text(&shown, false, made);
    return ek_buffer_check(made, err);
}

static int make_comments(struct ek_buffer *made, struct ek_error *err)
{
    static const char words[] = "# One\n\n```diff\n+ a\n+ b\n```\n\nmore and more of it\n";
    struct ek_comment_parts parts;
    int result = ek_comment_split(words, "fleets/prod", 700, &parts, err);
    if (result != 0)
        return result;
    for (size_t i = 0; i < parts.count; i++)
        ek_buffer_text_add(made, parts.texts[i]);
    ek_comment_parts_done(&parts);
    return ek_buffer_check(made, err);
}

static int make_progress_line(struct ek_buffer *made, struct ek_error *err)
{
    ek_status_line(&planned, made);
    ek_status_detail(&planned, false, made);
    ek_status_markdown(&planned, 1, true, made);
    return ek_buffer_check(made, err);
}

/* ---- what was agreed to ---- */

/* A store that holds one approval, and the document of its plan. */
static char agreed_document[1 << 20];
static struct ek_approval agreed = {.account = "acme", .deployment = "orders", .at_ms = 1000};

static int get_approvals(struct ek_store *store, const char *account, const char *deployment,
                         struct ek_approvals *ret_approvals, struct ek_error *err)
{
    (void)store, (void)account, (void)deployment, (void)err;
    ret_approvals->at[0] = agreed;
    ret_approvals->count = 1;
    return 0;
}

static int events(struct ek_store *store, const struct ek_store_query *query,
                  bool (*take)(void *, const struct ek_store_event *), void *context,
                  struct ek_error *err)
{
    (void)store, (void)query, (void)take, (void)context, (void)err;
    return 0;
}

static int get_plan(struct ek_store *store, const char *name, char **ret_document,
                    struct ek_error *err)
{
    (void)store;
    assert_string_equal(name, agreed.plan);
    char *document = strdup(agreed_document);
    if (!document)
        return ek_no_memory(err);
    *ret_document = document;
    return 0;
}

/* Without memory nobody knows whether the approval holds, which is not that there is none. */
static int make_agreement(struct ek_buffer *made, struct ek_error *err)
{
    static const struct ek_store_driver driver = {
        .get_approvals = get_approvals, .events = events, .get_plan = get_plan};
    static const struct ek_store_handle store = {.driver = &driver};
    static const struct ek_demand demand = {.rule = EK_APPROVAL_REQUIRED};
    const struct ek_consent_question question = {.store = &store,
                                                 .spec = &model.spec,
                                                 .spec_digest = planned.spec_digest,
                                                 .state = model.state,
                                                 .demand = &demand,
                                                 .now_ms = 2000};
    struct ek_approved approved;
    struct ek_approval approval;
    if (!agreed.plan[0]) {
        EK_BUFFER text = {0};
        EK_CLEANUP(ek_plan_file_cleanup) struct ek_plan_file *file = NULL;
        assert_int_equal(make_document(&text, err), 0);
        snprintf(agreed_document, sizeof agreed_document, "%s", ek_buffer_text(&text));
        assert_int_equal(
            ek_plan_file_parse(agreed_document, strlen(agreed_document), "it", &file, err), 0);
        assert_int_equal(ek_plan_file_planned_name(file, 0, agreed.plan, err), 0);
    }
    int result = ek_approval_find(&question, &model.policy, &approved, &approval, err);
    if (result != 0)
        return result;
    ek_buffer_printf(made, "%s with %zu steps", approval.plan, approved.plan.count);
    ek_plan_done(&approved.plan);
    return ek_buffer_check(made, err);
}

/* ---- a server's file ---- */

static int make_configuration(struct ek_buffer *made, struct ek_error *err)
{
    static const char before[] = "# mine\nnet:\n  port: 27017 # here\n  ssl:\n    mode: allowSSL\n"
                                 "storage: { dbPath: \"/data\" }\nsecurity:\n  keyFile: /k\n";
    const struct ek_server_tls tls = {.mode = EK_SSL_REQUIRE,
                                      .certificate_key_file = "/etc/tls/server.pem",
                                      .ca_file = "/etc/tls/ca.pem",
                                      .password_file = "/run/password"};
    EK_BUFFER text = {0};
    const struct ek_server_text file = {before, sizeof before - 1, "mongod.conf"};
    int result = ek_server_configuration_edit(&file, &tls, &text, err);
    ek_buffer_text_add(made, ek_buffer_text(&text));
    return result == 0 ? ek_buffer_check(made, err) : result;
}

#define HELD(make, least)                                                                          \
    static void make##_or_says_so(void **state)                                                    \
    {                                                                                              \
        (void)state;                                                                               \
        assert_true(hold(make) >= (least));                                                        \
    }
HELD(make_specs, 30)
HELD(make_diagnostics, 10)
HELD(make_schema, 100)
HELD(make_plan, 5)
HELD(make_observation, 50)
HELD(make_facts, 50)
HELD(make_document, 100)
HELD(make_text, 10)
HELD(make_markdown, 10)
HELD(make_file, 100)
HELD(make_comments, 3)
HELD(make_progress_line, 3)
HELD(make_configuration, 20)
HELD(make_agreement, 100)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(make_specs_or_says_so),
        cmocka_unit_test(make_diagnostics_or_says_so),
        cmocka_unit_test(make_schema_or_says_so),
        cmocka_unit_test(make_plan_or_says_so),
        cmocka_unit_test(make_observation_or_says_so),
        cmocka_unit_test(make_facts_or_says_so),
        cmocka_unit_test(make_document_or_says_so),
        cmocka_unit_test(make_text_or_says_so),
        cmocka_unit_test(make_markdown_or_says_so),
        cmocka_unit_test(make_file_or_says_so),
        cmocka_unit_test(make_comments_or_says_so),
        cmocka_unit_test(make_progress_line_or_says_so),
        cmocka_unit_test(make_configuration_or_says_so),
        cmocka_unit_test(make_agreement_or_says_so),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
