/* Observations as JSON: every field there and back, what is not known left out, and nothing
 * accepted that was not written by Evenkeel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "reconciler/aspects/certificate/state.h"
#include "reconciler/aspects/replica_set/state.h"
#include "reconciler/aspects/transport/state.h"
#include "reconciler/aspects/users/state.h"
#include "reconciler/report/state_json.h"

#define HEX_1 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEX_2 "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

/* Every field has a value of its own. */
static const char whole[] =
    "{\"account\":\"acme\",\"deployment\":\"orders\",\"initiated\":true,\"set_name\":\"rs0\","
    "\"set_id\":\"5f\",\"config_version\":4,\"config_term\":5,\"election_term\":6,"
    "\"foreign_member\":\"x:1\",\"cluster_role\":\"shardsvr\",\"domain_label\":\"q7w\","
    "\"authority\":true,"
    "\"authority_sha256\":\"" HEX_1
    "\",\"authority_not_after_s\":15,\"authentication\":false,\"own_user\":true,"
    "\"problem\":\"nobody was asked\",\"members\":[{\"name\":\"a\",\"process\":true,\"pid\":7,"
    "\"started_ms\":8,\"age_ms\":9,\"clock_ahead_ms\":-3,\"restart_begun\":false,\"data\":true,"
    "\"configuration\":true,"
    "\"key_file\":false,\"ssl_mode_configured\":\"allowSSL\","
    "\"options_configured\":{\"known\":true,\"digest\":\"" HEX_1 "\",\"keys\":\"net.port=1\\n\"},"
    "\"options_wanted\":{\"known\":true,\"keys\":\"net.port=2\\n\",\"digest\":\"" HEX_2 "\"},"
    "\"options_lost\":\"--auth\",\"options_added\":\"--replSet "
    "rs0\",\"foreign_certificate\":\"/b.pem\","
    "\"certificate_installed\":{\"present\":true,\"sha256\":\"" HEX_1
    "\",\"issued_by_authority\":true,\"key_sealed\":false,\"sole_name\":true,\"name\":\"a.b\","
    "\"not_after_s\":10},\"key_password\":false,\"trust_installed\":{\"present\":true,"
    "\"authorities\":[\"" HEX_1 "\",\"" HEX_2
    "\"]},\"reachable\":true,\"state\":\"PRIMARY\",\"writable\":true,"
    "\"version\":\"4.2.2\",\"ssl_mode_running\":\"requireSSL\","
    "\"options_running\":{\"known\":true,\"keys\":\"net.port=1\\n\"},\"certificate_running\":{"
    "\"present\":false},"
    "\"trust_running\":{\"present\":false},\"signing_key\":11,\"lag_ms\":12,"
    "\"plaintext_clients\":13,\"id\":14,\"host\":\"db-a:27017\",\"priority\":1.5,\"votes\":1,"
    "\"hidden\":true,\"arbiter\":true,\"delayed\":true,\"healthy_for\":[\"b\"],"
    "\"viewed_by\":[\"a\",\"b\"],\"domain_name_bound\":false,\"spec_host_resolves\":true,"
    "\"problem\":\"no answer\"},{\"name\":\"b\",\"priority\":0}]}";

static struct ek_state *seen;
static char problems[EK_MEMBERS_MAX + 1][512];

static int read_text(const char *text, struct ek_error *err)
{
    json_error_t problem;
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &problem);
    if (!json)
        fail_msg("%s", problem.text);
    struct ek_state *before = seen;
    int result = ek_state_json_read(json, &seen, problems, err);
    if (result == 0)
        free(before);
    json_decref(json);
    return result;
}

static void there_and_back(void **state)
{
    (void)state;
    struct ek_error err = {0};
    assert_int_equal(read_text(whole, &err), 0);
    json_t *was = json_loads(whole, 0, NULL);
    json_t *is = ek_state_json(seen, (const char(*)[512])problems);
    assert_true(json_equal(was, is));
    json_decref(was);
    json_decref(is);
    const struct ek_member *a = ek_member(seen, 0);
    const struct ek_member_transport *a_transport = ek_member_transport(seen, 0);
    const struct ek_member_certificates *a_certificates = ek_member_certificates(seen, 0);
    assert_int_equal(a_transport->options_running.keys.place,
                     a_transport->options_configured.keys.place);
    assert_int_equal(seen->member_count, 2);
    assert_int_equal(ek_set(seen)->config_term, 5);
    assert_int_equal(ek_access(seen)->authentication, EK_NO);
    assert_int_equal(a_transport->mode_configured, EK_SSL_ALLOW);
    assert_int_equal(a_transport->mode_running, EK_SSL_REQUIRE);
    assert_int_equal(a_certificates->trust_installed.count, 2);
    assert_int_equal(a_certificates->trust_installed.sha256[1][0], 0xfe);
    assert_int_equal(a->state, EK_MEMBER_PRIMARY);
    assert_int_equal(a->version[1], 2);
    assert_int_equal(a->healthy_for, 2);
    assert_int_equal(a->viewed_by, 3);
    assert_string_equal(problems[0], "no answer");
    assert_string_equal(problems[2], "nobody was asked");
}

static void what_is_not_known_is_left_out(void **state)
{
    (void)state;
    struct ek_error err = {0};
    assert_int_equal(read_text("{\"members\":[{\"name\":\"a\"}]}", &err), 0);
    const struct ek_member *a = ek_member(seen, 0);
    const struct ek_member_transport *a_transport = ek_member_transport(seen, 0);
    const struct ek_member_certificates *a_certificates = ek_member_certificates(seen, 0);
    assert_int_equal(a->process, EK_UNKNOWN);
    assert_int_equal(a_transport->mode_running, EK_SSL_UNKNOWN);
    assert_int_equal(a->state, EK_MEMBER_UNKNOWN);
    assert_int_equal(a->lag_ms, -1);
    assert_int_equal(a_transport->plaintext_clients, -1);
    assert_int_equal(a->signing_key, -1);
    assert_int_equal(a->id, -1);
    assert_int_equal(a->clock_ahead_ms, EK_CLOCK_UNKNOWN);
    assert_int_equal(a_certificates->certificate_running.present, EK_UNKNOWN);
    assert_int_equal(ek_set(seen)->initiated, EK_UNKNOWN);
    assert_int_equal(ek_set(seen)->config_version, -1);
    json_t *again = ek_state_json(seen, NULL);
    assert_int_equal(json_object_size(again), 1);
    json_t *member = json_array_get(json_object_get(again, "members"), 0);
    assert_null(json_object_get(member, "process"));
    assert_null(json_object_get(member, "lag_ms"));
    json_decref(again);
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"[]", "is no object"},
        {"{}", "members must be a list"},
        {"{\"members\":[]}", "members must be a list"},
        {"{\"members\":[7]}", "members[0] has no name"},
        {"{\"members\":[{\"name\":\"\"}]}", "members[0] has no name"},
        {"{\"members\":[{\"name\":\"a\"},{\"name\":\"a\"}]}", "members[1]: there are two called a"},
        {"{\"members\":[{\"name\":\"a\"}],\"primary\":\"a\"}", "primary is no key"},
        {"{\"members\":[{\"name\":\"a\",\"pids\":1}]}", "members[0].pids is no key"},
        {"{\"members\":[{\"name\":\"a\",\"trust_running\":{\"names\":[]}}]}",
         "members[0].trust_running.names is no key"},
        {"{\"members\":[{\"name\":\"a\",\"trust_running\":[]}]}", "is no object"},
        {"{\"members\":[{\"name\":\"a\",\"process\":null}]}", "process must be true or false"},
        {"{\"members\":[{\"name\":\"a\",\"hidden\":1}]}", "hidden must be true or false"},
        {"{\"members\":[{\"name\":\"a\",\"lag_ms\":1.5}]}", "lag_ms must be a whole number"},
        {"{\"members\":[{\"name\":\"a\",\"votes\":-1}]}", "votes must be a whole number from 0"},
        {"{\"members\":[{\"name\":\"a\",\"votes\":4294967297}]}", "votes must be a whole number"},
        {"{\"members\":[{\"name\":\"a\",\"priority\":1001}]}", "priority must be a number"},
        {"{\"members\":[{\"name\":\"a\",\"state\":\"primary\"}]}", "state must be a state"},
        {"{\"members\":[{\"name\":\"a\",\"ssl_mode_running\":\"unknown\"}]}",
         "ssl_mode_running must be disabled"},
        {"{\"members\":[{\"name\":\"a\",\"version\":\"4.2\"}]}", "version must be a version"},
        {"{\"members\":[{\"name\":\"a\",\"version\":\"4.2.2x\"}]}", "version must be a version"},
        {"{\"members\":[{\"name\":\"a\",\"healthy_for\":[\"b\"]}]}", "must be a list of members"},
        {"{\"members\":[{\"name\":\"a\",\"problem\":1}]}", "members[0].problem must be a text"},
        {"{\"members\":[{\"name\":\"a\"}],\"problem\":{}}", "problem must be a text"},
        {"{\"members\":[{\"name\":\"a\"}],\"authority_sha256\":\"00\"}", "must be 64 hex digits"},
        {"{\"members\":[{\"name\":\"a\"}],\"set_name\":\"\"}", "set_name must be a text"},
        {"{\"members\":[{\"name\":\"a\"}],\"set_id\":\"" HEX_1 "\"}", "set_id must be shorter"},
        {"{\"members\":[{\"name\":\"a\",\"trust_running\":{\"authorities\":[\"" HEX_1 "\",\"" HEX_1
         "\",\"" HEX_1 "\",\"" HEX_1 "\",\"" HEX_1 "\"]}}]}",
         "at most 4"},
        {"{\"members\":[{\"name\":\"a\",\"trust_running\":{\"authorities\":{}}}]}", "at most 4"},
        {"{\"members\":[{\"name\":\"a\",\"trust_running\":{\"authorities\":[\"00\"]}}]}",
         "at most 4"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ek_error err = {0};
        const struct ek_state *before = seen;
        assert_int_equal(read_text(cases[i].text, &err), EK_INVALID);
        assert_string_equal(err.id, "EK-0819");
        if (!strstr(err.sentence, cases[i].says))
            fail_msg("%s: %s", cases[i].text, err.sentence);
        assert_ptr_equal(seen, before); /* untouched */
    }
    struct ek_error err = {0};
    assert_int_equal(
        read_text("{\"members\":[{\"name\":\"a\",\"trust_running\":{\"authorities\":[\"" HEX_1
                  "\",\"" HEX_1 "\",\"" HEX_1 "\",\"" HEX_1 "\"]}}]}",
                  &err),
        0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(what_is_not_known_is_left_out),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests_name("state as JSON", tests, NULL, NULL);
}
