/* What counts as seen after each kind of step, and the one thing that is missing when it does not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "reconciler/step.h"
#include "tests/model/cases.c" /* the model's fleets, compiled into this program */

enum { ONE = 0, TWO = 1, THREE = 2, PSA = 4 };
enum { A, B, C };

static struct model_case fleet;
static struct ek_state expected;
static struct ek_state observed;
static struct ek_step step;
static char why[256];

/* A step on a settled fleet, done and looked at. */
static void done(enum ek_step_kind kind, int member, enum ek_ssl_mode mode)
{
    step = (struct ek_step){.kind = kind, .member = member, .other = -1, .mode = mode};
    memcpy(step.label, fleet.state.domain_label, sizeof step.label);
    if (kind == EK_STEP_STEP_DOWN)
        step.other = B;
    ek_state_copy(&expected, &fleet.state);
    ek_effect(&fleet.spec, &expected, &step, &fleet.policy);
    ek_state_copy(&observed, &expected);
    if (kind == EK_STEP_RESTART || kind == EK_STEP_START) {
        observed.members[member].pid = 4711;
        observed.members[member].started_ms = 100000;
    }
}

static bool seen(void)
{
    why[0] = 0;
    return ek_step_seen(&fleet.spec, &expected, &observed, &step, &fleet.policy, why, sizeof why);
}

static void assert_missing(const char *word)
{
    assert_false(seen());
    if (!strstr(why, word))
        fail_msg("\"%s\" does not say \"%s\"", why, word);
}

static void restarted(size_t shape, enum ek_ssl_mode mode, int member)
{
    model_case_init(&fleet, shape, mode, mode, mode > EK_SSL_DISABLED, false);
    done(EK_STEP_RESTART, member, mode);
    assert_true(seen());
}

static void the_old_process(void **state)
{
    (void)state;
    restarted(THREE, EK_SSL_ALLOW, B);
    observed.members[B].pid = expected.members[B].pid;
    observed.members[B].started_ms = expected.members[B].started_ms;
    assert_missing("old process");
    observed.members[B].started_ms = 2999; /* a clock that was set */
    assert_missing("old process");
    observed.members[B].started_ms = 3000; /* the same pid, used again */
    assert_true(seen());
    observed.members[B].started_ms = -2999;
    assert_missing("old process");
    observed.members[B].started_ms = -3000;
    assert_true(seen());
}

static void no_process(void **state)
{
    (void)state;
    restarted(THREE, EK_SSL_ALLOW, B);
    observed.members[B].process = EK_NO;
    assert_missing("does not run");
    restarted(THREE, EK_SSL_ALLOW, B);
    observed.members[B].reachable = EK_NO;
    assert_missing("does not answer");
}

static void another_content(void **state)
{
    (void)state;
    restarted(THREE, EK_SSL_ALLOW, B);
    observed.members[B].mode_running = EK_SSL_DISABLED;
    assert_missing("runs sslMode disabled");
    restarted(THREE, EK_SSL_ALLOW, B);
    observed.members[B].certificate_running.sha256[31] ^= 1;
    assert_missing("installed certificate");
    restarted(THREE, EK_SSL_ALLOW, B);
    observed.members[B].options_running.digest[31] ^= 1;
    assert_missing("other options");
    restarted(THREE, EK_SSL_DISABLED, B); /* without TLS no certificate is served */
    observed.members[B].certificate_running.sha256[0] = 1;
    assert_true(seen());
}

static void not_caught_up(void **state)
{
    (void)state;
    restarted(THREE, EK_SSL_ALLOW, B);
    observed.members[B].state = EK_MEMBER_RECOVERING;
    assert_missing("RECOVERING");
    restarted(THREE, EK_SSL_ALLOW, B);
    observed.members[B].lag_ms = 10000;
    assert_true(seen());
    observed.members[B].lag_ms = 10001;
    assert_missing("lags 10 s");
    observed.members[B].delayed = true; /* it is meant to */
    assert_true(seen());
    restarted(THREE, EK_SSL_ALLOW, B);
    observed.members[B].lag_ms = -1;
    assert_missing("not known");
    restarted(ONE, EK_SSL_ALLOW, A); /* a primary lags behind nobody */
    observed.members[A].lag_ms = -1;
    assert_true(seen());
    restarted(PSA, EK_SSL_ALLOW, C); /* nor does an arbiter */
    observed.members[C].lag_ms = -1;
    assert_true(seen());
}

static void a_peer_that_does_not_see_it(void **state)
{
    (void)state;
    restarted(THREE, EK_SSL_ALLOW, B);
    observed.members[B].healthy_for = 1 << A;
    assert_missing("member c does not see member b");
    observed.members[B].healthy_for = 1 << A | 1 << C; /* what it thinks of itself is no matter */
    assert_true(seen());
    restarted(PSA, EK_SSL_ALLOW, B);
    observed.members[B].healthy_for = 1 << A;
    assert_missing("member c does not see member b");
    observed.members[B].viewed_by = 1 << A; /* the arbiter could not be asked */
    assert_true(seen());
    observed.members[B].healthy_for = 1 << C;
    assert_missing("member a does not see member b");
    observed.members[B].viewed_by = 0; /* a data-bearing member can always be asked */
    assert_missing("member a does not see member b");
}

static void a_new_member(void **state)
{
    (void)state;
    model_case_init_bare(&fleet, THREE, EK_SSL_ALLOW);
    fleet.state.members[B].mode_configured = EK_SSL_ALLOW;
    done(EK_STEP_START, B, EK_SSL_ALLOW);
    assert_true(seen()); /* nobody could have taken it back yet */
    observed.members[B].state = EK_MEMBER_STARTUP;
    assert_missing("STARTUP");
}

static void files(void **state)
{
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_ALLOW, EK_SSL_ALLOW, true, true);
    done(EK_STEP_ISSUE_CERTIFICATE, B, EK_SSL_UNKNOWN);
    assert_true(seen());
    struct ek_certificate_state *certificate = &observed.members[B].certificate_installed;
    struct ek_certificate_state issued = *certificate;
    certificate->present = EK_UNKNOWN;
    assert_missing("certificate");
    *certificate = issued;
    certificate->issued_by_authority = EK_NO;
    assert_missing("certificate");
    *certificate = issued;
    certificate->key_sealed = EK_NO;
    assert_missing("certificate");
    *certificate = issued;
    certificate->name[0]++;
    assert_missing("certificate");
    *certificate = issued;
    certificate->not_after_s = fleet.policy.now_s + fleet.spec.certificates.renew_before_s;
    assert_true(seen());
    certificate->not_after_s--;
    assert_missing("certificate");

    done(EK_STEP_INSTALL_TRUST, B, EK_SSL_UNKNOWN);
    assert_true(seen());
    observed.members[B].trust_installed.count = 2;
    assert_missing("authority");
    done(EK_STEP_INSTALL_TRUST, B, EK_SSL_UNKNOWN);
    observed.members[B].trust_installed.present = EK_NO;
    assert_missing("authority");
    done(EK_STEP_INSTALL_TRUST, B, EK_SSL_UNKNOWN);
    observed.members[B].trust_installed.sha256[0][31] ^= 1;
    assert_missing("authority");

    done(EK_STEP_WRITE_CONFIGURATION, B, EK_SSL_PREFER);
    assert_true(seen());
    observed.members[B].mode_configured = EK_SSL_ALLOW;
    assert_missing("configuration file");
    done(EK_STEP_WRITE_CONFIGURATION, B, EK_SSL_PREFER);
    observed.members[B].options_configured.digest[31] ^= 1;
    assert_missing("configuration file");

    done(EK_STEP_BIND_NAME, B, EK_SSL_UNKNOWN);
    assert_true(seen());
    observed.members[B].domain_name_bound = EK_NO;
    assert_missing("resolve");
    done(EK_STEP_BIND_NAME, B, EK_SSL_UNKNOWN);
    observed.domain_label[0] = 'x';
    assert_missing("resolve");
}

static void the_set(void **state)
{
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_DISABLED, EK_SSL_ALLOW, true, false);
    done(EK_STEP_RECONFIGURE, -1, EK_SSL_UNKNOWN);
    assert_true(seen());
    observed.members[C].lag_ms = 20000;
    assert_missing("lags 20 s");
    done(EK_STEP_RECONFIGURE, -1, EK_SSL_UNKNOWN);
    observed.members[C].healthy_for = 1 << A;
    assert_missing("member b does not see member c");
    done(EK_STEP_RECONFIGURE, -1, EK_SSL_UNKNOWN);
    observed.members[A].writable = EK_NO;
    assert_missing("no primary");
    done(EK_STEP_RECONFIGURE, -1, EK_SSL_UNKNOWN);
    memcpy(observed.members[C].host, fleet.state.members[C].host,
           sizeof fleet.state.members[C].host);
    assert_missing("still named");

    done(EK_STEP_STEP_DOWN, A, EK_SSL_UNKNOWN);
    ek_state_copy(&observed, &fleet.state);
    assert_missing("still the primary");
    observed.members[A].state = EK_MEMBER_SECONDARY;
    assert_missing("no primary");
    observed.members[C].state = EK_MEMBER_PRIMARY; /* another one than was meant will do */
    observed.members[C].writable = EK_YES;
    assert_true(seen());
}

static void a_new_set(void **state)
{
    (void)state;
    model_case_init_bare(&fleet, THREE, EK_SSL_DISABLED);
    done(EK_STEP_INITIATE, -1, EK_SSL_UNKNOWN);
    assert_true(seen());
    observed.initiated = EK_UNKNOWN;
    assert_missing("no member has a replica-set configuration");
}

/* What an effect says beyond what a plan's end shows. */
static void effects_in_full(void **state)
{
    (void)state;
    model_case_init(&fleet, THREE, EK_SSL_ALLOW, EK_SSL_ALLOW, true, true);
    fleet.state.members[B].lag_ms = 700;
    fleet.state.members[B].writable = EK_UNKNOWN;
    fleet.state.members[B].signing_key = 0;
    fleet.state.members[B].data = EK_UNKNOWN;
    done(EK_STEP_RESTART, B, EK_SSL_ALLOW);
    assert_int_equal(expected.members[B].lag_ms, 0);
    assert_int_equal(expected.members[B].writable, EK_NO);
    assert_int_equal(expected.members[B].signing_key, 7);
    assert_int_equal(expected.members[B].data, EK_YES);

    done(EK_STEP_ISSUE_CERTIFICATE, B, EK_SSL_UNKNOWN);
    uint8_t first[32];
    memcpy(first, expected.members[B].certificate_installed.sha256, 32);
    assert_memory_not_equal(first, fleet.state.members[B].certificate_installed.sha256, 32);
    ek_state_copy(&fleet.state, &expected);
    done(EK_STEP_ISSUE_CERTIFICATE, B, EK_SSL_UNKNOWN); /* each one is a new one */
    assert_memory_not_equal(first, expected.members[B].certificate_installed.sha256, 32);
    done(EK_STEP_ISSUE_CERTIFICATE, C, EK_SSL_UNKNOWN); /* and nobody else's */
    assert_memory_not_equal(first + 1, expected.members[C].certificate_installed.sha256 + 1, 31);

    done(EK_STEP_STEP_DOWN, A, EK_SSL_UNKNOWN);
    assert_int_equal(expected.election_term, fleet.state.election_term + 1);
    assert_int_equal(expected.members[A].writable, EK_NO);
    assert_int_equal(ek_state_primary(&expected), B);

    model_case_init_bare(&fleet, THREE, EK_SSL_ALLOW);
    fleet.members[C].priority = 5;
    done(EK_STEP_INITIATE, -1, EK_SSL_UNKNOWN);
    assert_int_equal(ek_state_primary(&expected), C);
    done(EK_STEP_CREATE_AUTHORITY, -1, EK_SSL_UNKNOWN);
    assert_int_not_equal(expected.authority_sha256[0], 0);
    assert_int_not_equal(expected.authority_sha256[31], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
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
