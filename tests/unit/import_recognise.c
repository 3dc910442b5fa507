/* Whether the certificates that a fleet serves are ours: by the authorities of a state directory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "reconciler/base/file.h"
#include "reconciler/import/parts.h"
#include "tests/unit/mongodb_certificates.h"

static char directory[] = "/tmp/evenkeel-recognise-XXXXXX";
static struct ek_import import;
static struct ek_import_request request;
static struct ek_error err;

static void path_of(const char *name, char ret_path[static 256])
{
    snprintf(ret_path, 256, "%s/%s", directory, name);
}

static int group_setup(void **state)
{
    (void)state;
    char authorities[256];
    if (!mkdtemp(directory) || certificates_make(directory, "ours") != 0 ||
        certificates_make(directory, "theirs") != 0 ||
        certificates_leaf(directory, "ours", "a", "DNS:a.example.net") != 0 ||
        certificates_leaf(directory, "theirs", "b", "DNS:b.example.net") != 0)
        return -1;
    path_of("authorities/acme", authorities);
    if (ek_directory_make(authorities, 0700, &err) != 0)
        return -1;
    return certificates_append(directory, "ours.crt", "authorities/acme/acme-ca.pem");
}

static int group_teardown(void **state)
{
    (void)state;
    certificates_remove(directory);
    return 0;
}

static char *certificate(const char *name)
{
    char path[256];
    EK_BUFFER text = {0};
    path_of(name, path);
    assert_int_equal(ek_file_read(path, 1 << 16, &text, NULL, &err), 0);
    return ek_buffer_take(&text);
}

static void add_member(const char *host, const char *served, const char *file)
{
    struct ek_import_member *member = &import.members[import.member_count++];
    *member = (struct ek_import_member){.port = 27017};
    snprintf(member->host, sizeof member->host, "%s", host);
    if (served)
        member->certificate = certificate(served);
    if (file)
        snprintf(member->certificate_key_file, sizeof member->certificate_key_file, "%s", file);
}

static int setup(void **state)
{
    (void)state;
    import = (struct ek_import){0};
    import.members = calloc(4, sizeof *import.members);
    request = (struct ek_import_request){.state_directory = directory};
    return import.members ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    ek_import_done(&import);
    return 0;
}

static void recognise(void)
{
    assert_int_equal(ek_import_recognise(&request, &import, &err), 0);
}

static void test_fleet_of_ours(void **state)
{
    (void)state;
    add_member("db-a.q7w3k9xm2p4t.fleet.example.net", "a.crt",
               "/etc/evenkeel/orders-db-a/server.pem");
    add_member("db-b.q7w3k9xm2p4t.fleet.example.net", "a.crt",
               "/etc/evenkeel/orders-db-b/server.pem");
    recognise();
    assert_string_equal(import.authority, "acme-ca");
    assert_string_equal(import.account, "acme");
    assert_string_equal(import.deployment, "orders");
    assert_string_equal(import.domain, "fleet.example.net");
    assert_true(ek_import_has(&import, EK_NOTE_DECIDE));
}

static void test_files_that_tell_no_deployment(void **state)
{
    (void)state;
    static const char *const files[] = {"/etc/evenkeel/orders/server.pem", "/etc/evenkeel/db-a/x",
                                        "/etc/evenkeel/-db-a/x",           "/srv/orders-db-a/x",
                                        "/etc/evenkeel/Bad Name-db-a/x",   ""};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        add_member("db-a.label.fleet.example.net", "a.crt", files[i]);
        recognise();
        assert_string_equal(import.authority, "acme-ca");
        assert_string_equal(import.deployment, "");
        teardown(NULL);
        setup(NULL);
    }
}

static void test_fleet_of_others(void **state)
{
    (void)state;
    add_member("a.x.example.net", "b.crt", NULL);
    recognise();
    assert_string_equal(import.authority, "");
    add_member("b.x.example.net", "a.crt", NULL); /* one of ours among them does not make it ours */
    recognise();
    assert_string_equal(import.authority, "");
}

static void test_certificates_of_ours_without_a_domain(void **state)
{
    (void)state;
    add_member("a.one.example.net", "a.crt", NULL);
    add_member("b.two.example.net", "a.crt", NULL);
    recognise();
    assert_string_equal(import.authority, "");
}

static void test_fleet_without_certificates(void **state)
{
    (void)state;
    add_member("a.label.example.net", NULL, NULL);
    recognise();
    assert_string_equal(import.authority, "");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_fleet_of_ours),
        TEST(test_files_that_tell_no_deployment),
        TEST(test_fleet_of_others),
        TEST(test_certificates_of_ours_without_a_domain),
        TEST(test_fleet_without_certificates),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
