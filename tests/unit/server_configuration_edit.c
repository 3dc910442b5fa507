/* The configuration editor: a table of files before and after, and what must hold for all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "drivers/host/server_configuration.h"

static const struct ek_server_tls off = {.mode = EK_SSL_DISABLED};
static const struct ek_server_tls on = {
    .mode = EK_SSL_ALLOW,
    .certificate_key_file = "/srv/a/tls/server.pem",
    .ca_file = "/srv/a/tls/ca.pem",
    .password_file = "/run/evenkeel/orders-a/key-password",
};
static const struct ek_server_tls strict = {
    .mode = EK_SSL_REQUIRE,
    .certificate_key_file = "/srv/a/tls/server.pem",
    .ca_file = "/srv/a/tls/ca.pem",
    .password_file = "/run/evenkeel/orders-a/key-password",
};
static const struct ek_server_tls open_key = {
    .mode = EK_SSL_PREFER, .certificate_key_file = "/p.pem", .ca_file = "/c.pem"};

static const struct ek_server_tls stated = {
    .mode = EK_SSL_PREFER,
    .certificate_key_file = "/p.pem",
    .ca_file = "/c.pem",
    .allow_connections_without_certificates = EK_CHOICE_NO,
    .disabled_protocols = "TLS1_0,TLS1_1",
    .ciphers = "HIGH:!aNULL",
};

#define KEPT "  # net.tls, kept by Evenkeel while TLS is off: "
#define PASSWORD(pad, nl)                                                                          \
    pad "certificateKeyFilePassword:" nl pad                                                       \
        "  __exec: \"/bin/cat /run/evenkeel/orders-a/key-password\"" nl pad                        \
        "  type: \"string\"" nl pad "  trim: \"whitespace\"" nl
#define KEYS(pad, mode, nl)                                                                        \
    pad "mode: " mode nl pad "certificateKeyFile: \"/srv/a/tls/server.pem\"" nl pad                \
        "CAFile: \"/srv/a/tls/ca.pem\"" nl pad "allowConnectionsWithoutCertificates: true" nl      \
        PASSWORD(pad, nl)
#define TLS KEYS("    ", "allowTLS", "\n")

static const struct {
    const char *what, *before;
    const struct ek_server_tls *tls;
    const char *after;
} table[] = {
    {"plain net", "net:\n  port: 27017\nstorage:\n  dbPath: /db\n", &on,
     "net:\n  port: 27017\n  tls:\n" TLS "storage:\n  dbPath: /db\n"},
    {"net is last", "storage:\n  dbPath: /db\nnet:\n  port: 27017\n", &on,
     "storage:\n  dbPath: /db\nnet:\n  port: 27017\n  tls:\n" TLS},
    {"comments and blank lines stay",
     "# top\n\nnet:   # the net\n  # the port\n  port: 27017   # mine\n\n# storage "
     "below\nstorage:\n"
     "  dbPath: /db\n# end\n",
     &on,
     "# top\n\nnet:   # the net\n  # the port\n  port: 27017   # mine\n  tls:\n" TLS
     "\n# storage below\nstorage:\n  dbPath: /db\n# end\n"},
    {"trailing spaces and tabs stay", "net:  \n  port: 27017  \t\nsystemLog:\t\n  quiet: true \n",
     &on, "net:  \n  port: 27017  \t\n  tls:\n" TLS "systemLog:\t\n  quiet: true \n"},
    {"no net section", "storage:\n  dbPath: /db\n", &on,
     "storage:\n  dbPath: /db\nnet:\n  tls:\n" TLS},
    {"a document that ends with dots", "storage:\n  dbPath: /db\n...\n", &on,
     "storage:\n  dbPath: /db\nnet:\n  tls:\n" TLS "...\n"},
    {"net before the dots, and a comment behind", "net:\n  port: 1\n... # the end\n# of it\n", &on,
     "net:\n  port: 1\n  tls:\n" TLS "... # the end\n# of it\n"},
    {"an empty document with dots", "---\n...\n", &on, "---\nnet:\n  tls:\n" TLS "...\n"},
    {"empty file", "", &on, "net:\n  tls:\n" TLS},
    {"only comments", "# nothing yet\n", &on, "# nothing yet\nnet:\n  tls:\n" TLS},
    {"net without a value", "net:\nstorage:\n  dbPath: /db\n", &on,
     "net:\n  tls:\n" TLS "storage:\n  dbPath: /db\n"},
    {"CRLF", "net:\r\n  port: 27017\r\nstorage:\r\n  dbPath: /db\r\n", &on,
     "net:\r\n  port: 27017\r\n  tls:\r\n" KEYS("    ", "allowTLS",
                                                "\r\n") "storage:\r\n  dbPath: /db\r\n"},
    {"byte order mark", "\xEF\xBB\xBFnet:\n  port: 1\nstorage:\n  dbPath: /db\n", &on,
     "\xEF\xBB\xBFnet:\n  port: 1\n  tls:\n" TLS "storage:\n  dbPath: /db\n"},
    {"no final line end", "net:\n  port: 27017", &open_key,
     "net:\n  port: 27017\n  tls:\n    mode: preferTLS\n    certificateKeyFile: \"/p.pem\"\n"
     "    CAFile: \"/c.pem\"\n    allowConnectionsWithoutCertificates: true"},
    {"indented by four", "net:\n    port: 27017\n    bindIp: 0.0.0.0\n", &open_key,
     "net:\n    port: 27017\n    bindIp: 0.0.0.0\n    tls:\n        mode: preferTLS\n"
     "        certificateKeyFile: \"/p.pem\"\n        CAFile: \"/c.pem\"\n"
     "        allowConnectionsWithoutCertificates: true\n"},
    {"mode changes in place, comment stays",
     "net:\n  tls:\n    # staged\n    mode: allowTLS   # soon requireTLS\n"
     "    certificateKeyFile: /p.pem\n    CAFile: '/c.pem'\n"
     "    allowConnectionsWithoutCertificates: true\n  port: 27017\n",
     &open_key,
     "net:\n  tls:\n    # staged\n    mode: preferTLS   # soon requireTLS\n"
     "    certificateKeyFile: /p.pem\n    CAFile: '/c.pem'\n"
     "    allowConnectionsWithoutCertificates: true\n  port: 27017\n"},
    {"people's own keys are kept",
     "net:\n  tls:\n    disabledProtocols: TLS1_0,TLS1_1 # policy\n    mode: disabled\n  port: 1\n",
     &open_key,
     "net:\n  tls:\n    disabledProtocols: TLS1_0,TLS1_1 # policy\n    mode: preferTLS\n"
     "    certificateKeyFile: \"/p.pem\"\n    CAFile: \"/c.pem\"\n"
     "    allowConnectionsWithoutCertificates: true\n  port: 1\n"},
    {"net.ssl becomes net.tls",
     "net:\n  ssl:   # old\n    mode: allowSSL\n    PEMKeyFile: /old.pem # mine\n"
     "    PEMKeyPassword: s3cret\n    CAFile: /c.pem\n    FIPSMode: false\n"
     "    weakCertificateValidation: false\n    sslOnNormalPorts: true\n  port: 1\n",
     &on,
     "net:\n  tls:   # old\n    mode: allowTLS\n    certificateKeyFile: \"/srv/a/tls/server.pem\" "
     "# "
     "mine\n" PASSWORD("    ", "\n") "    CAFile: \"/srv/a/tls/ca.pem\"\n    FIPSMode: false\n"
                                     "    allowConnectionsWithoutCertificates: false\n  port: 1\n"},
    {"clients that need a certificate by default need one for ever",
     "net:\n  tls:\n    mode: preferTLS\n    certificateKeyFile: /p.pem\n    CAFile: /c.pem\n",
     &open_key,
     "net:\n  tls:\n    mode: preferTLS\n    certificateKeyFile: /p.pem\n    CAFile: /c.pem\n"},
    {"what specs state is written, whatever was there",
     "net:\n  tls:\n    mode: preferTLS\n    certificateKeyFile: /p.pem\n    CAFile: /c.pem\n"
     "    disabledProtocols: none # old\n    allowConnectionsWithoutCertificates: true\n",
     &stated,
     "net:\n  tls:\n    mode: preferTLS\n    certificateKeyFile: /p.pem\n    CAFile: /c.pem\n"
     "    disabledProtocols: \"TLS1_0,TLS1_1\" # old\n"
     "    allowConnectionsWithoutCertificates: false\n    tlsCipherConfig: \"HIGH:!aNULL\"\n"},
    {"disabled: people's own keys stay as comments",
     "net:\n  tls:\n    mode: allowTLS\n    # ticket 4711\n    # and 4712\n"
     "    disabledProtocols: TLS1_0,TLS1_1 # policy\n    CAFile: /c.pem\n"
     "    allowConnectionsWithoutCertificates: true\n    logVersions:\n      - TLS1_0\n"
     "  port: 1\n",
     &off,
     "net:\n" KEPT "# ticket 4711\n" KEPT "# and 4712\n" KEPT
     "disabledProtocols: TLS1_0,TLS1_1 # policy\n" KEPT "logVersions:\n" KEPT "  - TLS1_0\n"
     "  port: 1\n"},
    {"disabled: net.ssl's keys stay under their names in net.tls",
     "net:\n  ssl:\n    # first\n    weakCertificateValidation: false\n    mode: allowSSL\n  port: "
     "1\n",
     &off,
     "net:\n" KEPT "# first\n" KEPT "allowConnectionsWithoutCertificates: false\n  port: 1\n"},
    {"disabled: comments are all that is left of net",
     "net:\n  tls:\n    mode: allowTLS\n    FIPSMode: true\nstorage:\n  dbPath: /d\n", &off,
     KEPT "FIPSMode: true\nstorage:\n  dbPath: /d\n"},
    {"what was kept comes back",
     "net:\n" KEPT "# ticket 4711\n" KEPT "disabledProtocols: none # policy\n" KEPT
     "logVersions:\n" KEPT "  - TLS1_0\n" KEPT "allowConnectionsWithoutCertificates: false\n"
     "  port: 1\n",
     &open_key,
     "net:\n  port: 1\n  tls:\n    mode: preferTLS\n    certificateKeyFile: \"/p.pem\"\n"
     "    CAFile: \"/c.pem\"\n    # ticket 4711\n    disabledProtocols: none # policy\n"
     "    logVersions:\n      - TLS1_0\n    allowConnectionsWithoutCertificates: false\n"},
    {"what was kept does not come back over what is there, or stated",
     "net:\n" KEPT "disabledProtocols: none\n" KEPT "FIPSMode: true\n" KEPT
     "logVersions: TLS1_0\n  tls:\n    mode: disabled\n    FIPSMode: false\n",
     &stated,
     "net:\n  tls:\n    mode: preferTLS\n    FIPSMode: false\n"
     "    certificateKeyFile: \"/p.pem\"\n    CAFile: \"/c.pem\"\n"
     "    allowConnectionsWithoutCertificates: false\n"
     "    disabledProtocols: \"TLS1_0,TLS1_1\"\n    tlsCipherConfig: \"HIGH:!aNULL\"\n"
     "    logVersions: TLS1_0\n"},
    {"net.ssl and net.tls: one is left",
     "net:\n  ssl:\n    mode: allowSSL\n  tls:\n    mode: allowTLS\n  port: 1\n", &open_key,
     "net:\n  tls:\n    mode: preferTLS\n    certificateKeyFile: \"/p.pem\"\n"
     "    CAFile: \"/c.pem\"\n    allowConnectionsWithoutCertificates: true\n  port: 1\n"},
    {"a password no longer wanted goes away",
     "net:\n  tls:\n    certificateKeyFilePassword:\n      __exec: old\n    mode: preferTLS\n"
     "    certificateKeyFile: /p.pem\n    CAFile: /c.pem\n"
     "    allowConnectionsWithoutCertificates: true\n",
     &open_key,
     "net:\n  tls:\n    mode: preferTLS\n    certificateKeyFile: /p.pem\n    CAFile: /c.pem\n"
     "    allowConnectionsWithoutCertificates: true\n"},
    {"a password in the clear is replaced",
     "net:\n  tls:\n    certificateKeyFilePassword: s3cret\n    mode: requireTLS\n", &strict,
     "net:\n  tls:\n" PASSWORD("    ", "\n") "    mode: requireTLS\n"
                                             "    certificateKeyFile: \"/srv/a/tls/server.pem\"\n"
                                             "    CAFile: \"/srv/a/tls/ca.pem\"\n"
                                             "    allowConnectionsWithoutCertificates: true\n"},
    {"an empty value is filled", "net:\n  tls:\n    mode:\n    CAFile: # later\n", &open_key,
     "net:\n  tls:\n    mode: preferTLS\n    CAFile: \"/c.pem\" # later\n"
     "    certificateKeyFile: \"/p.pem\"\n    allowConnectionsWithoutCertificates: true\n"},
    {"disabled: the section goes, the rest stays",
     "net:\n  port: 1 # p\n  tls:\n    mode: allowTLS\n    # inner\n    CAFile: /c.pem\n\n"
     "  # about bindIp\n  bindIp: 0.0.0.0\n",
     &off, "net:\n  port: 1 # p\n\n  # about bindIp\n  bindIp: 0.0.0.0\n"},
    {"disabled: comments of the section go with it",
     "net:\n  tls:\n    mode: allowTLS\n    # trailing, inner\n  # outer\n  port: 1\n", &off,
     "net:\n  # outer\n  port: 1\n"},
    {"disabled: net.ssl", "net:\n  ssl:\n    mode: requireSSL\n    PEMKeyFile: /p\n  port: 1", &off,
     "net:\n  port: 1"},
    {"disabled: an empty net goes too",
     "net:\n  tls:\n    mode: allowTLS\nstorage:\n  dbPath: /d\n", &off,
     "storage:\n  dbPath: /d\n"},
    {"disabled already", "net:\n  port: 1\n", &off, "net:\n  port: 1\n"},
    {"lists and blocks elsewhere",
     "setParameter:\n  enableTestCommands: 1\nnet:\n  compression: {compressors: zlib}\n"
     "  bindIp: >\n    127.0.0.1,\n    10.0.0.1\n\nstorage:\n  dbPath: /d\xC3\xA9\n",
     &open_key,
     "setParameter:\n  enableTestCommands: 1\nnet:\n  compression: {compressors: zlib}\n"
     "  bindIp: >\n    127.0.0.1,\n    10.0.0.1\n  tls:\n    mode: preferTLS\n"
     "    certificateKeyFile: \"/p.pem\"\n    CAFile: \"/c.pem\"\n"
     "    allowConnectionsWithoutCertificates: true\n\nstorage:\n  dbPath: /d\xC3\xA9\n"},
    {"letters of two bytes before a value",
     "net:\n  tls:\n    'mode': \"disabled\" # \xC3\xA9\n    CAFile: /\xC3\xA9\xC3\xA9.pem # x\n",
     &open_key,
     "net:\n  tls:\n    'mode': preferTLS # \xC3\xA9\n    CAFile: \"/c.pem\" # x\n"
     "    certificateKeyFile: \"/p.pem\"\n    allowConnectionsWithoutCertificates: true\n"},
};
enum { ROWS = sizeof table / sizeof *table };

static void edit_to(const char *text, size_t length, const struct ek_server_tls *tls,
                    struct ek_buffer *ret_text)
{
    struct ek_error err = {0};
    int result = ek_server_configuration_edit(&(struct ek_server_text){text, length, "mongod.conf"},
                                              tls, ret_text, &err);
    if (result != 0)
        fail_msg("%s: %s", err.id, err.sentence);
}

static void each_file_becomes_what_it_should(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        EK_BUFFER after = {0};
        edit_to(table[i].before, strlen(table[i].before), table[i].tls, &after);
        if (strcmp(ek_buffer_text(&after), table[i].after) != 0)
            fail_msg("%s: got\n%s\nwanted\n%s", table[i].what, ek_buffer_text(&after),
                     table[i].after);
    }
}

static void editing_twice_changes_nothing_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        EK_BUFFER once = {0};
        EK_BUFFER twice = {0};
        edit_to(table[i].before, strlen(table[i].before), table[i].tls, &once);
        edit_to(ek_buffer_text(&once), once.length, table[i].tls, &twice);
        assert_string_equal(ek_buffer_text(&once), ek_buffer_text(&twice));
    }
}

/* Files that had no TLS section come back byte for byte after on, stricter, off. */
static void on_and_off_again_gives_the_old_bytes(void **state)
{
    (void)state;
    size_t tried = 0;
    for (size_t i = 0; i < ROWS; i++) {
        const char *before = table[i].before;
        if (strstr(before, "tls:") || strstr(before, KEPT) || strstr(before, "ssl:") ||
            strncmp(before, "net:\nst", 7) == 0)
            continue;
        EK_BUFFER first = {0};
        EK_BUFFER second = {0};
        EK_BUFFER last = {0};
        edit_to(before, strlen(before), &on, &first);
        edit_to(ek_buffer_text(&first), first.length, &strict, &second);
        edit_to(ek_buffer_text(&second), second.length, &off, &last);
        assert_string_equal(ek_buffer_text(&last), before);
        tried++;
    }
    assert_true(tried >= 10);
}

static void what_was_written_has_the_expected_digest(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        EK_BUFFER after = {0};
        struct ek_server_configuration found = {0};
        struct ek_server_configuration expected = {0};
        struct ek_error err = {0};
        uint8_t wanted[32];
        edit_to(table[i].before, strlen(table[i].before), table[i].tls, &after);
        assert_int_equal(
            ek_server_configuration_parse(ek_buffer_text(&after), after.length, "f", &found, &err),
            0);
        assert_int_equal(found.mode, table[i].tls->mode);
        assert_int_equal(
            ek_server_configuration_wanted(
                &(struct ek_server_text){table[i].before, strlen(table[i].before), "f"},
                table[i].tls, &expected, &err),
            0);
        assert_memory_equal(found.options_digest, expected.options_digest, 32);
        assert_string_equal(found.keys, expected.keys);
        ek_server_configuration_done(&expected);
        const char *text = ek_buffer_text(&after);
        bool more = strstr(text, "disabledProtocols") || !strstr(text, "Certificates: true");
        bool own_keys = table[i].tls->mode != EK_SSL_DISABLED &&
                        (strstr(text, "FIPSMode") || (more && table[i].tls != &stated));
        assert_int_equal(ek_server_tls_digest(table[i].tls, wanted, NULL), 0);
        if (own_keys)
            assert_memory_not_equal(found.options_digest, wanted, 32);
        else
            assert_memory_equal(found.options_digest, wanted, 32);
        ek_server_configuration_done(&found);
    }
}

static void unsafe_files_are_refused_untouched(void **state)
{
    (void)state;
    static const struct {
        const char *text, *id;
    } rows[] = {
        {"net: {port: 1}\n", "EK-0411"},
        {"net:\n  tls: {mode: disabled}\n", "EK-0411"},
        {"net: &n\n  port: 1\n", "EK-0411"},
        {"net:\n  port: &p 1\n", "EK-0411"},
        {"a: &x 1\nnet:\n  port: *x\n", "EK-0411"},
        {"net:\n  port: !!int 1\n", "EK-0411"},
        {"net.tls.mode: requireTLS\n", "EK-0411"},
        {"net:\n  tls.mode: requireTLS\n", "EK-0411"},
        {"net:\n  port: 1\n---\na: b\n", "EK-0411"},
        {"storage:\n  dbPath: /d\n...\n---\na: b\n", "EK-0411"},
        {"? net\n: port: 1\n", "EK-0411"},
        {"{net: {port: 1}}\n", "EK-0411"},
        {"a: 1\rb: 2\r", "EK-0411"},
        {"net:\n  port: 1\n  port: 2\n", "EK-0410"},
        {"net:\n\tport: 1\n", "EK-0410"},
        {"net: [\n", "EK-0410"},
        {"- a\n- b\n", "EK-0410"},
        {"net:\n  port: 0\n", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ek_error err = {0};
        EK_BUFFER after = {0};
        int result = ek_server_configuration_edit(
            &(struct ek_server_text){rows[i].text, strlen(rows[i].text), "mongod.conf"}, &on,
            &after, &err);
        assert_int_not_equal(result, 0);
        assert_int_equal(result, err.code);
        if (rows[i].id && strcmp(err.id, rows[i].id) != 0)
            fail_msg("%s: %s %s", rows[i].text, err.id, err.sentence);
        assert_null(after.bytes);
    }
}

static void paths_with_odd_letters_survive(void **state)
{
    (void)state;
    const struct ek_server_tls odd = {.mode = EK_SSL_REQUIRE,
                                      .certificate_key_file = "/a \"b\"\\c #d: e.pem",
                                      .ca_file = "/\xC3\xA9.pem",
                                      .password_file = "/run/it's here"};
    EK_BUFFER after = {0};
    struct ek_server_configuration found = {0};
    struct ek_error err = {0};
    edit_to("net:\n  port: 5\n", 15, &odd, &after);
    assert_non_null(strstr(ek_buffer_text(&after), "__exec: \"/bin/cat '/run/it'\\\\''s here'\""));
    assert_int_equal(
        ek_server_configuration_parse(ek_buffer_text(&after), after.length, "f", &found, &err), 0);
    assert_string_equal(found.certificate_key_file, odd.certificate_key_file);
    assert_string_equal(found.ca_file, odd.ca_file);
    assert_int_equal(found.port, 5);
    ek_server_configuration_done(&found);
}

/* No prefix of any file, and no file with one byte changed, breaks the editor. */
static void damaged_files_never_break_it(void **state)
{
    (void)state;
    static const char bytes[] = {'\n', ' ', ':', '{', '&', '"', '#', '-', '\t', '\r'};
    for (size_t i = 0; i < ROWS; i++) {
        char text[1024];
        size_t length = strlen(table[i].before);
        for (size_t at = 0; at < length; at++) {
            struct ek_error err = {0};
            EK_BUFFER after = {0};
            memcpy(text, table[i].before, length);
            ek_server_configuration_edit(&(struct ek_server_text){text, at, "f"}, &on, &after,
                                         &err);
            text[at] = bytes[(at + i) % sizeof bytes];
            EK_BUFFER twice = {0};
            EK_BUFFER once = {0};
            if (ek_server_configuration_edit(&(struct ek_server_text){text, length, "f"},
                                             table[i].tls, &once, &err) != 0)
                continue;
            edit_to(ek_buffer_text(&once), once.length, table[i].tls, &twice);
            assert_string_equal(ek_buffer_text(&once), ek_buffer_text(&twice));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_file_becomes_what_it_should),
        cmocka_unit_test(editing_twice_changes_nothing_more),
        cmocka_unit_test(on_and_off_again_gives_the_old_bytes),
        cmocka_unit_test(what_was_written_has_the_expected_digest),
        cmocka_unit_test(unsafe_files_are_refused_untouched),
        cmocka_unit_test(paths_with_odd_letters_survive),
        cmocka_unit_test(damaged_files_never_break_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
