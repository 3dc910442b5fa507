/* The MongoDB store on bad days, on a set with TLS: logins, trust, versions, a server that is gone,
 * silent, or no primary. */
#include "store_support.h"

#include <pthread.h>

#include "drivers/store/drivers.h"
#include "drivers/store/mongodb.h"
#include "tests/unit/mongodb_certificates.h"
#include "tests/unit/store_server.h"

static struct ek_error err;
static struct test_server server = {.set_name = "rs-store"};
static char uri[160], password_file[256], ca_file[256], other_ca_file[256], pem_file[256];
static char direct[400];

static struct ek_store_location here(void)
{
    return (struct ek_store_location){
        .uri = uri, .password_file = password_file, .ca_file = ca_file};
}

static int try_open(const struct ek_store_location *location)
{
    struct ek_store_handle handle = {0};
    err = (struct ek_error){0};
    int result = ek_store_open(location, &handle, &err);
    ek_store_close(&handle);
    return result;
}

static struct ek_store_handle open_it(void)
{
    struct ek_store_location location = here();
    struct ek_store_handle handle = {0};
    assert_good(ek_store_open(&location, &handle, &err));
    return handle;
}

static int append(const struct ek_store_handle *handle, const char *text, int64_t *ret_number)
{
    const struct ek_store_event event = {.at_ms = 5,
                                         .account = "acme",
                                         .deployment = "orders",
                                         .kind = "step-done",
                                         .who = "alice@ops1",
                                         .commit = "",
                                         .plan = "",
                                         .text = text,
                                         .detail = "{}"};
    err = (struct ek_error){0};
    return handle->driver->append(handle->store, &event, ret_number, &err);
}

static bool as_root(bson_t *words)
{
    /* What the localhost exception let nobody do: the keyFile's user may. */
    char with_key[600];
    snprintf(with_key, sizeof with_key, "%s", direct);
    mongoc_uri_t *address = mongoc_uri_new(with_key);
    mongoc_uri_set_username(address, "__system");
    mongoc_uri_set_password(address, TEST_KEY);
    mongoc_uri_set_auth_source(address, "local");
    mongoc_uri_set_auth_mechanism(address, "SCRAM-SHA-256");
    mongoc_client_t *client = mongoc_client_new_from_uri(address);
    bool good = store_server_command(client, words);
    mongoc_client_destroy(client);
    mongoc_uri_destroy(address);
    return good;
}

/* ---- who may ---- */

static void test_where_there_is_none(void **state)
{
    (void)state;
    struct ek_store_location location = here();
    location.must_exist = true;
    assert_fails(try_open(&location), EK_NOT_FOUND, "EK-1001");
    location.must_exist = false;
    assert_good(try_open(&location));
    location.must_exist = true;
    assert_good(try_open(&location));
}

static void test_logins(void **state)
{
    (void)state;
    struct ek_store_location location = here();
    char wrong[256];
    snprintf(wrong, sizeof wrong, "%s/wrong", server.directory);
    test_server_write(&server, "wrong", "another one");
    location.password_file = wrong;
    assert_fails(try_open(&location), EK_DENIED, "EK-1018");
    assert_null(strstr(err.cause, "another one"));
    location = here();
    location.password_file = NULL;
    assert_fails(try_open(&location), EK_INVALID, "EK-1009");
    location = here();
    location.password_file = scratch_path("no such file");
    assert_int_equal(try_open(&location), EK_NOT_FOUND);
    char elsewhere[160];
    snprintf(elsewhere, sizeof elsewhere,
             "mongodb://keeper@127.0.0.1:%d/other?replicaSet=rs-store&authSource=admin",
             server.port);
    location = here();
    location.uri = elsewhere;
    assert_fails(try_open(&location), EK_DENIED, "EK-1018");
    snprintf(elsewhere, sizeof elsewhere, "mongodb://127.0.0.1:%d/audit?replicaSet=rs-store",
             server.port);
    assert_fails(try_open(&location), EK_INVALID, "EK-1009"); /* a password, but of whom? */
}

static void test_trust(void **state)
{
    (void)state;
    struct ek_store_location location = here();
    location.ca_file = other_ca_file;
    assert_fails(try_open(&location), EK_UNREACHABLE, "EK-1001");
    location.ca_file = NULL; /* then no TLS is asked for, which the server does not take */
    assert_fails(try_open(&location), EK_UNREACHABLE, "EK-1001");
}

static void test_a_newer_store_is_left_alone(void **state)
{
    (void)state;
    struct ek_store_handle handle = open_it();
    bson_t *query = BCON_NEW("_id", "layout");
    bson_t *update = BCON_NEW("$set", "{", "version", BCON_INT32(99), "}");
    struct ek_written written;
    assert_good(ek_mongodb_store_update(
        handle.store, &(struct ek_mongodb_change){"meta", query, update, false}, &written, &err));
    struct ek_store_location location = here();
    assert_fails(try_open(&location), EK_UNSUPPORTED, "EK-1002");
    bson_destroy(update);
    update = BCON_NEW("$set", "{", "version", BCON_INT32(EK_MONGODB_STORE_VERSION), "}");
    assert_good(ek_mongodb_store_update(
        handle.store, &(struct ek_mongodb_change){"meta", query, update, false}, &written, &err));
    assert_good(try_open(&location));
    bson_destroy(update);
    bson_destroy(query);
    ek_store_close(&handle);
}

/* ---- bad days ---- */

static void test_tampering_is_noticed(void **state)
{
    (void)state;
    struct ek_store_handle handle = open_it();
    int64_t number = 0;
    int64_t events = 0;
    struct ek_written written;
    for (int i = 0; i < 3; i++)
        assert_good(append(&handle, "something happened", &number));
    assert_good(ek_store_verify(&handle, &events, &err));
    assert_int_equal(events, number);
    bson_t *query = BCON_NEW("_id", BCON_INT64(number - 1));
    bson_t *update = BCON_NEW("$set", "{", "who", "bob", "}");
    bson_t *undo = BCON_NEW("$set", "{", "who", "alice@ops1", "}");
    assert_good(ek_mongodb_store_update(
        handle.store, &(struct ek_mongodb_change){"events", query, update, false}, &written, &err));
    assert_fails(ek_store_verify(&handle, &events, &err), EK_CONFLICT, "EK-1010");
    assert_good(ek_mongodb_store_update(
        handle.store, &(struct ek_mongodb_change){"events", query, undo, false}, &written, &err));
    assert_good(ek_store_verify(&handle, &events, &err));
    bson_t *last = BCON_NEW("delete", "events", "deletes", "[", "{", "q", "{", "_id",
                            BCON_INT64(number), "}", "limit", BCON_INT32(1), "}", "]");
    assert_good(ek_mongodb_store_write(handle.store, last, &written, &err));
    assert_fails(ek_store_verify(&handle, &events, &err), EK_CONFLICT, "EK-1010");
    assert_non_null(strstr(err.sentence, "cut off at the end"));
    bson_t *all = BCON_NEW("drop", "events");
    assert_good(ek_mongodb_store_write(handle.store, all, &written, &err));
    bson_t *head = BCON_NEW("delete", "meta", "deletes", "[", "{", "q", "{", "_id", "head", "}",
                            "limit", BCON_INT32(1), "}", "]");
    assert_good(ek_mongodb_store_write(handle.store, head, &written, &err));
    bson_destroy(query), bson_destroy(update), bson_destroy(undo);
    bson_destroy(last), bson_destroy(all), bson_destroy(head);
    ek_store_close(&handle);
}

/* Silent while an event is on its way: whether it arrived is found out afterwards. */
struct thaw {
    pthread_t thread;
    int64_t after_ms;
};

static void *thaw(void *context)
{
    const struct thaw *when = context;
    ek_sleep_ms(when->after_ms);
    kill(server.pid, SIGCONT);
    return NULL;
}

static void test_a_server_that_is_silent_for_a_while(void **state)
{
    (void)state;
    struct ek_store_handle handle = open_it();
    struct thaw when = {.after_ms = 1500};
    int64_t first = 0;
    int64_t second = 0;
    int64_t events = 0;
    assert_good(append(&handle, "before", &first));
    kill(server.pid, SIGSTOP);
    pthread_create(&when.thread, NULL, thaw, &when);
    assert_good(append(&handle, "meanwhile", &second));
    pthread_join(when.thread, NULL);
    assert_int_equal(second, first + 1);
    assert_good(ek_store_verify(&handle, &events, &err));
    assert_int_equal(events, second);
    ek_store_close(&handle);
}

static void test_a_primary_that_steps_down(void **state)
{
    (void)state;
    struct ek_store_handle handle = open_it();
    struct ek_lease_record none = {0};
    struct ek_lease_record mine = {.token = 1, .beat = 1, .holder = "{}"};
    struct ek_lease_record found;
    int64_t number = 0;
    int64_t events = 0;
    assert_good(append(&handle, "before", &number));
    (void)as_root(BCON_NEW("replSetStepDown", BCON_INT32(2), "force", BCON_BOOL(true)));
    int result = handle.driver->swap_lease(handle.store, "down", &none, &mine, &err);
    assert_true(result == 0 || result == EK_UNREACHABLE || result == EK_TIMEOUT);
    assert_good(append(&handle, "after", &number)); /* waits for the next primary */
    assert_good(handle.driver->get_lease(handle.store, "down", &found, &err));
    if (result == 0)
        assert_int_equal(found.token, 1);
    if (result == EK_UNREACHABLE)
        assert_int_equal(found.token, 0);
    assert_good(ek_store_verify(&handle, &events, &err));
    assert_int_equal(events, number);
    ek_store_close(&handle);
}

static void test_a_server_that_is_gone(void **state)
{
    (void)state;
    struct ek_store_handle handle = open_it();
    struct ek_lease_record none = {0};
    struct ek_lease_record mine = {.token = 1, .beat = 1, .holder = "{}"};
    struct ek_lease_record found;
    test_server_kill(&server);
    int result = handle.driver->swap_lease(handle.store, "gone", &none, &mine, &err);
    assert_true(result == EK_UNREACHABLE || result == EK_TIMEOUT);
    assert_fails(handle.driver->get_lease(handle.store, "gone", &found, &err), EK_UNREACHABLE,
                 "EK-1001");
    struct ek_store_location location = here();
    assert_fails(try_open(&location), EK_UNREACHABLE, "EK-1001");
    ek_store_close(&handle);
}

static int set_up(void **state)
{
    if (scratch_make(state) != 0)
        return -1;
    snprintf(ca_file, sizeof ca_file, "%s/ca.crt", scratch);
    snprintf(other_ca_file, sizeof other_ca_file, "%s/other.crt", scratch);
    snprintf(pem_file, sizeof pem_file, "%s/a.pem", scratch);
    if (certificates_make(scratch, "ca") != 0 || certificates_make(scratch, "other") != 0 ||
        certificates_leaf(scratch, "ca", "a", "DNS:localhost,IP:127.0.0.1") != 0)
        return -1;
    server.ca_file = ca_file;
    server.pem_file = pem_file;
    bool good = store_server_set_up(&server, EK_SSL_REQUIRE, uri, password_file);
    snprintf(direct, sizeof direct,
             "mongodb://127.0.0.1:%d/?directConnection=true&tls=true&tlsCAFile=%s", server.port,
             ca_file);
    return good ? 0 : -1;
}

static int tear_down(void **state)
{
    test_server_kill(&server);
    return scratch_remove(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_there_is_none),
        cmocka_unit_test(test_logins),
        cmocka_unit_test(test_trust),
        cmocka_unit_test(test_a_newer_store_is_left_alone),
        cmocka_unit_test(test_tampering_is_noticed),
        cmocka_unit_test(test_a_server_that_is_silent_for_a_while),
        cmocka_unit_test(test_a_primary_that_steps_down),
        cmocka_unit_test(test_a_server_that_is_gone),
    };
    if (!test_server_find())
        return 0;
    return cmocka_run_group_tests_name("store_mongodb", tests, set_up, tear_down);
}
