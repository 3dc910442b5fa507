/* One bad input for every rule of the language, each with the place it must be shown at. */
#include "tests/unit/specs_helper.h"

#include <stdlib.h>

struct bad_input {
    size_t replaced; /* line of the sound tree */
    const char *instead;
    const char *id;
    int line;
    const char *span; /* exactly the text that must be underlined: its first occurrence */
    const char *key;
    const char *hint; /* part of the hint, or NULL */
};

#define MEMBER(rest) "      - { name: a, host: db-a.example.net, " rest " }"
#define SPEC(n) (12 + (n))

static const struct bad_input bad_inputs[] = {
    {1, "apiVersion: evenkeel/v2", "EK-0311", 1, "evenkeel/v2", "apiVersion", "evenkeel/v1"},
    {9, "# none", "EK-0311", 10, "kind: Deployment", "apiVersion", NULL},
    {10, "kind: Deploymnet", "EK-0312", 10, "Deploymnet", "kind", "did you mean Deployment?"},
    {10, "kind: BackupTarget", "EK-0313", 10, "BackupTarget", "kind", NULL},
    {10, "kind: NotificationChannel", "EK-0313", 10, "NotificationChannel", "kind", NULL},
    {10, "# no kind", "EK-0312", 9, "apiVersion: evenkeel/v1", "kind", NULL},
    {21, "  sslmode: preferSSL", "EK-0314", 21, "sslmode", "spec.sslmode",
     "did you mean \"sslMode\"?"},
    {13, "  renewBefore: 3d", "EK-0314", 13, "renewBefore", "spec.renewBefore",
     "it belongs at spec.certificates.renewBefore"},
    {13, "  zzz: 3d", "EK-0314", 13, "zzz", "spec.zzz", "keys that can stand here: plan"},
    {3, "metadata: { name: acme, account: acme }", "EK-0314", 3, "account", "metadata.account",
     NULL},
    {13, "  authentication: { users: [] }", "EK-0315", 13, "authentication", "spec.authentication",
     NULL},
    {13, "  firewall: {}", "EK-0315", 13, "firewall", "spec.firewall", NULL},
    {13, "  disk: { encrypted: true }", "EK-0315", 13, "disk", "spec.disk", NULL},
    {13, "  backups: []", "EK-0315", 13, "backups", "spec.backups", NULL},
    {13, "  maintenance: { windows: sat }", "EK-0317", 13, "sat", "spec.maintenance.windows", NULL},
    {13, "  maintenance: { windows: [ 12 ] }", "EK-0317", 13, "12", "spec.maintenance.windows[0]",
     "in quotes"},
    {13, "  maintenance: { windows: [ [] ] }", "EK-0317", 13, "[]", "spec.maintenance.windows[0]",
     NULL},
    {13, "  maintenance: { windows: [ daily 01:00-02:00 UTC, \"sat 2:00-05:00 UTC\" ] }", "EK-1110",
     13, "2:00", "spec.maintenance.windows[1]", "two digits"},
    {13, "  maintenance: { windows: [ sat 02:00-05:00 Europe/Berln ] }", "EK-1111", 13,
     "Europe/Berln", "spec.maintenance.windows[0]", "did you mean Europe/Berlin?"},
    {13, "  maintenance: { approval: signed }", "EK-1112", 13, "signed",
     "spec.maintenance.approval", "evenkeel key new"},
    {13, "  maintenance: { approval: yes }", "EK-0320", 13, "yes", "spec.maintenance.approval",
     "none, required, signed"},
    {13, "  maintenance: { approvers: { planKeys: [ abc ] } }", "EK-1113", 13, "abc",
     "spec.maintenance.approvers.planKeys[0]", "evenkeel key new"},
    {13, "  maintenance: { approvers: { commitKeys: [ ssh-ed25519 AAAAB3 ] } }", "EK-1113", 13,
     "ssh-ed25519 AAAAB3", "spec.maintenance.approvers.commitKeys[0]", ".pub"},
    {13, "  maintenance: { failover: manual }", "EK-0315", 13, "failover",
     "spec.maintenance.failover", NULL},
    {16, "", "EK-0316", 15, "replicaSet", "spec.replicaSet.name", NULL},
    {18, "      - { name: a }", "EK-0316", 18, "{ name: a }", "spec.replicaSet.members[0].host",
     NULL},
    {14, "", "EK-0316", 12, "spec", "spec.provider", NULL},
    {11, "metadata: { name: orders }", "EK-0316", 11, "metadata", "metadata.account", NULL},
    {13, "  plan: [dedicated]", "EK-0317", 13, "plan", "spec.plan", NULL},
    {14, "  provider: local", "EK-0317", 14, "local", "spec.provider", NULL},
    {16, "    name: 12", "EK-0317", 16, "12", "spec.replicaSet.name", "in quotes"},
    {19, "      - b", "EK-0317", 19, "b", "spec.replicaSet.members[1]", NULL},
    {18, MEMBER("hidden: yes, priority: 0"), "EK-0317", 18, "yes",
     "spec.replicaSet.members[0].hidden", NULL},
    {18, MEMBER("port: '27017'"), "EK-0317", 18, "'27017'", "spec.replicaSet.members[0].port",
     NULL},
    {11, "metadata: { name: orders, account: acme, labels: { tier: 1 } }", "EK-0317", 11, "1",
     "metadata.labels.tier", "quotes"},
    {13, "  plan:", "EK-0318", 13, "plan", "spec.plan", "take the key out"},
    {13, "  plan: ~", "EK-0318", 13, "plan", "spec.plan", NULL},
    {21, "  sslMode: prefersSSL", "EK-0320", 21, "prefersSSL", "spec.sslMode",
     "did you mean preferSSL?"},
    {13, "  plan: premium", "EK-0320", 13, "premium", "spec.plan", "dedicated, shared, sandbox"},
    {14, "  provider: { name: aws }", "EK-0321", 14, "aws", "spec.provider.name", "local, hosts"},
    {14, "  provider: { name: azure }", "EK-0321", 14, "azure", "spec.provider.name", NULL},
    {14, "  provider: { name: gcp }", "EK-0321", 14, "gcp", "spec.provider.name", NULL},
    {22, "  sslDomain: { base: fleet.example.net, dns: { provider: route53 } }", "EK-0321", 22,
     "route53", "spec.sslDomain.dns.provider", NULL},
    {18, MEMBER("port: 65536"), "EK-0322", 18, "65536", "spec.replicaSet.members[0].port", NULL},
    {18, MEMBER("port: 0"), "EK-0322", 18, "0", "spec.replicaSet.members[0].port", NULL},
    {18, MEMBER("port: 99999999999999999999"), "EK-0322", 18, "99999999999999999999",
     "spec.replicaSet.members[0].port", NULL},
    {18, MEMBER("port: 1.5"), "EK-0322", 18, "1.5", "spec.replicaSet.members[0].port", NULL},
    {18, MEMBER("priority: 1001"), "EK-0322", 18, "1001", "spec.replicaSet.members[0].priority",
     NULL},
    {18, MEMBER("priority: -1"), "EK-0322", 18, "-1", "spec.replicaSet.members[0].priority", NULL},
    {18, MEMBER("votes: 2"), "EK-0322", 18, "2", "spec.replicaSet.members[0].votes", NULL},
    {22, "  sslDomain: { base: fleet.example.net, keepOldNames: 30 }", "EK-0323", 22, "30",
     "spec.sslDomain.keepOldNames", "30d"},
    {22, "  sslDomain: { base: fleet.example.net, keepOldNames: 1y }", "EK-0323", 22, "1y",
     "spec.sslDomain.keepOldNames", NULL},
    {23, "  certificates: { authority: acme-ca, validity: 731d }", "EK-0324", 23, "731d",
     "spec.certificates.validity", NULL},
    {23, "  certificates: { authority: acme-ca, validity: 99999999999999999999w }", "EK-0324", 23,
     "99999999999999999999w", "spec.certificates.validity", NULL},
    {13, "  maintenance: { plaintextWindow: 31d }", "EK-0324", 13, "31d",
     "spec.maintenance.plaintextWindow", NULL},
    {13, "  maintenance: { plaintextWindow: 600 }", "EK-0323", 13, "600",
     "spec.maintenance.plaintextWindow", "30d"},
    {13, "  maintenance: { maxLag: 0s }", "EK-0324", 13, "0s", "spec.maintenance.maxLag", NULL},
    {18, "      - { name: A, host: db-a.example.net }", "EK-0325", 18, "A",
     "spec.replicaSet.members[0].name", "small letters"},
    {18, "      - { name: -a, host: db-a.example.net }", "EK-0325", 18, "-a",
     "spec.replicaSet.members[0].name", NULL},
    {16, "    name: rs orders", "EK-0325", 16, "rs orders", "spec.replicaSet.name", NULL},
    {14, "  provider: { name: hosts, user: -x }", "EK-0325", 14, "-x", "spec.provider.user", NULL},
    {18, "      - { name: a, host: \"db-a:27017\" }", "EK-0326", 18, "\"db-a:27017\"",
     "spec.replicaSet.members[0].host", "host: db-a, port: 27017"},
    {18, "      - { name: a, host: shop_mongo_-.example.net }", "EK-0326", 18,
     "shop_mongo_-.example.net", "spec.replicaSet.members[0].host", "underscores"},
    {18, "      - { name: shop_a, host: shop_a }", "EK-0325", 18, "shop_a",
     "spec.replicaSet.members[0].name", "small letters"},
    {22, "  sslDomain: { base: fleet_a.example.net }", "EK-0326", 22, "fleet_a.example.net",
     "spec.sslDomain.base", NULL},
    {18, "      - { name: a, host: 300.1.2.3 }", "EK-0326", 18, "300.1.2.3",
     "spec.replicaSet.members[0].host", NULL},
    {18, "      - { name: a, host: db-a.example.net. }", "EK-0326", 18, "db-a.example.net.",
     "spec.replicaSet.members[0].host", NULL},
    {18, "      - { name: a, host: \"fe80::1\" }", "EK-0326", 18, "\"fe80::1\"",
     "spec.replicaSet.members[0].host", "IPv6"},
    {22, "  sslDomain: { base: .example.net }", "EK-0326", 22, ".example.net",
     "spec.sslDomain.base", NULL},
    {14, "  provider: { name: local, directory: srv/orders }", "EK-0327", 14, "srv/orders",
     "spec.provider.directory", NULL},
    {14, "  provider: { name: local, directory: /srv/../etc }", "EK-0327", 14, "/srv/../etc",
     "spec.provider.directory", NULL},
    {13, "  maintenance: { technicalContact: dba }", "EK-0328", 13, "dba",
     "spec.maintenance.technicalContact", NULL},
    {3, "metadata: { name: acme }\nspec: { technicalContact: a@b@example.net }", "EK-0328", 4,
     "a@b@example.net", "spec.technicalContact", NULL},
    {18, MEMBER("address: db-a"), "EK-0329", 18, "db-a }", "spec.replicaSet.members[0].address",
     NULL},
    {7, "metadata: { name: acme-ca, account: acme }\nspec: { commonName: \" x\" }", "EK-0330", 8,
     "\" x\"", "spec.commonName", NULL},
    {16, "    name: \"rs\\0x\"", "EK-0330", 16, "\"rs\\0x\"", "spec.replicaSet.name", NULL},
    {18, MEMBER("votes: 0"), "EK-0334", 18, "0", "spec.replicaSet.members[0].votes", "priority: 0"},
    {18, MEMBER("hidden: true"), "EK-0335", 18, "true", "spec.replicaSet.members[0].hidden", NULL},
    {18, MEMBER("hidden: true, priority: 5"), "EK-0335", 18, "5",
     "spec.replicaSet.members[0].priority", NULL},
    {18, MEMBER("arbiter: true, priority: 1"), "EK-0336", 18, "1",
     "spec.replicaSet.members[0].priority", NULL},
    {18, MEMBER("arbiter: true, votes: 0"), "EK-0336", 18, "0", "spec.replicaSet.members[0].votes",
     NULL},
    {19, "      - { host: db-b.example.net, name: a }", "EK-0337", 19, "a }",
     "spec.replicaSet.members[1].name", "line 18, column 17"},
    {19, "      - { name: b, host: DB-A.example.net }", "EK-0338", 19, "DB-A.example.net",
     "spec.replicaSet.members[1].host", "orders.yaml:18:26"},
    {19, "      - { name: b, host: 127.0.0.1 }", "EK-0339", 19, "127.0.0.1",
     "spec.replicaSet.members[1].host", NULL},
    {22, "", "EK-0340", 21, "preferSSL", "spec.sslDomain.base", "fleet.example.net"},
    {23, "  certificates: { validity: 365d }", "EK-0340", 21, "preferSSL",
     "spec.certificates.authority", NULL},
    {13, "  plan: shared", "EK-0341", 21, "preferSSL", "spec.sslMode", "plan: dedicated"},
    {23, "  certificates: { authority: acme-ca, validity: 30d, renewBefore: 720h }", "EK-0342", 23,
     "720h", "spec.certificates.renewBefore", NULL},
    {23, "  certificates: { authority: acme-ca, validity: 30d }", "EK-0342", 23, "30d",
     "spec.certificates.validity", NULL},
    {14, "  provider: { name: local }", "EK-0343", 14, "provider", "spec.provider.directory", NULL},
    {14, "  provider: { name: hosts, directory: /srv }", "EK-0344", 14, "/srv",
     "spec.provider.directory", "provider local"},
    {18, MEMBER("unit: mongod.service"), "EK-0344", 18, "mongod.service",
     "spec.replicaSet.members[0].unit", NULL},
    {7, "metadata: { name: acme-ca, account: acme }\nspec: { validity: 90d }", "EK-0345", 24,
     "acme-ca", "spec.certificates.authority", "orders.yaml:8"},
    {7, "metadata: { name: acme-ca, account: acme }\nspec: { validity: 774d }", "EK-0354", 24,
     "acme-ca", "spec.certificates.authority", "orders.yaml:8"},
    {11, "metadata: { name: orders, account: acne }", "EK-0350", 11, "acne", "metadata.account",
     "did you mean \"acme\"?"},
    {23, "  certificates: { authority: acme-cb }", "EK-0350", 23, "acme-cb",
     "spec.certificates.authority", "did you mean \"acme-ca\"?"},
    {7, "metadata: { name: acme-ca, account: other }", "EK-0352", 23, "acme-ca",
     "spec.certificates.authority", NULL},
};

static const char *line_of(const char *text, int line, size_t *ret_length)
{
    for (int i = 1; i < line; i++)
        text = strchr(text, '\n') + 1;
    *ret_length = strcspn(text, "\n");
    return text;
}

static void check_bad_input(const struct bad_input *bad)
{
    char *text = tree_with(bad->replaced, bad->instead);
    struct parsed parsed = parse_text(text);
    const struct ek_diagnostic *found = find_diagnostic(&parsed, bad->id);
    if (!found) {
        show_diagnostics(&parsed);
        fail_msg("no %s for: %s", bad->id, bad->instead);
        return;
    }
    size_t length;
    const char *line = line_of(text, bad->line, &length);
    size_t wanted = strlen(bad->span);
    bool tail = wanted > 2 && strcmp(bad->span + wanted - 2, " }") == 0 && bad->span[0] != '{';
    const char *at = NULL;
    for (const char *c = line; !at && c + wanted <= line + length; c++)
        if (memcmp(c, bad->span, wanted) == 0 && (c == line || strchr(" {[", c[-1])))
            at = c;
    assert_non_null(at);
    if (found->line != bad->line || found->column != at - line + 1 ||
        (size_t)found->length != wanted - (tail ? 2 : 0)) {
        show_diagnostics(&parsed);
        fail_msg("%s should underline %s at %d:%d", bad->id, bad->span, bad->line,
                 (int)(at - line + 1));
    }
    assert_int_equal(parsed.result, EK_INVALID);
    assert_string_equal(parsed.err.id, "EK-0300");
    assert_string_equal(found->key, bad->key);
    assert_string_equal(found->file, "orders.yaml");
    if (bad->hint && (!found->hint || !strstr(found->hint, bad->hint)))
        fail_msg("%s: the hint is %s", bad->id, found->hint ? found->hint : "missing");
    parsed_done(&parsed);
    free(text);
}

static void every_rule_has_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_inputs / sizeof *bad_inputs; i++)
        check_bad_input(&bad_inputs[i]);
}

/* One mistake gives one error: nothing else is made up because of it. */
static void mistakes_do_not_cascade(void **state)
{
    (void)state;
    static const char *const alone[] = {"EK-0314", "EK-0317", "EK-0320", "EK-0322", "EK-0326",
                                        "EK-0334", "EK-0341", "EK-0342", "EK-0350"};
    for (size_t i = 0; i < sizeof bad_inputs / sizeof *bad_inputs; i++) {
        bool single = false;
        for (size_t a = 0; a < sizeof alone / sizeof *alone; a++)
            single = single || strcmp(bad_inputs[i].id, alone[a]) == 0;
        if (!single || bad_inputs[i].replaced == 14)
            continue;
        char *text = tree_with(bad_inputs[i].replaced, bad_inputs[i].instead);
        struct parsed parsed = parse_text(text);
        if (parsed.diagnostics.count != 1) {
            show_diagnostics(&parsed);
            fail_msg("%zu errors for: %s", parsed.diagnostics.count, bad_inputs[i].instead);
        }
        parsed_done(&parsed);
        free(text);
    }
}

static void members(struct ek_buffer *text, int count, const char *rest)
{
    for (int i = 0; i < count; i++)
        ek_buffer_printf(text, "      - { name: m%d, host: db-%d.example.net%s }\n", i, i, rest);
}

static const struct ek_diagnostic *only(const struct parsed *parsed)
{
    if (parsed->diagnostics.count != 1)
        show_diagnostics(parsed);
    assert_int_equal(parsed->diagnostics.count, 1);
    return &parsed->diagnostics.items[0];
}

static struct parsed parse_members(int voting, const char *rest, int silent)
{
    struct ek_buffer list = {0};
    members(&list, voting, rest);
    for (int i = 0; i < silent; i++)
        ek_buffer_printf(
            &list, "      - { name: s%d, host: s-%d.example.net, votes: 0, priority: 0 }\n", i, i);
    struct ek_buffer text = {0};
    for (size_t i = 0; i < 17; i++)
        ek_buffer_printf(&text, "%s\n", sound_lines[i]);
    ek_buffer_text_add(&text, ek_buffer_text(&list));
    struct parsed parsed = parse_text(ek_buffer_text(&text));
    ek_buffer_done(&list);
    ek_buffer_done(&text);
    return parsed;
}

static void the_set_as_a_whole(void **state)
{
    (void)state;
    struct parsed parsed = parse_members(7, "", 43);
    assert_int_equal(parsed.result, 0);
    assert_int_equal(parsed.specs.deployments[0].member_count, 50);
    parsed_done(&parsed);

    parsed = parse_members(8, "", 0);
    assert_string_equal(only(&parsed)->id, "EK-0332");
    assert_int_equal(only(&parsed)->line, 17 + 8);
    parsed_done(&parsed);

    parsed = parse_members(7, "", 44);
    assert_string_equal(only(&parsed)->id, "EK-0331");
    assert_int_equal(only(&parsed)->line, 17 + 51);
    parsed_done(&parsed);

    parsed = parse_members(0, "", 2);
    assert_string_equal(only(&parsed)->id, "EK-0332");
    parsed_done(&parsed);

    parsed = parse_members(3, ", priority: 0", 0);
    assert_string_equal(only(&parsed)->id, "EK-0333");
    assert_int_equal(only(&parsed)->line, 17);
    assert_int_equal(only(&parsed)->column, 5);
    parsed_done(&parsed);

    parsed = parse_members(0, "", 0);
    assert_string_equal(only(&parsed)->id, "EK-0318");
    parsed_done(&parsed);

    parsed = parse_text(ACCOUNT "---\napiVersion: evenkeel/v1\nkind: Deployment\n"
                                "metadata: { name: o, account: acme }\nspec:\n"
                                "  provider: { name: hosts }\n"
                                "  replicaSet: { name: rs, members: [] }\n");
    assert_string_equal(only(&parsed)->id, "EK-0331");
    assert_int_equal(only(&parsed)->line, 10);
    assert_int_equal(only(&parsed)->column, 27);
    parsed_done(&parsed);
}

static void all_members_local_is_fine(void **state)
{
    (void)state;
    struct parsed parsed =
        parse_text(ACCOUNT "---\napiVersion: evenkeel/v1\nkind: Deployment\n"
                           "metadata: { name: o, account: acme }\nspec:\n"
                           "  provider: { name: hosts }\n"
                           "  replicaSet: { name: rs, members: [ { name: a, host: localhost },\n"
                           "    { name: b, host: 127.0.0.1, port: 27018, unit: b.service,\n"
                           "      configuration: /etc/b.conf } ] }\n");
    assert_int_equal(parsed.result, 0);
    parsed_done(&parsed);
}

static void duplicates_name_both_places(void **state)
{
    (void)state;
    struct parsed parsed = parse_text(ACCOUNT AUTHORITY AUTHORITY);
    const struct ek_diagnostic *found = only(&parsed);
    assert_string_equal(found->id, "EK-0351");
    assert_int_equal(found->line, 11);
    assert_int_equal(found->column, 19);
    assert_string_equal(found->sentence, "CertificateAuthority \"acme-ca\" of account acme is "
                                         "defined twice; the first one is at orders.yaml:7:19");
    parsed_done(&parsed);
}

/* How long the authority, the certificates and renewBefore are, and what is said of them. */
static void authorities_outlive_their_certificates(void **state)
{
    (void)state;
    static const struct {
        const char *authority;
        const char *certificates;
        const char *id; /* NULL: sound */
        const char *key;
        const char *sentence;
    } rows[] = {
        {"775d", "", NULL, NULL, NULL},
        {"774d", "", "EK-0354", "spec.certificates.authority",
         "authority \"acme-ca\" is valid for 774d: too short for certificates valid for 730d and "
         "renewed 45d before their end"},
        {"730d", ", validity: 730d", "EK-0354", "spec.certificates.validity",
         "authority \"acme-ca\" is valid for 730d: too short for certificates valid for 730d and "
         "renewed 45d before their end"},
        {"729d", ", validity: 730d", "EK-0345", "spec.certificates.validity",
         "certificates valid for 730d would outlive authority \"acme-ca\", which is valid for "
         "729d"},
        {"2h", ", validity: 1h, renewBefore: 59m", NULL, NULL, NULL},
        {"1h", ", validity: 1h, renewBefore: 1m", "EK-0354", "spec.certificates.renewBefore",
         "authority \"acme-ca\" is valid for 1h: too short for certificates valid for 1h and "
         "renewed 1m before their end"},
        {"90m", ", validity: 2h, renewBefore: 1m", "EK-0345", "spec.certificates.validity",
         "certificates valid for 2h would outlive authority \"acme-ca\", which is valid for 90m"},
        /* renewBefore is wrong by itself: one error */
        {"30d", ", validity: 30d, renewBefore: 30d", "EK-0342", "spec.certificates.renewBefore",
         NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        EK_BUFFER text = {0};
        for (size_t line = 0; line < SOUND_LINES - 1; line++)
            ek_buffer_printf(&text, "%s\n%s%s%s", sound_lines[line],
                             line == 6 ? "spec: { validity: " : "",
                             line == 6 ? rows[i].authority : "", line == 6 ? " }\n" : "");
        ek_buffer_printf(&text, "  certificates: { authority: acme-ca%s }\n", rows[i].certificates);
        struct parsed parsed = parse_text(ek_buffer_text(&text));
        if (rows[i].id) {
            assert_string_equal(only(&parsed)->id, rows[i].id);
            assert_int_equal(only(&parsed)->line, 24);
            assert_string_equal(only(&parsed)->key, rows[i].key);
            if (rows[i].sentence)
                assert_string_equal(only(&parsed)->sentence, rows[i].sentence);
        } else {
            assert_int_equal(parsed.result, 0);
        }
        parsed_done(&parsed);
    }
}

/* Every error of a tree in one run, sorted by place. */
static void all_errors_in_one_run(void **state)
{
    (void)state;
    struct parsed parsed = parse_text("apiVersion: evenkeel/v1\n"
                                      "kind: Account\n"
                                      "metadata: { name: ACME, color: red }\n"
                                      "---\n"
                                      "apiVersion: evenkeel/v1\n"
                                      "kind: Deployment\n"
                                      "metadata: { name: orders, account: nobody }\n"
                                      "spec:\n"
                                      "  plan: cheap\n"
                                      "  provider: { name: local, directory: here }\n"
                                      "  replicaSet:\n"
                                      "    name: rs\n"
                                      "    members:\n"
                                      "      - { name: a, host: a!b, port: 70000, votes: 0 }\n"
                                      "      - { name: a, host: b }\n"
                                      "  sslMode: maybeSSL\n"
                                      "  disk: {}\n");
    static const struct {
        const char *id;
        int line;
        int column;
    } wanted[] = {
        {"EK-0325", 3, 19},  {"EK-0314", 3, 25},  {"EK-0350", 7, 36},  {"EK-0320", 9, 9},
        {"EK-0327", 10, 39}, {"EK-0326", 14, 26}, {"EK-0322", 14, 37}, {"EK-0337", 15, 17},
        {"EK-0320", 16, 12}, {"EK-0315", 17, 3},
    };
    if (parsed.diagnostics.count != sizeof wanted / sizeof *wanted)
        show_diagnostics(&parsed);
    assert_int_equal(parsed.diagnostics.count, sizeof wanted / sizeof *wanted);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        assert_string_equal(parsed.diagnostics.items[i].id, wanted[i].id);
        assert_int_equal(parsed.diagnostics.items[i].line, wanted[i].line);
        assert_int_equal(parsed.diagnostics.items[i].column, wanted[i].column);
    }
    assert_string_equal(parsed.err.sentence, "10 errors in 1 of 1 spec file");
    parsed_done(&parsed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rule_has_its_place),
        cmocka_unit_test(mistakes_do_not_cascade),
        cmocka_unit_test(the_set_as_a_whole),
        cmocka_unit_test(all_members_local_is_fine),
        cmocka_unit_test(duplicates_name_both_places),
        cmocka_unit_test(authorities_outlive_their_certificates),
        cmocka_unit_test(all_errors_in_one_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
