/* The built-in authority and keys on hosts, judged by the real openssl(1). */
#include "tests/unit/host_support.h"

#include <sys/wait.h>
#include <time.h>

#include "drivers/certificate/certificate.h"
#include "drivers/host/command.h"

#define DAY INT64_C(86400)

static const struct ek_certificate_driver *built_in;
static const struct ek_host_driver *local;

struct lab {
    struct place *place;
    char key_file[128], ca[160], key[160], pem[160], request[160];
    struct ek_secret_store store;
    struct ek_authority_spec spec;
    struct ek_authority authority;
    struct ek_secret *password;
    int64_t now;
};

static int lab_setup(void **state)
{
    void *place = NULL;
    if (place_setup(&place) != 0)
        return -1;
    struct lab *lab = calloc(1, sizeof *lab);
    lab->place = place;
    const char *directory = lab->place->directory;
    snprintf(lab->key_file, sizeof lab->key_file, "%s/master.key", directory);
    snprintf(lab->ca, sizeof lab->ca, "%s/authorities/acme/ca.pem", directory);
    snprintf(lab->key, sizeof lab->key, "%s/tls/server.key", directory);
    snprintf(lab->pem, sizeof lab->pem, "%s/tls/server.pem", directory);
    snprintf(lab->request, sizeof lab->request, "%s/request.pem", directory);
    lab->store = (struct ek_secret_store){.directory = directory, .key_file = lab->key_file};
    lab->spec = (struct ek_authority_spec){.name = (char *)"ca",
                                           .account = (char *)"acme",
                                           .common_name = (char *)"acme ca",
                                           .organization = (char *)"Acme & Söhne, \"Inc\"",
                                           .validity_s = 3650 * DAY};
    lab->authority = (struct ek_authority){.spec = &lab->spec,
                                           .store = &lab->store,
                                           .secrets = ek_secret_driver_named("sealed-files")};
    lab->now = (int64_t)time(NULL);
    *state = lab;
    return ek_secret_master_key_create(lab->key_file, &err) ||
           ek_secret_random(32, &lab->password, &err);
}

static int lab_teardown(void **state)
{
    struct lab *lab = *state;
    void *place = lab->place;
    ek_secret_free(lab->password);
    place_teardown(&place);
    free(lab);
    return 0;
}

/* openssl(1): its exit status; output and errors together in *ret_text. */
static int openssl(const char *input, struct ek_buffer *ret_text, const char *const *argv)
{
    EK_COMMAND_RESULT ran = {0};
    const struct ek_command command = {argv, input, input ? strlen(input) : 0};
    WORKS(ek_command_run(&command, NULL, SOON, &ran, &err));
    ek_buffer_text_add(ret_text, ek_buffer_text(&ran.output));
    ek_buffer_text_add(ret_text, ek_buffer_text(&ran.errors));
    return ran.status;
}
#define OPENSSL(input, text, ...)                                                                  \
    openssl(input, text, (const char *const[]){"openssl", __VA_ARGS__, NULL})

static void request_from_host(const struct lab *lab, enum ek_key_algorithm algorithm,
                              struct ek_buffer *ret_request)
{
    WORKS(ek_certificate_request_on_host(
        &(struct ek_key_host){local, &lab->place->host, SOON},
        &(struct ek_key_order){lab->key, algorithm, lab->password, "a.q7w3.fleet.example.net"},
        ret_request, &err));
}

static int sign(const struct lab *lab, const char *request, int64_t validity_s,
                struct ek_buffer *ret_pem)
{
    static const char *const names[] = {"a.q7w3.fleet.example.net"};
    memset(&err, 0, sizeof err);
    return built_in->sign(&lab->authority,
                          &(struct ek_signing){request, names, 1, "orders", lab->now, validity_s},
                          ret_pem, &err);
}

static void issue(const struct lab *lab, enum ek_key_algorithm algorithm, struct ek_buffer *ret_pem)
{
    EK_BUFFER request = {0};
    request_from_host(lab, algorithm, &request);
    WORKS(sign(lab, ek_buffer_text(&request), 730 * DAY, ret_pem));
}

enum { MAKERS = 6 };

/* Two deployments of one account begin at once: one makes the authority, the others find it. */
static void made_by_several_at_once_there_is_one_authority(void **state)
{
    const struct lab *lab = *state;
    int ready[2];
    int made = 0;
    assert_int_equal(pipe(ready), 0);
    for (int i = 0; i < MAKERS; i++)
        if (fork() == 0) {
            char byte;
            close(ready[1]);
            if (read(ready[0], &byte, 1) != 0) /* all begin when the pipe is closed */
                _exit(9);
            int result = built_in->create(&lab->authority, lab->now, &err);
            struct ek_certificate_facts facts;
            struct ek_buffer pem = {0};
            bool there = built_in->find(&lab->authority, &pem, &facts, &err) == 0;
            _exit(!there ? 8 : result == 0 ? 1 : result == EK_EXISTS ? 0 : 7);
        }
    close(ready[0]);
    close(ready[1]);
    for (int i = 0; i < MAKERS; i++) {
        int status = -1;
        assert_true(wait(&status) > 0);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
        made += WEXITSTATUS(status);
    }
    assert_int_equal(made, 1);
    EK_BUFFER leaf = {0};
    issue(lab, EK_KEY_P256, &leaf); /* certificate and sealed key fit */
}

static void contains(const struct ek_buffer *text, const char *what)
{
    if (!strstr(ek_buffer_text(text), what))
        fail_msg("no '%s' in:\n%s", what, ek_buffer_text(text));
}

static void an_authority_is_made_once_and_its_key_is_sealed(void **state)
{
    const struct lab *lab = *state;
    EK_BUFFER pem = {0};
    EK_BUFFER again = {0};
    EK_BUFFER text = {0};
    struct ek_certificate_facts facts = {0};
    FAILS(built_in->find(&lab->authority, &pem, &facts, &err), EK_NOT_FOUND, "EK-0711");
    WORKS(built_in->create(&lab->authority, lab->now, &err));
    WORKS(built_in->find(&lab->authority, &pem, &facts, &err));
    FAILS(built_in->create(&lab->authority, lab->now, &err), EK_EXISTS, "EK-0712");
    WORKS(built_in->find(&lab->authority, &again, &facts, &err));
    assert_string_equal(ek_buffer_text(&pem), ek_buffer_text(&again));
    assert_int_equal(facts.not_before_s, lab->now - 600);
    assert_int_equal(facts.not_after_s, lab->now + 3650 * DAY);
    assert_true(strlen(facts.serial) > 24);
    assert_int_equal(OPENSSL(NULL, &text, "x509", "-in", lab->ca, "-noout", "-text"), 0);
    contains(&text, "CA:TRUE, pathlen:0");
    contains(&text, "Basic Constraints: critical");
    contains(&text, "Certificate Sign, CRL Sign\n");
    contains(&text, "NIST CURVE: P-256");
    char path[200];
    snprintf(path, sizeof path, "%s/secrets/acme/authority/ca.sealed", lab->place->directory);
    EK_BUFFER sealed = {0};
    WORKS(ek_file_read(path, 65536, &sealed, NULL, &err));
    assert_null(memmem(sealed.bytes, sealed.length, "PRIVATE", 7));
}

static void an_interrupted_creation_starts_over(void **state)
{
    const struct lab *lab = *state;
    EK_BUFFER pem = {0};
    WORKS(built_in->create(&lab->authority, lab->now, &err));
    assert_int_equal(unlink(lab->ca), 0); /* as if killed after the key was sealed */
    WORKS(built_in->create(&lab->authority, lab->now, &err));
    issue(lab, EK_KEY_P256, &pem);
    char *authority = text_of(lab->ca);
    WORKS(ek_certificate_issued_by(pem.bytes, pem.length, authority, strlen(authority), &err));
    free(authority);
}

static void a_leaf_says_exactly_what_it_should(void **state)
{
    const struct lab *lab = *state;
    EK_BUFFER pem = {0};
    EK_BUFFER text = {0};
    EK_BUFFER verified = {0};
    struct ek_certificate_facts facts;
    WORKS(built_in->create(&lab->authority, lab->now, &err));
    issue(lab, EK_KEY_P256, &pem);
    must_write(lab->request, ek_buffer_text(&pem), 0600);
    assert_int_equal(OPENSSL(NULL, &verified, "verify", "-x509_strict", "-CAfile", lab->ca,
                             "-purpose", "sslserver", "-verify_hostname",
                             "a.q7w3.fleet.example.net", lab->request),
                     0);
    ek_buffer_done(&verified);
    assert_int_equal(OPENSSL(NULL, &verified, "verify", "-x509_strict", "-CAfile", lab->ca,
                             "-purpose", "sslclient", lab->request),
                     0);
    ek_buffer_done(&verified);
    assert_int_not_equal(OPENSSL(NULL, &verified, "verify", "-CAfile", lab->ca, "-verify_hostname",
                                 "db-a.example.net", lab->request),
                         0);
    ek_buffer_done(&verified);
    assert_int_not_equal(OPENSSL(NULL, &verified, "verify", "-CAfile", lab->ca, "-verify_ip",
                                 "10.0.0.1", lab->request),
                         0);
    assert_int_equal(OPENSSL(NULL, &text, "x509", "-in", lab->request, "-noout", "-text"), 0);
    contains(&text, "Basic Constraints: critical\n                CA:FALSE");
    contains(&text, "Key Usage: critical\n                Digital Signature\n");
    contains(&text, "TLS Web Server Authentication, TLS Web Client Authentication\n");
    contains(&text, "                DNS:a.q7w3.fleet.example.net\n");
    contains(&text, "Subject Key Identifier");
    contains(&text, "Authority Key Identifier");
    WORKS(ek_certificate_read(pem.bytes, pem.length, &facts, &err));
    assert_int_equal(facts.name_count, 1);
    assert_int_equal(facts.address_count, 0);
    assert_string_equal(facts.names[0], "a.q7w3.fleet.example.net");
    assert_int_equal(strncmp(facts.subject, "CN=a.q7w3.fleet.example.net,OU=orders,O=Acme", 44), 0);
    assert_int_equal(facts.not_before_s, lab->now - 600);
    assert_true(facts.not_after_s - facts.not_before_s <= 730 * DAY);
    assert_true(facts.not_after_s >= lab->now + 730 * DAY - 600);
}

static void rsa_is_made_on_demand(void **state)
{
    struct lab *lab = *state;
    EK_BUFFER pem = {0};
    EK_BUFFER text = {0};
    EK_BUFFER verified = {0};
    lab->spec.algorithm = EK_KEY_RSA3072;
    WORKS(built_in->create(&lab->authority, lab->now, &err));
    issue(lab, EK_KEY_RSA3072, &pem);
    must_write(lab->request, ek_buffer_text(&pem), 0600);
    assert_int_equal(OPENSSL(NULL, &text, "x509", "-in", lab->request, "-noout", "-text"), 0);
    contains(&text, "Public-Key: (3072 bit)");
    contains(&text, "Digital Signature, Key Encipherment\n");
    assert_int_equal(OPENSSL(NULL, &verified, "verify", "-CAfile", lab->ca, lab->request), 0);
}

static void dates_stay_within_the_authoritys_and_two_years(void **state)
{
    struct lab *lab = *state;
    static const struct {
        int64_t authority_days, asked_days, given_days; /* 0: refused */
    } rows[] = {{3650, 90, 90}, {100, 730, 100}, {3650, 4000, 730}, {3650, -1, 0}};
    EK_BUFFER request = {0};
    request_from_host(lab, EK_KEY_P256, &request);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        EK_BUFFER pem = {0};
        struct ek_certificate_facts facts;
        unlink(lab->ca);
        lab->spec.validity_s = rows[i].authority_days * DAY;
        WORKS(built_in->create(&lab->authority, lab->now, &err));
        int result = sign(lab, ek_buffer_text(&request), rows[i].asked_days * DAY, &pem);
        if (rows[i].given_days == 0) {
            assert_int_equal(result, EK_CONFLICT);
            assert_string_equal(err.id, "EK-0719");
            continue;
        }
        assert_int_equal(result, 0);
        WORKS(ek_certificate_read(pem.bytes, pem.length, &facts, &err));
        int64_t end = lab->now + rows[i].given_days * DAY;
        assert_int_equal(facts.not_after_s, rows[i].given_days == 730 ? end - 600 : end);
    }
}

static void bad_requests_and_names_are_refused(void **state)
{
    struct lab *lab = *state;
    EK_BUFFER request = {0};
    EK_BUFFER pem = {0};
    static const char *const names[] = {"10.0.0.1", "a b",           "*.example.net",
                                        "",         "a,IP:10.0.0.1", "-a.example.net"};
    WORKS(built_in->create(&lab->authority, lab->now, &err));
    request_from_host(lab, EK_KEY_P256, &request);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        FAILS(built_in->sign(&lab->authority,
                             &(struct ek_signing){ek_buffer_text(&request), &names[i], 1, "orders",
                                                  lab->now, DAY},
                             &pem, &err),
              EK_INVALID, "EK-0718");
    assert_int_equal(sign(lab, "no request", DAY, &pem), EK_INVALID);
    assert_string_equal(err.id, "EK-0714");
    /* one letter of the signature changed: no proof of possession */
    char *end = strstr(request.bytes, "-----END");
    char *letter = end - 12;
    *letter = *letter == 'A' ? 'B' : 'A';
    assert_int_equal(sign(lab, ek_buffer_text(&request), DAY, &pem), EK_INVALID);
    assert_string_equal(err.id, "EK-0714");
    EK_BUFFER weak = {0};
    assert_int_equal(OPENSSL(NULL, &weak, "req", "-new", "-newkey", "rsa:1024", "-nodes", "-keyout",
                             "/dev/null", "-subj", "/CN=x", "-batch"),
                     0);
    assert_int_equal(sign(lab, strstr(ek_buffer_text(&weak), "-----BEGIN"), DAY, &pem), EK_INVALID);
    assert_string_equal(err.id, "EK-0714");
    assert_null(pem.bytes);
}

static void without_the_right_master_key_nothing_is_signed(void **state)
{
    struct lab *lab = *state;
    EK_BUFFER request = {0};
    EK_BUFFER pem = {0};
    struct ek_certificate_facts facts;
    WORKS(built_in->create(&lab->authority, lab->now, &err));
    request_from_host(lab, EK_KEY_P256, &request);
    assert_int_equal(unlink(lab->key_file), 0);
    WORKS(built_in->find(&lab->authority, &pem, &facts, &err)); /* needs no key */
    ek_buffer_done(&pem);
    assert_int_equal(sign(lab, ek_buffer_text(&request), DAY, &pem), EK_DENIED);
    assert_string_equal(err.id, "EK-0701");
    WORKS(ek_secret_master_key_create(lab->key_file, &err));
    assert_int_equal(sign(lab, ek_buffer_text(&request), DAY, &pem), EK_DENIED);
    assert_string_equal(err.id, "EK-0703");
    assert_null(pem.bytes);
}

static void the_key_on_the_host_opens_with_its_password_only(void **state)
{
    struct lab *lab = *state;
    EK_BUFFER request = {0};
    EK_BUFFER text = {0};
    char password[128];
    request_from_host(lab, EK_KEY_P256, &request);
    assert_int_equal(mode_of(lab->key), 0600);
    char *key = text_of(lab->key);
    assert_int_equal(strncmp(key, "-----BEGIN ENCRYPTED PRIVATE KEY-----\n", 38), 0);
    assert_true(ek_certificate_key_is_sealed(key, strlen(key)));
    free(key);
    snprintf(password, sizeof password, "pass:%s", ek_secret_reveal(lab->password));
    assert_int_equal(OPENSSL(NULL, &text, "pkey", "-in", lab->key, "-noout", "-passin", password),
                     0);
    ek_buffer_done(&text);
    assert_int_not_equal(
        OPENSSL(NULL, &text, "pkey", "-in", lab->key, "-noout", "-passin", "pass:wrong"), 0);
    ek_buffer_done(&text);
    assert_int_equal(
        OPENSSL(ek_buffer_text(&request), &text, "req", "-noout", "-verify", "-subject"), 0);
    contains(&text, "CN = a.q7w3.fleet.example.net");
}

static void a_certificate_is_joined_with_its_own_key_only(void **state)
{
    struct lab *lab = *state;
    EK_BUFFER pem = {0};
    EK_BUFFER other = {0};
    WORKS(built_in->create(&lab->authority, lab->now, &err));
    issue(lab, EK_KEY_P256, &pem);
    WORKS(ek_certificate_install_on_host(
        &(struct ek_key_host){local, &lab->place->host, SOON},
        &(struct ek_installation){ek_buffer_text(&pem), lab->key, lab->pem, lab->password}, &err));
    assert_int_equal(mode_of(lab->pem), 0600);
    char *key = text_of(lab->key);
    char *installed = text_of(lab->pem);
    assert_int_equal(strncmp(installed, ek_buffer_text(&pem), pem.length), 0);
    assert_string_equal(installed + pem.length, key);
    assert_true(ek_certificate_key_is_sealed(installed, strlen(installed)));
    EK_SECRET *wrong = ek_secret_new("wrong-password", 14);
    FAILS(ek_certificate_install_on_host(
              &(struct ek_key_host){local, &lab->place->host, SOON},
              &(struct ek_installation){ek_buffer_text(&pem), lab->key, lab->pem, wrong}, &err),
          EK_SYSTEM, "EK-0717");
    assert_null(strstr(err.cause, "wrong-password"));
    issue(lab, EK_KEY_P256, &other); /* replaces the key on the host */
    FAILS(ek_certificate_install_on_host(
              &(struct ek_key_host){local, &lab->place->host, SOON},
              &(struct ek_installation){ek_buffer_text(&pem), lab->key, lab->pem, lab->password},
              &err),
          EK_CONFLICT, "EK-0705");
    char *still = text_of(lab->pem);
    assert_string_equal(installed, still);
    free(key);
    free(installed);
    free(still);
}

static void a_failed_request_leaves_the_old_key(void **state)
{
    struct lab *lab = *state;
    EK_BUFFER request = {0};
    char fresh[200];
    request_from_host(lab, EK_KEY_P256, &request);
    ek_buffer_done(&request);
    char *before = text_of(lab->key);
    FAILS(ek_certificate_request_on_host(
              &(struct ek_key_host){local, &lab->place->host, ek_monotonic_ms() + 1},
              &(struct ek_key_order){lab->key, EK_KEY_P256, lab->password, "a.example.net"},
              &request, &err),
          EK_TIMEOUT, "EK-0407");
    char *after = text_of(lab->key);
    assert_string_equal(before, after);
    snprintf(fresh, sizeof fresh, "%s.new", lab->key);
    assert_int_not_equal(access(fresh, F_OK), 0);
    assert_null(request.bytes);
    free(before);
    free(after);
    static const char *const bad[] = {"", "two\nlines", "blank ", "\ttab"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        EK_SECRET *password = ek_secret_new(bad[i], strlen(bad[i]));
        FAILS(ek_certificate_request_on_host(
                  &(struct ek_key_host){local, &lab->place->host, SOON},
                  &(struct ek_key_order){lab->key, EK_KEY_P256, password, "a.example.net"},
                  &request, &err),
              EK_INVALID, "EK-0720");
    }
}

static void issuers_and_bundles_are_told_apart(void **state)
{
    struct lab *lab = *state;
    EK_BUFFER leaf = {0};
    EK_BUFFER first = {0};
    EK_BUFFER second = {0};
    EK_BUFFER both = {0};
    struct ek_certificate_facts one, two;
    uint8_t found[2][32];
    struct ek_fingerprints fingerprints = {found, 2, 0};
    WORKS(built_in->create(&lab->authority, lab->now, &err));
    issue(lab, EK_KEY_P256, &leaf);
    WORKS(built_in->find(&lab->authority, &first, &one, &err));
    assert_int_equal(unlink(lab->ca), 0);
    WORKS(built_in->create(&lab->authority, lab->now, &err)); /* same name, another key */
    WORKS(built_in->find(&lab->authority, &second, &two, &err));
    for (int again = 0; again < 2; again++) { /* what is remembered is remembered of the pair */
        WORKS(ek_certificate_issued_by(leaf.bytes, leaf.length, first.bytes, first.length, &err));
        FAILS(ek_certificate_issued_by(leaf.bytes, leaf.length, second.bytes, second.length, &err),
              EK_INVALID, "EK-0715");
    }
    FAILS(ek_certificate_issued_by(first.bytes, first.length, leaf.bytes, leaf.length, &err),
          EK_INVALID, "EK-0715");
    for (int again = 0; again < 2; again++) {
        struct ek_certificate_facts facts;
        WORKS(ek_certificate_read(first.bytes, first.length, &facts, &err));
        assert_memory_equal(facts.sha256, one.sha256, 32);
        WORKS(ek_certificate_read(second.bytes, second.length, &facts, &err));
        assert_memory_equal(facts.sha256, two.sha256, 32);
    }
    ek_buffer_text_add(&both, "# old\n");
    ek_buffer_add(&both, first.bytes, first.length);
    ek_buffer_add(&both, second.bytes, second.length);
    ek_buffer_add(&both, leaf.bytes, leaf.length);
    WORKS(ek_certificate_bundle(both.bytes, both.length, &fingerprints, &err));
    assert_int_equal(fingerprints.count, 3);
    assert_memory_equal(found[0], one.sha256, 32);
    assert_memory_equal(found[1], two.sha256, 32);
    FAILS(ek_certificate_bundle("nothing", 7, &fingerprints, &err), EK_INVALID, "EK-0713");
    FAILS(ek_certificate_read("nothing", 7, &one, &err), EK_INVALID, "EK-0713");
    both.bytes[first.length / 2] = '*'; /* damaged */
    assert_int_equal(ek_certificate_bundle(both.bytes, both.length, &fingerprints, &err),
                     EK_INVALID);
    assert_int_equal(fingerprints.count, 3);
}

static void open_keys_are_not_called_sealed(void **state)
{
    const struct lab *lab = *state;
    char path[128];
    EK_BUFFER text = {0};
    snprintf(path, sizeof path, "%s/open.key", lab->place->directory);
    assert_int_equal(OPENSSL(NULL, &text, "genpkey", "-algorithm", "EC", "-pkeyopt",
                             "ec_paramgen_curve:P-256", "-out", path),
                     0);
    char *key = text_of(path);
    assert_false(ek_certificate_key_is_sealed(key, strlen(key)));
    free(key);
    assert_false(ek_certificate_key_is_sealed("", 0));
}

#define IN_LAB(test) cmocka_unit_test_setup_teardown(test, lab_setup, lab_teardown)

int main(void)
{
    built_in = ek_certificate_driver_named("built-in");
    local = ek_host_driver_named("local");
    const struct CMUnitTest tests[] = {
        IN_LAB(an_authority_is_made_once_and_its_key_is_sealed),
        IN_LAB(made_by_several_at_once_there_is_one_authority),
        IN_LAB(an_interrupted_creation_starts_over),
        IN_LAB(a_leaf_says_exactly_what_it_should),
        IN_LAB(rsa_is_made_on_demand),
        IN_LAB(dates_stay_within_the_authoritys_and_two_years),
        IN_LAB(bad_requests_and_names_are_refused),
        IN_LAB(without_the_right_master_key_nothing_is_signed),
        IN_LAB(the_key_on_the_host_opens_with_its_password_only),
        IN_LAB(a_certificate_is_joined_with_its_own_key_only),
        IN_LAB(a_failed_request_leaves_the_old_key),
        IN_LAB(issuers_and_bundles_are_told_apart),
        IN_LAB(open_keys_are_not_called_sealed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
