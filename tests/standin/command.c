/* Finding a command, checking who may do it where, doing it, and finishing its reply. */
#include "arguments.h"
#include "cmd.h"
#include "data.h"
#include "log.h"
#include "options.h"
#include "repl.h"
#include "server.h"
#include "version.h"

#include <endian.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    int code;
    const char *name;
} code_names[] = {
    {1, "InternalError"},
    {2, "BadValue"},
    {4, "NoSuchKey"},
    {6, "HostUnreachable"},
    {9, "FailedToParse"},
    {11, "UserNotFound"},
    {12, "UnsupportedFormat"},
    {13, "Unauthorized"},
    {14, "TypeMismatch"},
    {16, "InvalidLength"},
    {17, "ProtocolError"},
    {18, "AuthenticationFailed"},
    {20, "IllegalOperation"},
    {23, "AlreadyInitialized"},
    {26, "NamespaceNotFound"},
    {27, "IndexNotFound"},
    {30, "InvalidPath"},
    {31, "RoleNotFound"},
    {38, "FileNotOpen"},
    {43, "CursorNotFound"},
    {48, "NamespaceExists"},
    {50, "MaxTimeMSExpired"},
    {59, "CommandNotFound"},
    {64, "WriteConcernFailed"},
    {72, "InvalidOptions"},
    {73, "InvalidNamespace"},
    {74, "NodeNotFound"},
    {76, "NoReplicationEnabled"},
    {79, "UnknownReplWriteConcern"},
    {86, "IndexKeySpecsConflict"},
    {91, "ShutdownInProgress"},
    {93, "InvalidReplicaSetConfig"},
    {94, "NotYetInitialized"},
    {95, "NotSecondary"},
    {96, "OperationFailed"},
    {100, "UnsatisfiableWriteConcern"},
    {103, "NewReplicaSetConfigurationIncompatible"},
    {104, "NodeNotElectable"},
    {109, "ConfigurationInProgress"},
    {115, "CommandNotSupported"},
    {117, "ConflictingOperationInProgress"},
    {125, "CommandFailed"},
    {140, "InvalidSSLConfiguration"},
    {141, "SSLHandshakeFailed"},
    {162, "CollectionIsEmpty"},
    {186, "ClientMetadataCannotBeMutated"},
    {189, "PrimarySteppedDown"},
    {202, "NetworkInterfaceExceededTimeLimit"},
    {211, "KeyNotFound"},
    {225, "TransactionTooOld"},
    {262, "ExceededTimeLimit"},
    {308, "CurrentConfigNotCommittedYet"},
    {352, "UnsupportedOpQueryCommand"},
    {9001, "SocketException"},
    {10107, "NotMaster"},
    {11000, "DuplicateKey"},
    {11600, "InterruptedAtShutdown"},
    {11602, "InterruptedDueToReplStateChange"},
    {13435, "NotMasterNoSlaveOk"},
    {13436, "NotMasterOrSecondary"},
    {40413, "IDLDuplicateField"}, /* these have no names before 7.0 */
    {40414, "IDLFailedToParse"},
    {40415, "IDLUnknownField"},
};

const char *code_name(int code)
{
    static _Thread_local char location[24];

    if (version_at_least(5, 0) && (code == 10107 || code == 13435 || code == 13436))
        return code == 10107   ? "NotWritablePrimary"
               : code == 13435 ? "NotPrimaryNoSecondaryOk"
                               : "NotPrimaryOrSecondary";
    for (size_t i = 0; i < COUNT_OF(code_names); i++)
        if (code_names[i].code == code && (code < 40000 || version_at_least(7, 0)))
            return code_names[i].name;
    put(location, sizeof location, "Location%d", code);
    return location;
}

int code_number(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(code_names); i++)
        if (strcmp(code_names[i].name, name) == 0)
            return code_names[i].code;
    return 0;
}

/* The reply then holds only errmsg and, unless 0, code; the rest is added at the end. */
int fail(struct call *c, int code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    char *text = xvprintf(fmt, ap);
    va_end(ap);
    bson_reinit(c->reply);
    add_str(c->reply, "errmsg", text);
    if (code != 0) {
        add_int(c->reply, "code", code);
        add_str(c->reply, "codeName", code_name(code));
    }
    free(text);
    return -1;
}

char *call_ns(const struct call *c)
{
    return xprintf("%s.%s", c->db, doc_str(c->command, c->name, ""));
}

/* Commands that older servers don't have. `hello` came to some lines with a patch. */
static bool is_younger(const char *name)
{
    static const struct {
        const char *name;
        int major, minor;
    } since[] = {
        {"rotateCertificates", 5, 0}, {"getDefaultRWConcern", 4, 4}, {"setDefaultRWConcern", 4, 4}};

    if (strcmp(name, "hello") == 0)
        return !version_at_least(5, 0) && version.part[2] < (version_at_least(4, 4) ? 2 : 10);
    for (size_t i = 0; i < COUNT_OF(since); i++)
        if (strcmp(since[i].name, name) == 0)
            return !version_at_least(since[i].major, since[i].minor);
    return false;
}

static const struct command *lookup(const char *name)
{
    static const struct command *const tables[] = {
        hello_commands,   observe_commands, parameter_commands, set_commands,   member_commands,
        user_commands,    login_commands,   read_commands,      write_commands, catalog_commands,
        restore_commands, default_commands, more_commands};

    if (is_younger(name))
        return NULL;
    for (size_t t = 0; t < COUNT_OF(tables); t++)
        for (const struct command *c = tables[t]; c->name != NULL; c++)
            if (strcmp(c->name, name) == 0)
                return c;
    return command_not_played(name);
}

static int refuse_unauthorized(struct call *c)
{
    char *text = bson_text(c->command);
    int rc = fail(c, 13, "not authorized on %s to execute command %s", c->db, text);

    free(text);
    return rc;
}

static int check_role(struct call *c, unsigned int flags)
{
    bool member = node.state == S_PRIMARY || node.state == S_SECONDARY;

    if (!repl_active() || strcmp(c->db, "local") == 0)
        return 0;
    while ((flags & F_WRITE) != 0 && node.lock_count > 0 && !node.stopping)
        node_wait(mono_ms() + 1000);
    if ((flags & F_WRITE) != 0 && !repl_accepts_writes())
        return fail(c, 10107, version_at_least(5, 0) ? "not primary" : "not master");
    if ((flags & F_READ) == 0 || (node.state == S_PRIMARY && node.writable) ||
        node.config.doc == NULL)
        return 0;
    if (!c->secondary_ok)
        return fail(c, 13435,
                    version_at_least(5, 0) ? "not primary and secondaryOk=false"
                                           : "not master and slaveOk=false");
    if (!member)
        return fail(c, 13436,
                    node.state == S_ARBITER ? "node is not in primary or recovering state"
                                            : "node is recovering");
    return 0;
}

/* The client's cluster time is signed with a key; a new primary that hasn't read it yet refuses. */
static int check_cluster_time(struct call *c)
{
    bson_t time, signature;
    uint32_t secs = 0, inc = 0;
    bson_iter_t it;
    int64_t key;

    if (node.keys_loaded || node.keys_refuse_until == 0 || c->conn->login.system ||
        node.state != S_PRIMARY)
        return 0;
    if (mono_ms() >= node.keys_refuse_until || !doc_sub(c->command, "$clusterTime", &time) ||
        !doc_sub(&time, "signature", &signature) || (key = doc_int(&signature, "keyId", 0)) == 0)
        return 0;
    if (doc_find(&time, "clusterTime", &it) && BSON_ITER_HOLDS_TIMESTAMP(&it))
        bson_iter_timestamp(&it, &secs, &inc);
    return fail(c, 211,
                "Cache Reader No keys found for HMAC that is valid for time: { ts: Timestamp(%u, "
                "%u) } with id: %lld",
                secs, inc, (long long)key);
}

/* The same for every command, whatever it is. */
static int check_form(struct call *c)
{
    bson_iter_t it, other;

    if (*c->db == '\0' || strlen(c->db) > 63 || strpbrk(c->db, "/\\. \"") != NULL)
        return fail(c, 73, "Invalid database name: '%s'", c->db);
    bson_iter_init(&it, c->command);
    while (bson_iter_next(&it))
        if (doc_find(c->command, bson_iter_key(&it), &other) && other.off != it.off)
            return fail(c, 9, "Parsed command object contains duplicate top level key: %s",
                        bson_iter_key(&it));
    return 0;
}

static int check_time_limit(struct call *c)
{
    bson_iter_t it;
    int64_t ms;

    if (!doc_find(c->command, "maxTimeMS", &it))
        return 0;
    if (!iter_is_number(&it))
        return fail(c, 2, "maxTimeMS must be a number");
    ms = bson_iter_as_int64(&it);
    if (ms < 0 || ms > INT32_MAX)
        return fail(c, 2, "maxTimeMS is out of range");
    if (BSON_ITER_HOLDS_DOUBLE(&it) && (double)ms != bson_iter_double(&it))
        return fail(c, 2, "maxTimeMS has non-integral value");
    return 0;
}

/* Only what writes can wait for others. */
static int check_write_concern(struct call *c, const struct command *cmd)
{
    if ((cmd->flags & F_WRITE) == 0 && strcmp(c->name, "aggregate") != 0 &&
        doc_has(c->command, "writeConcern"))
        return fail(c, 72, "Command does not support writeConcern");
    return write_concern_check(c);
}

static int check(struct call *c, const struct command *cmd)
{
    const struct conn *conn = c->conn;

    if (arguments_check(c, false) != 0 || check_form(c) != 0)
        return -1;
    if ((cmd->flags & F_ADMIN) != 0 && strcmp(c->db, "admin") != 0)
        return fail(c, 13, "%s may only be run against the admin database.", cmd->name);
    if (auth_enabled() && (cmd->flags & F_NO_AUTH) == 0) {
        if (conn->login.n == 0 && !auth_localhost_exception(&conn->login, conn->localhost))
            return fail(c, 13, "command %s requires authentication", cmd->name);
        if (!auth_allows(&conn->login, conn->localhost, cmd->action, cmd->name, c->db))
            return refuse_unauthorized(c);
    }
    if ((cmd->flags & F_NO_AUTH) == 0 && check_cluster_time(c) != 0)
        return -1;
    if (check_role(c, cmd->flags) != 0 || check_time_limit(c) != 0 ||
        check_write_concern(c, cmd) != 0)
        return -1;
    return arguments_check(c, true);
}

static void add_cluster_time(bson_t *to, bool internal)
{
    struct optime now = log_last();
    bson_t doc, signature;
    uint8_t hash[20] = {0};
    unsigned int n = 0;
    uint64_t packed = htole64(((uint64_t)now.secs << 32) | now.inc);

    if (!internal)
        HMAC(EVP_sha1(), node.key, sizeof node.key, (const uint8_t *)&packed, sizeof packed, hash,
             &n);
    bson_append_document_begin(to, "$clusterTime", -1, &doc);
    bson_append_timestamp(&doc, "clusterTime", -1, now.secs, now.inc);
    bson_append_document_begin(&doc, "signature", -1, &signature);
    add_bin(&signature, "hash", BSON_SUBTYPE_BINARY, hash, sizeof hash);
    add_long(&signature, "keyId", internal ? 0 : node.key_id);
    bson_append_document_end(&doc, &signature);
    bson_append_document_end(to, &doc);
}

/* Moves a field of `from` to the end of `to`, if it is there. */
static void move_field(bson_t *to, const bson_t *from, const char *name)
{
    bson_iter_t it;

    if (doc_find(from, name, &it))
        bson_append_iter(to, NULL, 0, &it);
}

/* What is wrong with a write concern comes after `ok` where commands end with it by themselves;
 * what drivers may do about it always. */
static void finish_well(bson_t *reply)
{
    bool concern_first = version_at_least(5, 0);
    bson_t whole;

    bson_copy_to(reply, &whole);
    bson_reinit(reply);
    bson_copy_to_excluding_noinit(&whole, reply, "writeConcernError", "errorLabels", NULL);
    if (concern_first)
        move_field(reply, &whole, "writeConcernError");
    add_num(reply, "ok", 1);
    if (!concern_first)
        move_field(reply, &whole, "writeConcernError");
    move_field(reply, &whole, "errorLabels");
    bson_destroy(&whole);
}

/* ok, and the times that a set's members tell. */
static void finish(bson_t *reply, bool ok, bool internal)
{
    struct optime now = log_last();
    bool gossip = repl_active() && node.keys_loaded && !optime_is_null(now);
    bool times_last = version_at_least(5, 0);
    bson_t whole;

    if (ok) {
        finish_well(reply);
        if (gossip) {
            add_cluster_time(reply, internal);
            bson_append_timestamp(reply, "operationTime", -1, now.secs, now.inc);
        }
        return;
    }
    bson_copy_to(reply, &whole);
    bson_reinit(reply);
    if (gossip && !times_last)
        bson_append_timestamp(reply, "operationTime", -1, now.secs, now.inc);
    if (times_last) {
        move_field(reply, &whole, "errorLabels");
        move_field(reply, &whole, "topologyVersion");
    }
    add_num(reply, "ok", 0);
    if (times_last)
        bson_copy_to_excluding_noinit(&whole, reply, "errorLabels", "topologyVersion", NULL);
    else
        bson_concat(reply, &whole);
    if (gossip)
        add_cluster_time(reply, internal);
    if (gossip && times_last)
        bson_append_timestamp(reply, "operationTime", -1, now.secs, now.inc);
    bson_destroy(&whole);
}

/* What drivers of 4.4 and later go by: may a write be tried again, has the topology changed. */
static void add_newer_fields(struct call *c, bool ok)
{
    static const int64_t role[] = {10107, 13435, 13436, 11600, 11602, 189, 91};
    static const int64_t network[] = {6, 7, 89, 9001, 262};
    int64_t code = doc_int(c->reply, "code", 0);
    bson_t concern, arr = BSON_INITIALIZER;
    bool about_role = false, retry = false;
    uint32_t n = 0;

    if (ok && doc_sub(c->reply, "writeConcernError", &concern))
        code = doc_int(&concern, "code", 0);
    for (size_t i = 0; i < COUNT_OF(role); i++)
        about_role = about_role || code == role[i];
    for (size_t i = 0; i < COUNT_OF(network); i++)
        retry = retry || code == network[i];
    if (code == 0 || (ok && !about_role))
        return;
    if ((retry || about_role) && doc_has(c->command, "txnNumber")) {
        push_str(&arr, &n, "RetryableWriteError");
        add_arr(c->reply, "errorLabels", &arr);
    }
    if (!ok && about_role)
        add_topology_version(c->reply);
    if (code == 91 && node.quiesce_until > mono_ms())
        add_long(c->reply, "remainingQuiesceTimeMillis", node.quiesce_until - mono_ms());
    bson_destroy(&arr);
}

static bool reads_from_secondary(const struct message *m)
{
    bson_t preference;

    if (m->secondary_ok)
        return true;
    return doc_sub(&m->command, "$readPreference", &preference) &&
           strcmp(doc_str(&preference, "mode", "primary"), "primary") != 0;
}

/* From 5.1 on, OP_QUERY is for the first contact only. */
static bool allowed_in_query(const char *name)
{
    static const char *const names[] = {"hello",     "isMaster",     "ismaster",
                                        "_isSelf",   "authenticate", "buildinfo",
                                        "buildInfo", "saslContinue", "saslStart"};

    if (!version_at_least(5, 1))
        return true;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

enum command_end command_do(struct conn *conn, const struct message *m, bson_t *reply)
{
    struct call c = {.conn = conn,
                     .command = &m->command,
                     .name = doc_first_key(&m->command),
                     .db = doc_str(&m->command, "$db", ""),
                     .reply = reply,
                     .secondary_ok = reads_from_secondary(m),
                     .exhaust = m->op == OP_MSG && (m->flags & MSG_EXHAUST_ALLOWED) != 0};
    const struct command *cmd = lookup(c.name);
    int rc;

    node_lock();
    conn->running = (bson_t *)(uintptr_t)&m->command;
    conn->began = wall_ms();
    if (m->op == OP_QUERY && !allowed_in_query(c.name)) {
        rc = fail(&c, 352,
                  "Unsupported OP_QUERY command: %s. The client driver may require an upgrade. For "
                  "more details see https://dochub.mongodb.org/core/legacy-opcode-removal",
                  c.name);
    } else if (cmd == NULL) {
        rc = fail(&c, 59, "no such command: '%s'", c.name);
    } else {
        rc = check(&c, cmd);
        if (rc == 0 && (cmd->flags & F_UNLOCKED) != 0) {
            node_unlock();
            rc = cmd->run(&c);
            node_lock();
        } else if (rc == 0) {
            rc = cmd->run(&c);
        }
    }
    if (version_at_least(4, 4))
        add_newer_fields(&c, rc == 0);
    finish(reply, rc == 0, conn->login.system);
    conn->running = NULL;
    node_unlock();
    return c.close ? COMMAND_CLOSE : c.more && rc == 0 ? COMMAND_MORE : COMMAND_DONE;
}
