/* Signing keys and signed plans: a plan that was changed in any place is refused. */
#include "tests/unit/store_support.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "reconciler/base/file.h"
#include "reconciler/consent/sign.h"
#include "reconciler/document/plan_json.h"
#include "reconciler/document/planned.h"
#include "tests/model/cases.c" /* the model's fleets, compiled into this program */

static struct ek_error err;
static char key_path[160];
static char public[EK_PUBLIC_KEY_SIZE];

static int set_up(void **state)
{
    (void)state;
    err = (struct ek_error){0};
    if (scratch_make(state) != 0)
        return -1;
    snprintf(key_path, sizeof key_path, "%s/plan.key", scratch);
    return ek_sign_key_create(key_path, public, &err);
}

static int tear_down(void **state)
{
    unlink(key_path);
    return scratch_remove(state);
}

static json_t *a_plan(void)
{
    static struct model_case fleet;
    struct ek_plan plan;
    model_case_init(&fleet, 2, EK_SSL_DISABLED, EK_SSL_PREFER, MODEL_DOMAIN_KNOWN);
    fleet.policy.consent.window = EK_WINDOW_CLOSED;
    assert_good(ek_plan_make(EK_SITUATION(&fleet.spec, fleet.state, &fleet.policy), &plan, &err));
    struct ek_planned planned = {.spec = &fleet.spec,
                                 .state = fleet.state,
                                 .policy = &fleet.policy,
                                 .plan = &plan,
                                 .observed_ms = 1800000000000};
    struct ek_plan_set set = {
        .source = {.url = "/srv/specs.git", .commit = "3f2c1ab"}, .planned = &planned, .count = 1};
    json_t *json = ek_plan_json(&set);
    ek_plan_done(&plan);
    return json;
}

static int verify(const json_t *document)
{
    const char *keys[] = {public};
    char by[EK_PUBLIC_KEY_SIZE];
    return ek_plan_verify(document, keys, 1, by, &err);
}

static void a_key_is_made_once_and_for_its_owner(void **state)
{
    (void)state;
    struct stat status;
    char other[EK_PUBLIC_KEY_SIZE];
    assert_int_equal(stat(key_path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(strlen(public), 60);
    assert_fails(ek_sign_key_create(key_path, other, &err), EK_EXISTS, "EK-1123");
    char nowhere[160];
    snprintf(nowhere, sizeof nowhere, "%s/missing/plan.key", scratch);
    assert_fails(ek_sign_key_create(nowhere, other, &err), EK_NOT_FOUND, "EK-1124");
}

static void public_keys_in_each_form(void **state)
{
    (void)state;
    unsigned char der[48];
    char text[200];
    char canonical[EK_PUBLIC_KEY_SIZE];
    assert_true(ek_public_key_parse(public, canonical));
    assert_string_equal(canonical, public);
    snprintf(text, sizeof text, "-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n",
             public);
    assert_true(ek_public_key_parse(text, canonical));
    assert_string_equal(canonical, public);
    EVP_DecodeBlock(der, (const unsigned char *)public, 60);
    EVP_EncodeBlock((unsigned char *)text, der + 12, 32);
    assert_true(ek_public_key_parse(text, canonical));
    assert_string_equal(canonical, public);
    text[strlen(text) - 2] = '='; /* another 31 bytes */
    assert_false(ek_public_key_parse(text, canonical));
    snprintf(text, sizeof text, "%s ", public);
    assert_false(ek_public_key_parse(text, canonical));
    snprintf(text, sizeof text, "%.56sAAAA", public);
    text[3] = 'x'; /* no SubjectPublicKeyInfo */
    assert_false(ek_public_key_parse(text, canonical));
    assert_false(ek_public_key_parse("", canonical));
    EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem = NULL;
    PEM_write_bio_PUBKEY(bio, other);
    long length = BIO_get_mem_data(bio, &pem);
    snprintf(text, sizeof text, "%.*s", (int)length, pem);
    BIO_free(bio);
    EVP_PKEY_free(other);
    assert_false(ek_public_key_parse(text, canonical));
}

static void a_signed_plan_is_known_by_its_key(void **state)
{
    (void)state;
    char other_path[160];
    char other[EK_PUBLIC_KEY_SIZE];
    char by[EK_PUBLIC_KEY_SIZE] = "";
    char name[65];
    char signed_name[65];
    json_t *plan = a_plan();
    assert_int_equal(ek_plan_json_digest(plan, name, NULL), 0);
    assert_fails(verify(plan), EK_NOT_FOUND, "EK-1120");
    assert_good(ek_plan_sign(plan, key_path, &err));
    assert_good(verify(plan));
    assert_int_equal(ek_plan_json_digest(plan, signed_name, NULL), 0);
    assert_string_equal(signed_name, name);
    snprintf(other_path, sizeof other_path, "%s/other.key", scratch);
    assert_good(ek_sign_key_create(other_path, other, &err));
    const char *keys[] = {other, public};
    assert_good(ek_plan_verify(plan, keys, 2, by, &err));
    assert_string_equal(by, public);
    assert_fails(ek_plan_verify(plan, keys, 1, by, &err), EK_DENIED, "EK-1121");
    assert_fails(ek_plan_verify(plan, keys, 0, by, &err), EK_DENIED, "EK-1121");
    assert_good(ek_plan_sign(plan, other_path, &err)); /* in place of the first */
    assert_good(ek_plan_verify(plan, keys, 1, by, &err));
    assert_fails(verify(plan), EK_DENIED, "EK-1121");
    /* The other's signature under a name that is trusted. */
    json_object_set_new(json_object_get(plan, "signature"), "key", json_string(public));
    assert_fails(verify(plan), EK_DENIED, "EK-1121");
    json_decref(plan);
    unlink(other_path);
}

static void a_key_that_others_can_read(void **state)
{
    (void)state;
    json_t *plan = a_plan();
    assert_int_equal(chmod(key_path, 0640), 0);
    assert_fails(ek_plan_sign(plan, key_path, &err), EK_DENIED, "EK-1122");
    assert_null(json_object_get(plan, "signature"));
    assert_int_equal(chmod(key_path, 0600), 0);
    assert_good(ek_file_write(key_path, "nonsense", 8, 0600, &err));
    assert_fails(ek_plan_sign(plan, key_path, &err), EK_INVALID, "EK-1124");
    unlink(key_path);
    assert_fails(ek_plan_sign(plan, key_path, &err), EK_NOT_FOUND, "EK-1124");
    json_decref(plan);
}

/* ---- every field ------------------------------------------------------------------------ */

static size_t tried;

static json_t *changed(const json_t *value)
{
    char text[8192];
    switch (json_typeof(value)) {
    case JSON_STRING:
        snprintf(text, sizeof text, "%s", json_string_value(value));
        if (text[0])
            text[0] ^= 1;
        else
            text[0] = 'x', text[1] = 0;
        return json_string(text);
    case JSON_INTEGER: return json_integer(json_integer_value(value) + 1);
    case JSON_TRUE: return json_false();
    case JSON_NULL: return json_true();
    default: return json_null();
    }
}

static void assert_refused(json_t *document, const char *what)
{
    tried++;
    err = (struct ek_error){0};
    if (verify(document) == 0)
        fail_msg("not noticed: %s", what);
}

/* Change, and take out, every value below `value`, which is a part of the document. */
static void flip(json_t *document, json_t *value, const char *path)
{
    char below[512];
    if (json_is_object(value)) {
        json_t *keys = json_object();
        const char *key;
        void *next;
        json_t *child;
        json_object_update(keys, value);
        json_object_foreach_safe(keys, next, key, child)
        {
            json_t *kept = json_incref(child);
            snprintf(below, sizeof below, "%.300s.%s", path, key);
            json_object_set_new(value, key, changed(kept));
            assert_refused(document, below);
            json_object_del(value, key);
            assert_refused(document, below);
            json_object_set(value, key, kept);
            flip(document, kept, below);
            json_decref(kept);
        }
        json_object_set_new(value, "another", json_true());
        assert_refused(document, path);
        json_object_del(value, "another");
        json_decref(keys);
    } else if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++) {
            json_t *kept = json_incref(json_array_get(value, i));
            snprintf(below, sizeof below, "%.300s[%zu]", path, i);
            json_array_set_new(value, i, changed(kept));
            assert_refused(document, below);
            json_array_remove(value, i);
            assert_refused(document, below);
            json_array_insert(value, i, kept);
            flip(document, kept, below);
            json_decref(kept);
        }
        json_array_append_new(value, json_true());
        assert_refused(document, path);
        json_array_remove(value, json_array_size(value) - 1);
    }
}

static void no_field_can_be_changed(void **state)
{
    (void)state;
    json_t *plan = a_plan();
    assert_good(ek_plan_sign(plan, key_path, &err));
    tried = 0;
    flip(plan, plan, "");
    assert_true(tried > 400);
    assert_good(verify(plan));
    json_decref(plan);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_key_is_made_once_and_for_its_owner),
        TEST(public_keys_in_each_form),
        TEST(a_signed_plan_is_known_by_its_key),
        TEST(a_key_that_others_can_read),
        TEST(no_field_can_be_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
