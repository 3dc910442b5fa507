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
    struct ek_consent *consent = &fleet->model.policy.consent;
    fleet->model.policy.paused = true;
    consent->paused_until_s = fleet->model.policy.now_s + 5400;
    snprintf(consent->paused_by, sizeof consent->paused_by, "alice");
    snprintf(consent->paused_why, sizeof consent->paused_why, "load test until noon");
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

/* Hosts on which nothing was ever installed; model_case_init_bare needs to begin anew. */
static void bare(struct fleet *fleet)
{
    static struct model_case made;
    for (size_t i = 0; i < model_shape_count(); i++) {
        model_case_init_bare(&made, i, fleet->model.to);
        if (strcmp(made.shape, fleet->model.shape) == 0)
            break;
    }
    fleet->model.state = made.state;
    fleet->model.policy = made.policy;
}

static void half_made(struct fleet *fleet)
{
    bare(fleet);
    struct ek_member_observed *a = &fleet->model.state.members[0];
    a->key_file = a->configuration = a->data = a->process = a->reachable = EK_YES;
    a->state = EK_MEMBER_UNINITIATED;
    a->mode_running = a->mode_configured = fleet->model.to;
    a->options_running = a->options_configured = fleet->model.to > EK_SSL_DISABLED
                                                     ? a->options_wanted
                                                     : (struct ek_options_state){.known = EK_YES};
}

static void running_otherwise(struct fleet *fleet)
{
    half_made(fleet);
    fleet->model.state.members[0].mode_running = EK_SSL_DISABLED;
}

static void old_data(struct fleet *fleet)
{
    bare(fleet);
    fleet->model.state.members[1].data = EK_YES;
}

static void outside_the_set(struct fleet *fleet)
{
    fleet->model.state.members[1].id = -1;
}

static void no_configuration(struct fleet *fleet)
{
    fleet->model.state.initiated = EK_UNKNOWN;
}

static void unreadable_file(struct fleet *fleet)
{
    fleet->model.state.members[1].mode_configured = EK_SSL_UNKNOWN;
    fleet->model.state.members[1].configuration = EK_UNKNOWN;
    snprintf(fleet->problems[1], sizeof fleet->problems[1], "line 12: mapping values not allowed");
}

static void locked_out(struct fleet *fleet)
{
    fleet->model.state.own_user = EK_UNKNOWN;
}

static void secret_mode(struct fleet *fleet)
{
    fleet->model.state.members[1].mode_running = EK_SSL_UNKNOWN;
}

static void lag_unknown(struct fleet *fleet)
{
    fleet->model.state.members[2].lag_ms = -1;
}

static void initial_sync(struct fleet *fleet)
{
    fleet->model.state.members[2].state = EK_MEMBER_STARTUP2;
}

static void nobody_else(struct fleet *fleet)
{
    for (size_t i = 1; i < fleet->model.state.member_count; i++)
        fleet->model.state.members[i].priority = 0;
}

/* Everybody but the primary has been restarted; the successor has only just come up. */
static void keyless_successor(struct fleet *fleet)
{
    for (size_t i = 1; i < fleet->model.state.member_count; i++) {
        struct ek_member_observed *member = &fleet->model.state.members[i];
        member->mode_running = member->mode_configured = fleet->model.to;
        member->options_running = member->options_configured =
            (struct ek_options_state){.known = EK_YES};
    }
    fleet->model.state.members[1].signing_key = 0;
}

static void too_far_apart(struct fleet *fleet)
{
    for (size_t i = 0; i < 2; i++) {
        struct ek_member_observed *member = &fleet->model.state.members[i];
        member->mode_running = member->mode_configured = EK_SSL_DISABLED;
        member->options_configured = member->options_running =
            (struct ek_options_state){.known = EK_YES};
    }
}

static void old_name_gone(struct fleet *fleet)
{
    fleet->model.state.members[1].spec_host_resolves = EK_NO;
    for (size_t i = 0; i < fleet->model.state.member_count; i++) {
        struct ek_member_observed *member = &fleet->model.state.members[i];
        member->mode_running = member->mode_configured = EK_SSL_DISABLED;
        member->options_configured = member->options_running =
            (struct ek_options_state){.known = EK_YES};
    }
}

static void other_domain(struct fleet *fleet)
{
    static char elsewhere[] = "elsewhere.test";
    fleet->model.spec.ssl_domain.base = elsewhere;
}

static void removed(struct fleet *fleet)
{
    fleet->model.state.members[1].state = EK_MEMBER_REMOVED;
}

static void file_behind(struct fleet *fleet)
{
    fleet->model.state.members[1].mode_configured = EK_SSL_ALLOW;
}

static void files_astray(struct fleet *fleet)
{
    fleet->model.state.members[0].mode_configured = EK_SSL_REQUIRE;
    fleet->model.state.members[1].mode_configured = EK_SSL_REQUIRE;
}

static void other_leader(struct fleet *fleet)
{
    struct ek_member_observed *members = fleet->model.state.members;
    members[0].state = EK_MEMBER_SECONDARY;
    members[0].writable = EK_NO;
    members[1].state = EK_MEMBER_PRIMARY;
    members[1].writable = EK_YES;
}

static void key_in_the_open(struct fleet *fleet)
{
    fleet->model.state.members[1].certificate_installed.key_sealed = EK_NO;
}

static void other_authority(struct fleet *fleet)
{
    fleet->model.state.members[1].certificate_installed.issued_by_authority = EK_NO;
}

static void one_due(struct fleet *fleet)
{
    fleet->model.state.members[2].certificate_installed.not_after_s =
        fleet->model.policy.now_s + 86400;
    fleet->model.state.members[2].certificate_running =
        fleet->model.state.members[2].certificate_installed;
}

static void not_served_yet(struct fleet *fleet)
{
    memset(fleet->model.state.members[1].certificate_running.sha256, 0x99, 32);
}

static void other_options(struct fleet *fleet)
{
    memset(fleet->model.state.members[1].options_configured.digest, 0x55, 32);
}

static void primary_last(struct fleet *fleet)
{
    keyless_successor(fleet);
    fleet->model.state.members[1].signing_key = 7;
}

static void delayed_member(struct fleet *fleet)
{
    fleet->model.state.members[2].delayed = true;
    fleet->model.state.members[2].lag_ms = 3600000;
}

static void reinstate_never(struct fleet *fleet)
{
    fleet->model.spec.maintenance.reinstate_primary = EK_CHOICE_NO;
}

static void reinstate_always(struct fleet *fleet)
{
    fleet->model.spec.maintenance.reinstate_primary = EK_CHOICE_YES;
}

static void down_and_paused(struct fleet *fleet)
{
    down(fleet);
    paused(fleet);
}

static void two_came_not_up(struct fleet *fleet)
{
    came_not_up(fleet);
    fleet->model.state.members[1].mode_configured = EK_SSL_DISABLED;
    fleet->model.state.members[1].options_configured = (struct ek_options_state){.known = EK_YES};
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
    {"paused", "3 members", D, P, 0, 0, paused, "the deployment is paused by alice"},
    {"authority-unreadable", "3 members", D, P, 0, 0, unreadable_authority, "[EK-0126]"},
    /* modes: every pair that is not above */
    {"nothing-to-do-allow", "3 members", A, A, 1, 0, NULL, "No changes."},
    {"nothing-to-do-require", "3 members", R, R, 1, 0, NULL, "No changes."},
    {"disabled-to-allow-domain-known", "3 members", D, A, 1, 0, NULL, "3 restarts"},
    {"disabled-to-require-domain-known", "3 members", D, R, 1, 0, NULL, "3 restarts"},
    /* shapes, up and down */
    {"one-member-require", "1 member", D, R, 0, 0, NULL, "1 restart"},
    {"one-member-raise", "1 member", A, R, 1, 0, NULL, "no restart"},
    {"two-members-back", "2 members", R, D, 1, 0, NULL, "no member to spare"},
    {"two-members-raise", "2 members", A, R, 1, 0, NULL, "no restart"},
    {"two-members-refused", "2 members", D, P, 0, 0, interruption_refused, "[EK-0118]"},
    {"preferred-primary-back", "3 members, one preferred", R, D, 1, 0, NULL, "restarts"},
    {"preferred-primary-require", "3 members, one preferred", D, R, 0, 0, NULL, "reinstate"},
    {"preferred-primary-raise", "3 members, one preferred", A, R, 1, 0, NULL, "no restart"},
    {"arbiter-require", "PSA", D, R, 0, 0, NULL, "arbiter"},
    {"arbiter-back", "PSA", R, D, 1, 0, NULL, "restarts"},
    {"arbiter-raise", "PSA", A, P, 1, 0, NULL, "restart"},
    {"arbiter-refused", "PSA", D, P, 0, 0, interruption_refused, "[EK-0118]"},
    {"hidden-member-require", "3 members, one hidden", D, R, 0, 0, NULL, "3 restarts"},
    {"hidden-member-back", "3 members, one hidden", R, D, 1, 0, NULL, "restarts"},
    {"priority-0-require", "3 members, one of priority 0", D, R, 0, 0, NULL, "3 restarts"},
    {"priority-0-back", "3 members, one of priority 0", R, D, 1, 0, NULL, "restarts"},
    {"four-members-require", "4 members", D, R, 0, 0, NULL, "4 restarts"},
    {"four-members-back", "4 members", R, D, 1, 0, NULL, "restarts"},
    {"four-members-raise", "4 members", A, R, 1, 0, NULL, "no restart"},
    {"five-members-prefer", "5 members", D, P, 0, 0, NULL, "5 restarts"},
    {"five-members-back", "5 members", R, D, 1, 0, NULL, "restarts"},
    {"five-members-raise", "5 members", A, R, 1, 0, NULL, "no restart"},
    /* renewals by shape, and with a change of mode */
    {"renewal-one-member", "1 member", R, R, 1, 1, NULL, "1 restart"},
    {"renewal-two-members", "2 members", P, P, 1, 1, NULL, "2 restarts"},
    {"renewal-arbiter", "PSA", P, P, 1, 1, NULL, "3 restarts"},
    {"renewal-five-members", "5 members", R, R, 1, 1, NULL, "5 restarts"},
    {"renewal-and-back", "3 members", R, D, 1, 1, NULL, "restarts"},
    {"renewal-while-disabled", "3 members", D, D, 1, 1, NULL, "No changes."},
    {"renewal-on-the-way-up", "3 members", D, P, 1, 1, NULL, "3 restarts"},
    {"renewal-of-one", "3 members", P, P, 1, 0, one_due, "1 restart"},
    {"renewal-not-served-yet", "3 members", P, P, 1, 0, not_served_yet, "another certificate"},
    {"key-in-the-open", "3 members", P, P, 1, 0, key_in_the_open, "not encrypted"},
    {"by-another-authority", "3 members", P, P, 1, 0, other_authority, "another authority"},
    /* new deployments */
    {"new-disabled", "3 members", D, D, 0, 0, bare, "initiate replica set"},
    {"new-allow", "3 members", D, A, 0, 0, bare, "initiate replica set"},
    {"new-prefer", "3 members", D, P, 0, 0, bare, "initiate replica set"},
    {"new-require", "3 members", D, R, 0, 0, bare, "initiate replica set"},
    {"new-one-member", "1 member", D, R, 0, 0, bare, "initiate replica set"},
    {"new-arbiter", "PSA", D, R, 0, 0, bare, "initiate replica set"},
    {"new-five-members", "5 members", D, P, 0, 0, bare, "initiate replica set"},
    {"new-half-made", "3 members", D, P, 0, 0, half_made, "initiate replica set"},
    {"new-runs-otherwise", "3 members", D, P, 0, 0, running_otherwise, "[EK-0122]"},
    {"new-with-old-data", "3 members", D, P, 0, 0, old_data, "[EK-0106]"},
    /* fleets that are between two states */
    {"file-behind", "3 members", R, R, 1, 0, file_behind, "its file says allowSSL"},
    {"files-astray", "3 members", P, A, 1, 0, files_astray, "3 restarts"},
    {"other-options", "3 members", P, P, 1, 0, other_options, "write configuration"},
    {"other-leader", "3 members, one preferred", P, P, 1, 0, other_leader, "reinstate primary"},
    {"primary-last", "3 members", A, D, 1, 0, primary_last, "1 restart"},
    {"restart-came-not-up-reverted", "3 members", A, D, 1, 0, two_came_not_up,
     "its restart was begun"},
    {"reinstate-never", "3 members, one preferred", D, P, 0, 0, reinstate_never, "3 restarts"},
    {"reinstate-always", "3 members", D, P, 0, 0, reinstate_always, "reinstate primary"},
    {"delayed-member", "3 members, one hidden", D, P, 0, 0, delayed_member, "[EK-0118]"},
    /* every reason to stop that is not above */
    {"outside-the-set", "3 members", D, P, 0, 0, outside_the_set, "[EK-0103]"},
    {"no-configuration-seen", "3 members", D, P, 0, 0, no_configuration, "[EK-0104]"},
    {"file-unreadable", "3 members", D, P, 0, 0, unreadable_file, "[EK-0107]"},
    {"locked-out", "3 members", D, P, 0, 0, locked_out, "[EK-0108]"},
    {"mode-unknown", "3 members", D, P, 0, 0, secret_mode, "[EK-0109]"},
    {"lag-unknown", "3 members", D, P, 0, 0, lag_unknown, "[EK-0110]"},
    {"initial-sync", "3 members", D, P, 0, 0, initial_sync, "[EK-0111]"},
    {"no-primary-raise", "3 members", A, P, 1, 0, leaderless, "[EK-0112]"},
    {"nobody-to-take-over", "3 members", D, P, 0, 0, nobody_else, "[EK-0115]"},
    {"successor-without-keys", "3 members", A, D, 1, 0, keyless_successor, "[EK-0116]"},
    {"no-safe-way", "4 members", R, R, 1, 0, too_far_apart, "[EK-0117]"},
    {"old-name-gone", "3 members", A, D, 1, 0, old_name_gone, "[EK-0120]"},
    {"other-domain", "3 members", P, P, 1, 0, other_domain, "[EK-0121]"},
    {"member-removed", "3 members", D, P, 0, 0, removed, "[EK-0123]"},
    {"down-and-paused", "3 members", D, P, 0, 0, down_and_paused, "[EK-0106]"},
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
