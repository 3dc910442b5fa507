/* The planner about what people set: on the command line, and in files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "reconciler/aspects/certificate/steps.h"
#include "reconciler/aspects/replica_set/steps.h"
#include "reconciler/aspects/transport/steps.h"
#include "tests/unit/next_fleet.h"
#include "tests/unit/options_of_people.h"

enum { THREE = 2 };
enum { A, B, C };

static void settle(enum ek_ssl_mode from, enum ek_ssl_mode to)
{
    model_case_init(&fleet, THREE, from, to, MODEL_DOMAIN_KNOWN);
}

static void assert_blocked(const char *id, const char *words)
{
    struct ek_blocked blocked = assert_blocked_by(id);
    if (!strstr(blocked.sentence, words))
        fail_msg("%s", blocked.sentence);
    assert_false(blocked.passing);
}

static void assert_goes_on(void)
{
    struct ek_verdict verdict = ask();
    if (verdict.kind == EK_VERDICT_BLOCKED)
        fail_msg("%s: %s", verdict.blocked.id, verdict.blocked.sentence);
}

static void a_command_line_that_a_restart_would_lose(void **state)
{
    (void)state;
    settle(EK_SSL_DISABLED, EK_SSL_PREFER);
    const struct ek_text_ref lost = model_text(&fleet, "--replSet rs0");
    const struct ek_text_ref added = model_text(&fleet, "--auth");
    struct ek_member *b = ek_member(fleet.state, B);
    b->options_lost = lost;
    assert_blocked("EK-0136", "would lose: --replSet rs0");
    b->process = EK_NO;
    assert_blocked_by("EK-0106"); /* what does not run has nothing to lose */
    b->process = EK_YES;
    b->options_added = added;
    assert_blocked("EK-0136", "--replSet rs0");
    b->options_lost = (struct ek_text_ref){0};
    assert_blocked("EK-0136", "does not run with: --auth");
    ek_set(fleet.state)->initiated = EK_UNKNOWN;
    assert_blocked_by("EK-0136");
    settle(EK_SSL_PREFER, EK_SSL_PREFER); /* nothing is restarted */
    const struct ek_text_ref again = model_text(&fleet, "--replSet rs0");
    ek_member(fleet.state, B)->options_lost = again;
    assert_int_equal(ask().kind, EK_VERDICT_DONE);
    ek_member_transport(fleet.state, B)->mode_running = EK_SSL_UNKNOWN;
    assert_blocked_by("EK-0136"); /* it may be why nothing can be read */
    ek_set(fleet.state)->initiated = EK_NO;
    assert_true(ask().kind != EK_VERDICT_BLOCKED || strcmp(ask().blocked.id, "EK-0136") != 0);
}

static void what_a_restart_would_bring_into_force(void **state)
{
    static const struct {
        const char *running, *next, *words; /* NULL: it goes on */
    } rows[] = {
        {"net.port=1\n", "net.port=1\n", NULL},
        {"net.port=1\n", "net.port=2\n", "runs with net.port: 1; its file /etc/mongod.conf has 2"},
        {"net.port=1\n", "", "net.port: 1; its file /etc/mongod.conf has unset"},
        {"", "security.keyFile=/k\n", "security.keyFile: unset; its file /etc/mongod.conf has /k"},
        {"net.bindIp=a\n", "net.bindIp=b,a\n", NULL},
        {"net.bindIp=a,b\n", "net.bindIp=b,c,a\n", NULL},
        {"net.bindIp=a,b\n", "net.bindIp=a\n", "net.bindIp"},
        {"net.bindIp=a\n", "net.bindIp=ab\n", "net.bindIp"},
        {"net.bindIp=ab\n", "net.bindIp=a\n", "net.bindIp"},
        {"", "net.bindIp=a\n", "net.bindIp"},
        {"net.bindIp=a\n", "net.bindIp=a\nnet.bindIpAll=true\n", NULL},
        {"net.bindIpAll=true\n", "", "net.bindIpAll"},
        {"", CLUSTER_FILE, "net.tls.clusterFile: unset"},
        {CLUSTER_FILE, "", "net.tls.clusterFile: /etc/cluster.pem"},
        {"", "net.tls.FIPSMode=true\n", "net.tls.FIPSMode"},
        {"", "net.tls.logVersions=TLS1_0\n", NULL},
        {"", PROTOCOLS("TLS1_0"), NULL},
        {"", CIPHERS("HIGH"), NULL},
        {"", "net.tls.allowInvalidCertificates=true\n", NULL},
        {"net.tls.allowInvalidCertificates=true\n", "", NULL},
        {ALLOW, "", "WithoutCertificates: true; its file /etc/mongod.conf has false"},
        {"", ALLOW, "WithoutCertificates: false; its file /etc/mongod.conf has true"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        settle(EK_SSL_PREFER, EK_SSL_PREFER);
        fleet.spec.members[B].configuration = (char *)(uintptr_t) "/etc/mongod.conf";
        file_has(B, rows[i].next);
        runs_with(B, rows[i].running);
        if (rows[i].words)
            assert_blocked("EK-0137", rows[i].words);
        else
            assert_goes_on();
        memcpy(ek_member_transport(fleet.state, B)->options_wanted.digest,
               ek_member_transport(fleet.state, B)->options_running.digest, 32);
        memcpy(ek_member_transport(fleet.state, B)->options_configured.digest,
               ek_member_transport(fleet.state, B)->options_running.digest, 32);
        assert_int_equal(ask().kind, EK_VERDICT_DONE); /* nobody restarts it */
    }
}

static void what_runs_is_not_known(void **state)
{
    (void)state;
    settle(EK_SSL_DISABLED, EK_SSL_ALLOW);
    file_has(B, "net.port=2\n" ALLOW);
    ek_member_transport(fleet.state, B)->options_running.known = EK_UNKNOWN;
    assert_goes_on();
    file_has(B, "net.port=2\n" CLUSTER_FILE);
    assert_blocked("EK-0137", "clusterFile");
    ek_member_transport(fleet.state, B)->options_wanted.known = EK_UNKNOWN;
    assert_true(strcmp(ask().blocked.id, "EK-0137") != 0);
}

static void clients_need_certificates_only_by_the_specs_word(void **state)
{
    (void)state;
    settle(EK_SSL_PREFER, EK_SSL_PREFER);
    everybody_has(ALLOW);
    file_has(B, "");
    assert_blocked_by("EK-0137");
    fleet.spec.tls.allow_connections_without_certificates = EK_CHOICE_NO;
    assert_step_of(&ek_step_restart, B);
    settle(EK_SSL_DISABLED, EK_SSL_PREFER); /* nobody comes by TLS yet */
    file_has(B, ALLOW);
    assert_goes_on();
}

static void looking_away_is_not_given_up_before_all_is_good(void **state)
{
    static const char *const away[] = {"net.tls.allowInvalidCertificates=true\n",
                                       "net.tls.allowInvalidHostnames=true\n"};
    (void)state;
    for (size_t i = 0; i < 2; i++)
        for (int part = 0; part < 5; part++) {
            settle(EK_SSL_PREFER, EK_SSL_PREFER);
            everybody_has(away[i]);
            file_has(B, "");
            struct ek_member_certificates *c = ek_member_certificates(fleet.state, C);
            if (part == 1)
                snprintf(c->certificate_running.name, sizeof c->certificate_running.name, "x");
            if (part == 2)
                c->certificate_installed.issued_by_authority = EK_NO;
            if (part == 3)
                c->trust_running.count = 0;
            if (part == 4)
                c->trust_installed.present = EK_NO;
            if (part)
                assert_blocked("EK-0137", "net.tls.allowInvalid");
            else
                assert_step_of(&ek_step_restart, B);
        }
}

static void ways_of_ones_own_and_tls_to_come(void **state)
{
    static const char *const ways[] = {
        CLUSTER_FILE, "net.tls.CRLFile=/crl\n", "security.clusterAuthMode=x509\n",
        "security.clusterAuthMode=sendX509\n", "setParameter.tlsWithholdClientCertificate=true\n"};
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        settle(EK_SSL_ALLOW, EK_SSL_PREFER);
        everybody_has(ways[i]);
        assert_blocked("EK-0138", "can't be told: member a has");
        everybody_has("");
        runs_with(B, ways[i]);
        assert_blocked("EK-0138", "member b has");
        runs_with(B, "");
        set_keys(B, options_wanted, ways[i]);
        assert_blocked("EK-0138", "member b has");
        settle(EK_SSL_PREFER, EK_SSL_REQUIRE); /* they take each other already */
        everybody_has(ways[i]);
        assert_goes_on();
    }
    settle(EK_SSL_ALLOW, EK_SSL_PREFER);
    everybody_has("security.clusterAuthMode=sendKeyFile\nsecurity.authorization=enabled\n"
                  "net.tls.FIPSMode=true\n" ALLOW);
    assert_goes_on();
    settle(EK_SSL_DISABLED, EK_SSL_ALLOW); /* nobody will dial TLS */
    everybody_has("setParameter.tlsWithholdClientCertificate=true\n");
    assert_goes_on();
}

static void pairs_without_anything_in_common(void **state)
{
    (void)state;
    for (int which = 0; which < 3; which++) {
        settle(EK_SSL_PREFER, EK_SSL_REQUIRE);
        everybody_has(ALLOW);
        if (which == 0)
            set_keys(B, options_running, ALLOW PROTOCOLS("TLS1_2,TLS1_3"));
        else if (which == 1)
            set_keys(B, options_configured, ALLOW PROTOCOLS("TLS1_2,TLS1_3"));
        else
            set_keys(B, options_wanted, ALLOW PROTOCOLS("TLS1_2,TLS1_3"));
        assert_blocked("EK-0138", "members a and b would have no TLS protocol");
    }
    settle(EK_SSL_PREFER, EK_SSL_PREFER);
    everybody_has(ALLOW PROTOCOLS("TLS1_3"));
    file_has(C, ALLOW PROTOCOLS("TLS1_3") CIPHERS("HIGH"));
    assert_blocked("EK-0138", "members a and c");
    everybody_has(ALLOW PROTOCOLS("TLS1_3") CIPHERS("HIGH"));
    file_has(C, ALLOW PROTOCOLS("TLS1_3") CIPHERS("HIGH"));
    assert_goes_on();
    settle(EK_SSL_PREFER, EK_SSL_PREFER); /* nothing is to come: as people have it */
    set_keys(B, options_running, PROTOCOLS("TLS1_2,TLS1_3"));
    assert_int_equal(ask().kind, EK_VERDICT_DONE);
    settle(EK_SSL_DISABLED, EK_SSL_PREFER); /* what runs without TLS asks for no protocol */
    set_keys(B, options_running, PROTOCOLS("TLS1_2,TLS1_3"));
    set_keys(B, options_configured, PROTOCOLS("TLS1_2,TLS1_3"));
    assert_true(ask().kind != EK_VERDICT_BLOCKED || strcmp(ask().blocked.id, "EK-0138") != 0);
    settle(EK_SSL_ALLOW, EK_SSL_DISABLED);
    set_keys(B, options_wanted, PROTOCOLS("TLS1_2,TLS1_3"));
    assert_goes_on();
    settle(EK_SSL_PREFER, EK_SSL_PREFER);
    ek_set(fleet.state)->initiated = EK_NO;
    file_has(B, CLUSTER_FILE);
    assert_true(strncmp(ask().blocked.id, "EK-013", 6) != 0);
}

static void some_options_want_tls(void **state)
{
    static const struct {
        const char *keys;
        enum ek_ssl_mode to;
        bool blocked;
    } rows[] = {
        {HIGH, EK_SSL_DISABLED, true},
        {HIGH, EK_SSL_ALLOW, false},
        {"security.clusterAuthMode=x509\n", EK_SSL_DISABLED, true},
        {"security.clusterAuthMode=x509\n", EK_SSL_ALLOW, true},
        {"security.clusterAuthMode=x509\n", EK_SSL_REQUIRE, false},
        {"security.clusterAuthMode=sendKeyFile\n", EK_SSL_DISABLED, true},
        {"security.clusterAuthMode=sendKeyFile\n", EK_SSL_ALLOW, false},
        {"security.clusterAuthMode=keyFile\n", EK_SSL_DISABLED, false},
        {CLUSTER_FILE, EK_SSL_DISABLED, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        settle(EK_SSL_PREFER, rows[i].to);
        everybody_has(rows[i].keys);
        if (rows[i].blocked)
            assert_blocked("EK-0139", "member a would not start with sslMode");
        else
            assert_goes_on();
    }
}

/* What a write and a restart bring about is what the next question is asked of. */
static void files_keep_what_people_set(void **state)
{
    (void)state;
    settle(EK_SSL_PREFER, EK_SSL_DISABLED);
    everybody_has("net.port=1\n" ALLOW PROTOCOLS("TLS1_0") "security.keyFile=/k\n");
    struct ek_step step = model_step(&ek_step_write_configuration, B, EK_SSL_DISABLED);
    assert_int_equal(
        ek_effect(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &step, &fleet.state, NULL),
        0);
    struct ek_member_transport *b = ek_member_transport(fleet.state, B);
    assert_string_equal(ek_state_text(fleet.state, b->options_configured.keys),
                        "net.port=1\nsecurity.keyFile=/k\n");
    assert_int_equal(b->options_configured.known, EK_YES);
    step.member = C;
    *(enum ek_ssl_mode *)(void *)step.arguments = EK_SSL_ALLOW;
    assert_int_equal(
        ek_effect(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &step, &fleet.state, NULL),
        0);
    struct ek_member_transport *c = ek_member_transport(fleet.state, C);
    assert_string_equal(ek_state_text(fleet.state, c->options_configured.keys),
                        ek_state_text(fleet.state, c->options_wanted.keys));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_line_that_a_restart_would_lose),
        cmocka_unit_test(what_a_restart_would_bring_into_force),
        cmocka_unit_test(what_runs_is_not_known),
        cmocka_unit_test(clients_need_certificates_only_by_the_specs_word),
        cmocka_unit_test(looking_away_is_not_given_up_before_all_is_good),
        cmocka_unit_test(ways_of_ones_own_and_tls_to_come),
        cmocka_unit_test(pairs_without_anything_in_common),
        cmocka_unit_test(some_options_want_tls),
        cmocka_unit_test(files_keep_what_people_set),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    model_case_done(&fleet);
    return failed;
}
