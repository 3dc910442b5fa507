/* What import makes of servers that are not as one would like, or would like to do harm. The server
 * is one of canned answers; its process is a script of this machine that does nothing. */
#include "tests/unit/host_support.h"

#include <sys/wait.h>

#include "reconciler/import/parts.h"
#include "specs/parse.h"
#include "tests/unit/mongodb_fake.h"

static struct place *place;
static struct fake fake;
static char config[4096], status[128];
static pid_t process;
static struct ek_import import;

static int setup(void **state)
{
    (void)state;
    void *made = NULL;
    if (place_setup(&made) != 0)
        return -1;
    place = made;
    fake = (struct fake){0};
    process = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    void *made = place;
    ek_import_done(&import);
    if (process > 0) {
        kill(process, SIGKILL);
        waitpid(process, NULL, 0);
    }
    fake_done(&fake);
    return place_teardown(&made);
}

/* A process that looks like a server started with these words. */
static void start(const char *const *words)
{
    char program[128];
    char byte;
    int ends[2];
    const char *argv[8] = {program};
    snprintf(program, sizeof program, "%s/mongod-test", place->directory);
    must_write(program, server_script, 0755);
    for (size_t i = 0; words[i] && i < 6; i++)
        argv[i + 1] = words[i];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    process = fork();
    if (process == 0) {
        dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
        execv(program, (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    close(ends[0]);
}

#define HELLO                                                                                      \
    "{\"setName\":\"rs0\",\"setVersion\":1,\"ismaster\":true,\"maxWireVersion\":8,\"ok\":1.0}"

/* A healthy member of a set of one, whose configuration says `more` of itself and of the member. */
static void healthy(const char *set_name, const char *host, const char *of_member,
                    const char *settings)
{
    fake_start(&fake);
    char self[64];
    snprintf(self, sizeof self, "127.0.0.1:%d", fake.port);
    snprintf(
        config, sizeof config,
        "{\"config\":{\"_id\":\"%s\",\"version\":1,\"members\":[{\"_id\":0,\"host\":\"%s\"%s}],"
        "\"settings\":{%s}},\"ok\":1.0}",
        set_name, host ? host : self, of_member, settings);
    snprintf(status, sizeof status, "{\"pid\":%d,\"uptime\":5,\"ok\":1.0}", (int)process);
    const struct fake_row rows[] = {
        {"isMaster", NULL, HELLO, 0},
        {"replSetGetConfig", NULL, config, 0},
        {"replSetGetStatus", NULL, "{\"set\":\"rs0\",\"myState\":1,\"term\":1,\"ok\":1.0}", 0},
        {"getParameter", NULL, "{\"tlsMode\":\"disabled\",\"ok\":1.0}", 0},
        {"getCmdLineOpts", NULL, "{\"parsed\":{\"config\":\"/etc/told.conf\"},\"ok\":1.0}", 0},
        {"serverStatus", NULL, status, 0},
        {"usersInfo", NULL, "{\"users\":[],\"ok\":1.0}", 0},
    };
    memcpy(fake.rows, rows, sizeof rows);
}

static int discover(void)
{
    const struct ek_import_request request = {.host = "127.0.0.1",
                                              .port = fake.port,
                                              .provider = EK_PROVIDER_LOCAL,
                                              .state_directory = place->directory,
                                              .patience_ms = patient_ms(10000)};
    memset(&err, 0, sizeof err);
    int result = ek_import_discover(&request, &import, &err);
    fake_stop(&fake);
    return result;
}

static void refused(enum ek_code code, const char *id)
{
    int result = discover();
    assert_int_equal(result, code);
    assert_string_equal(err.id, id);
    assert_int_equal(import.member_count, 0);
}

/* Whether such a note of the member, or of the whole, has these words in it. */
static bool noted(enum ek_import_note_kind kind, const char *id, const char *words)
{
    const struct ek_import_notes *both[] = {&import.members[0].notes, &import.notes};
    for (size_t b = 0; b < 2; b++)
        for (size_t i = 0; i < both[b]->count; i++) {
            const struct ek_import_note *note = &both[b]->rows[i];
            if (note->kind == kind && strcmp(note->id, id) == 0 && strstr(note->sentence, words))
                return true;
        }
    return false;
}

/* ---- what is no replica set, or more than one ---- */

static void test_server_without_a_set(void **state)
{
    (void)state;
    fake_start(&fake);
    fake.rows[0] = (struct fake_row){"isMaster", NULL,
                                     "{\"ismaster\":true,\"maxWireVersion\":8,\"ok\":1.0}", 0};
    fake.rows[1] =
        (struct fake_row){"replSetGetConfig", NULL,
                          "{\"ok\":0.0,\"code\":76,\"errmsg\":\"not running with --replSet\"}", 0};
    fake.rows[2] = fake.rows[1];
    fake.rows[2].command = "replSetGetStatus";
    refused(EK_UNSUPPORTED, "EK-1401");
    assert_non_null(strstr(err.sentence, "no member of a replica set"));
}

static void test_server_that_waits_for_a_set(void **state)
{
    (void)state;
    fake_start(&fake);
    fake.rows[0] = (struct fake_row){
        "isMaster", NULL,
        "{\"ismaster\":false,\"isreplicaset\":true,\"maxWireVersion\":8,\"ok\":1.0}", 0};
    fake.rows[1] = (struct fake_row){"replSetGetConfig", NULL,
                                     "{\"ok\":0.0,\"code\":94,\"errmsg\":\"no config\"}", 0};
    fake.rows[2] = fake.rows[1];
    fake.rows[2].command = "replSetGetStatus";
    refused(EK_UNSUPPORTED, "EK-1401");
    assert_non_null(strstr(err.sentence, "waits for a replica set"));
}

static void test_router_of_a_sharded_cluster(void **state)
{
    (void)state;
    fake_start(&fake);
    fake.rows[0] = (struct fake_row){
        "isMaster", NULL,
        "{\"ismaster\":true,\"msg\":\"isdbgrid\",\"maxWireVersion\":8,\"ok\":1.0}", 0};
    refused(EK_BLOCKED, "EK-0135");
    assert_non_null(strstr(err.sentence, "mongos"));
}

static void test_member_of_a_sharded_cluster(void **state)
{
    (void)state;
    healthy("rs0", NULL, "", "");
    fake.rows[4].reply = "{\"parsed\":{\"sharding\":{\"clusterRole\":\"configsvr\"}},\"ok\":1.0}";
    refused(EK_BLOCKED, "EK-0135");
    assert_non_null(strstr(err.sentence, "configsvr"));
}

static void test_server_that_tells_strangers_nothing(void **state)
{
    (void)state;
    healthy("rs0", NULL, "", "");
    for (size_t i = 1; fake.rows[i].command; i++)
        fake.rows[i].reply = "{\"ok\":0.0,\"code\":13,\"errmsg\":\"requires authentication\"}";
    refused(EK_DENIED, "EK-0432");
}

/* ---- names ---- */

static void test_names_that_specs_can_not_say(void **state)
{
    (void)state;
    static const char *const hosts[] = {
        "[2001:db8::1]:27017", "db a:27017",      "-x:27017",   "a:1:2",
        "a;reboot:27017",      "$(reboot):27017", "../x:27017", "a\\n:1"};
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        healthy("rs0", hosts[i], "", "");
        refused(EK_UNSUPPORTED, "EK-1402");
        assert_null(strchr(err.sentence, '\n'));
        fake_done(&fake);
        memset(&fake, 0, sizeof fake);
    }
    healthy("rs0: {", NULL, "", "");
    fake.rows[0].reply = "{\"setName\":\"rs0: {\",\"setVersion\":1,\"ismaster\":true,"
                         "\"maxWireVersion\":8,\"ok\":1.0}";
    refused(EK_UNSUPPORTED, "EK-1402");
}

/* What stands where names may be anything ends in comments of specs that say nothing else. */
static void test_words_that_would_be_specs(void **state)
{
    (void)state;
#define EVIL "\\n  sslMode: requireSSL\\u2028  maintenance: { approval: none }\\r# "
    healthy("rs0", NULL, ",\"tags\":{\"" EVIL "\":\"" EVIL "\"},\"horizons\":{\"x\":\"" EVIL "\"}",
            "\"" EVIL "\":\"" EVIL "\"");
    fake.rows[6].reply = "{\"users\":[{\"user\":\"" EVIL "\",\"db\":\"" EVIL
                         "\",\"roles\":[{\"role\":\"" EVIL "\",\"db\":\"x\"},7]},8],\"ok\":1.0}";
    assert_int_equal(discover(), 0);
    EK_BUFFER text = {0};
    EK_DIAGNOSTICS diagnostics = {0};
    struct ek_specs specs = {0};
    const struct ek_import_request request = {.provider = EK_PROVIDER_HOSTS};
    const struct ek_import_setting setting = {
        .deployment = "orders", .account = "acme", .authority = "acme-ca", .source = "x"};
    ek_import_write(&import, &request, &setting, &text);
    char path[] = "x.yaml";
    struct ek_spec_file file = {path, text.bytes, text.length};
    struct ek_spec_files files = {.files = &file, .count = 1};
    WORKS(ek_specs_parse(&files, &specs, &diagnostics, &err));
    assert_int_equal(specs.deployments[0].ssl_mode, EK_SSL_DISABLED);
    assert_int_equal(specs.deployments[0].maintenance.approval, EK_APPROVAL_NONE);
    assert_true(noted(EK_NOTE_KEPT, "", "its tags"));
    assert_true(noted(EK_NOTE_KEPT, "", "users: "));
    ek_specs_free(&specs);
}

static void test_what_is_kept_without_a_key(void **state)
{
    (void)state;
    healthy("rs0", NULL,
            ",\"slaveDelay\":3600,\"buildIndexes\":false,\"hidden\":true,\"priority\":0,"
            "\"tags\":{\"dc\":\"east\"}",
            "\"chainingAllowed\":false,\"heartbeatIntervalMillis\":2000");
    assert_int_equal(discover(), 0);
    assert_true(noted(EK_NOTE_KEPT, "", "3600 s behind"));
    assert_true(noted(EK_NOTE_KEPT, "", "builds no indexes"));
    assert_true(noted(EK_NOTE_KEPT, "", "{\"dc\":\"east\"}"));
    assert_true(noted(EK_NOTE_KEPT, "", "chainingAllowed: false"));
    assert_false(noted(EK_NOTE_KEPT, "", "heartbeatIntervalMillis"));
    assert_true(import.members[0].row.hidden);
}

/* ---- processes ---- */

static void test_process_that_is_not_there(void **state)
{
    (void)state;
    process = 1; /* which is no server */
    healthy("rs0", NULL, "", "");
    process = 0;
    assert_int_equal(discover(), 0);
    assert_false(import.members[0].proven);
    assert_true(noted(EK_NOTE_UNSEEN, "EK-1403", "answers as process 1"));
    assert_string_equal(import.members[0].configuration, "/etc/told.conf");
}

static void test_process_and_its_file(void **state)
{
    (void)state;
    start((const char *const[]){"--config", place->configuration, "--bind_ip", "0.0.0.0", NULL});
    healthy("rs0", NULL, "", "");
    assert_int_equal(discover(), 0);
    const struct ek_import_member *member = &import.members[0];
    assert_true(member->proven);
    assert_string_equal(member->configuration, place->configuration);
    assert_int_equal(member->mode_configured, EK_SSL_DISABLED);
    assert_true(noted(EK_NOTE_KEPT, "", "--bind_ip"));
    assert_false(ek_import_has(&import, EK_NOTE_UNSEEN));
    assert_false(ek_import_has(&import, EK_NOTE_IN_THE_WAY));
}

static void test_process_that_can_not_be_managed(void **state)
{
    (void)state;
    char old[128];
    snprintf(old, sizeof old, "%s/old.conf", place->directory);
    must_write(old, "# settings\n\nlogpath = /var/log/mongod.log\n", 0644);
    const struct {
        const char *words[4];
        const char *id;
        const char *says;
    } rows[] = {
        {{"--replSet", "rs0"}, "EK-1404", "its command line only"},
        {{"--config", "mongod.conf"}, "EK-1404", "relative path"},
        {{"--config", place->configuration, "--tlsMode=requireTLS"}, "EK-1404", "TLS options"},
        {{"-f", old}, "EK-1405", "old format"},
        {{"--config", "/no/such/file"}, "EK-0415", "/no/such/file"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        start(rows[i].words);
        healthy("rs0", NULL, "", "");
        assert_int_equal(discover(), 0);
        if (!noted(EK_NOTE_IN_THE_WAY, rows[i].id, rows[i].says))
            fail_msg("row %zu", i);
        ek_import_done(&import);
        kill(process, SIGKILL);
        waitpid(process, NULL, 0);
        process = 0;
        fake_done(&fake);
        memset(&fake, 0, sizeof fake);
    }
    healthy("rs0", NULL, "", "");
    assert_int_equal(discover(), 0);
}

static void test_file_of_a_shard(void **state)
{
    (void)state;
    must_write(place->configuration, "sharding:\n  clusterRole: shardsvr\n", 0600);
    start((const char *const[]){"--config", place->configuration, NULL});
    healthy("rs0", NULL, "", "");
    refused(EK_BLOCKED, "EK-0135");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_server_without_a_set),
        TEST(test_server_that_waits_for_a_set),
        TEST(test_router_of_a_sharded_cluster),
        TEST(test_member_of_a_sharded_cluster),
        TEST(test_server_that_tells_strangers_nothing),
        TEST(test_names_that_specs_can_not_say),
        TEST(test_words_that_would_be_specs),
        TEST(test_what_is_kept_without_a_key),
        TEST(test_process_that_is_not_there),
        TEST(test_process_and_its_file),
        TEST(test_process_that_can_not_be_managed),
        TEST(test_file_of_a_shard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
