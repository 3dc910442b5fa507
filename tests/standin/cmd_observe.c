/* Commands that look at this process: isMaster, buildInfo, serverStatus, currentOp, … */
#include "arguments.h"
#include "cmd.h"
#include "data.h"
#include "log.h"
#include "options.h"
#include "repl.h"
#include "server.h"
#include "tls.h"
#include "version.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static int ping(struct call *c)
{
    (void)c;
    return 0;
}

static int build_info(struct call *c)
{
    static const char *const engines[] = {"biggie", "devnull", "ephemeralForTest", "wiredTiger"};
    bson_t sub;
    uint32_t n = 0;
    char key[16];
    const char *k;

    add_str(c->reply, "version", version.text);
    add_str(c->reply, "gitVersion", "unknown");
    bson_append_array_begin(c->reply, "modules", -1, &sub);
    bson_append_array_end(c->reply, &sub);
    add_str(c->reply, "allocator", "system");
    add_str(c->reply, "javascriptEngine", "none");
    add_str(c->reply, "sysInfo", "deprecated");
    bson_append_array_begin(c->reply, "versionArray", -1, &sub);
    for (uint32_t i = 0; i < 4; i++) {
        bson_uint32_to_string(i, &k, key, sizeof key);
        add_int(&sub, k, i < 3 ? version.part[i] : version.candidate);
    }
    bson_append_array_end(c->reply, &sub);
    bson_append_document_begin(c->reply, "openssl", -1, &sub);
    add_str(&sub, "running", OpenSSL_version(OPENSSL_VERSION));
    add_str(&sub, "compiled", OPENSSL_VERSION_TEXT);
    bson_append_document_end(c->reply, &sub);
    bson_append_document_begin(c->reply, "buildEnvironment", -1, &sub);
    add_str(&sub, "distmod", "");
    add_str(&sub, "distarch", "x86_64");
    add_str(&sub, "cc", "");
    add_str(&sub, "ccflags", "");
    add_str(&sub, "cxx", "");
    add_str(&sub, "cxxflags", "");
    add_str(&sub, "linkflags", "");
    add_str(&sub, "target_arch", "x86_64");
    add_str(&sub, "target_os", "linux");
    if (version_at_least(5, 0))
        add_str(&sub, "cppdefines", "");
    bson_append_document_end(c->reply, &sub);
    add_int(c->reply, "bits", 64);
    add_bool(c->reply, "debug", false);
    add_int(c->reply, "maxBsonObjectSize", 16777216);
    bson_append_array_begin(c->reply, "storageEngines", -1, &sub);
    for (size_t i = version_at_least(5, 0); i < COUNT_OF(engines); i++)
        push_str(&sub, &n, engines[i]);
    bson_append_array_end(c->reply, &sub);
    return 0;
}

static void host_name(char *to, size_t size)
{
    char name[256] = "localhost";

    gethostname(name, sizeof name - 1);
    if (options.port == 27017)
        put(to, size, "%s", name);
    else
        put(to, size, "%s:%d", name, options.port);
}

static void counters_of(bson_t *to, const char *key, int64_t called, int64_t successful)
{
    bson_t sub;

    bson_append_document_begin(to, key, -1, &sub);
    add_long(&sub, "called", called);
    add_long(&sub, "successful", successful);
    bson_append_document_end(to, &sub);
}

static void add_election_metrics(bson_t *to)
{
    static const struct {
        const char *key;
        enum election_reason why;
    } rows[] = {{"stepUpCmd", WHY_STEP_UP},
                {"priorityTakeover", WHY_PRIORITY},
                {"catchUpTakeover", WHY_CATCHUP},
                {"electionTimeout", WHY_TIMEOUT},
                {"freezeTimeout", WHY_FREEZE}};
    bson_t sub;
    int64_t won = 0;

    bson_append_document_begin(to, "electionMetrics", -1, &sub);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        counters_of(&sub, rows[i].key, node.metrics.called[rows[i].why],
                    node.metrics.successful[rows[i].why]);
        won += node.metrics.successful[rows[i].why];
    }
    add_long(&sub, "numStepDownsCausedByHigherTerm", node.metrics.higher_term);
    add_long(&sub, "numCatchUps", node.metrics.catchups_done);
    add_long(&sub, "numCatchUpsSucceeded", node.metrics.catchups_done);
    add_long(&sub, "numCatchUpsAlreadyCaughtUp", won - node.metrics.catchups_done);
    add_long(&sub, "numCatchUpsSkipped", 0);
    add_long(&sub, "numCatchUpsTimedOut", 0);
    add_long(&sub, "numCatchUpsFailedWithError", 0);
    add_long(&sub, "numCatchUpsFailedWithNewTerm", 0);
    add_long(&sub, "numCatchUpsFailedWithReplSetAbortPrimaryCatchUpCmd", 0);
    add_num(&sub, "averageCatchUpOps", 0);
    bson_append_document_end(to, &sub);
}

static void add_storage_engine(bson_t *to)
{
    bson_t sub;

    bson_append_document_begin(to, "storageEngine", -1, &sub);
    add_str(&sub, "name", "wiredTiger");
    add_bool(&sub, "supportsCommittedReads", true);
    bson_append_timestamp(&sub, "oldestRequiredTimestampForCrashRecovery", -1, node.commit.secs,
                          node.commit.inc);
    add_bool(&sub, "supportsPendingDrops", true);
    add_int(&sub, "dropPendingIdents", 0);
    add_bool(&sub, "supportsSnapshotReadConcern", true);
    add_bool(&sub, "readOnly", false);
    add_bool(&sub, "persistent", true);
    add_bool(&sub, "backupCursorOpen", false);
    bson_append_document_end(to, &sub);
}

static int server_status_command(struct call *c)
{
    bson_t *r = c->reply, conns = BSON_INITIALIZER, network = BSON_INITIALIZER, sub;
    char host[300];
    int64_t up_ms = wall_ms() - node.started, up_s = up_ms / 1000;

    if (node.quiesce_until != 0) /* its section about the set asks as a hello does */
        return fail(c, 91, "The server is in quiesce mode and will shut down");
    host_name(host, sizeof host);
    add_str(r, "host", host);
    add_str(r, "version", version.text);
    add_str(r, "process", "mongod");
    add_long(r, "pid", getpid());
    add_num(r, "uptime", (double)up_s);
    add_long(r, "uptimeMillis", up_ms);
    add_long(r, "uptimeEstimate", up_s);
    add_date(r, "localTime", wall_ms());
    server_status(&conns, &network);
    add_doc(r, "connections", &conns);
    if (repl_active())
        add_election_metrics(r);
    add_doc(r, "network", &network);
    if (repl_active()) {
        bson_append_document_begin(r, "repl", -1, &sub);
        add_set_role(&sub, false);
        add_int(&sub, "rbid", node.rbid);
        bson_append_document_end(r, &sub);
    }
    tls_security_status(r);
    add_storage_engine(r);
    tls_counters(r);
    bson_destroy(&conns);
    bson_destroy(&network);
    return 0;
}

static int host_info(struct call *c)
{
    bson_t sub;
    struct utsname name;
    char host[300];

    uname(&name);
    host_name(host, sizeof host);
    bson_append_document_begin(c->reply, "system", -1, &sub);
    add_date(&sub, "currentTime", wall_ms());
    add_str(&sub, "hostname", host);
    add_int(&sub, "cpuAddrSize", 64);
    add_long(&sub, "memSizeMB", sysconf(_SC_PHYS_PAGES) / 256);
    add_long(&sub, "memLimitMB", sysconf(_SC_PHYS_PAGES) / 256);
    add_int(&sub, "numCores", (int32_t)sysconf(_SC_NPROCESSORS_ONLN));
    add_str(&sub, "cpuArch", name.machine);
    add_bool(&sub, "numaEnabled", false);
    bson_append_document_end(c->reply, &sub);
    bson_append_document_begin(c->reply, "os", -1, &sub);
    add_str(&sub, "type", "Linux");
    add_str(&sub, "name", "Debian GNU/Linux");
    add_str(&sub, "version", name.release);
    bson_append_document_end(c->reply, &sub);
    bson_append_document_begin(c->reply, "extra", -1, &sub);
    bson_append_document_end(c->reply, &sub);
    return 0;
}

static int refuse_log_name(struct call *c)
{
    bson_iter_t it;
    char *text;
    int rc;

    doc_find(c->command, "getLog", &it);
    text = iter_text(&it);
    rc = fail(c, 14, "Argument to getLog must be of type String; found %s of type %s", text,
              type_name(&it));
    free(text);
    return rc;
}

static int get_log(struct call *c)
{
    static const char *const names[] = {"global", "rs", "startupWarnings"};
    const char *which = doc_str(c->command, "getLog", NULL);
    bson_t arr = BSON_INITIALIZER;
    uint32_t n = 0;

    if (which == NULL)
        return refuse_log_name(c);
    if (strcmp(which, "*") == 0) {
        for (size_t i = 0; i < COUNT_OF(names); i++)
            push_str(&arr, &n, names[i]);
        add_arr(c->reply, "names", &arr);
        bson_destroy(&arr);
        return 0;
    }
    return log_recent(which, c->reply) ? 0 : fail(c, 0, "no RamLog named: %s", which);
}

static int log_rotate_command(struct call *c)
{
    (void)c;
    log_rotate();
    return 0;
}

static int whats_my_uri(struct call *c)
{
    add_str(c->reply, "you", c->conn->remote);
    return 0;
}

static int cmd_line_opts(struct call *c)
{
    add_arr(c->reply, "argv", &options.argv);
    add_doc(c->reply, "parsed", &options.parsed);
    return 0;
}

struct op_list {
    bson_t arr;
    uint32_t n;
    bool idle;
    const struct conn *self;
};

static void add_op(const struct conn *conn, void *arg)
{
    struct op_list *list = arg;
    bson_t op = BSON_INITIALIZER, app, users, user, empty = BSON_INITIALIZER;
    char host[300], desc[32], key[16];
    const char *k;

    if (conn->running == NULL && !list->idle) {
        bson_destroy(&op);
        return;
    }
    host_name(host, sizeof host);
    put(desc, sizeof desc, "conn%d", conn->id);
    add_str(&op, "type", "op");
    add_str(&op, "host", host);
    add_str(&op, "desc", desc);
    add_int(&op, "connectionId", conn->id);
    add_str(&op, "client", conn->remote);
    if (conn->metadata != NULL) {
        if (doc_sub(conn->metadata, "application", &app))
            add_str(&op, "appName", doc_str(&app, "name", ""));
        add_doc(&op, "clientMetadata", conn->metadata);
    }
    add_bool(&op, "active", conn->running != NULL);
    add_date(&op, "currentOpTime", wall_ms());
    if (conn->login.n > 0) {
        bson_append_array_begin(&op, "effectiveUsers", -1, &users);
        for (uint32_t i = 0; i < (uint32_t)conn->login.n; i++) {
            bson_uint32_to_string(i, &k, key, sizeof key);
            bson_append_document_begin(&users, k, -1, &user);
            add_str(&user, "user", conn->login.who[i].user);
            add_str(&user, "db", conn->login.who[i].db);
            bson_append_document_end(&users, &user);
        }
        bson_append_array_end(&op, &users);
    }
    add_int(&op, "opid", 1000 + conn->id);
    add_str(&op, "op", conn->running != NULL ? "command" : "none");
    add_str(&op, "ns", conn->running != NULL ? "admin.$cmd" : "");
    add_doc(&op, "command", conn->running != NULL ? conn->running : &empty);
    add_int(&op, "numYields", 0);
    add_doc(&op, "locks", &empty);
    add_bool(&op, "waitingForLock", false);
    add_doc(&op, "lockStats", &empty);
    add_bool(&op, "waitingForFlowControl", false);
    add_doc(&op, "flowControlStats", &empty);
    push_doc(&list->arr, &list->n, &op);
    bson_destroy(&op);
    bson_destroy(&empty);
}

void add_current_ops(bson_t *to, const char *key, bool idle)
{
    struct op_list list = {.idle = idle};

    bson_init(&list.arr);
    server_each(add_op, &list);
    add_arr(to, key, &list.arr);
    bson_destroy(&list.arr);
}

static int current_op(struct call *c)
{
    add_current_ops(c->reply, "inprog", doc_bool(c->command, "$all", false));
    return 0;
}

static int list_commands(struct call *c)
{
    bson_t sub;

    bson_append_document_begin(c->reply, "commands", -1, &sub);
    bson_append_document_end(c->reply, &sub);
    return 0;
}

const struct command observe_commands[] = {
    {"ping", F_NO_AUTH, A_NONE, ping},
    {"buildInfo", F_NO_AUTH, A_NONE, build_info},
    {"buildinfo", F_NO_AUTH, A_NONE, build_info},
    {"whatsmyuri", F_NO_AUTH, A_NONE, whats_my_uri},
    {"listCommands", F_NO_AUTH, A_NONE, list_commands},
    {"serverStatus", 0, A_MONITOR, server_status_command},
    {"hostInfo", 0, A_MONITOR, host_info},
    {"getLog", F_ADMIN, A_MONITOR, get_log},
    {"logRotate", F_ADMIN, A_HOST, log_rotate_command},
    {"getCmdLineOpts", F_ADMIN, A_MONITOR, cmd_line_opts},
    {"currentOp", F_ADMIN, A_MONITOR, current_op},
    {NULL, 0, A_NONE, NULL},
};
