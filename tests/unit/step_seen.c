/* What counts as seen after each kind of step, and the one thing that is missing when it does not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "reconciler/kernel/step.h"
#include "tests/model/cases.c" /* the model's fleets, compiled into this program */
#include "tests/model/steps.h"

enum { ONE = 0, TWO = 1, THREE = 2, PSA = 4 };
enum { A, B, C };

static struct model_case fleet;
static struct ek_state *expected;
static struct ek_state *observed;
static struct ek_step step;
static char why[EK_SENTENCE_SIZE];

/* A step on a settled fleet, done and looked at. */
static void done(const struct ek_step_kind *kind, int member, enum ek_ssl_mode mode)
{
    step = model_step(kind, member, mode);
    model_set_label(&step, ek_transport(fleet.state)->domain_label);
    if (kind == &ek_step_step_down)
        step.other = B;
    model_copy(&expected, fleet.state);
    ek_effect(EK_SITUATION(&fleet.spec, expected, &fleet.policy), &step, &expected, NULL);
    model_copy(&observed, expected);
    if (kind == &ek_step_restart || kind == &ek_step_start) {
        ek_member(observed, member)->pid = 4711;
        ek_member(observed, member)->started_ms = 100000;
    }
}

static bool seen(void)
{
    why[0] = 0;
    return ek_step_seen(EK_SITUATION(&fleet.spec, observed, &fleet.policy), expected, &step, why);
}

static void assert_missing(const char *word)
{
    assert_false(seen());
    if (!strstr(why, word))
        fail_msg("\"%s\" does not say \"%s\"", why, word);
}

static void restarted(size_t shape, enum ek_ssl_mode mode, int member)
{
    model_case_init(&fleet, shape, mode, mode, mode > EK_SSL_DISABLED ? MODEL_DOMAIN_KNOWN : 0);
    done(&ek_step_restart, member, mode);
    assert_true(seen());
}

static void the_old_process(void **state)
{
    (void)state;
    restarted(THREE, EK_SSL_ALLOW, B);
    ek_member(observed, B)->pid = ek_member(expected, B)->pid;
    ek_member(observed, B)->started_ms = ek_member(expected, B)->started_ms;
    assert_missing("old process");
    ek_member(observed, B)->started_ms = 2999; /* a clock that was set */
    assert_missing("old process");
    ek_member(observed, B)->started_ms = 3000; /* the same pid, used again */
    assert_true(seen());
    ek_member(observed, B)->started_ms = -2999;
    assert_missing("old process");
    ek_member(observed, B)->started_ms = -3000;
    assert_true(seen());
}

static void no_process(void **state)
{
    (void)state;
    restarted(THREE, EK_SSL_ALLOW, B);
    ek_member(observed, B)->process = EK_NO;
    assert_missing("does not run");
    restarted(THREE, EK_SSL_ALLOW, B);
    ek_member(observed, B)->reachable = EK_NO;
    assert_missing("does not answer");
}

static void another_content(void **state)
{
    (void)state;
    restarted(THREE, EK_SSL_ALLOW, B);
    ek_member_transport(observed, B)->mode_running = EK_SSL_DISABLED;
    assert_missing("runs sslMode disabled");
    restarted(THREE, EK_SSL_ALLOW, B);
    ek_member_certificates(observed, B)->certificate_running.sha256[31] ^= 1;
    assert_missing("installed certificate");
    restarted(THREE, EK_SSL_ALLOW, B);
    ek_member_transport(observed, B)->options_running.digest[31] ^= 1;
    assert_missing("other options");
    restarted(THREE, EK_SSL_DISABLED, B); /* without TLS no certificate is served */
    ek_member_certificates(observed, B)->certificate_running.sha256[0] = 1;
    assert_true(seen());
}

static void not_caught_up(void **state)
{
    (void)state;
    restarted(THREE, EK_SSL_ALLOW, B);
    ek_member(observed, B)->state = EK_MEMBER_RECOVERING;
    assert_missing("RECOVERING");
    restarted(THREE, EK_SSL_ALLOW, B);
    ek_member(observed, B)->lag_ms = 10000;
    assert_true(seen());
    ek_member(observed, B)->lag_ms = 10001;
    assert_missing("lags 10 s");
    ek_member(observed, B)->delayed = true; /* it is meant to */
    assert_true(seen());
    restarted(THREE, EK_SSL_ALLOW, B);
    ek_member(observed, B)->lag_ms = -1;
    assert_missing("not known");
    restarted(ONE, EK_SSL_ALLOW, A); /* a primary lags behind nobody */
    ek_member(observed, A)->lag_ms = -1;
    assert_true(seen());
    restarted(PSA, EK_SSL_ALLOW, C); /* nor does an arbiter */
    ek_member(observed, C)->lag_ms = -1;
    assert_true(seen());
}

static void who_does_not_run_is_not_asked(void **state)
{
    (void)state;
    restarted(THREE, EK_SSL_ALLOW, B);
    ek_member(observed, B)->healthy_for = 1 << A;
    assert_missing("member c");
    ek_member(observed, C)->process = EK_UNKNOWN;
    assert_missing("member c");
    ek_member(observed, C)->process = EK_NO;
    assert_true(seen());
}

static void a_peer_that_does_not_see_it(void **state)
{
    (void)state;
    restarted(THREE, EK_SSL_ALLOW, B);
    ek_member(observed, B)->healthy_for = 1 << A;
    assert_missing("member c does not see member b");
    ek_member(observed, B)->healthy_for =
        1 << A | 1 << C; /* what it thinks of itself is no matter */
    assert_true(seen());
    restarted(PSA, EK_SSL_ALLOW, B);
    ek_member(observed, B)->healthy_for = 1 << A;
    assert_missing("member c does not see member b");
    ek_member(observed, B)->viewed_by = 1 << A; /* the arbiter could not be asked */
    assert_true(seen());
    ek_member(observed, B)->healthy_for = 1 << C;
    assert_missing("member a does not see member b");
    ek_member(observed, B)->viewed_by = 0; /* a data-bearing member can always be asked */
    assert_missing("member a does not see member b");
}

static void a_new_member(void **state)
{
    (void)state;
    model_case_init_bare(&fleet, THREE, EK_SSL_ALLOW);
    ek_member_transport(fleet.state, B)->mode_configured = EK_SSL_ALLOW;
    done(&ek_step_start, B, EK_SSL_ALLOW);
    assert_true(seen()); /* nobody could have taken it back yet */
    ek_member(observed, B)->state = EK_MEMBER_STARTUP;
    assert_missing("STARTUP");
}

static void files(void **state)
{
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_ALLOW, EK_SSL_ALLOW,
                    MODEL_DOMAIN_KNOWN | MODEL_CERTIFICATES_DUE);
    done(&ek_step_issue_certificate, B, EK_SSL_UNKNOWN);
    assert_true(seen());
    struct ek_certificate_state *certificate =
        &ek_member_certificates(observed, B)->certificate_installed;
    struct ek_certificate_state issued = *certificate;
    certificate->present = EK_UNKNOWN;
    assert_missing("certificate");
    *certificate = issued;
    certificate->issued_by_authority = EK_NO;
    assert_missing("certificate");
    *certificate = issued;
    certificate->key_sealed = EK_NO;
    assert_missing("certificate");
    ek_member_certificates(observed, B)->key_password = EK_NO;
    assert_missing("password");
    ek_member_certificates(observed, B)->key_password = EK_YES;
    *certificate = issued;
    certificate->name[0]++;
    assert_missing("certificate");
    *certificate = issued;
    certificate->not_after_s = fleet.policy.now_s + fleet.spec.certificates.renew_before_s;
    assert_true(seen());
    certificate->not_after_s--;
    assert_missing("certificate");
    ek_certificates(observed)->authority_not_after_s = certificate->not_after_s;
    assert_true(seen()); /* its authority signs nothing longer */
    ek_certificates(observed)->authority_not_after_s++;
    assert_missing("certificate");
    ek_certificates(observed)->authority_not_after_s = 0;

    done(&ek_step_install_trust, B, EK_SSL_UNKNOWN);
    assert_true(seen());
    ek_member_certificates(observed, B)->trust_installed.count = 2;
    assert_missing("authority");
    done(&ek_step_install_trust, B, EK_SSL_UNKNOWN);
    ek_member_certificates(observed, B)->trust_installed.present = EK_NO;
    assert_missing("authority");
    done(&ek_step_install_trust, B, EK_SSL_UNKNOWN);
    ek_member_certificates(observed, B)->trust_installed.sha256[0][31] ^= 1;
    assert_missing("authority");

    done(&ek_step_write_configuration, B, EK_SSL_PREFER);
    assert_true(seen());
    ek_member_transport(observed, B)->mode_configured = EK_SSL_ALLOW;
    assert_missing("configuration file");
    done(&ek_step_write_configuration, B, EK_SSL_PREFER);
    ek_member_transport(observed, B)->options_configured.digest[31] ^= 1;
    assert_missing("configuration file");

    done(&ek_step_bind_name, B, EK_SSL_UNKNOWN);
    assert_true(seen());
    ek_member_transport(observed, B)->domain_name_bound = EK_NO;
    assert_missing("resolve");
    done(&ek_step_bind_name, B, EK_SSL_UNKNOWN);
    ek_transport(observed)->domain_label[0] = 'x';
    assert_missing("resolve");
}

static void the_set(void **state)
{
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_DISABLED, EK_SSL_ALLOW, MODEL_DOMAIN_KNOWN);
    done(&ek_step_reconfigure, -1, EK_SSL_UNKNOWN);
    assert_true(seen());
    ek_member(observed, C)->lag_ms = 20000;
    assert_missing("lags 20 s");
    done(&ek_step_reconfigure, -1, EK_SSL_UNKNOWN);
    ek_member(observed, C)->healthy_for = 1 << A;
    assert_missing("member b does not see member c");
    done(&ek_step_reconfigure, -1, EK_SSL_UNKNOWN);
    ek_member(observed, A)->writable = EK_NO;
    assert_missing("no primary");
    done(&ek_step_reconfigure, -1, EK_SSL_UNKNOWN);
    memcpy(ek_member(observed, C)->host, ek_member(fleet.state, C)->host,
           sizeof ek_member(fleet.state, C)->host);
    assert_missing("still named");

    done(&ek_step_step_down, A, EK_SSL_UNKNOWN);
    model_copy(&observed, fleet.state);
    assert_missing("still the primary");
    ek_member(observed, A)->state = EK_MEMBER_SECONDARY;
    assert_missing("no primary");
    ek_member(observed, C)->state = EK_MEMBER_PRIMARY; /* another one than was meant will do */
    ek_member(observed, C)->writable = EK_YES;
    assert_true(seen());
}

static void a_new_set(void **state)
{
    (void)state;
    model_case_init_bare(&fleet, THREE, EK_SSL_DISABLED);
    done(&ek_step_initiate, -1, EK_SSL_UNKNOWN);
    assert_true(seen());
    ek_set(observed)->initiated = EK_UNKNOWN;
    assert_missing("no member has a replica-set configuration");
}

/* What an effect says beyond what a plan's end shows. */
static void effects_in_full(void **state)
{
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_ALLOW, EK_SSL_ALLOW,
                    MODEL_DOMAIN_KNOWN | MODEL_CERTIFICATES_DUE);
    ek_member(fleet.state, B)->lag_ms = 700;
    ek_member(fleet.state, B)->writable = EK_UNKNOWN;
    ek_member(fleet.state, B)->signing_key = 0;
    ek_member(fleet.state, B)->data = EK_UNKNOWN;
    done(&ek_step_restart, B, EK_SSL_ALLOW);
    assert_int_equal(ek_member(expected, B)->lag_ms, 0);
    assert_int_equal(ek_member(expected, B)->writable, EK_NO);
    assert_int_equal(ek_member(expected, B)->signing_key, 7);
    assert_int_equal(ek_member(expected, B)->data, EK_YES);

    done(&ek_step_issue_certificate, B, EK_SSL_UNKNOWN);
    uint8_t first[32];
    memcpy(first, ek_member_certificates(expected, B)->certificate_installed.sha256, 32);
    assert_memory_not_equal(
        first, ek_member_certificates(fleet.state, B)->certificate_installed.sha256, 32);
    model_copy(&fleet.state, expected);
    done(&ek_step_issue_certificate, B, EK_SSL_UNKNOWN); /* each one is a new one */
    assert_memory_not_equal(first,
                            ek_member_certificates(expected, B)->certificate_installed.sha256, 32);
    done(&ek_step_issue_certificate, C, EK_SSL_UNKNOWN); /* and nobody else's */
    assert_memory_not_equal(
        first + 1, ek_member_certificates(expected, C)->certificate_installed.sha256 + 1, 31);

    done(&ek_step_step_down, A, EK_SSL_UNKNOWN);
    assert_int_equal(ek_set(expected)->election_term, ek_set(fleet.state)->election_term + 1);
    assert_int_equal(ek_member(expected, A)->writable, EK_NO);
    assert_int_equal(ek_state_primary(expected), B);

    model_case_init_bare(&fleet, THREE, EK_SSL_ALLOW);
    fleet.members[C].priority = 5;
    done(&ek_step_initiate, -1, EK_SSL_UNKNOWN);
    assert_int_equal(ek_state_primary(expected), C);
    done(&ek_step_create_authority, -1, EK_SSL_UNKNOWN);
    assert_int_not_equal(ek_certificates(expected)->authority_sha256[0], 0);
    assert_int_not_equal(ek_certificates(expected)->authority_sha256[31], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_does_not_run_is_not_asked),
        cmocka_unit_test(the_old_process),
        cmocka_unit_test(no_process),
        cmocka_unit_test(another_content),
        cmocka_unit_test(not_caught_up),
        cmocka_unit_test(a_peer_that_does_not_see_it),
        cmocka_unit_test(a_new_member),
        cmocka_unit_test(files),
        cmocka_unit_test(the_set),
        cmocka_unit_test(a_new_set),
        cmocka_unit_test(effects_in_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
