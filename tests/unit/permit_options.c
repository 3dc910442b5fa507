/* The laws about what people set: on the command line, and in files. */
#include "tests/unit/permit_fleet.h"

#include "reconciler/aspects/certificate/steps.h"
#include "reconciler/aspects/replica_set/steps.h"
#include "reconciler/aspects/transport/steps.h"
#include "reconciler/tls_protocols.h"
#include "tests/unit/options_of_people.h"

static struct ek_step restart(int member)
{
    return step_of(&ek_step_restart, member,
                   ek_member_transport(fleet.state, member)->mode_running);
}

static struct ek_step write_file(int member, enum ek_ssl_mode mode)
{
    return step_of(&ek_step_write_configuration, member, mode);
}

/* A fleet that dials by TLS, everybody with ALLOW. */
static void by_tls(void)
{
    settle(THREE, EK_SSL_PREFER, EK_SSL_PREFER);
    everybody_has(ALLOW);
}

static void what_only_a_command_line_says(void **state)
{
    (void)state;
    by_tls();
    const struct ek_text_ref lost = model_text(&fleet, "--replSet rs0");
    const struct ek_text_ref added = model_text(&fleet, "--auth");
    struct ek_member *c = ek_member(fleet.state, C);
    assert_permitted(restart(C));
    c->options_lost = lost;
    assert_refused(restart(C), "EK-0220");
    assert_permitted(restart(B));
    assert_permitted(write_file(C, EK_SSL_PREFER));
    c->options_lost = (struct ek_text_ref){0};
    c->options_added = added;
    assert_refused(restart(C), "EK-0220");
}

static void nobody_is_restarted_into_what_cant_be_judged(void **state)
{
    static const struct {
        const char *running, *configured, *id;
    } rows[] = {
        {"net.port=1\n", "net.port=1\n", NULL},
        {"net.port=1\n", "net.port=2\n", "EK-0221"},
        {"net.port=1\n", "", "EK-0221"},
        {"", "security.keyFile=/k\n", "EK-0221"},
        {"replication.replSetName=rs0\n", "", "EK-0221"},
        {"net.bindIp=a\n", "net.bindIp=b,a\n", NULL},
        {"net.bindIp=a,b\n", "net.bindIp=b,c,a\n", NULL},
        {"net.bindIp=a,b\n", "net.bindIp=a\n", "EK-0221"},
        {"net.bindIp=a\n", "net.bindIp=ab\n", "EK-0221"},
        {"net.bindIp=ab\n", "net.bindIp=a\n", "EK-0221"},
        {"", "net.bindIp=a\n", "EK-0221"},
        {"net.bindIp=a\n", "net.bindIpAll=true\nnet.bindIp=a\n", NULL},
        {"net.bindIpAll=true\n", "", "EK-0221"},
        {"", "net.ipv6=true\n", "EK-0221"},
        {"", "net.ipv6=false\n", NULL},
        {"net.ipv6=true\n", "net.ipv6=false\n", "EK-0221"},
        {"", CLUSTER_FILE, "EK-0201"},
        {"", "net.tls.FIPSMode=true\n", "EK-0221"},
        {CLUSTER_FILE, CLUSTER_FILE, NULL},
        {"", "net.tls.logVersions=TLS1_0\n", NULL},
        {"net.tls.logVersions=TLS1_0\n", "", NULL},
        {"", PROTOCOLS("TLS1_0"), NULL},
        {"", CIPHERS("HIGH"), NULL},
        {"net.tls.allowInvalidCertificates=true\n", "", NULL},
        {"", "net.tls.allowInvalidHostnames=true\n", NULL},
        {ALLOW, "", "EK-0221"},
        {"", ALLOW, "EK-0221"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        settle(THREE, EK_SSL_PREFER, EK_SSL_PREFER);
        file_has(C, rows[i].configured);
        runs_with(C, rows[i].running);
        if (rows[i].id)
            assert_refused(restart(C), rows[i].id);
        else
            assert_permitted(restart(C));
        assert_permitted(restart(B));
        ek_member_transport(fleet.state, C)->options_running.known = EK_UNKNOWN;
        if (!rows[i].id || strcmp(rows[i].id, "EK-0221") == 0)
            assert_permitted(restart(C)); /* of what is not known nothing is said here */
    }
}

static void clients_need_certificates_only_by_the_specs_word(void **state)
{
    (void)state;
    by_tls();
    file_has(C, "");
    assert_refused(restart(C), "EK-0221");
    fleet.spec.tls.allow_connections_without_certificates = EK_CHOICE_YES;
    assert_refused(restart(C), "EK-0221");
    fleet.spec.tls.allow_connections_without_certificates = EK_CHOICE_NO;
    assert_permitted(restart(C));
    file_has(C, ALLOW);
    runs_with(C, "");
    assert_refused(restart(C), "EK-0221");
    fleet.spec.tls.allow_connections_without_certificates = EK_CHOICE_YES;
    assert_permitted(restart(C));
}

static void who_does_not_run_comes_back_as_its_file_says(void **state)
{
    struct ek_broken_law law = {0};
    (void)state;
    by_tls();
    file_has(C, ALLOW "net.port=2\n");
    ek_member(fleet.state, C)->process = EK_NO;
    struct ek_step start = step_of(&ek_step_start, C, EK_SSL_PREFER);
    ek_permit(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &start, &law);
    assert_string_not_equal(law.id, "EK-0221");
}

static void tls_comes_and_goes_with_its_options(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_DISABLED, EK_SSL_ALLOW);
    everybody_has("");
    file_has(C, ALLOW);
    ek_member_transport(fleet.state, C)->mode_configured = EK_SSL_ALLOW;
    struct ek_member_certificates *certificates = ek_member_certificates(fleet.state, C);
    certificates->certificate_installed.present = EK_YES;
    certificates->certificate_installed.not_after_s = fleet.policy.now_s + 1000;
    certificates->key_password = EK_YES;
    certificates->trust_installed.present = EK_YES;
    assert_permitted(restart(C));
    file_has(C, "net.tls.FIPSMode=true\n");
    assert_refused(restart(C), "EK-0221");

    settle(THREE, EK_SSL_ALLOW, EK_SSL_DISABLED);
    everybody_has(ALLOW "net.tls.FIPSMode=true\n");
    file_has(C, "");
    ek_member_transport(fleet.state, C)->mode_configured = EK_SSL_DISABLED;
    assert_permitted(restart(C));
    file_has(C, "net.port=1\n");
    assert_refused(restart(C), "EK-0221");
}

/* ---- law 1 ---- */

static void members_have_something_in_common(void **state)
{
    (void)state;
    by_tls();
    file_has(C, ALLOW PROTOCOLS("TLS1_2,TLS1_3"));
    assert_refused(restart(C), "EK-0201");
    file_has(C, ALLOW PROTOCOLS("TLS1_0,TLS1_1"));
    assert_permitted(restart(C));
    file_has(C, ALLOW CIPHERS("ECDHE-RSA-AES256-GCM-SHA384"));
    assert_permitted(restart(C)); /* TLS 1.3 asks for none of them */
    file_has(C, ALLOW CIPHERS("HIGH") PROTOCOLS("TLS1_3"));
    assert_refused(restart(C), "EK-0201");
    everybody_has(ALLOW CIPHERS("HIGH") PROTOCOLS("TLS1_3"));
    assert_permitted(restart(C));
}

static void what_is_written_is_judged_as_it_would_come_back(void **state)
{
    (void)state;
    by_tls();
    set_keys(C, options_wanted, ALLOW PROTOCOLS("TLS1_2,TLS1_3"));
    assert_refused(write_file(C, EK_SSL_PREFER), "EK-0201");
    set_keys(C, options_wanted, ALLOW CLUSTER_FILE);
    assert_refused(write_file(C, EK_SSL_PREFER), "EK-0201");
    settle(THREE, EK_SSL_ALLOW, EK_SSL_DISABLED);
    everybody_has(ALLOW);
    set_keys(C, options_wanted, ALLOW CLUSTER_FILE);
    assert_permitted(write_file(C, EK_SSL_DISABLED)); /* none of them is in such a file */
}

static void who_dials_in_plaintext_asks_for_no_options(void **state)
{
    (void)state;
    settle(THREE, EK_SSL_ALLOW, EK_SSL_PREFER);
    everybody_has(ALLOW CLUSTER_FILE);
    for (int m = A; m <= C; m++)
        use_domain_name(m);
    assert_permitted(restart(C));
    assert_refused(step_of(&ek_step_set_ssl_mode, C, EK_SSL_PREFER), "EK-0201");
    everybody_has(ALLOW "security.clusterAuthMode=x509\n");
    assert_refused(step_of(&ek_step_set_ssl_mode, C, EK_SSL_PREFER), "EK-0201");
    everybody_has(ALLOW "security.clusterAuthMode=sendX509\n");
    assert_refused(step_of(&ek_step_set_ssl_mode, C, EK_SSL_PREFER), "EK-0201");
    everybody_has(ALLOW "setParameter.tlsWithholdClientCertificate=true\n");
    assert_refused(step_of(&ek_step_set_ssl_mode, C, EK_SSL_PREFER), "EK-0201");
    everybody_has(ALLOW "security.clusterAuthMode=sendKeyFile\nnet.tls.FIPSMode=true\n");
    assert_permitted(step_of(&ek_step_set_ssl_mode, C, EK_SSL_PREFER));
    everybody_has(ALLOW);
    runs_with(A, ALLOW CLUSTER_FILE); /* the one that is dialled */
    assert_refused(step_of(&ek_step_set_ssl_mode, C, EK_SSL_PREFER), "EK-0201");
}

static void ways_of_ones_own_stay_as_they_are(void **state)
{
    (void)state;
    by_tls();
    everybody_has(ALLOW CLUSTER_FILE);
    assert_permitted(restart(C));
    assert_permitted(write_file(C, EK_SSL_PREFER));
    ek_member_transport(fleet.state, C)->mode_running = EK_SSL_PREFER;
    ek_certificates(fleet.state)->authority_sha256[0] ^= 1; /* another one is trusted from now on */
    assert_refused(step_of(&ek_step_install_trust, C, EK_SSL_UNKNOWN), "EK-0201");
}

/* Members that see each other only because they look away are not made to look. */
static void looking_away_is_not_given_up_before_all_is_good(void **state)
{
    (void)state;
    static const char *const away[] = {ALLOW "net.tls.allowInvalidCertificates=true\n",
                                       ALLOW "net.tls.allowInvalidHostnames=true\n"};
    for (size_t i = 0; i < 2; i++) {
        by_tls();
        everybody_has(away[i]);
        struct ek_member_certificates *b = ek_member_certificates(fleet.state, B);
        snprintf(b->certificate_running.name, sizeof b->certificate_running.name, "other.test");
        snprintf(b->certificate_installed.name, sizeof b->certificate_installed.name, "other.test");
        assert_permitted(restart(C));
        file_has(C, ALLOW);
        assert_refused(restart(C), "EK-0201");
    }
    by_tls();
    everybody_has(away[0]);
    ek_member_certificates(fleet.state, B)->certificate_running.issued_by_authority = EK_NO;
    assert_permitted(restart(C));
    file_has(C, ALLOW);
    assert_refused(restart(C), "EK-0201");
    everybody_has(away[1]);
    file_has(C, ALLOW);
    assert_permitted(restart(C)); /* it did not take that one before either */
}

/* ---- what a server does not start with ---- */

static void some_options_want_tls(void **state)
{
    static const struct {
        const char *keys;
        enum ek_ssl_mode mode;
        bool starts;
    } rows[] = {
        {HIGH, EK_SSL_DISABLED, false},
        {HIGH, EK_SSL_ALLOW, true},
        {"security.clusterAuthMode=x509\n", EK_SSL_DISABLED, false},
        {"security.clusterAuthMode=x509\n", EK_SSL_ALLOW, false},
        {"security.clusterAuthMode=x509\n", EK_SSL_PREFER, true},
        {"security.clusterAuthMode=sendX509\n", EK_SSL_ALLOW, false},
        {"security.clusterAuthMode=sendKeyFile\n", EK_SSL_DISABLED, false},
        {"security.clusterAuthMode=sendKeyFile\n", EK_SSL_ALLOW, true},
        {"security.clusterAuthMode=keyFile\n", EK_SSL_DISABLED, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        settle(ONE, rows[i].mode, rows[i].mode);
        fleet.spec.maintenance.interruption = EK_INTERRUPTION_ACCEPT;
        everybody_has(rows[i].keys);
        if (rows[i].starts) {
            assert_permitted(write_file(A, rows[i].mode));
            continue;
        }
        assert_refused(write_file(A, rows[i].mode), "EK-0202");
        struct ek_broken_law law = {0};
        struct ek_step step = restart(A);
        ek_permit(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &step, &law);
        assert_string_equal(law.id, "EK-0202");
    }
}

static void protocols_as_openssl_chooses_them(void **state)
{
    static const struct {
        const char *dialler, *taker;
        bool meet, latest;
    } rows[] = {
        {"", "", true, true},
        {"none", "", true, true},
        {"", "TLS1_2,TLS1_3", false, false},
        {"none", "TLS1_2,TLS1_3", true, false},
        {"TLS1_3", "TLS1_0,TLS1_1", true, false},
        {"TLS1_3", "TLS1_0,TLS1_1,TLS1_2", false, false},
        {"TLS1_0,TLS1_1,TLS1_2", "", true, true},
        {"TLS1_2", "TLS1_3", false, false}, /* who dials offers nothing below the hole */
        {"TLS1_3", "TLS1_2", true, false},
        {"noTLS1_3", "none", true, false},
        {"TLS1_0,TLS1_1,TLS1_2,TLS1_3", "", false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (ek_protocols_meet(rows[i].dialler, rows[i].taker) != rows[i].meet ||
            ek_protocols_meet_latest(rows[i].dialler, rows[i].taker) != rows[i].latest)
            fail_msg("'%s' to '%s'", rows[i].dialler, rows[i].taker);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_only_a_command_line_says),
        cmocka_unit_test(nobody_is_restarted_into_what_cant_be_judged),
        cmocka_unit_test(clients_need_certificates_only_by_the_specs_word),
        cmocka_unit_test(who_does_not_run_comes_back_as_its_file_says),
        cmocka_unit_test(tls_comes_and_goes_with_its_options),
        cmocka_unit_test(members_have_something_in_common),
        cmocka_unit_test(what_is_written_is_judged_as_it_would_come_back),
        cmocka_unit_test(who_dials_in_plaintext_asks_for_no_options),
        cmocka_unit_test(ways_of_ones_own_stay_as_they_are),
        cmocka_unit_test(looking_away_is_not_given_up_before_all_is_good),
        cmocka_unit_test(some_options_want_tls),
        cmocka_unit_test(protocols_as_openssl_chooses_them),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    model_case_done(&fleet);
    return failed;
}
