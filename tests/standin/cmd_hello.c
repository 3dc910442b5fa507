/* isMaster and hello: the role that this member plays, as drivers learn it. */
#include "cmd.h"
#include "keyfile.h"
#include "log.h"
#include "options.h"
#include "repl.h"
#include "server.h"
#include "version.h"

#include <stdlib.h>
#include <string.h>

static void add_hosts(bson_t *to, const char *key, int kind)
{
    bson_t arr = BSON_INITIALIZER;
    uint32_t n = 0;

    for (int i = 0; i < node.config.n; i++) {
        const struct member *m = &node.config.m[i];
        int is = m->hidden || m->delay > 0 ? -1 : m->arbiter ? 2 : m->priority > 0 ? 0 : 1;

        if (is == kind)
            push_str(&arr, &n, m->host);
    }
    if (n > 0 || kind == 0)
        add_arr(to, key, &arr);
    bson_destroy(&arr);
}

static void add_last_write(bson_t *to)
{
    struct optime last = log_last();
    bson_t sub;

    bson_append_document_begin(to, "lastWrite", -1, &sub);
    add_optime(&sub, "opTime", last);
    add_date(&sub, "lastWriteDate", (int64_t)last.secs * 1000);
    if (!optime_is_null(node.commit)) {
        add_optime(&sub, "majorityOpTime", node.commit);
        add_date(&sub, "majorityWriteDate", (int64_t)node.commit.secs * 1000);
    }
    bson_append_document_end(to, &sub);
}

void add_election_id(bson_t *to, const char *key)
{
    uint8_t raw[12] = {0x7f, 0xff, 0xff, 0xff};
    bson_oid_t oid;

    for (int i = 0; i < 8; i++)
        raw[4 + i] = (uint8_t)(node.term >> (8 * (7 - i)));
    memcpy(oid.bytes, raw, 12);
    bson_append_oid(to, key, -1, &oid);
}

/* The part that serverStatus.repl shows too. */
void add_set_role(bson_t *to, bool hello)
{
    const char *primary = hello ? "isWritablePrimary" : "ismaster";
    const struct member *m;
    bson_t doc, members, one, tags;
    bson_iter_t it;

    if (node.config.doc == NULL || node.self < 0) {
        if (node.config.doc != NULL && !version_at_least(5, 0))
            add_str(to, "setName", node.config.name);
        add_bool(to, primary, false);
        add_bool(to, "secondary", false);
        add_str(to, "info", "Does not have a valid replica set config");
        add_bool(to, "isreplicaset", true);
        return;
    }
    m = &node.config.m[node.self];
    add_hosts(to, "hosts", 0);
    add_hosts(to, "passives", 1);
    add_hosts(to, "arbiters", 2);
    add_str(to, "setName", node.config.name);
    add_int(to, "setVersion", (int32_t)node.config.version);
    add_bool(to, primary, repl_accepts_writes() && !node.stopping);
    add_bool(to, "secondary",
             !node.stopping && (repl_state_told() == S_SECONDARY ||
                                (node.state == S_PRIMARY && !repl_accepts_writes())));
    if (node.primary >= 0)
        add_str(to, "primary", node.config.m[node.primary].host);
    if (m->arbiter)
        add_bool(to, "arbiterOnly", true);
    if (!m->arbiter && m->priority <= 0)
        add_bool(to, "passive", true);
    if (m->hidden)
        add_bool(to, "hidden", true);
    if (!m->build_indexes)
        add_bool(to, "buildIndexes", false);
    if (m->delay > 0)
        add_int(to, version_at_least(5, 0) ? "secondaryDelaySecs" : "slaveDelay",
                (int32_t)m->delay);
    bson_copy_to(node.config.doc, &doc);
    if (doc_sub(&doc, "members", &members) && bson_iter_init(&it, &members))
        for (int i = 0; bson_iter_next(&it); i++)
            if (i == node.self && iter_sub(&it, &one) && doc_sub(&one, "tags", &tags) &&
                !bson_empty(&tags))
                add_doc(to, "tags", &tags);
    bson_destroy(&doc);
    add_str(to, "me", m->host);
    if (repl_accepts_writes())
        add_election_id(to, "electionId");
    add_last_write(to);
}

static int take_metadata(struct call *c)
{
    bson_t client;
    char *text;

    if (!doc_sub(c->command, "client", &client))
        return 0;
    if (c->conn->metadata != NULL)
        return fail(c, 186, "The client metadata document may only be sent in the first isMaster");
    c->conn->metadata = bson_copy(&client);
    text = bson_text(&client);
    log_attach(&client);
    log_line('I', "NETWORK", "received client metadata from %s conn%d: %s", c->conn->remote,
             c->conn->id, text);
    free(text);
    return 0;
}

static void add_mechanisms(struct call *c)
{
    const char *full = doc_str(c->command, "saslSupportedMechs", NULL), *dot;
    const bson_t *user;
    bson_t credentials;
    char *db;

    if (full == NULL || (dot = strchr(full, '.')) == NULL)
        return;
    db = strndup(full, (size_t)(dot - full));
    if (strcmp(full, "local.__system") == 0) {
        if (keyfile.n > 0)
            add_user_mechanisms(c->reply, "saslSupportedMechs", NULL);
    } else {
        user = auth_user(dot + 1, db);
        if (user != NULL && doc_sub(user, "credentials", &credentials))
            add_user_mechanisms(c->reply, "saslSupportedMechs", &credentials);
    }
    free(db);
}

/* Counts how often the role that is shown here has changed (4.4 and later). */
static int64_t topology_counter(void)
{
    static bson_t *shown;
    static int64_t counter = -1;
    bson_t role = BSON_INITIALIZER, now = BSON_INITIALIZER;

    if (repl_active())
        add_set_role(&role, true);
    bson_copy_to_excluding_noinit(&role, &now, "lastWrite", NULL);
    add_bool(&now, "quiesce", node.quiesce_until != 0);
    if (shown == NULL || !bson_equal(shown, &now)) {
        counter++;
        if (shown != NULL)
            bson_destroy(shown);
        shown = bson_copy(&now);
    }
    bson_destroy(&now);
    bson_destroy(&role);
    return counter;
}

void add_topology_version(bson_t *to)
{
    bson_t sub;

    bson_append_document_begin(to, "topologyVersion", -1, &sub);
    bson_append_oid(&sub, "processId", -1, &process_id);
    add_long(&sub, "counter", topology_counter());
    bson_append_document_end(to, &sub);
}

/* An awaitable question is answered when something has changed, or when its time is over; with
 * exhaust, again and again. Only 4.4 and later know such questions. */
static int await_change(struct call *c)
{
    bson_t known;
    bson_iter_t it;
    bool has_version = doc_sub(c->command, "topologyVersion", &known),
         has_time = doc_has(c->command, "maxAwaitTimeMS");
    int64_t wait = doc_int(c->command, "maxAwaitTimeMS", 0), counter, now;

    if (!version_at_least(4, 4))
        return 0;
    if (has_version != has_time)
        return fail(c, 31368,
                    has_version ? "A request with a 'topologyVersion' must include 'maxAwaitTimeMS'"
                                : "A request with 'maxAwaitTimeMS' must include a "
                                  "'topologyVersion'");
    if (c->exhaust && !has_time)
        return fail(c, 51756,
                    "An isMaster or hello request with exhaust must specify 'maxAwaitTimeMS'");
    if (!has_version)
        return 0;
    if (version_at_least(5, 0) && !doc_has(&known, "counter"))
        return fail(c, 40414,
                    "BSON field '%s.topologyVersion.counter' is missing but a required field",
                    c->name);
    counter = doc_int(&known, "counter", -1);
    if (counter < 0)
        return fail(c, 31372, "topologyVersion must have a non-negative counter");
    if (wait < 0 && version_at_least(5, 0))
        return fail(c, 51024, "BSON field 'maxAwaitTimeMS' value must be >= 0, actual value '%lld'",
                    (long long)wait);
    if (wait < 0)
        return fail(c, 31373, "maxAwaitTimeMS must be a non-negative integer");
    c->more = c->exhaust;
    if (!doc_find(&known, "processId", &it) || !BSON_ITER_HOLDS_OID(&it) ||
        bson_oid_compare(bson_iter_oid(&it), &process_id) != 0)
        return 0;
    now = topology_counter();
    if (counter > now)
        return fail(c, 31382,
                    "Received a topology version with counter: %lld which is greater than the "
                    "server topology version counter: %lld",
                    (long long)counter, (long long)now);
    for (int64_t until = mono_ms() + wait; counter == topology_counter() && node_wait(until);)
        ;
    return 0;
}

static int answer_role(struct call *c, bool hello)
{
    bool modern = version_at_least(4, 4);

    if (take_metadata(c) != 0 || await_change(c) != 0)
        return -1;
    if (node.quiesce_until != 0)
        return fail(c, 91, "The server is in quiesce mode and will shut down");
    if (modern && doc_bool(c->command, "helloOk", false))
        add_bool(c->reply, "helloOk", true);
    if (modern && repl_active())
        add_topology_version(c->reply);
    if (repl_active())
        add_set_role(c->reply, hello);
    else
        add_bool(c->reply, hello ? "isWritablePrimary" : "ismaster", true);
    if (modern && !repl_active())
        add_topology_version(c->reply);
    add_int(c->reply, "maxBsonObjectSize", 16777216);
    add_int(c->reply, "maxMessageSizeBytes", MAX_MESSAGE);
    add_int(c->reply, "maxWriteBatchSize", 100000);
    add_date(c->reply, "localTime", wall_ms());
    add_int(c->reply, "logicalSessionTimeoutMinutes", 30);
    add_int(c->reply, "connectionId", c->conn->id);
    add_int(c->reply, "minWireVersion", 0);
    add_int(c->reply, "maxWireVersion", version.max_wire);
    add_bool(c->reply, "readOnly", false);
    add_mechanisms(c);
    if (modern)
        speculative_login(c);
    return 0;
}

static int is_master(struct call *c)
{
    return answer_role(c, false);
}

static int hello(struct call *c)
{
    return answer_role(c, true);
}

const struct command hello_commands[] = {
    {"isMaster", F_NO_AUTH, A_NONE, is_master},
    {"ismaster", F_NO_AUTH, A_NONE, is_master},
    {"hello", F_NO_AUTH, A_NONE, hello},
    {NULL, 0, A_NONE, NULL},
};
