/* What a server's command line says beside its file, and what its next start would not have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "drivers/host/server_arguments.h"
#include "drivers/host/server_keys.h"
#include "drivers/host/unit_words.h"

static struct ek_host_options compare(const char *running, const char *next, const char *file)
{
    EK_BUFFER before = {0};
    EK_BUFFER after = {0};
    struct ek_host_options options;
    ek_server_words_add(&before, running, strlen(running));
    ek_server_words_add(&after, next, strlen(next));
    const struct ek_server_start start = {&before, &after, {file, strlen(file), "mongod.conf"}};
    assert_int_equal(ek_server_arguments_compare(&start, &options, NULL), 0);
    return options;
}

static void what_the_next_start_would_not_have(void **state)
{
    static const char plain[] = "mongod --config /etc/mongod.conf";
    static const struct {
        const char *running, *next, *file, *lost, *added, *kept;
    } rows[] = {
        {"mongod --config /c", plain, "", "", "", ""},
        {"mongod -f /c --configExpand exec", plain, "", "", "", ""},
        {"mongod -f /c --configExpand=exec --configExpandTimeoutSecs 3", plain, "", "", "", ""},
        {"mongod -f /c --replSet rs0", plain, "", "--replSet rs0", "", ""},
        {"mongod --replSet=rs0 -f /c", plain, "", "--replSet rs0", "", ""},
        {"mongod -replSet rs0 -f /c", plain, "", "-replSet rs0", "", ""},
        {"mongod -f /c --replSet rs0", plain, "replication:\n  replSetName: rs0\n", "", "", ""},
        {"mongod -f /c --replSet rs0", plain, "replication:\n  replSetName: rs1\n", "--replSet rs0",
         "", ""},
        {"mongod -f /c --replSet rs0 --auth", plain, "security:\n  authorization: enabled\n",
         "--replSet rs0", "", ""},
        {"mongod -f /c --auth --bind_ip_all --keyFile /k", plain, "",
         "--auth, --bind_ip_all, --keyFile /k", "", ""},
        {"mongod -f /c --fork --auth", "mongod -f /c --fork", "", "--auth", "",
         "processManagement.fork"},
        {"mongod -f /c --port 27017 --replSet rs0", "mongod -f /c --replSet=rs0 --port=27017", "",
         "", "", "net.port replication.replSetName"},
        {"mongod -f /c --port 1", "mongod -f /c --port 2", "", "--port 1", "--port 2", ""},
        {"mongod -f /c", "mongod -f /c --auth", "", "", "--auth", ""},
        {"mongod -f /c", "mongod -f /c --auth", "security: {authorization: enabled}", "", "", ""},
        {"mongod -f /c --setParameter a=1 --setParameter b=2", plain, "setParameter:\n  b: 2\n",
         "--setParameter a=1", "", ""},
        {"mongod -f /c --setParameter=a=1", plain, "setParameter:\n  a: 2\n", "--setParameter a=1",
         "", ""},
        {"mongod -f /c -vvv --quiet", plain, "", "-vvv, --quiet", "", ""},
        {"mongod -f /c -v --auth", "mongod -f /c -v", "", "--auth", "", "v"},
        {"mongod -f /c --newOption x --another", plain, "", "--newOption x, --another", "", ""},
        {"mongod -f /c --tlsCertificateKeyFilePassword secret", plain, "",
         "--tlsCertificateKeyFilePassword <password>", "", ""},
        {"mongod -f /c --sslCRLFile /l", plain, "net:\n  tls:\n    CRLFile: /l\n", "", "", ""},
        {"mongod -f /c --tlsCRLFile /l", plain, "net:\n  ssl:\n    CRLFile: /l\n", "", "", ""},
        {"mongod -f /c --sslWeakCertificateValidation", plain,
         "net:\n  ssl:\n    weakCertificateValidation: true\n", "", "", ""},
        {"mongod -f /c --slowms -1", plain, "", "--slowms -1", "", ""},
        {"mongod -f /c", "mongod", "", "--config", "", ""},
        {"mongod -f /c --replSet rs0", plain, "no: [yaml", "--replSet rs0", "", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ek_host_options found = compare(rows[i].running, rows[i].next, rows[i].file);
        if (strcmp(found.lost, rows[i].lost) != 0 || strcmp(found.added, rows[i].added) != 0 ||
            strcmp(found.kept, rows[i].kept) != 0)
            fail_msg("%s: lost '%s', added '%s', kept '%s'", rows[i].running, found.lost,
                     found.added, found.kept);
    }
    assert_string_equal(compare("mongod -f /c --keyFile /k", plain, "").key_file, "/k");
    assert_string_equal(compare("mongod -f /c", plain, "").key_file, "");
}

static void read_file(void *context, const char *path, struct ek_buffer *ret_text)
{
    (void)context;
    if (strcmp(path, "/etc/default/mongod") == 0)
        ek_buffer_text_add(ret_text, "# of the package\n; and more\n  OPTIONS=\"-f /b.conf\"\r\n"
                                     "PORT='27018'\nbad line\n");
}

static void a_unit_with_variables(void **state)
{
    static const struct {
        const char *shown, *words;
    } rows[] = {
        {"ExecStart={ path=/usr/bin/mongod ; argv[]=/usr/bin/mongod --config /c ; "
         "ignore_errors=no ; start_time=[n/a] ; pid=0 }\n",
         "/usr/bin/mongod|--config|/c|"},
        {"LoadState=loaded\nExecStart={ path=/m ; argv[]=/m $OPTIONS --port ${PORT} ; "
         "ignore_errors=no }\nEnvironment=PORT=1 \"OPTIONS=-f /a.conf --auth\"\n",
         "/m|-f|/a.conf|--auth|--port|1|"},
        {"ExecStart={ argv[]=/m $OPTIONS --port=${PORT} $NOBODY ; ignore_errors=no }\n"
         "Environment=OPTIONS=--auth\nEnvironmentFiles=/etc/other (ignore_errors=yes)\n"
         "EnvironmentFiles=/etc/default/mongod (ignore_errors=no)\n",
         "/m|-f|/b.conf|--port=27018|"},
        {"ExecStart={ argv[]=/m $O ; ignore_errors=no }\nEnvironment=$'O=-f /c' A=\"\\\"\"\n",
         "/m|-f|/c|"},
        {"ExecStart={ argv[]=/m --a$ $1 }\n", "/m|--a$|}|"},
        {"ActiveState=active\n", ""},
    };
    static const struct ek_unit_files files = {.read = read_file};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        EK_BUFFER words = {0};
        ek_unit_words(rows[i].shown, &files, &words);
        assert_false(words.failed);
        for (size_t at = 0; at < words.length; at++)
            if (!words.bytes[at])
                words.bytes[at] = '|';
        assert_string_equal(ek_buffer_text(&words), rows[i].words);
    }
}

static void the_options_that_are_watched(void **state)
{
    static const struct ek_server_option options[] = {
        {"systemLog.path", "/l"},
        {"security.keyFile", "/k"},
        {"net.tls.mode", "preferTLS"},
        {"net.tls.certificateKeyFile", "/p"},
        {"net.tls.CAFile", "/a"},
        {"net.tls.certificateKeyFilePassword", "<password>"},
        {"net.ssl.weakCertificateValidation", "true"},
        {"net.tls.clusterPassword", "secret"},
        {"net.ssl.CRLFile", "/a\nb"},
        {"net.portal", "no"},
        {"net.port", "27017"},
        {"net.maxIncomingConnections", "9"},
        {"replication.replSet", "rs0"},
        {"replication.oplogSizeMB", "64"},
        {"setParameter.opensslCipherConfig", "HIGH"},
        {"setParameter.cursorTimeoutMillis", "1"},
        {"setParameter.suppressNoTLSPeerCertificateWarning", "true"},
        {"security.javascriptEnabled", "false"},
        {"storage.dbPath", "/d"},
    };
    char keys[EK_SERVER_KEYS_SIZE];
    bool no_memory;
    (void)state;
    assert_true(ek_server_keys_of(options, sizeof options / sizeof *options, keys, &no_memory));
    assert_string_equal(keys, "net.port=27017\n"
                              "net.tls.CRLFile=/a b\n"
                              "net.tls.allowConnectionsWithoutCertificates=true\n"
                              "net.tls.clusterPassword=<password>\n"
                              "replication.replSetName=rs0\n"
                              "security.keyFile=/k\n"
                              "setParameter.opensslCipherConfig=HIGH\n"
                              "storage.dbPath=/d\n");
    ek_server_keys_without(keys, "net.port storage.dbPath net.tls.CRL");
    assert_string_equal(keys, "net.tls.CRLFile=/a b\n"
                              "net.tls.allowConnectionsWithoutCertificates=true\n"
                              "net.tls.clusterPassword=<password>\n"
                              "replication.replSetName=rs0\n"
                              "security.keyFile=/k\n"
                              "setParameter.opensslCipherConfig=HIGH\n");
    ek_server_keys_without(keys, "");
    char value[EK_SERVER_KEYS_SIZE];
    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = 0;
    assert_false(ek_server_keys_of(&(struct ek_server_option){"security.keyFile", value}, 1, keys,
                                   &no_memory));
    assert_false(no_memory);
    assert_true(ek_server_keys_of(NULL, 0, keys, &no_memory));
    assert_string_equal(keys, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_next_start_would_not_have),
        cmocka_unit_test(a_unit_with_variables),
        cmocka_unit_test(the_options_that_are_watched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
