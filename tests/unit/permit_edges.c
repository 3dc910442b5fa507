/* The edges of the laws: each part of each condition by itself. */
#include "tests/unit/permit_fleet.h"

static void lag_at_its_limit(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    struct ek_step restart = step_of(&ek_step_restart, B, EK_SSL_DISABLED);
    struct ek_step down = step_of(&ek_step_step_down, A, EK_SSL_UNKNOWN);
    down.other = B;
    ek_member(fleet.state, B)->lag_ms = fleet.spec.maintenance.max_lag_s * 1000;
    assert_permitted(restart);
    assert_permitted(down);
    ek_member(fleet.state, B)->lag_ms++;
    assert_refused(restart, "EK-0203");
    assert_refused_twice(down);
    ek_member(fleet.state, B)->lag_ms = -1;
    assert_refused_twice(down);
    ek_member(fleet.state, B)->lag_ms = 0;
    ek_member(fleet.state, C)->delayed = true;
    ek_member(fleet.state, C)->lag_ms = 3600000;
    assert_permitted(down);
}

static void a_member_that_only_one_sign_calls_down(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    struct ek_step restart = step_of(&ek_step_restart, B, EK_SSL_DISABLED);
    ek_member(fleet.state, C)->process = EK_NO;
    assert_refused(restart, "EK-0203");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_member(fleet.state, C)->reachable = EK_UNKNOWN;
    assert_refused(restart, "EK-0203");
}

static void a_set_that_is_not_one_yet(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_set(fleet.state)->initiated = EK_NO;
    ek_member(fleet.state, C)->state = EK_MEMBER_UNINITIATED;
    ek_member(fleet.state, A)->state = EK_MEMBER_UNINITIATED;
    assert_permitted(step_of(&ek_step_restart, B, EK_SSL_DISABLED));
}

static void votes_and_copies(void **state)
{
    (void)state;
    settle(FOUR, EK_SSL_DISABLED, EK_SSL_DISABLED);
    struct ek_step restart = step_of(&ek_step_restart, B, EK_SSL_DISABLED);
    ek_member(fleet.state, C)->votes = 0;
    ek_member(fleet.state, D)->votes = 0;
    assert_refused(restart, "EK-0204"); /* one of two votes is no majority */
    ek_member(fleet.state, C)->votes = 1;
    assert_permitted(restart); /* two of three are */
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_member(fleet.state, C)->delayed = true; /* no copy to fall back on */
    assert_refused(restart, "EK-0204");
    settle(PSA, EK_SSL_DISABLED, EK_SSL_DISABLED);
    fleet.spec.maintenance.interruption = EK_INTERRUPTION_REFUSE;
    assert_permitted(step_of(&ek_step_restart, C, EK_SSL_DISABLED)); /* an arbiter holds no copy */
    settle(TWO, EK_SSL_DISABLED, EK_SSL_DISABLED);
    fleet.spec.maintenance.interruption = EK_INTERRUPTION_REFUSE;
    ek_member(fleet.state, B)->votes = 0;
    ek_member(fleet.state, B)->priority = 0;
    assert_refused(restart, "EK-0204"); /* a majority stays, the second copy does not */
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_member(fleet.state, C)->state = EK_MEMBER_RECOVERING;
    assert_refused_twice(restart); /* who is not fit does not count */
}

static void a_primary_and_arbiters(void **state)
{
    (void)state;
    settle(TWO, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_member(fleet.state, B)->arbiter = true;
    ek_member(fleet.state, B)->state = EK_MEMBER_ARBITER;
    assert_permitted(step_of(&ek_step_restart, A, EK_SSL_DISABLED)); /* nobody could take over */
}

static void every_part_of_fitness(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    struct ek_step down = step_of(&ek_step_step_down, A, EK_SSL_UNKNOWN);
    down.other = B;
    ek_member(fleet.state, B)->votes = 0;
    assert_refused(down, "EK-0206");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_member(fleet.state, B)->arbiter = true;
    assert_refused(down, "EK-0206");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_member(fleet.state, B)->state = EK_MEMBER_ARBITER;
    assert_refused(down, "EK-0206");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    for (int i = A; i <= C; i++)
        ek_member(fleet.state, i)->signing_key = 0;
    assert_refused(down, "EK-0206"); /* the same key means nothing when it is none */
    ek_access(fleet.state)->authentication = EK_NO;
    assert_permitted(down);                         /* nothing is signed then */
    settle(FOUR, EK_SSL_DISABLED, EK_SSL_DISABLED); /* two of four are no majority */
    ek_member(fleet.state, B)->healthy_for = ek_member(fleet.state, B)->viewed_by = 1 << A | 1 << B;
    assert_refused(down, "EK-0206");
    settle(FOUR, EK_SSL_DISABLED, EK_SSL_DISABLED);
    for (int i = C; i <= D; i++) {
        ek_member(fleet.state, i)->healthy_for &= ~(uint64_t)(1 << B);
        ek_member(fleet.state, i)->viewed_by &= ~(uint64_t)(1 << B);
    }
    assert_refused(down, "EK-0206");
}

static void what_a_start_needs(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_ALLOW, EK_SSL_ALLOW);
    for (int k = 0; k < 3; k++) {
        const struct ek_step_kind *kind = k == 0   ? &ek_step_restart
                                          : k == 1 ? &ek_step_start
                                                   : &ek_step_write_configuration;
        settle(THREE, EK_SSL_ALLOW, EK_SSL_ALLOW);
        struct ek_step step = step_of(kind, B, EK_SSL_ALLOW);
        assert_permitted(step);
        ek_member_certificates(fleet.state, B)->certificate_installed.not_after_s =
            fleet.policy.now_s;
        assert_refused(step, "EK-0202");
        ek_member_certificates(fleet.state, B)->certificate_installed.not_after_s++;
        assert_permitted(step);
        ek_member_certificates(fleet.state, B)->certificate_installed.present = EK_UNKNOWN;
        assert_refused(step, "EK-0202");
    }
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_member_transport(fleet.state, B)->mode_configured = EK_SSL_UNKNOWN;
    assert_refused(step_of(&ek_step_restart, B, EK_SSL_DISABLED), "EK-0202");
}

static void strangers_and_names(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_PREFER);
    snprintf(ek_set(fleet.state)->foreign_member, sizeof ek_set(fleet.state)->foreign_member,
             "db-x.test:27017");
    assert_refused(step_of(&ek_step_reconfigure, -1, EK_SSL_UNKNOWN), "EK-0207");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_PREFER);
    assert_permitted(step_of(&ek_step_create_user, -1, EK_SSL_UNKNOWN));
    snprintf(ek_set(fleet.state)->cluster_role, sizeof ek_set(fleet.state)->cluster_role,
             "configsvr");
    assert_refused(step_of(&ek_step_create_user, -1, EK_SSL_UNKNOWN), "EK-0219");
    settle(THREE, EK_SSL_DISABLED, EK_SSL_PREFER);
    ek_member_transport(fleet.state, C)->domain_name_bound = EK_NO;
    assert_refused(step_of(&ek_step_initiate, -1, EK_SSL_UNKNOWN), "EK-0208");
    assert_permitted(step_of(&ek_step_create_user, -1, EK_SSL_UNKNOWN));
}

static void certificates_that_nobody_serves(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_ALLOW, EK_SSL_ALLOW);
    struct ek_step trust = step_of(&ek_step_install_trust, A, EK_SSL_UNKNOWN);
    ek_member_certificates(fleet.state, B)->certificate_running.issued_by_authority = EK_NO;
    assert_permitted(step_of(&ek_step_bind_name, A, EK_SSL_UNKNOWN));
    ek_member_certificates(fleet.state, B)->certificate_running.present = EK_NO;
    assert_permitted(trust);
    ek_member_certificates(fleet.state, B)->certificate_running.present = EK_YES;
    ek_member_transport(fleet.state, B)->mode_running = EK_SSL_DISABLED;
    assert_permitted(trust);
}

/* Law 1 with everybody in preferSSL: what each side needs of the other. */
static void what_tls_between_members_needs(void **state)
{
    (void)state;
    for (int k = 0; k < 4; k++) {
        settle(THREE, EK_SSL_ALLOW, EK_SSL_PREFER);
        struct ek_step raise = step_of(&ek_step_set_ssl_mode, B, EK_SSL_PREFER);
        assert_permitted(raise);
        struct ek_member_certificates *b_certificates = ek_member_certificates(fleet.state, B);
        struct ek_member_certificates *c_certificates = ek_member_certificates(fleet.state, C);
        if (k == 0)
            b_certificates->trust_running.present = EK_NO; /* the dialler can't check */
        else if (k == 1)
            memset(b_certificates->trust_running.sha256[0], 0x11, 32);
        else if (k == 2)
            b_certificates->certificate_running.issued_by_authority =
                EK_NO; /* the taker would refuse it */
        else
            c_certificates->certificate_installed.present = EK_NO;
        assert_refused(raise, "EK-0201");
    }
}

static void who_is_down_dials_nobody(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_ALLOW, EK_SSL_PREFER);
    ek_member(fleet.state, C)->process = EK_NO;
    ek_member_certificates(fleet.state, C)->certificate_running.present = EK_NO;
    struct ek_step file = step_of(&ek_step_write_configuration, B, EK_SSL_PREFER);
    assert_permitted(file);
    ek_member(fleet.state, C)->process = EK_YES;
    assert_refused(file, "EK-0201");
    ek_member_transport(fleet.state, C)->mode_running =
        EK_SSL_UNKNOWN; /* nothing is known to be broken */
    assert_permitted(file);
}

/* What was broken before the step, the step does not break. */
static void a_repair_beside_a_broken_pair(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    ek_member_transport(fleet.state, C)->mode_configured = EK_SSL_REQUIRE;
    assert_permitted(step_of(&ek_step_bind_name, A, EK_SSL_UNKNOWN));
    assert_permitted(step_of(&ek_step_write_configuration, C, EK_SSL_DISABLED));
}

/* …but what works while both run is not broken because it would not after a crash. */
static void a_link_that_only_runs(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_ALLOW, EK_SSL_PREFER);
    ek_member_transport(fleet.state, B)->mode_configured = EK_SSL_PREFER;
    ek_member_certificates(fleet.state, C)->trust_running.count = 0;
    assert_refused(step_of(&ek_step_set_ssl_mode, B, EK_SSL_PREFER), "EK-0201");
    assert_refused(step_of(&ek_step_restart, B, EK_SSL_PREFER), "EK-0201");
    assert_permitted(step_of(&ek_step_write_configuration, B, EK_SSL_ALLOW));
    assert_permitted(step_of(&ek_step_restart, C, EK_SSL_ALLOW));
    ek_member(fleet.state, B)->process = EK_NO; /* it would run as its file says */
    assert_permitted(step_of(&ek_step_start, B, EK_SSL_PREFER));
}

/* A certificate for another name is not put where it is dialled under the old one. */
static void a_certificate_by_another_name(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_PREFER, EK_SSL_PREFER);
    struct ek_step issue = step_of(&ek_step_issue_certificate, B, EK_SSL_UNKNOWN);
    assert_permitted(issue);
    model_set_label(&issue, "another");
    assert_refused(issue, "EK-0201");
}

static void what_was_not_read_is_not_replaced(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
    struct ek_member *b = ek_member(fleet.state, B);
    struct ek_member_transport *b_transport = ek_member_transport(fleet.state, B);
    struct ek_member_certificates *b_certificates = ek_member_certificates(fleet.state, B);
    struct ek_member_access *b_access = ek_member_access(fleet.state, B);
    const struct {
        const struct ek_step_kind *kind;
        enum ek_tri *replaced;
    } rows[] = {
        {&ek_step_create_authority, &ek_certificates(fleet.state)->authority},
        {&ek_step_install_trust, &b_certificates->trust_installed.present},
        {&ek_step_issue_certificate, &b_certificates->certificate_installed.present},
        {&ek_step_issue_certificate, &b_certificates->key_password},
        {&ek_step_install_key_file, &b_access->key_file},
        {&ek_step_write_configuration, &b->configuration},
        {&ek_step_write_configuration, &b_transport->options_wanted.known},
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        settle(THREE, EK_SSL_DISABLED, EK_SSL_DISABLED);
        b_transport->mode_configured = EK_SSL_REQUIRE; /* nothing more can be broken */
        bool file = rows[k].kind == &ek_step_write_configuration;
        int member = rows[k].kind == &ek_step_create_authority ? -1 : B;
        struct ek_step step = step_of(rows[k].kind, member, file ? EK_SSL_ALLOW : EK_SSL_UNKNOWN);
        assert_permitted(step);
        *rows[k].replaced = EK_UNKNOWN;
        assert_refused(step, "EK-0218");
        model_set_mode(&step, EK_SSL_DISABLED); /* names no options */
        if (rows[k].replaced == &b_transport->options_wanted.known)
            assert_permitted(step);
        assert_permitted(step_of(&ek_step_bind_name, B, EK_SSL_UNKNOWN));
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
