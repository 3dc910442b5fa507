/* Specs that import writes: whatever a server or a host is called, they parse, and say just that.
 */
#include "tests/unit/specs_helper.h"

#include "reconciler/import/parts.h"

static struct ek_import import;
static struct ek_import_request request;
static struct ek_import_setting setting;

static void add_member(const char *host, int id)
{
    struct ek_import_member *member = &import.members[import.member_count++];
    *member = (struct ek_import_member){
        .port = 27017,
        .row = {.id = id, .priority = 1, .votes = 1},
        .mode_running = EK_SSL_DISABLED,
        .unit = "mongod.service",
        .configuration = "/etc/mongod.conf",
        .user = "mongodb",
    };
    snprintf(member->host, sizeof member->host, "%s", host);
}

static int setup(void **state)
{
    (void)state;
    import =
        (struct ek_import){.set_name = "rs-orders", .mode = EK_SSL_DISABLED, .user = "mongodb"};
    import.members = calloc(8, sizeof *import.members);
    request = (struct ek_import_request){.provider = EK_PROVIDER_HOSTS, .reach = EK_REACH_SSH};
    setting = (struct ek_import_setting){.deployment = "orders",
                                         .account = "acme",
                                         .authority = "acme-ca",
                                         .source = "mongodb://db-a.example.net:27017"};
    add_member("db-a.example.net", 0);
    add_member("db-b.example.net", 1);
    add_member("db-c.example.net", 2);
    return import.members ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    ek_import_done(&import);
    return 0;
}

/* What is written, parsed; every line of it fits a screen. */
static struct parsed written(struct ek_buffer *ret_text)
{
    ek_import_name_members(&import);
    ek_import_write(&import, &request, &setting, ret_text);
    assert_false(ret_text->failed);
    struct parsed parsed = parse_bytes(ret_text->bytes, ret_text->length);
    if (parsed.result != 0) {
        show_diagnostics(&parsed);
        fail_msg("%s", ek_buffer_text(ret_text));
    }
    assert_int_equal(parsed.specs.deployment_count, 1);
    return parsed;
}

static void test_what_was_found(void **state)
{
    (void)state;
    EK_BUFFER text = {0};
    struct ek_import_member *b = &import.members[1];
    struct ek_import_member *c = &import.members[2];
    import.members[0].row.priority = 2.5;
    b->row.arbiter = true;
    b->row.priority = 0;
    c->row.hidden = true;
    c->row.priority = 0;
    c->row.votes = 0;
    c->port = 27018;
    snprintf(c->unit, sizeof c->unit, "mongod@c\\x2d1.service");
    snprintf(c->configuration, sizeof c->configuration, "/srv/my data/mongod: c.conf");
    import.sudo = true;
    request.ssh.user = "ops";
    request.ssh.port = 2222;
    struct parsed parsed = written(&text);
    const struct ek_deployment_spec *spec = &parsed.specs.deployments[0];
    assert_string_equal(spec->name, "orders");
    assert_string_equal(spec->account, "acme");
    assert_string_equal(spec->set_name, "rs-orders");
    assert_string_equal(spec->server_user, "mongodb");
    assert_int_equal(spec->reach, EK_REACH_SSH);
    assert_string_equal(spec->ssh.user, "ops");
    assert_int_equal(spec->ssh.port, 2222);
    assert_true(spec->ssh.sudo);
    assert_int_equal(spec->ssl_mode, EK_SSL_DISABLED);
    assert_int_equal(spec->member_count, 3);
    assert_string_equal(spec->members[0].name, "db-a");
    assert_true(spec->members[0].priority == 2.5);
    assert_true(spec->members[1].arbiter);
    assert_true(spec->members[2].hidden);
    assert_int_equal(spec->members[2].votes, 0);
    assert_int_equal(spec->members[2].port, 27018);
    assert_string_equal(spec->members[2].unit, "mongod@c\\x2d1.service");
    assert_string_equal(spec->members[2].configuration, "/srv/my data/mongod: c.conf");
    parsed_done(&parsed);
}

/* Words that YAML would take for something else, or for the end of where they stand. */
static void test_odd_names_stay_texts(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "/etc/# no comment",   "/etc/a: b",     "/etc/\"quoted\"",    "/etc/'x'",
        "/etc/back\\slash",    "/etc/{a}",      "/etc/[a]",           "/etc/a, b",
        "/etc/*alias &x !tag", "/etc/%d |> @`", "/etc/M\xc3\xbcller", "/etc/~",
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        EK_BUFFER text = {0};
        snprintf(import.members[0].configuration, sizeof import.members[0].configuration, "%s",
                 paths[i]);
        struct parsed parsed = written(&text);
        assert_string_equal(parsed.specs.deployments[0].members[0].configuration, paths[i]);
        parsed_done(&parsed);
    }
    static const char *const names[] = {"0",    "1e3",   "true",       "No",    "null",
                                        "0x1f", "1_000", "2026-01-01", "12:30", "y"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        EK_BUFFER text = {0};
        if (strchr(names[i], ':'))
            continue; /* no name of a set */
        snprintf(import.set_name, sizeof import.set_name, "%s", names[i]);
        struct parsed parsed = written(&text);
        assert_string_equal(parsed.specs.deployments[0].set_name, names[i]);
        parsed_done(&parsed);
    }
}

/* A server can't write specs: what it says stands in comments, whatever it is. */
static void test_words_of_a_server_stay_comments(void **state)
{
    (void)state;
    static const char *const words[] = {
        "x\n  sslMode: requireSSL\n  maintenance: { approval: none }\n#",
        "x\r  sslMode: requireSSL",
        "x\xc2\x85  sslMode: requireSSL",     /* the next line, to YAML 1.1 */
        "x\xe2\x80\xa8  sslMode: requireSSL", /* a line separator */
        "x\xe2\x80\xa9  sslMode: requireSSL", /* a paragraph separator */
        "\x1b[2J\x07 \xff\xfe broken",
        "\xe2\x80\xae gnp.exe",
        "---\napiVersion: evenkeel/v1\nkind: Account\nmetadata: { name: evil }",
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        EK_BUFFER text = {0};
        import.notes.count = import.members[0].notes.count = 0;
        for (int kind = EK_NOTE_KEPT; kind <= EK_NOTE_IN_THE_WAY; kind++) {
            ek_import_note(&import.notes, (enum ek_import_note_kind)kind, "EK-1402", "%s",
                           words[i]);
            ek_import_note(&import.members[0].notes, (enum ek_import_note_kind)kind, "", "%s",
                           words[i]);
        }
        struct parsed parsed = written(&text);
        assert_int_equal(parsed.specs.account_count, 1);
        assert_int_equal(parsed.specs.deployments[0].ssl_mode, EK_SSL_DISABLED);
        for (const char *c = ek_buffer_text(&text); *c; c++)
            assert_true(*c == '\n' || (unsigned char)*c >= 0x20);
        parsed_done(&parsed);
    }
}

/* The longest words there are neither break a line's comment nor the room for them. */
static void test_long_words(void **state)
{
    (void)state;
    char words[2000];
    EK_BUFFER text = {0};
    for (size_t i = 0; i < sizeof words - 1; i++)
        words[i] = i % 3 == 0 ? '\xc3' : i % 3 == 1 ? '\xa4' : 'x';
    words[sizeof words - 1] = 0;
    for (int i = 0; i < 3 * EK_IMPORT_NOTES_MAX; i++)
        ek_import_note(&import.notes, i % 2 ? EK_NOTE_KEPT : EK_NOTE_UNSEEN, "", "%s", words);
    ek_import_note(&import.notes, EK_NOTE_IN_THE_WAY, "", "the last one");
    assert_int_equal(import.notes.count, EK_IMPORT_NOTES_MAX);
    assert_true(ek_import_has(&import, EK_NOTE_IN_THE_WAY));
    struct parsed parsed = written(&text);
    assert_non_null(strstr(ek_buffer_text(&text), "# IN THE WAY: the last one"));
    parsed_done(&parsed);
}

static void test_names_of_members(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        int port;
        const char *name;
    } rows[] = {
        {"DB-A.example.net", 27017, "db-a"},     {"db-a.example.org", 27017, "db-a-27017"},
        {"db-a.example.com", 27017, "member-2"}, {"192.0.2.7", 27017, "member-3"},
        {"shop_mongo_1", 27018, "shop-mongo-1"}, {"_.example.net", 27019, "member-27019"},
    };
    import.member_count = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        add_member(rows[i].host, (int)i);
        import.members[i].port = rows[i].port;
    }
    ek_import_name_members(&import);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(import.members[i].name, rows[i].name);
}

static void test_addresses_of_members(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *host; /* NULL: none */
        int port;
    } rows[] = {
        {"db-a.example.net:27018", "db-a.example.net", 27018},
        {"192.0.2.1:1", "192.0.2.1", 1},
        {"[2001:db8::1]:27017", "2001:db8::1", 27017},
        {"[2001:db8::1]", "2001:db8::1", 27017},
        {"[2001:db8::1", NULL, 0},
        {"db-a", "db-a", 27017},
        {"db-a:0", NULL, 0},
        {"db-a:65536", NULL, 0},
        {"db-a:27017x", NULL, 0},
        {"db-a:", NULL, 0},
        {":27017", NULL, 0},
        {"[]:27017", NULL, 0},
        {"", NULL, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char host[64] = "";
        int port = 0;
        bool split = ek_import_split(rows[i].text, host, sizeof host, &port);
        assert_int_equal(split, rows[i].host != NULL);
        if (split) {
            assert_string_equal(host, rows[i].host);
            assert_int_equal(port, rows[i].port);
        }
    }
}

static void test_documents_that_are_there_already(void **state)
{
    (void)state;
    EK_BUFFER text = {0};
    ek_import_name_members(&import);
    setting.account_is_there = setting.authority_is_there = true;
    ek_import_write(&import, &request, &setting, &text);
    assert_null(strstr(ek_buffer_text(&text), "kind: Account"));
    assert_null(strstr(ek_buffer_text(&text), "kind: CertificateAuthority"));
    assert_non_null(strstr(ek_buffer_text(&text), "kind: Deployment"));
}

/* Nothing is done to certificates of others before somebody says yes. */
static void test_certificates_of_others_need_a_yes(void **state)
{
    (void)state;
    EK_BUFFER text = {0};
    import.mode = EK_SSL_PREFER;
    import.foreign_tls = true;
    struct parsed parsed = written(&text);
    assert_int_equal(parsed.specs.deployments[0].ssl_mode, EK_SSL_PREFER);
    assert_int_equal(parsed.specs.deployments[0].maintenance.approval, EK_APPROVAL_REQUIRED);
    parsed_done(&parsed);
}

static void test_servers_of_this_machine(void **state)
{
    (void)state;
    EK_BUFFER text = {0};
    request.provider = EK_PROVIDER_LOCAL;
    snprintf(import.program, sizeof import.program, "/opt/mongo db/mongod");
    for (size_t i = 0; i < import.member_count; i++) {
        snprintf(import.members[i].configuration, sizeof import.members[i].configuration,
                 "/srv/orders/%zu/mongod.conf", i);
        snprintf(import.members[i].network_namespace, sizeof import.members[i].network_namespace,
                 "ek0-%zu", i);
    }
    struct parsed parsed = written(&text);
    const struct ek_deployment_spec *spec = &parsed.specs.deployments[0];
    assert_int_equal(spec->provider, EK_PROVIDER_LOCAL);
    assert_string_equal(spec->provider_directory, "/srv/orders");
    assert_string_equal(spec->server_binary, "/opt/mongo db/mongod");
    assert_string_equal(spec->members[2].directory, "/srv/orders/2");
    assert_string_equal(spec->members[2].configuration, "/srv/orders/2/mongod.conf");
    assert_string_equal(spec->members[2].network_namespace, "ek0-2");
    parsed_done(&parsed);
}

static void test_labels(void **state)
{
    (void)state;
    static const struct {
        const char *name, *label;
    } rows[] = {
        {"rs_Orders", "rs-orders"},
        {"orders", "orders"},
        {"--a--b--", "a-b"},
        {"\xc3\xa4", ""},
        {"", ""},
        {"0", "0"},
    };
    char label[64];
    char longest[200];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ek_import_label(rows[i].name, label);
        assert_string_equal(label, rows[i].label);
    }
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = 0;
    ek_import_label(longest, label);
    assert_int_equal(strlen(label), 63);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_was_found),
        TEST(test_odd_names_stay_texts),
        TEST(test_words_of_a_server_stay_comments),
        TEST(test_long_words),
        TEST(test_names_of_members),
        TEST(test_addresses_of_members),
        TEST(test_documents_that_are_there_already),
        TEST(test_certificates_of_others_need_a_yes),
        TEST(test_servers_of_this_machine),
        TEST(test_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
