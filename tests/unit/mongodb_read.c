/* The readers, held against answers in the shape that a server 4.2.2 gives them, and
 * against what newer ones and damaged ones say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/host/server_configuration.h"
#include "drivers/mongodb/bson_read.h"
#include "drivers/mongodb/read.h"
#include "tests/unit/mongodb_json.h"

static void read_json(void (*read)(const bson_t *, struct ek_mongodb_seen *), const char *text,
                      struct ek_mongodb_seen *seen)
{
    bson_t *document = json(text);
    read(document, seen);
    bson_destroy(document);
}

static struct ek_mongodb_seen *unknown(void)
{
    static struct ek_mongodb_seen seen;
    ek_mongodb_seen_init(&seen);
    return &seen;
}

#define DATE(ms) "{\"$date\":{\"$numberLong\":\"" #ms "\"}}"

static const char hello_primary[] =
    "{\"hosts\":[\"a.fleet.test:27017\",\"b.fleet.test:27017\"],\"setName\":\"rs0\","
    "\"setVersion\":1,\"ismaster\":true,\"secondary\":false,\"primary\":\"a.fleet.test:27017\","
    "\"me\":\"a.fleet.test:27017\",\"lastWrite\":{\"opTime\":{\"ts\":{\"$timestamp\":{\"t\":"
    "1795312977,\"i\":9}},\"t\":1},\"lastWriteDate\":" DATE(
        1795312977000) "},"
                       "\"minWireVersion\":0,\"maxWireVersion\":8,\"readOnly\":false,\"ok\":1.0}";

static const char hello_fresh[] =
    "{\"ismaster\":false,\"secondary\":false,\"info\":\"Does not have a valid replica set "
    "config\",\"isreplicaset\":true,\"maxWireVersion\":8,\"ok\":1.0}";

#define SECONDARY_ROW                                                                              \
    "{\"_id\":1,\"name\":\"b.fleet.test:27017\",\"health\":1.0,\"state\":2,\"stateStr\":"          \
    "\"SECONDARY\",\"uptime\":11,\"optimeDate\":" DATE(1795312966000) ",\"lastHeartbeatMessage\":" \
                                                                      "\"\",\"configVersion\":1}"
#define DOWN_ROW                                                                                   \
    "{\"_id\":2,\"name\":\"c.fleet.test:27017\",\"health\":0.0,\"state\":8,\"stateStr\":"          \
    "\"(not reachable/healthy)\",\"uptime\":0,\"optimeDate\":" DATE(                               \
        0) ",\"lastHeartbeatMessage\":"                                                            \
           "\"Error connecting to c.fleet.test:27017 :: caused by :: SSLHandshakeFailed\"}"

static const char status_primary[] = "{\"set\":\"rs0\",\"date\":" DATE(
    1795312977486) ",\"myState\":1,\"term\":3,"
                   "\"heartbeatIntervalMillis\":2000,\"optimes\":{\"lastAppliedWallTime\":" DATE(
                       1795312977344) "},\"members\":[{\"_id\":0,\"name\":\"a.fleet.test:27017\","
                                      "\"health\":1.0,\"state\":1,"
                                      "\"optimeDate\":" DATE(
                                          1795312977000) ",\"self\":true,\"lastHeartbeatMessage\":"
                                                         "\"\"}," SECONDARY_ROW "," DOWN_ROW
                                                         "],\"ok\":1.0}";

static const char config_of_three[] =
    "{\"config\":{\"_id\":\"rs0\",\"version\":4,\"protocolVersion\":1,\"members\":["
    "{\"_id\":0,\"host\":\"a.fleet.test:27017\",\"arbiterOnly\":false,\"buildIndexes\":true,"
    "\"hidden\":false,\"priority\":2.0,\"tags\":{},\"slaveDelay\":0,\"votes\":1},"
    "{\"_id\":1,\"host\":\"b.fleet.test:27017\",\"arbiterOnly\":false,\"buildIndexes\":true,"
    "\"hidden\":true,\"priority\":0.0,\"tags\":{},\"slaveDelay\":3600,\"votes\":1},"
    "{\"_id\":2,\"host\":\"c.fleet.test:27017\",\"arbiterOnly\":true,\"buildIndexes\":false,"
    "\"hidden\":false,\"priority\":0.0,\"tags\":{},\"secondaryDelaySecs\":0,\"votes\":1}],"
    "\"settings\":{\"heartbeatIntervalMillis\":2000,\"electionTimeoutMillis\":10000,"
    "\"replicaSetId\":{\"$oid\":\"6b024d459fe00b3bc66db41f\"}}},\"ok\":1.0}";

static void fields_of_the_wrong_type_are_no_values(void **state)
{
    (void)state;
    bson_t *document =
        json("{\"text\":\"7\",\"whole\":7.0,\"long\":{\"$numberLong\":\"9000000000\"},"
             "\"huge\":1e300,\"nan\":{\"$numberDouble\":\"NaN\"},\"yes\":true,"
             "\"zero\":0,\"nothing\":null,\"in\":{\"side\":\"abcdef\"}}");
    assert_int_equal(ek_bson_int(document, "text", -5), -5);
    assert_int_equal(ek_bson_int(document, "whole", -5), 7);
    assert_int_equal(ek_bson_int(document, "long", -5), 9000000000);
    assert_int_equal(ek_bson_int(document, "huge", -5), -5);
    assert_int_equal(ek_bson_int(document, "nan", -5), -5);
    assert_int_equal(ek_bson_int(document, "absent", -5), -5);
    assert_int_equal(ek_bson_answer(document, "yes"), EK_ANSWER_YES);
    assert_int_equal(ek_bson_answer(document, "zero"), EK_ANSWER_NO);
    assert_int_equal(ek_bson_answer(document, "text"), EK_ANSWER_UNKNOWN);
    assert_int_equal(ek_bson_answer(document, "nothing"), EK_ANSWER_UNKNOWN);
    assert_null(ek_bson_text(document, "whole"));
    assert_int_equal(ek_bson_date_ms(document, "whole"), -1);
    char small[4];
    assert_true(ek_bson_copy_text(document, "in.side", small, sizeof small));
    assert_string_equal(small, "abc");
    bson_t view;
    assert_false(ek_bson_document(document, "text", &view));
    assert_true(ek_bson_document(document, "in", &view));
    bson_destroy(document);
}

static void hello_of_a_primary(void **state)
{
    (void)state;
    struct ek_mongodb_seen *seen = unknown();
    read_json(ek_mongodb_read_hello, hello_primary, seen);
    assert_true(seen->answered);
    assert_int_equal(seen->writable, EK_ANSWER_YES);
    assert_int_equal(seen->initiated, EK_ANSWER_YES);
    assert_int_equal(seen->state, 1);
    assert_int_equal(seen->wire_version, 8);
    assert_int_equal(seen->config_version, 1);
    assert_int_equal(seen->applied_ms, 1795312977000);
    assert_string_equal(seen->set_name, "rs0");
    assert_string_equal(seen->me, "a.fleet.test:27017");
    assert_string_equal(seen->primary, "a.fleet.test:27017");
}

/* A primary in catch-up says "secondary" too: that word proves no state. */
static void hello_of_a_secondary_leaves_the_state_unknown(void **state)
{
    (void)state;
    struct ek_mongodb_seen *seen = unknown();
    read_json(ek_mongodb_read_hello,
              "{\"setName\":\"rs0\",\"setVersion\":1,\"ismaster\":false,\"secondary\":true,\"me\":"
              "\"b.fleet.test:27017\",\"maxWireVersion\":8,\"ok\":1.0}",
              seen);
    assert_int_equal(seen->writable, EK_ANSWER_NO);
    assert_int_equal(seen->state, -1);
    assert_string_equal(seen->primary, "");
}

static void hello_of_fresh_removed_and_standalone(void **state)
{
    (void)state;
    struct ek_mongodb_seen *seen = unknown();
    read_json(ek_mongodb_read_hello, hello_fresh, seen);
    assert_int_equal(seen->state, -2);
    assert_int_equal(seen->initiated, EK_ANSWER_NO);
    seen = unknown();
    read_json(ek_mongodb_read_hello,
              "{\"ismaster\":false,\"secondary\":false,\"info\":\"Does not have a valid replica "
              "set config\",\"isreplicaset\":true,\"setName\":\"rs0\",\"ok\":1.0}",
              seen);
    assert_int_equal(seen->state, 10);
    assert_string_equal(seen->set_name, "rs0");
    seen = unknown();
    read_json(ek_mongodb_read_hello, "{\"ismaster\":true,\"maxWireVersion\":8,\"ok\":1.0}", seen);
    assert_int_equal(seen->state, -1);
    assert_int_equal(seen->initiated, EK_ANSWER_NO);
    assert_int_equal(seen->writable, EK_ANSWER_YES);
}

static void hello_of_a_newer_server(void **state)
{
    (void)state;
    struct ek_mongodb_seen *seen = unknown();
    read_json(ek_mongodb_read_hello,
              "{\"topologyVersion\":{\"counter\":{\"$numberLong\":\"6\"}},\"setName\":\"rs0\","
              "\"setVersion\":2,\"isWritablePrimary\":true,\"secondary\":false,\"maxWireVersion\":"
              "21,\"ok\":1.0}",
              seen);
    assert_int_equal(seen->writable, EK_ANSWER_YES);
    assert_int_equal(seen->state, 1);
    assert_int_equal(seen->wire_version, 21);
}

static void status_says_how_this_member_sees_the_others(void **state)
{
    (void)state;
    struct ek_mongodb_seen *seen = unknown();
    read_json(ek_mongodb_read_status, status_primary, seen);
    assert_int_equal(seen->state, 1);
    assert_int_equal(seen->election_term, 3);
    assert_int_equal(seen->applied_ms, 1795312977344);
    assert_int_equal(seen->member_count, 3);
    assert_true(seen->members[0].healthy);
    assert_int_equal(seen->members[1].state, 2);
    assert_int_equal(seen->members[1].optime_ms, 1795312966000);
    assert_true(seen->members[1].healthy);
    assert_false(seen->members[2].healthy);
    assert_int_equal(seen->members[2].state, 8);
    assert_int_equal(seen->members[2].optime_ms, -1);
    assert_non_null(strstr(seen->members[2].heartbeat_message, "SSLHandshakeFailed"));
    assert_int_equal(seen->config_version, -1);
}

static void status_refusals_are_answers(void **state)
{
    (void)state;
    struct ek_mongodb_seen *seen = unknown();
    read_json(ek_mongodb_read_status,
              "{\"ok\":0.0,\"code\":94,\"errmsg\":\"no replset config has been received\"}", seen);
    assert_int_equal(seen->state, -2);
    assert_int_equal(seen->initiated, EK_ANSWER_NO);
    seen = unknown();
    read_json(ek_mongodb_read_status,
              "{\"state\":10,\"ok\":0.0,\"code\":93,\"errmsg\":\"Our replica set config is invalid "
              "or we are not a member of it\"}",
              seen);
    assert_int_equal(seen->state, 10);
    seen = unknown();
    read_json(ek_mongodb_read_status,
              "{\"ok\":0.0,\"code\":76,\"errmsg\":\"not running with --replSet\"}", seen);
    assert_int_equal(seen->state, -1);
}

static void configuration_and_status_meet_by_id(void **state)
{
    (void)state;
    struct ek_mongodb_seen *seen = unknown();
    read_json(ek_mongodb_read_status, status_primary, seen);
    read_json(ek_mongodb_read_config, config_of_three, seen);
    assert_int_equal(seen->member_count, 3);
    assert_int_equal(seen->config_version, 4);
    assert_int_equal(seen->config_term, -1);
    assert_int_equal(seen->election_timeout_ms, 10000);
    assert_string_equal(seen->set_id, "6b024d459fe00b3bc66db41f");
    const struct ek_mongodb_member *b = &seen->members[1], *c = &seen->members[2];
    assert_int_equal(seen->members[0].priority, 2);
    assert_true(b->hidden && b->delayed && b->view_known && b->healthy);
    assert_int_equal(b->priority, 0);
    assert_true(c->arbiter);
    assert_false(c->build_indexes || c->delayed);
    assert_string_equal(c->host, "c.fleet.test:27017");
}

static void configuration_with_a_term(void **state)
{
    (void)state;
    struct ek_mongodb_seen *seen = unknown();
    read_json(ek_mongodb_read_config,
              "{\"config\":{\"_id\":\"rs0\",\"version\":7,\"term\":{\"$numberLong\":\"12\"},"
              "\"members\":[{\"_id\":0,\"host\":\"h:1\",\"secondaryDelaySecs\":{\"$numberLong\":"
              "\"60\"}}]},\"ok\":1.0}",
              seen);
    assert_int_equal(seen->config_term, 12);
    assert_true(seen->members[0].delayed);
    assert_false(seen->members[0].view_known);
    assert_int_equal(seen->members[0].votes, 1);
}

static void more_members_than_a_set_can_have(void **state)
{
    (void)state;
    struct ek_mongodb_seen *seen = unknown();
    bson_t reply = BSON_INITIALIZER, rows, row;
    BSON_APPEND_DOUBLE(&reply, "ok", 1);
    bson_append_array_begin(&reply, "members", -1, &rows);
    for (int i = 0; i < EK_MEMBERS_MAX + 20; i++) {
        char key[16];
        snprintf(key, sizeof key, "%d", i);
        bson_append_document_begin(&rows, key, -1, &row);
        BSON_APPEND_INT32(&row, "_id", i);
        bson_append_document_end(&rows, &row);
    }
    bson_append_array_end(&reply, &rows);
    ek_mongodb_read_status(&reply, seen);
    bson_destroy(&reply);
    assert_int_equal(seen->member_count, EK_MEMBERS_MAX);
    assert_int_equal(seen->members[EK_MEMBERS_MAX - 1].id, EK_MEMBERS_MAX - 1);
}

static void versions(void **state)
{
    (void)state;
    struct ek_mongodb_seen *seen = unknown();
    read_json(ek_mongodb_read_build_info,
              "{\"version\":\"4.2.2\",\"versionArray\":[4,2,2,0],\"ok\":1.0}", seen);
    assert_int_equal(seen->version[0] * 10000 + seen->version[1] * 100 + seen->version[2], 40202);
    seen = unknown();
    read_json(ek_mongodb_read_build_info, "{\"version\":\"7.0.12-rc1\",\"ok\":1.0}", seen);
    assert_int_equal(seen->version[0] * 10000 + seen->version[1] * 100 + seen->version[2], 70012);
    seen = unknown();
    read_json(ek_mongodb_read_build_info, "{\"ok\":0.0,\"code\":13,\"errmsg\":\"no\"}", seen);
    assert_int_equal(seen->version[0], 0);
}

static void modes_in_both_spellings(void **state)
{
    (void)state;
    static const struct {
        const char *reply;
        enum ek_ssl_mode mode;
    } rows[] = {
        {"{\"tlsMode\":\"disabled\",\"ok\":1.0}", EK_SSL_DISABLED},
        {"{\"tlsMode\":\"allowTLS\",\"ok\":1.0}", EK_SSL_ALLOW},
        {"{\"tlsMode\":\"preferTLS\",\"ok\":1.0}", EK_SSL_PREFER},
        {"{\"sslMode\":\"requireSSL\",\"ok\":1.0}", EK_SSL_REQUIRE},
        {"{\"tlsMode\":\"bogus\",\"ok\":1.0}", EK_SSL_UNKNOWN},
        {"{\"ok\":0.0,\"errmsg\":\"no option found to get\"}", EK_SSL_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ek_mongodb_seen *seen = unknown();
        read_json(ek_mongodb_read_mode, rows[i].reply, seen);
        assert_int_equal(seen->mode_running, rows[i].mode);
    }
}

static const char options_plain[] =
    "{\"argv\":[\"mongod\"],\"parsed\":{\"config\":\"/srv/mongod/a/mongod.conf\",\"net\":{"
    "\"bindIp\":\"127.0.1.11\",\"port\":27017},\"replication\":{\"replSetName\":\"rs0\"},"
    "\"security\":{\"authorization\":\"enabled\",\"keyFile\":\"/etc/mongod/keyfile\"},"
    "\"storage\":{\"dbPath\":\"/srv/mongod/a/db\"}},\"ok\":1.0}";

static void options_without_tls(void **state)
{
    (void)state;
    static const uint8_t none[32];
    struct ek_mongodb_seen *seen = unknown();
    read_json(ek_mongodb_read_options, options_plain, seen);
    assert_true(seen->options_known);
    assert_int_equal(seen->mode_at_start, EK_SSL_DISABLED);
    assert_int_equal(seen->authorization, EK_ANSWER_YES);
    assert_string_equal(seen->key_file, "/etc/mongod/keyfile");
    assert_string_equal(seen->configuration, "/srv/mongod/a/mongod.conf");
    assert_string_equal(seen->certificate_key_file, "");
    assert_memory_equal(seen->options_digest, none, 32);
    seen = unknown();
    read_json(ek_mongodb_read_options,
              "{\"parsed\":{\"sharding\":{\"clusterRole\":\"shardsvr\"}},\"ok\":1.0}", seen);
    assert_string_equal(seen->cluster_role, "shardsvr");
    seen = unknown();
    read_json(ek_mongodb_read_hello, "{\"ismaster\":true,\"msg\":\"isdbgrid\",\"ok\":1.0}", seen);
    assert_string_equal(seen->cluster_role, "mongos");
    seen = unknown();
    read_json(ek_mongodb_read_options, "{\"parsed\":{},\"ok\":1.0}", seen);
    assert_string_equal(seen->cluster_role, "");
    assert_int_equal(seen->authorization, EK_ANSWER_NO);
    seen = unknown();
    read_json(ek_mongodb_read_options, "{\"ok\":0.0,\"code\":13,\"errmsg\":\"no\"}", seen);
    assert_false(seen->options_known);
    assert_int_equal(seen->mode_at_start, EK_SSL_UNKNOWN);
    assert_int_equal(seen->authorization, EK_ANSWER_UNKNOWN);
}

/* What a running server reports and what its file says must give the same digest. */
static void options_digest_agrees_with_the_file(void **state)
{
    (void)state;
    static const char reply[] =
        "{\"parsed\":{\"net\":{\"port\":27017,\"tls\":{\"CAFile\":\"/etc/ca.pem\","
        "\"allowConnectionsWithoutCertificates\":true,\"certificateKeyFile\":\"/etc/a.pem\","
        "\"certificateKeyFilePassword\":\"<password>\",\"mode\":\"allowTLS\"}}},\"ok\":1.0}";
    static const char old_reply[] =
        "{\"parsed\":{\"net\":{\"ssl\":{\"CAFile\":\"/etc/ca.pem\","
        "\"weakCertificateValidation\":true,\"PEMKeyFile\":\"/etc/a.pem\",\"PEMKeyPassword\":"
        "\"<password>\",\"mode\":\"allowSSL\"}}},\"ok\":1.0}";
    static const struct ek_server_tls tls = {.mode = EK_SSL_PREFER,
                                             .certificate_key_file = "/etc/a.pem",
                                             .ca_file = "/etc/ca.pem",
                                             .password_file = "/run/a.password"};
    uint8_t wanted[32];
    assert_int_equal(ek_server_tls_digest(&tls, wanted, NULL), 0);
    struct ek_mongodb_seen *seen = unknown();
    read_json(ek_mongodb_read_options, reply, seen);
    assert_int_equal(seen->mode_at_start, EK_SSL_ALLOW);
    assert_string_equal(seen->certificate_key_file, "/etc/a.pem");
    assert_string_equal(seen->ca_file, "/etc/ca.pem");
    assert_memory_equal(seen->options_digest, wanted, 32);
    seen = unknown();
    read_json(ek_mongodb_read_options, old_reply, seen);
    assert_int_equal(seen->mode_at_start, EK_SSL_ALLOW);
    assert_string_equal(seen->certificate_key_file, "/etc/a.pem");
    assert_memory_equal(seen->options_digest, wanted, 32);
}

static void process_facts(void **state)
{
    (void)state;
    struct ek_mongodb_seen *seen = unknown();
    read_json(ek_mongodb_read_server_status,
              "{\"pid\":{\"$numberLong\":\"3725\"},\"uptime\":15.0,\"uptimeMillis\":{"
              "\"$numberLong\":\"15321\"},\"ok\":1.0}",
              seen);
    assert_int_equal(seen->pid, 3725);
    assert_int_equal(seen->uptime_ms, 15321);
    seen = unknown();
    read_json(ek_mongodb_read_server_status, "{\"pid\":7,\"uptime\":15.0,\"ok\":1.0}", seen);
    assert_int_equal(seen->uptime_ms, 15000);
    seen = unknown();
    read_json(ek_mongodb_read_server_status, "{\"ok\":1.0}", seen);
    assert_int_equal(seen->pid, -1);
    assert_int_equal(seen->uptime_ms, -1);
}

static void signing_keys(void **state)
{
    (void)state;
    bson_t *with = json("{\"ok\":1.0,\"$clusterTime\":{\"clusterTime\":{\"$timestamp\":{\"t\":1,"
                        "\"i\":1}},\"signature\":{\"hash\":{\"$binary\":{\"base64\":\"wsHqb4qy7Mn+"
                        "eIKp0reRkqje3kA=\",\"subType\":\"00\"}},\"keyId\":{\"$numberLong\":"
                        "\"7710810522299400195\"}}}}");
    bson_t *without = json("{\"ok\":1.0}");
    assert_true(ek_mongodb_read_signing_key(with) == 7710810522299400195);
    assert_true(ek_mongodb_read_signing_key(without) == 0);
    bson_destroy(with);
    bson_destroy(without);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_of_the_wrong_type_are_no_values),
        cmocka_unit_test(hello_of_a_primary),
        cmocka_unit_test(hello_of_a_secondary_leaves_the_state_unknown),
        cmocka_unit_test(hello_of_fresh_removed_and_standalone),
        cmocka_unit_test(hello_of_a_newer_server),
        cmocka_unit_test(status_says_how_this_member_sees_the_others),
        cmocka_unit_test(status_refusals_are_answers),
        cmocka_unit_test(configuration_and_status_meet_by_id),
        cmocka_unit_test(configuration_with_a_term),
        cmocka_unit_test(more_members_than_a_set_can_have),
        cmocka_unit_test(versions),
        cmocka_unit_test(modes_in_both_spellings),
        cmocka_unit_test(options_without_tls),
        cmocka_unit_test(options_digest_agrees_with_the_file),
        cmocka_unit_test(process_facts),
        cmocka_unit_test(signing_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
