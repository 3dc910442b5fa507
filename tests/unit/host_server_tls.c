/* The drivers together: a real server (mongod, or the stand-in) started with a sealed key
 * whose password is in memory only, and a real TLS client. */
#include "tests/unit/host_support.h"

#include "drivers/certificate/certificate.h"
#include "drivers/host/process.h"
#include "drivers/host/server_configuration.h"

#define NAME "a.q7w3.fleet.example.net"
#define PORT "28931"
#define PORT_NUMBER 28931

static const char address[] = "127.0.0.1:" PORT;

static const struct ek_host_driver *local;

static const char *server(void)
{
    const char *given = getenv("MONGOD");
    if (given && *given)
        return given;
    return access("build/mongod-standin", X_OK) == 0 ? "build/mongod-standin" : NULL;
}

static void prepare_tls(const struct place *place, struct ek_server_tls *tls, char *pem, char *ca,
                        char *password_file)
{
    const struct ek_certificate_driver *built_in = ek_certificate_driver_named("built-in");
    const char *const names[] = {NAME};
    char key_file[128], key[128];
    snprintf(key_file, sizeof key_file, "%s/master.key", place->directory);
    snprintf(key, sizeof key, "%s/tls/server.key", place->directory);
    WORKS(ek_secret_master_key_create(key_file, &err));
    const struct ek_secret_store store = {.directory = place->directory, .key_file = key_file};
    const struct ek_authority_spec spec = {.name = (char *)"ca",
                                           .account = (char *)"acme",
                                           .common_name = (char *)"acme ca",
                                           .organization = (char *)"acme",
                                           .validity_s = 86400 * 100};
    const struct ek_authority authority = {
        .spec = &spec, .store = &store, .secrets = ek_secret_driver_named("sealed-files")};
    int64_t now = ek_wall_ms() / 1000;
    const struct ek_key_host at = {local, &place->host, SOON};
    EK_SECRET *password = NULL;
    EK_BUFFER request = {0};
    EK_BUFFER leaf = {0};
    EK_BUFFER root = {0};
    struct ek_certificate_facts facts;
    char memory[256];
    WORKS(ek_secret_random(32, &password, &err));
    WORKS(built_in->create(&authority, now, &err));
    WORKS(built_in->find(&authority, &root, &facts, &err));
    WORKS(ek_certificate_request_on_host(
        &at, &(struct ek_key_order){key, EK_KEY_P256, password, NAME}, &request, &err));
    WORKS(built_in->sign(
        &authority,
        &(struct ek_signing){ek_buffer_text(&request), names, 1, "orders", now, 86400 * 30}, &leaf,
        &err));
    WORKS(ek_certificate_install_on_host(
        &at, &(struct ek_installation){ek_buffer_text(&leaf), key, pem, password}, &err));
    WORKS(local->write_file(&place->host,
                            &(struct ek_file_content){ca, root.bytes, root.length, 0644, false},
                            SOON, &err));
    WORKS(local->volatile_directory(&place->host, SOON, memory, sizeof memory, &err));
    snprintf(password_file, 300, "%s/key-password", memory);
    WORKS(local->write_file(&place->host,
                            &(struct ek_file_content){password_file, ek_secret_reveal(password),
                                                      ek_secret_length(password), 0600, false},
                            SOON, &err));
    *tls = (struct ek_server_tls){.mode = EK_SSL_REQUIRE,
                                  .certificate_key_file = pem,
                                  .ca_file = ca,
                                  .password_file = password_file};
}

static int handshake(const struct place *place, const char *ca, const char *check,
                     const char *against)
{
    const char *const argv[] = {
        "openssl", "s_client", "-connect", address, "-CAfile", ca, "-verify_return_error",
        check,     against,    NULL};
    EK_COMMAND_RESULT ran = {0};
    WORKS(local->run(&place->host, &(struct ek_command){.argv = argv}, SOON, &ran, &err));
    return ran.status;
}

static void a_server_takes_its_sealed_key_by_a_password_in_memory(void **state)
{
    struct place *place = *state;
    char log[128], data[128], pem[128], ca[128], password_file[300];
    struct ek_server_tls tls;
    if (!server())
        skip();
    snprintf(log, sizeof log, "%s/mongod.log", place->directory);
    snprintf(data, sizeof data, "%s/db", place->directory);
    snprintf(pem, sizeof pem, "%s/tls/server.pem", place->directory);
    snprintf(ca, sizeof ca, "%s/tls/ca.pem", place->directory);
    place->host.server_binary = server();
    assert_int_equal(mkdir(data, 0700), 0);
    prepare_tls(place, &tls, pem, ca, password_file);
    const struct ek_server_new fresh = {
        .bind_ip = "127.0.0.1", .port = PORT_NUMBER, .db_path = data, .log_path = log};
    EK_BUFFER text = {0};
    WORKS(ek_server_configuration_create(&fresh, &tls, &text, &err));
    WORKS(local->write_file(
        &place->host,
        &(struct ek_file_content){place->configuration, text.bytes, text.length, 0600, false}, SOON,
        &err));
    WORKS(local->service(&place->host, EK_SERVICE_START, false, SOON, &err));
    struct ek_host_facts facts = {0};
    WORKS(local->facts(&place->host, SOON, &facts, &err));
    assert_true(facts.running);
    int64_t deadline = SOON;
    while (!ek_process_listens((pid_t)facts.pid) && ek_time_left_ms(deadline) > 0)
        ek_sleep_ms(10);
    assert_int_equal(handshake(place, ca, "-verify_hostname", NAME), 0);
    assert_int_not_equal(handshake(place, ca, "-verify_hostname", "db-a.example.net"), 0);
    assert_int_not_equal(handshake(place, ca, "-verify_ip", "127.0.0.1"), 0);
    /* and without the password it says why it can't start */
    WORKS(local->remove_file(&place->host, password_file, SOON, &err));
    memset(&err, 0, sizeof err);
    assert_int_equal(local->service(&place->host, EK_SERVICE_RESTART, false, SOON, &err),
                     EK_CONFLICT);
    assert_string_equal(err.id, "EK-0404");
    assert_true(strlen(err.cause) > 20);
    *strrchr(password_file, '/') = 0;
    assert_int_equal(rmdir(password_file), 0);
    *strrchr(password_file, '/') = 0;
    rmdir(password_file); /* the base, if nobody else has anything in it */
}

int main(void)
{
    local = ek_host_driver_named("local");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_server_takes_its_sealed_key_by_a_password_in_memory,
                                        place_setup, place_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
