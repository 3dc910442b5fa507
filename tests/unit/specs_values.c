/* What a sound tree becomes: values, defaults, spellings, lookups, digest. */
#include "tests/unit/specs_helper.h"

static struct parsed parse_sound(size_t line, const char *instead)
{
    char *text = tree_with(line, instead);
    struct parsed parsed = parse_text(text);
    free(text);
    if (parsed.result != 0)
        show_diagnostics(&parsed);
    assert_int_equal(parsed.result, 0);
    assert_int_equal(parsed.diagnostics.count, 0);
    return parsed;
}

static void defaults_are_filled_in(void **state)
{
    (void)state;
    struct parsed parsed = parse_sound(0, "");
    assert_int_equal(parsed.specs.account_count, 1);
    assert_int_equal(parsed.specs.authority_count, 1);
    assert_int_equal(parsed.specs.deployment_count, 1);
    assert_null(parsed.specs.accounts[0].technical_contact);

    const struct ek_authority_spec *authority =
        ek_specs_authority(&parsed.specs, "acme", "acme-ca");
    assert_non_null(authority);
    assert_string_equal(authority->common_name, "acme acme-ca");
    assert_string_equal(authority->organization, "acme");
    assert_int_equal(authority->algorithm, EK_KEY_P256);
    assert_int_equal(authority->validity_s, 3650LL * 86400);
    assert_null(ek_specs_authority(&parsed.specs, "other", "acme-ca"));

    const struct ek_deployment_spec *orders = ek_specs_deployment(&parsed.specs, "orders");
    assert_non_null(orders);
    assert_ptr_equal(orders, ek_specs_deployment(&parsed.specs, "acme/orders"));
    assert_null(ek_specs_deployment(&parsed.specs, "acm/orders"));
    assert_null(ek_specs_deployment(&parsed.specs, "order"));
    assert_string_equal(orders->account, "acme");
    assert_int_equal(orders->at.line, 9);
    assert_int_equal(orders->plan, EK_PLAN_DEDICATED);
    assert_int_equal(orders->plan_at.line, 13);
    assert_int_equal(orders->provider, EK_PROVIDER_LOCAL);
    assert_string_equal(orders->provider_directory, "/srv/orders");
    assert_string_equal(orders->server_binary, "mongod");
    assert_string_equal(orders->set_name, "rs-orders");
    assert_int_equal(orders->ssl_mode, EK_SSL_PREFER);
    assert_false(orders->ssl_mode_written_as_tls);
    assert_int_equal(orders->ssl_mode_at.line, 21);
    assert_int_equal(orders->ssl_mode_at.column, 12);
    assert_string_equal(orders->ssl_domain.base, "fleet.example.net");
    assert_int_equal(orders->ssl_domain.keep_old_names_s, 30 * 86400);
    assert_string_equal(orders->ssl_domain.hosts_file, "/etc/hosts");
    assert_string_equal(orders->certificates.authority, "acme-ca");
    assert_int_equal(orders->certificates.validity_s, 730 * 86400);
    assert_int_equal(orders->certificates.renew_before_s, 45 * 86400);
    assert_int_equal(orders->certificates.notify_before_s, 30 * 86400);
    assert_int_equal(orders->maintenance.reinstate_primary, EK_CHOICE_DEFAULT);
    assert_int_equal(orders->maintenance.interruption, EK_INTERRUPTION_REFUSE);
    assert_int_equal(orders->maintenance.plaintext_clients, EK_PLAINTEXT_REFUSE);
    assert_int_equal(orders->maintenance.plaintext_window_s, 600);
    assert_int_equal(orders->maintenance.max_lag_s, 10);
    assert_null(orders->maintenance.technical_contact);

    assert_int_equal(orders->member_count, 3);
    const struct ek_member_spec *b = &orders->members[1];
    assert_string_equal(b->name, "b");
    assert_string_equal(b->host, "db-b.example.net");
    assert_int_equal(b->port, 27017);
    assert_true(b->priority == 1.0);
    assert_int_equal(b->votes, 1);
    assert_false(b->hidden);
    assert_false(b->arbiter);
    assert_null(b->address);
    assert_null(b->network_namespace);
    assert_string_equal(b->directory, "/srv/orders/b");
    assert_string_equal(b->configuration, "/srv/orders/b/mongod.conf");
    assert_int_equal(b->at.line, 19);
    assert_int_equal(b->at.column, 9);
    parsed_done(&parsed);
}

static void consent_comes_from_the_account(void **state)
{
    (void)state;
    static const char key[] = "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=";
    static const char raw[] = "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=";
    static const char ssh[] =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDpT8yS/te3U7UAPsL0XXT4iljjqrq5w6L7bKBXX+Vir alice";
    struct parsed parsed = parse_sound(0, "");
    const struct ek_deployment_spec *orders = &parsed.specs.deployments[0];
    assert_int_equal(orders->maintenance.approval, EK_APPROVAL_NONE);
    assert_int_equal(orders->maintenance.window_count, 0);
    assert_int_equal(orders->maintenance.urgent_renewal_s, 7 * 86400);
    assert_int_equal(orders->maintenance.approvers.plan_key_count, 0);
    parsed_done(&parsed);

    char account[600];
    snprintf(account, sizeof account,
             "metadata: { name: acme }\n"
             "spec: { maintenance: { approval: required, approvers: { planKeys: [ %s ], "
             "commitKeys: [ %s ] } } }",
             raw, ssh);
    parsed = parse_sound(3, account);
    orders = &parsed.specs.deployments[0];
    assert_int_equal(orders->maintenance.approval, EK_APPROVAL_REQUIRED);
    assert_int_equal(orders->maintenance.approvers.plan_key_count, 1);
    assert_string_equal(orders->maintenance.approvers.plan_keys[0], key);
    assert_string_equal(orders->maintenance.approvers.commit_keys[0], ssh);
    parsed_done(&parsed);

    char deployment[600];
    snprintf(deployment, sizeof deployment,
             "  maintenance:\n    approval: signed\n    approvers:\n      planKeys:\n        - |\n"
             "          -----BEGIN PUBLIC KEY-----\n          %s\n"
             "          -----END PUBLIC KEY-----\n"
             "    windows: [ \"0 2 * * 6 for 3h UTC\", first sun 02:00-06:00 UTC ]\n"
             "    urgentRenewal: 3d",
             key);
    parsed = parse_sound(13, deployment);
    orders = &parsed.specs.deployments[0];
    assert_int_equal(orders->maintenance.approval, EK_APPROVAL_SIGNED);
    assert_string_equal(orders->maintenance.approvers.plan_keys[0], key);
    assert_int_equal(orders->maintenance.window_count, 2);
    assert_string_equal(orders->maintenance.windows[0], "0 2 * * 6 for 3h UTC");
    assert_string_equal(orders->maintenance.windows[1], "first sun 02:00-06:00 UTC");
    assert_int_equal(orders->maintenance.urgent_renewal_s, 3 * 86400);
    parsed_done(&parsed);
}

static void what_is_written_counts(void **state)
{
    (void)state;
    struct parsed parsed = parse_sound(
        18, "      - { name: a, host: 10.0.0.1, port: 27018, priority: 2.5, address: \"fd00::1\",\n"
            "          networkNamespace: ek-a, directory: /data/a/, configuration: /etc/a.conf }");
    const struct ek_member_spec *a = &parsed.specs.deployments[0].members[0];
    assert_string_equal(a->host, "10.0.0.1");
    assert_int_equal(a->port, 27018);
    assert_true(a->priority == 2.5);
    assert_string_equal(a->address, "fd00::1");
    assert_string_equal(a->network_namespace, "ek-a");
    assert_string_equal(a->directory, "/data/a");
    assert_string_equal(a->configuration, "/etc/a.conf");
    parsed_done(&parsed);

    parsed = parse_sound(18, "      - { name: a, host: db-a.example.net, arbiter: true }");
    assert_true(parsed.specs.deployments[0].members[0].arbiter);
    assert_true(parsed.specs.deployments[0].members[0].priority == 0);
    parsed_done(&parsed);

    parsed = parse_sound(13, "  maintenance: { reinstatePrimary: false, interruption: accept,\n"
                             "    plaintextClients: disconnect, plaintextWindow: 0s, maxLag: 2m,\n"
                             "    technicalContact: a.b+c@example.net }");
    const struct ek_deployment_spec *orders = &parsed.specs.deployments[0];
    assert_int_equal(orders->maintenance.reinstate_primary, EK_CHOICE_NO);
    assert_int_equal(orders->maintenance.interruption, EK_INTERRUPTION_ACCEPT);
    assert_int_equal(orders->maintenance.plaintext_clients, EK_PLAINTEXT_DISCONNECT);
    assert_int_equal(orders->maintenance.plaintext_window_s, 0);
    assert_int_equal(orders->maintenance.max_lag_s, 120);
    assert_string_equal(orders->maintenance.technical_contact, "a.b+c@example.net");
    parsed_done(&parsed);

    parsed = parse_sound(14, "  provider: { name: hosts, user: mongod }");
    orders = &parsed.specs.deployments[0];
    assert_int_equal(orders->provider, EK_PROVIDER_HOSTS);
    assert_string_equal(orders->server_user, "mongod");
    assert_null(orders->members[0].directory);
    assert_string_equal(orders->members[0].configuration, "/etc/mongod.conf");
    assert_string_equal(orders->members[0].unit, "mongod.service");
    parsed_done(&parsed);
}

static void durations_have_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
    } durations[] = {{"0s", 0},      {"45s", 45},      {"90m", 5400},
                     {"12h", 43200}, {"30d", 2592000}, {"2w", 1209600}};
    for (size_t i = 0; i < sizeof durations / sizeof *durations; i++) {
        char line[128];
        snprintf(line, sizeof line, "  sslDomain: { base: fleet.example.net, keepOldNames: %s }",
                 durations[i].text);
        struct parsed parsed = parse_sound(22, line);
        assert_int_equal(parsed.specs.deployments[0].ssl_domain.keep_old_names_s,
                         durations[i].seconds);
        parsed_done(&parsed);
    }
}

static void both_spellings_of_the_mode(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        enum ek_ssl_mode mode;
        bool tls;
    } modes[] = {
        {"disabled", EK_SSL_DISABLED, false}, {"allowSSL", EK_SSL_ALLOW, false},
        {"allowTLS", EK_SSL_ALLOW, true},     {"preferSSL", EK_SSL_PREFER, false},
        {"preferTLS", EK_SSL_PREFER, true},   {"requireSSL", EK_SSL_REQUIRE, false},
        {"requireTLS", EK_SSL_REQUIRE, true},
    };
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        char line[64];
        snprintf(line, sizeof line, "  sslMode: %s", modes[i].word);
        struct parsed parsed = parse_sound(21, line);
        assert_int_equal(parsed.specs.deployments[0].ssl_mode, modes[i].mode);
        assert_int_equal(parsed.specs.deployments[0].ssl_mode_written_as_tls, modes[i].tls);
        parsed_done(&parsed);
    }
    struct parsed parsed = parse_sound(21, "");
    assert_int_equal(parsed.specs.deployments[0].ssl_mode, EK_SSL_DISABLED);
    parsed_done(&parsed);
}

static void digest_of(size_t line, const char *instead, uint8_t digest[32])
{
    struct parsed parsed = parse_sound(line, instead);
    assert_int_equal(ek_deployment_spec_digest(&parsed.specs.deployments[0], digest, NULL), 0);
    parsed_done(&parsed);
}

static void the_digest_follows_the_meaning(void **state)
{
    (void)state;
    static const struct {
        size_t line;
        const char *instead;
    } same[] = {
        {13, ""},
        {13, "  # a comment"},
        {21, "  sslMode: preferTLS"},
        {18, "      - { host: db-a.example.net, port: 27017, name: a, votes: 1 }"},
        {11, "metadata: { name: orders, account: acme, labels: { a: b } }"},
        {22, "  sslDomain: { base: fleet.example.net, keepOldNames: 720h }"},
        {13, "  maintenance: { technicalContact: dba@example.net }"},
        {13, "  maintenance: { plaintextWindow: 600s }"},
    };
    static const struct {
        size_t line;
        const char *instead;
    } other[] = {
        {21, "  sslMode: requireSSL"},
        {16, "    name: rs-order"},
        {18, "      - { name: a, host: db-a.example.net, port: 27018 }"},
        {18, "      - { name: a, host: db-a.example.net, priority: 2 }"},
        {18, "      - { name: a, host: db-a.example.net, address: 10.0.0.1 }"},
        {20, ""},
        {11, "metadata: { name: orders2, account: acme }"},
        {14, "  provider: { name: local, directory: /srv/orders, server: /opt/mongod }"},
        {23, "  certificates: { authority: acme-ca, algorithm: RSA-3072 }"},
        {13, "  maintenance: { reinstatePrimary: false }"},
        {13, "  maintenance: { plaintextWindow: 0s }"},
    };
    uint8_t first[32];
    uint8_t digest[32];
    digest_of(0, "", first);
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        digest_of(same[i].line, same[i].instead, digest);
        assert_memory_equal(first, digest, 32);
    }
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        digest_of(other[i].line, other[i].instead, digest);
        assert_memory_not_equal(first, digest, 32);
    }
}

static void a_short_name_must_be_unambiguous(void **state)
{
    (void)state;
    static const char deployment[] =
        "---\napiVersion: evenkeel/v1\nkind: Deployment\n"
        "metadata: { name: orders, account: %s }\nspec:\n  provider: { name: hosts }\n"
        "  replicaSet: { name: rs, members: [ { name: a, host: %s } ] }\n";
    struct ek_buffer text = {0};
    ek_buffer_text_add(&text, ACCOUNT
                       "---\napiVersion: evenkeel/v1\nkind: Account\nmetadata: { name: beta }\n");
    ek_buffer_printf(&text, deployment, "acme", "one.example.net");
    ek_buffer_printf(&text, deployment, "beta", "two.example.net");
    struct parsed parsed = parse_text(ek_buffer_text(&text));
    assert_int_equal(parsed.result, 0);
    assert_null(ek_specs_deployment(&parsed.specs, "orders"));
    const struct ek_deployment_spec *second = ek_specs_deployment(&parsed.specs, "beta/orders");
    assert_non_null(second);
    assert_string_equal(second->members[0].host, "two.example.net");
    parsed_done(&parsed);
    ek_buffer_done(&text);
}

static void the_commit_is_kept(void **state)
{
    (void)state;
    char path[] = "a.yaml";
    char text[] = ACCOUNT;
    char commit[] = "0123456789012345678901234567890123456789";
    char subject[] = "Enable SSL for orders";
    struct ek_spec_file file = {path, text, strlen(text)};
    struct ek_spec_files files = {
        .files = &file, .count = 1, .commit = commit, .commit_subject = subject};
    struct ek_specs specs = {0};
    struct ek_diagnostics diagnostics;
    assert_int_equal(ek_specs_parse(&files, &specs, &diagnostics, NULL), 0);
    assert_string_equal(specs.commit, commit);
    assert_string_equal(specs.commit_subject, subject);
    ek_specs_free(&specs);
    ek_diagnostics_done(&diagnostics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_filled_in),
        cmocka_unit_test(consent_comes_from_the_account),
        cmocka_unit_test(what_is_written_counts),
        cmocka_unit_test(durations_have_units),
        cmocka_unit_test(both_spellings_of_the_mode),
        cmocka_unit_test(the_digest_follows_the_meaning),
        cmocka_unit_test(a_short_name_must_be_unambiguous),
        cmocka_unit_test(the_commit_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
