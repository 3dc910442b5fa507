/* The edges of the laws: each part of each condition by itself. */
#include "tests/unit/permit_fleet.h"

static void lag_at_its_limit(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    struct ek_step restart = step_of(EK_STEP_RESTART, B, EK_SSL_DISABLED);
    struct ek_step down = step_of(EK_STEP_STEP_DOWN, A, EK_SSL_UNKNOWN);
    down.other = B;
    fleet.state.members[B].lag_ms = fleet.spec.maintenance.max_lag_s * 1000;
    assert_permitted(restart);
    assert_permitted(down);
    fleet.state.members[B].lag_ms++;
    assert_refused(restart, "EK-0203");
    assert_refused_twice(down);
    fleet.state.members[B].lag_ms = -1;
    assert_refused_twice(down);
    fleet.state.members[B].lag_ms = 0;
    fleet.state.members[C].delayed = true;
    fleet.state.members[C].lag_ms = 3600000;
    assert_permitted(down);
}

static void a_member_that_only_one_sign_calls_down(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    struct ek_step restart = step_of(EK_STEP_RESTART, B, EK_SSL_DISABLED);
    fleet.state.members[C].process = EK_NO;
    assert_refused(restart, "EK-0203");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    fleet.state.members[C].reachable = EK_UNKNOWN;
    assert_refused(restart, "EK-0203");
}

static void a_set_that_is_not_one_yet(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    fleet.state.initiated = EK_NO;
    fleet.state.members[C].state = EK_MEMBER_UNINITIATED;
    fleet.state.members[A].state = EK_MEMBER_UNINITIATED;
    assert_permitted(step_of(EK_STEP_RESTART, B, EK_SSL_DISABLED));
}

static void votes_and_copies(void **state)
{
    (void)state;
    settle(FOUR, EK_SSL_DISABLED, EK_SSL_DISABLED);
    struct ek_step restart = step_of(EK_STEP_RESTART, B, EK_SSL_DISABLED);
    fleet.state.members[C].votes = 0;
    fleet.state.members[D].votes = 0;
    assert_refused(restart, "EK-0204"); /* one of two votes is no majority */
    fleet.state.members[C].votes = 1;
    assert_permitted(restart); /* two of three are */
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    fleet.state.members[C].delayed = true; /* no copy to fall back on */
    assert_refused(restart, "EK-0204");
    settle(PSA, EK_SSL_DISABLED, EK_SSL_DISABLED);
    fleet.spec.maintenance.interruption = EK_INTERRUPTION_REFUSE;
    assert_permitted(step_of(EK_STEP_RESTART, C, EK_SSL_DISABLED)); /* an arbiter holds no copy */
    settle(TWO, EK_SSL_DISABLED, EK_SSL_DISABLED);
    fleet.spec.maintenance.interruption = EK_INTERRUPTION_REFUSE;
    fleet.state.members[B].votes = 0;
    fleet.state.members[B].priority = 0;
    assert_refused(restart, "EK-0204"); /* a majority stays, the second copy does not */
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    fleet.state.members[C].state = EK_MEMBER_RECOVERING;
    assert_refused_twice(restart); /* who is not fit does not count */
}

static void a_primary_and_arbiters(void **state)
{
    (void)state;
    settle(TWO, EK_SSL_DISABLED, EK_SSL_DISABLED);
    fleet.state.members[B].arbiter = true;
    fleet.state.members[B].state = EK_MEMBER_ARBITER;
    assert_permitted(step_of(EK_STEP_RESTART, A, EK_SSL_DISABLED)); /* nobody could take over */
}

static void every_part_of_fitness(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    struct ek_step down = step_of(EK_STEP_STEP_DOWN, A, EK_SSL_UNKNOWN);
    down.other = B;
    fleet.state.members[B].votes = 0;
    assert_refused(down, "EK-0206");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    fleet.state.members[B].arbiter = true;
    assert_refused(down, "EK-0206");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    fleet.state.members[B].state = EK_MEMBER_ARBITER;
    assert_refused(down, "EK-0206");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    for (int i = A; i <= C; i++)
        fleet.state.members[i].signing_key = 0;
    assert_refused(down, "EK-0206"); /* the same key means nothing when it is none */
    fleet.state.authentication = EK_NO;
    assert_permitted(down);                         /* nothing is signed then */
    settle(FOUR, EK_SSL_DISABLED, EK_SSL_DISABLED); /* two of four are no majority */
    fleet.state.members[B].healthy_for = fleet.state.members[B].viewed_by = 1 << A | 1 << B;
    assert_refused(down, "EK-0206");
    settle(FOUR, EK_SSL_DISABLED, EK_SSL_DISABLED);
    for (int i = C; i <= D; i++) {
        fleet.state.members[i].healthy_for &= ~(uint64_t)(1 << B);
        fleet.state.members[i].viewed_by &= ~(uint64_t)(1 << B);
    }
    assert_refused(down, "EK-0206");
}

static void what_a_start_needs(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_ALLOW, EK_SSL_ALLOW);
    for (int k = 0; k < 3; k++) {
        enum ek_step_kind kind = k == 0   ? EK_STEP_RESTART
                                 : k == 1 ? EK_STEP_START
                                          : EK_STEP_WRITE_CONFIGURATION;
        settle(THREE, EK_SSL_ALLOW, EK_SSL_ALLOW);
        struct ek_step step = step_of(kind, B, EK_SSL_ALLOW);
        assert_permitted(step);
        fleet.state.members[B].certificate_installed.not_after_s = fleet.policy.now_s;
        assert_refused(step, "EK-0202");
        fleet.state.members[B].certificate_installed.not_after_s++;
        assert_permitted(step);
        fleet.state.members[B].certificate_installed.present = EK_UNKNOWN;
        assert_refused(step, "EK-0202");
    }
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    fleet.state.members[B].mode_configured = EK_SSL_UNKNOWN;
    assert_refused(step_of(EK_STEP_RESTART, B, EK_SSL_DISABLED), "EK-0202");
}

static void strangers_and_names(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_PREFER);
    snprintf(fleet.state.foreign_member, sizeof fleet.state.foreign_member, "db-x.test:27017");
    assert_refused(step_of(EK_STEP_RECONFIGURE, -1, EK_SSL_UNKNOWN), "EK-0207");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_PREFER);
    fleet.state.members[C].domain_name_bound = EK_NO;
    assert_refused(step_of(EK_STEP_INITIATE, -1, EK_SSL_UNKNOWN), "EK-0208");
    assert_permitted(step_of(EK_STEP_CREATE_USER, -1, EK_SSL_UNKNOWN));
}

static void certificates_that_nobody_serves(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_ALLOW, EK_SSL_ALLOW);
    struct ek_step trust = step_of(EK_STEP_INSTALL_TRUST, A, EK_SSL_UNKNOWN);
    fleet.state.members[B].certificate_running.issued_by_authority = EK_NO;
    assert_permitted(step_of(EK_STEP_BIND_NAME, A, EK_SSL_UNKNOWN));
    fleet.state.members[B].certificate_running.present = EK_NO;
    assert_permitted(trust);
    fleet.state.members[B].certificate_running.present = EK_YES;
    fleet.state.members[B].mode_running = EK_SSL_DISABLED;
    assert_permitted(trust);
}

/* Law 1 with everybody in preferSSL: what each side needs of the other. */
static void what_tls_between_members_needs(void **state)
{
    (void)state;
    for (int k = 0; k < 4; k++) {
        settle(THREE, EK_SSL_ALLOW, EK_SSL_PREFER);
        struct ek_step raise = step_of(EK_STEP_SET_SSL_MODE, B, EK_SSL_PREFER);
        assert_permitted(raise);
        struct ek_member_observed *b = &fleet.state.members[B];
        struct ek_member_observed *c = &fleet.state.members[C];
        if (k == 0)
            b->trust_running.present = EK_NO; /* the dialler can't check */
        else if (k == 1)
            memset(b->trust_running.sha256[0], 0x11, 32);
        else if (k == 2)
            b->certificate_running.issued_by_authority = EK_NO; /* the taker would refuse it */
        else
            c->certificate_installed.present = EK_NO;
        assert_refused(raise, "EK-0201");
    }
}

static void who_is_down_dials_nobody(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_ALLOW, EK_SSL_PREFER);
    fleet.state.members[C].process = EK_NO;
    fleet.state.members[C].certificate_running.present = EK_NO;
    struct ek_step file = step_of(EK_STEP_WRITE_CONFIGURATION, B, EK_SSL_PREFER);
    assert_permitted(file);
    fleet.state.members[C].process = EK_YES;
    assert_refused(file, "EK-0201");
    fleet.state.members[C].mode_running = EK_SSL_UNKNOWN; /* nothing is known to be broken */
    assert_permitted(file);
}

/* What was broken before the step, the step does not break. */
static void a_repair_beside_a_broken_pair(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    fleet.state.members[C].mode_configured = EK_SSL_REQUIRE;
    assert_permitted(step_of(EK_STEP_BIND_NAME, A, EK_SSL_UNKNOWN));
    assert_permitted(step_of(EK_STEP_WRITE_CONFIGURATION, C, EK_SSL_DISABLED));
}

/* …but what works while both run is not broken because it would not after a crash. */
static void a_link_that_only_runs(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_ALLOW, EK_SSL_PREFER);
    fleet.state.members[B].mode_configured = EK_SSL_PREFER;
    fleet.state.members[C].trust_running.count = 0;
    assert_refused(step_of(EK_STEP_SET_SSL_MODE, B, EK_SSL_PREFER), "EK-0201");
    assert_refused(step_of(EK_STEP_RESTART, B, EK_SSL_PREFER), "EK-0201");
    assert_permitted(step_of(EK_STEP_WRITE_CONFIGURATION, B, EK_SSL_ALLOW));
    assert_permitted(step_of(EK_STEP_RESTART, C, EK_SSL_ALLOW));
    fleet.state.members[B].process = EK_NO; /* it would run as its file says */
    assert_permitted(step_of(EK_STEP_START, B, EK_SSL_PREFER));
}

/* A certificate for another name is not put where it is dialled under the old one. */
static void a_certificate_by_another_name(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_PREFER, EK_SSL_PREFER);
    struct ek_step issue = step_of(EK_STEP_ISSUE_CERTIFICATE, B, EK_SSL_UNKNOWN);
    assert_permitted(issue);
    snprintf(issue.label, sizeof issue.label, "another");
    assert_refused(issue, "EK-0201");
}

static void what_was_not_read_is_not_replaced(void **state)
{
    (void)state;
    struct ek_member_observed *b = &fleet.state.members[B];
    const struct {
        enum ek_step_kind kind;
        enum ek_tri *replaced;
    } rows[] = {
        {EK_STEP_CREATE_AUTHORITY, &fleet.state.authority},
        {EK_STEP_INSTALL_TRUST, &b->trust_installed.present},
        {EK_STEP_ISSUE_CERTIFICATE, &b->certificate_installed.present},
        {EK_STEP_INSTALL_KEY_FILE, &b->key_file},
        {EK_STEP_WRITE_CONFIGURATION, &b->configuration},
        {EK_STEP_WRITE_CONFIGURATION, &b->options_wanted.known},
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
        b->mode_configured = EK_SSL_REQUIRE; /* nothing more can be broken */
        bool file = rows[k].kind == EK_STEP_WRITE_CONFIGURATION;
        int member = rows[k].kind == EK_STEP_CREATE_AUTHORITY ? -1 : B;
        struct ek_step step = step_of(rows[k].kind, member, file ? EK_SSL_ALLOW : EK_SSL_UNKNOWN);
        assert_permitted(step);
        *rows[k].replaced = EK_UNKNOWN;
        assert_refused(step, "EK-0218");
        step.mode = EK_SSL_DISABLED; /* names no options */
        if (rows[k].replaced == &b->options_wanted.known)
            assert_permitted(step);
        assert_permitted(step_of(EK_STEP_BIND_NAME, B, EK_SSL_UNKNOWN));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lag_at_its_limit),
        cmocka_unit_test(a_member_that_only_one_sign_calls_down),
        cmocka_unit_test(a_set_that_is_not_one_yet),
        cmocka_unit_test(votes_and_copies),
        cmocka_unit_test(a_primary_and_arbiters),
        cmocka_unit_test(every_part_of_fitness),
        cmocka_unit_test(what_a_start_needs),
        cmocka_unit_test(strangers_and_names),
        cmocka_unit_test(certificates_that_nobody_serves),
        cmocka_unit_test(what_tls_between_members_needs),
        cmocka_unit_test(who_is_down_dials_nobody),
        cmocka_unit_test(a_repair_beside_a_broken_pair),
        cmocka_unit_test(a_link_that_only_runs),
        cmocka_unit_test(what_was_not_read_is_not_replaced),
        cmocka_unit_test(a_certificate_by_another_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
