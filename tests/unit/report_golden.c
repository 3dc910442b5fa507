/* Golden plans: what people, machines and pull requests get to see of a table of fleets, held
 * against files in tests/golden. EK_GOLDEN_ACCEPT=1 writes them anew; read the difference in git
 * before it is committed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "reconciler/base/file.h"
#include "reconciler/report/plan_report.h"
#include "tests/model/cases.c" /* NOLINT: the model's fleets, compiled into this program */

struct fleet {
    struct model_case model;
    char problems[EK_MEMBERS_MAX + 1][512];
};

struct golden {
    const char *name;
    const char *shape;
    enum ek_ssl_mode from;
    enum ek_ssl_mode to;
    bool domain_known;
    bool certificates_due;
    void (*bend)(struct fleet *fleet); /* what else is the matter, or NULL */
    const char *says;                  /* must stand in the text, whatever the files hold */
};

/* ---- what else can be the matter ------------------------------------------------------ */

static void down(struct fleet *fleet)
{
    struct ek_member_observed *b = &fleet->model.state.members[1];
    b->process = b->reachable = EK_NO;
    b->state = EK_MEMBER_DOWN;
    snprintf(fleet->problems[1], sizeof fleet->problems[1], "no process; last words: disk full");
}

static void silent(struct fleet *fleet)
{
    struct ek_member_observed *b = &fleet->model.state.members[1];
    b->reachable = EK_NO;
    b->state = EK_MEMBER_UNKNOWN;
    b->mode_running = EK_SSL_UNKNOWN;
    snprintf(fleet->problems[1], sizeof fleet->problems[1],
             "no answer from db-b.test:27017 in 5 s");
}

static void lagging(struct fleet *fleet)
{
    fleet->model.state.members[2].lag_ms = 60000;
}

static void leaderless(struct fleet *fleet)
{
    fleet->model.state.members[0].state = EK_MEMBER_SECONDARY;
    fleet->model.state.members[0].writable = EK_NO;
    fleet->model.policy.former_primary = -1;
}

static void stranger(struct fleet *fleet)
{
    snprintf(fleet->model.state.foreign_member, sizeof fleet->model.state.foreign_member,
             "db-x.test:27017");
}

static void other_set(struct fleet *fleet)
{
    snprintf(fleet->model.state.set_name, sizeof fleet->model.state.set_name, "payments");
}

static void plaintext(struct fleet *fleet)
{
    fleet->model.state.members[0].plaintext_clients = 7;
}

static void plaintext_accepted(struct fleet *fleet)
{
    plaintext(fleet);
    fleet->model.spec.maintenance.plaintext_clients = EK_PLAINTEXT_DISCONNECT;
}

static void unseen_by_a_peer(struct fleet *fleet)
{
    fleet->model.state.members[2].healthy_for &= ~(uint64_t)2;
}

static void newer_servers(struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->model.state.member_count; i++) {
        fleet->model.state.members[i].version[0] = 4;
        fleet->model.state.members[i].version[1] = 4;
    }
}

static void written_as_tls(struct fleet *fleet)
{
    newer_servers(fleet);
    fleet->model.spec.ssl_mode_written_as_tls = true;
}

static void file_ahead(struct fleet *fleet)
{
    fleet->model.state.members[1].mode_configured = EK_SSL_PREFER;
}

static void half_way(struct fleet *fleet)
{
    fleet->model.state.members[2].mode_running = EK_SSL_PREFER;
    fleet->model.state.members[2].mode_configured = EK_SSL_PREFER;
}

static void no_user(struct fleet *fleet)
{
    fleet->model.state.own_user = EK_NO;
}

static void rsa(struct fleet *fleet)
{
    fleet->model.spec.certificates.algorithm = EK_KEY_RSA3072;
}

static void interruption_refused(struct fleet *fleet)
{
    fleet->model.spec.maintenance.interruption = EK_INTERRUPTION_REFUSE;
}

static void paused(struct fleet *fleet)
{
    fleet->model.policy.paused = true;
}

static void unreadable_authority(struct fleet *fleet)
{
    fleet->model.state.authority = EK_UNKNOWN;
    snprintf(fleet->problems[fleet->model.state.member_count], sizeof fleet->problems[0],
             "the key of authority ca can't be unsealed");
}

static void came_not_up(struct fleet *fleet)
{
    struct ek_member_observed *b = &fleet->model.state.members[1];
    b->process = b->reachable = EK_NO;
    b->state = EK_MEMBER_DOWN;
    b->restart_begun = EK_YES;
}

#define D EK_SSL_DISABLED
#define A EK_SSL_ALLOW
#define P EK_SSL_PREFER
#define R EK_SSL_REQUIRE

static const struct golden table[] = {
    {"nothing-to-do-disabled", "3 members", D, D, 0, 0, NULL,
     "No changes. rs0 is as the specs say (disabled)."},
    {"nothing-to-do-prefer", "3 members", P, P, 1, 0, NULL,
     "No changes. rs0 is as the specs say (preferSSL)."},
    {"disabled-to-allow", "3 members", D, A, 0, 0, NULL, "3 restarts"},
    {"disabled-to-prefer", "3 members", D, P, 0, 0, newer_servers,
     "these servers call it preferTLS"},
    {"disabled-to-require", "3 members", D, R, 0, 0, NULL, "clients in plaintext are shut out"},
    {"disabled-to-prefer-domain-known", "3 members", D, P, 1, 0, NULL, "3 restarts"},
    {"allow-to-prefer", "3 members", A, P, 1, 0, NULL, "no restart, no election"},
    {"allow-to-require", "3 members", A, R, 1, 0, NULL, "no restart, no election"},
    {"prefer-to-require", "3 members", P, R, 1, 0, NULL, "no restart, no election"},
    {"allow-to-disabled", "3 members", A, D, 1, 0, NULL, "Safer in two commits"},
    {"prefer-to-allow", "3 members", P, A, 1, 0, NULL, "3 restarts"},
    {"prefer-to-disabled", "3 members", P, D, 1, 0, NULL, "Safer in two commits"},
    {"require-to-prefer", "3 members", R, P, 1, 0, NULL, "3 restarts"},
    {"require-to-allow", "3 members", R, A, 1, 0, NULL, "EK-0113"},
    {"require-to-disabled", "3 members", R, D, 1, 0, NULL, "which this plan passes through"},
    {"renewal", "3 members", P, P, 1, 1, NULL, "read their certificates"},
    {"renewal-and-require", "3 members", P, R, 1, 1, NULL, "issue certificates"},
    {"one-member", "1 member", D, P, 0, 0, NULL, "no member to spare"},
    {"one-member-back", "1 member", R, D, 1, 0, NULL, "1 restart"},
    {"one-member-refused", "1 member", D, P, 0, 0, interruption_refused, "[EK-0118]"},
    {"two-members", "2 members", D, P, 0, 0, NULL, "no member to spare"},
    {"preferred-primary", "3 members, one preferred", D, P, 0, 0, NULL, "reinstate primary"},
    {"arbiter", "PSA", D, P, 0, 0, NULL, "arbiter; nobody notices"},
    {"hidden-member", "3 members, one hidden", D, P, 0, 0, NULL, "mongodb://a."},
    {"priority-0", "3 members, one of priority 0", D, P, 0, 0, NULL, "a -> b"},
    {"four-members", "4 members", D, P, 0, 0, NULL, "4 restarts"},
    {"five-members", "5 members", D, R, 0, 0, NULL, "5 restarts"},
    {"written-as-tls", "3 members", D, P, 0, 0, written_as_tls, "disabled -> preferTLS"},
    {"own-user", "3 members", D, P, 0, 0, no_user, "create user"},
    {"rsa", "3 members", D, P, 0, 0, rsa, "RSA 3072"},
    {"half-way", "3 members", A, P, 1, 0, half_way, "a allowSSL, b allowSSL, c preferSSL"},
    {"drift", "3 members", A, P, 1, 0, file_ahead, "b runs allowSSL, its file says preferSSL"},
    {"restart-came-not-up", "3 members", A, P, 1, 0, came_not_up, "its restart was begun"},
    {"plaintext-clients", "3 members", P, R, 1, 0, plaintext, "[EK-0119]"},
    {"plaintext-clients-accepted", "3 members", P, R, 1, 0, plaintext_accepted, "7 connections"},
    {"member-down", "3 members", D, P, 0, 0, down, "[EK-0106]"},
    {"member-silent", "3 members", D, P, 0, 0, silent, "[EK-0105]"},
    {"member-lagging", "3 members", D, P, 0, 0, lagging, "[EK-0110]"},
    {"no-primary", "3 members", D, P, 0, 0, leaderless, "no primary"},
    {"stranger", "3 members", D, P, 0, 0, stranger, "db-x.test:27017"},
    {"other-set", "3 members", D, P, 0, 0, other_set, "[EK-0101]"},
    {"unhealthy-in-a-peers-eyes", "3 members", D, P, 0, 0, unseen_by_a_peer, "[EK-0114]"},
    {"paused", "3 members", D, P, 0, 0, paused, "[EK-0125]"},
    {"authority-unreadable", "3 members", D, P, 0, 0, unreadable_authority, "[EK-0126]"},
};

/* ---- the comparison ------------------------------------------------------------------- */

static void make_fleet(const struct golden *golden, struct fleet *fleet)
{
    for (size_t i = 0; i < model_shape_count(); i++) {
        model_case_init(&fleet->model, i, golden->from, golden->to, golden->domain_known,
                        golden->certificates_due);
        if (strcmp(fleet->model.shape, golden->shape) == 0)
            break;
        assert_true(i + 1 < model_shape_count());
    }
    memset(fleet->problems, 0, sizeof fleet->problems);
    snprintf(fleet->model.state.account, sizeof fleet->model.state.account, "rs0");
    snprintf(fleet->model.state.deployment, sizeof fleet->model.state.deployment, "rs0");
    if (golden->bend)
        golden->bend(fleet);
}

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

static void compare(const struct golden *golden, const char *ending, const struct ek_buffer *text)
{
    char path[256];
    EK_BUFFER accepted = {0};
    struct ek_error err = {0};
    snprintf(path, sizeof path, "tests/golden/%s", golden->name);
    if (getenv("EK_GOLDEN_ACCEPT"))
        assert_int_equal(ek_directory_make(path, 0755, &err), 0);
    snprintf(path, sizeof path, "tests/golden/%s/plan.%s", golden->name, ending);
    if (getenv("EK_GOLDEN_ACCEPT"))
        assert_int_equal(ek_file_write(path, ek_buffer_text(text), text->length, 0644, &err), 0);
    if (ek_file_read(path, 1 << 20, &accepted, NULL, &err) != 0)
        fail_msg("%s: %s; EK_GOLDEN_ACCEPT=1 writes it", path, err.sentence);
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

static void golden_plan(void **state)
{
    const struct golden *golden = *state;
    static struct fleet fleet;
    struct ek_plan plan;
    struct ek_error err = {0};
    make_fleet(golden, &fleet);
    if (ek_plan_make(&fleet.model.spec, &fleet.model.state, &fleet.model.policy, &plan, &err) != 0)
        fail_msg("%s: %s", err.id, err.sentence);
    struct ek_planned planned = {
        .spec = &fleet.model.spec,
        .state = &fleet.model.state,
        .policy = &fleet.model.policy,
        .plan = &plan,
        .problems = (const char(*)[512])fleet.problems,
        .observed_ms = 1800000000000,
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
    ek_buffer_printf(&json, "%s\n", dump);
    free(dump);
    json_decref(document);
    if (!strstr(ek_buffer_text(&text), golden->says))
        fail_msg("the text does not say \"%s\":\n%s", golden->says, ek_buffer_text(&text));
    check_width(ek_buffer_text(&text));
    check_last_lines(&plan, ek_buffer_text(&text));
    compare(golden, "txt", &text);
    compare(golden, "json", &json);
    compare(golden, "md", &markdown);
    ek_plan_done(&plan);
}

int main(void)
{
    enum { CASES = sizeof table / sizeof *table };
    struct CMUnitTest tests[CASES];
    for (size_t i = 0; i < CASES; i++)
        tests[i] = (struct CMUnitTest){.name = table[i].name,
                                       .test_func = golden_plan,
                                       .initial_state = (void *)(uintptr_t)&table[i]};
    return _cmocka_run_group_tests("golden plans", tests, CASES, NULL, NULL);
}
