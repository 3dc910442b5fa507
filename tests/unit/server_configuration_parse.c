/* Reading mongod.conf, and the digest against what a real server reported of such a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "drivers/host/server_configuration.h"

static struct ek_server_configuration parse(const char *text)
{
    struct ek_server_configuration found = {0};
    struct ek_error err = {0};
    if (ek_server_configuration_parse(text, strlen(text), "mongod.conf", &found, &err) != 0)
        fail_msg("%s: %s", err.id, err.sentence);
    return found;
}

static void every_field_is_read(void **state)
{
    (void)state;
    struct ek_server_configuration found =
        parse("systemLog: {destination: file, path: /log}\n"
              "storage:\n  dbPath: /db\n"
              "net.port: 27018\n"
              "net:\n  tls:\n    mode: preferTLS\n    certificateKeyFile: /k.pem\n"
              "    CAFile: \"/c.pem\"\n    certificateKeyFilePassword:\n      __exec: x\n"
              "replication:\n  replSetName: rs0\nsecurity:\n  keyFile: /kf\n"
              "sharding:\n  clusterRole: shardsvr\n");
    assert_int_equal(found.mode, EK_SSL_PREFER);
    assert_string_equal(found.cluster_role, "shardsvr");
    assert_string_equal(found.log_path, "/log");
    assert_string_equal(found.db_path, "/db");
    assert_int_equal(found.port, 27018);
    assert_string_equal(found.certificate_key_file, "/k.pem");
    assert_string_equal(found.ca_file, "/c.pem");
    assert_string_equal(found.replica_set, "rs0");
    assert_string_equal(found.key_file, "/kf");
    assert_true(found.authorization);
    assert_true(found.password_by_exec);
    ek_server_configuration_done(&found);
}

static void absent_keys_have_the_servers_defaults(void **state)
{
    (void)state;
    static const uint8_t zero[32];
    struct ek_server_configuration found = parse("# nothing\n");
    assert_int_equal(found.mode, EK_SSL_DISABLED);
    assert_int_equal(found.port, 27017);
    assert_false(found.authorization);
    assert_false(found.password_by_exec);
    assert_null(found.db_path);
    assert_null(found.cluster_role);
    assert_memory_equal(found.options_digest, zero, 32);
    ek_server_configuration_done(&found);
}

static void modes_are_read_as_the_server_reads_them(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum ek_ssl_mode mode;
    } rows[] = {
        {"net:\n  tls:\n    mode: disabled\n", EK_SSL_DISABLED},
        {"net:\n  tls:\n    mode: allowTLS\n", EK_SSL_ALLOW},
        {"net:\n  tls:\n    mode: 'requireTLS'\n", EK_SSL_REQUIRE},
        {"net:\n  ssl:\n    mode: preferSSL\n", EK_SSL_PREFER},
        {"net:\n  ssl:\n    mode: disabled\n", EK_SSL_DISABLED},
        {"net:\n  tls:\n    mode: requireSSL\n", EK_SSL_UNKNOWN}, /* recorded: refused */
        {"net:\n  tls:\n    mode: bogus\n", EK_SSL_UNKNOWN},
        {"net:\n  ssl:\n    mode: allowSSL\n  tls:\n    mode: allowTLS\n", EK_SSL_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ek_server_configuration found = parse(rows[i].text);
        assert_int_equal(found.mode, rows[i].mode);
        ek_server_configuration_done(&found);
    }
}

static void errors_name_line_and_column(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int line, column;
    } rows[] = {
        {"net:\n  port: 1\n  port: 2\n", 3, 3},
        {"a: 1\nnet:\n\tport: 1\n", 3, 1},
        {"a: *nowhere\n", 1, 4},
        {"a: 1\n# fine\n# b\xFF"
         "d\nb: 2\n",
         3, 4},
        {"\xEF\xBB\xBF"
         "a: 1\n# \xC3\xA9\xFF\n",
         2, 4},
        {"a: 1\n# in Latin-1: caf\xE9\n", 2, 18},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ek_server_configuration found = {0};
        struct ek_error err = {0};
        int result =
            ek_server_configuration_parse(rows[i].text, strlen(rows[i].text), "m", &found, &err);
        assert_int_equal(result, EK_INVALID);
        assert_string_equal(err.id, "EK-0410");
        assert_string_equal(err.at.file, "m");
        assert_int_equal(err.at.line, rows[i].line);
        assert_int_equal(err.at.column, rows[i].column);
    }
}

/* The options that mongod 4.2.2 reported for the file of "password by __exec". */
static void a_running_servers_options_give_the_files_digest(void **state)
{
    (void)state;
    static const char *const names[] = {"CAFile", "allowConnectionsWithoutCertificates",
                                        "certificateKeyFile", "certificateKeyFilePassword", "mode"};
    static const char *const values[] = {"/etc/mongod/ca.pem", "true", "/etc/mongod/a.enc.pem",
                                         "<password>", "requireTLS"};
    uint8_t running[32];
    assert_int_equal(ek_server_options_digest(names, values, 5, running, NULL), 0);
    struct ek_server_configuration by_exec =
        parse("net:\n  tls:\n    mode: requireTLS\n    certificateKeyFile: /etc/mongod/a.enc.pem\n"
              "    CAFile: \"/etc/mongod/ca.pem\"\n    allowConnectionsWithoutCertificates: true\n"
              "    certificateKeyFilePassword:\n      __exec: \"/bin/cat /run/p\"\n"
              "      type: string\n      trim: whitespace\n");
    struct ek_server_configuration plain =
        parse("net:\n  ssl:\n    PEMKeyPassword: s3cret\n    mode: allowSSL\n"
              "    weakCertificateValidation: true\n    PEMKeyFile: /etc/mongod/a.enc.pem\n"
              "    CAFile: /etc/mongod/ca.pem\n");
    assert_memory_equal(by_exec.options_digest, running, 32);
    assert_memory_equal(plain.options_digest, running, 32);
    const struct ek_server_tls tls = {.mode = EK_SSL_ALLOW,
                                      .certificate_key_file = "/etc/mongod/a.enc.pem",
                                      .ca_file = "/etc/mongod/ca.pem",
                                      .password_file = "/run/p"};
    uint8_t wanted[32];
    assert_int_equal(ek_server_tls_digest(&tls, wanted, NULL), 0);
    assert_memory_equal(wanted, running, 32);
    ek_server_configuration_done(&by_exec);
    ek_server_configuration_done(&plain);
}

static void any_other_key_changes_the_digest_and_order_does_not(void **state)
{
    (void)state;
    static const char *const names[] = {"CAFile", "certificateKeyFile"};
    static const char *const turned[] = {"certificateKeyFile", "CAFile"};
    static const char *const values[] = {"/c", "/k"};
    static const char *const turned_values[] = {"/k", "/c"};
    static const char *const others[] = {"/c", "/k2"};
    uint8_t one[32], two[32], three[32];
    assert_int_equal(ek_server_options_digest(names, values, 2, one, NULL), 0);
    assert_int_equal(ek_server_options_digest(turned, turned_values, 2, two, NULL), 0);
    assert_int_equal(ek_server_options_digest(names, others, 2, three, NULL), 0);
    assert_memory_equal(one, two, 32);
    assert_memory_not_equal(one, three, 32);
}

static void a_new_members_file_says_everything(void **state)
{
    (void)state;
    const struct ek_server_new server = {.bind_ip = "10.0.0.1",
                                         .port = 27019,
                                         .replica_set = "rs-orders",
                                         .db_path = "/srv/a/db",
                                         .log_path = "/srv/a/mongod.log",
                                         .key_file = "/srv/a/keyfile"};
    const struct ek_server_tls tls = {.mode = EK_SSL_REQUIRE,
                                      .certificate_key_file = "/k",
                                      .ca_file = "/c",
                                      .password_file = "/p"};
    EK_BUFFER text = {0};
    struct ek_error err = {0};
    assert_int_equal(ek_server_configuration_create(&server, &tls, &text, &err), 0);
    struct ek_server_configuration found = parse(ek_buffer_text(&text));
    assert_int_equal(found.mode, EK_SSL_REQUIRE);
    assert_int_equal(found.port, 27019);
    assert_string_equal(found.replica_set, "rs-orders");
    assert_string_equal(found.db_path, "/srv/a/db");
    assert_string_equal(found.log_path, "/srv/a/mongod.log");
    assert_string_equal(found.key_file, "/srv/a/keyfile");
    assert_non_null(strstr(ek_buffer_text(&text), "bindIp: \"10.0.0.1\"\n"));
    ek_server_configuration_done(&found);
    EK_BUFFER open = {0};
    assert_int_equal(ek_server_configuration_create(&server, NULL, &open, &err), 0);
    assert_null(strstr(ek_buffer_text(&open), "tls:"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_is_read),
        cmocka_unit_test(absent_keys_have_the_servers_defaults),
        cmocka_unit_test(modes_are_read_as_the_server_reads_them),
        cmocka_unit_test(errors_name_line_and_column),
        cmocka_unit_test(a_running_servers_options_give_the_files_digest),
        cmocka_unit_test(any_other_key_changes_the_digest_and_order_does_not),
        cmocka_unit_test(a_new_members_file_says_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
