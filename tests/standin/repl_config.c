/* The set's configuration document: reading, completing, the rules, and "which of these is me?". */
#include "log.h"
#include "options.h"
#include "peer.h"
#include "repl.h"
#include "version.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BAD_CONFIG 93
#define INCOMPATIBLE 103

bson_oid_t process_id;

static bool known(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static void add_sub_or_empty(bson_t *to, const char *key, const bson_t *from)
{
    bson_t sub, empty = BSON_INITIALIZER;

    if (from != NULL && doc_sub(from, key, &sub))
        add_doc(to, key, &sub);
    else
        add_doc(to, key, &empty);
    bson_destroy(&empty);
}

static const char *delay_name(void)
{
    return version_at_least(5, 0) ? "secondaryDelaySecs" : "slaveDelay";
}

static int parse_member(const bson_t *doc, struct member *m, bson_t *out, char *why, size_t size)
{
    const char *const names[] = {"_id",        "host",     "arbiterOnly", "buildIndexes",
                                 "hidden",     "priority", "tags",        "horizons",
                                 delay_name(), "votes",    "newlyAdded"};
    const size_t n_names = COUNT_OF(names) - (version_at_least(5, 0) ? 0 : 1);
    bson_iter_t it;
    const char *host = doc_str(doc, "host", NULL);

    bson_iter_init(&it, doc);
    while (bson_iter_next(&it)) {
        if (!known(names, n_names, bson_iter_key(&it))) {
            put(why, size, "Unexpected field %s in replica set member configuration for member: %s",
                bson_iter_key(&it), doc_str(doc, "host", "?"));
            return BAD_CONFIG;
        }
    }
    if (!doc_find(doc, "_id", &it) || !iter_is_number(&it) || host == NULL) {
        put(why, size, "Missing expected field \"%s\"", host == NULL ? "host" : "_id");
        return BAD_CONFIG;
    }
    m->id = (int32_t)bson_iter_as_int64(&it);
    put(m->host, sizeof m->host, "%s%s", host, strchr(host, ':') == NULL ? ":27017" : "");
    m->arbiter = doc_bool(doc, "arbiterOnly", false);
    m->build_indexes = doc_bool(doc, "buildIndexes", true);
    m->hidden = doc_bool(doc, "hidden", false);
    m->priority = doc_num(doc, "priority", m->arbiter ? 0 : 1);
    if (m->arbiter && m->priority >= 1 && m->priority <= 1)
        m->priority = 0;
    m->votes = (int32_t)doc_int(doc, "votes", 1);
    m->delay = doc_int(doc, delay_name(), 0);
    add_int(out, "_id", m->id);
    add_str(out, "host", m->host);
    add_bool(out, "arbiterOnly", m->arbiter);
    add_bool(out, "buildIndexes", m->build_indexes);
    add_bool(out, "hidden", m->hidden);
    add_num(out, "priority", m->priority);
    add_sub_or_empty(out, "tags", doc);
    if (doc_has(doc, "horizons"))
        add_sub_or_empty(out, "horizons", doc);
    add_long(out, delay_name(), m->delay);
    add_int(out, "votes", m->votes);
    m->votes_written = m->votes;
    m->priority_written = m->priority;
    m->newly_added = doc_bool(doc, "newlyAdded", false);
    if (m->newly_added) {
        add_bool(out, "newlyAdded", true);
        m->votes = 0;
        m->priority = 0;
    }
    return 0;
}

static void parse_settings(const bson_t *doc, bool initiate, struct config *c)
{
    bson_t in = BSON_INITIALIZER, sub, defaults;
    bson_iter_t it;
    bson_oid_t oid;
    bool given = doc_sub(doc, "settings", &in);

    c->heartbeat_interval = doc_int(&in, "heartbeatIntervalMillis", 2000);
    c->heartbeat_timeout = doc_int(&in, "heartbeatTimeoutSecs", 10) * 1000;
    c->election_timeout = doc_int(&in, "electionTimeoutMillis", 10000);
    c->catchup_timeout = doc_int(&in, "catchUpTimeoutMillis", -1);
    bson_append_document_begin(c->doc, "settings", -1, &sub);
    add_bool(&sub, "chainingAllowed", doc_bool(&in, "chainingAllowed", true));
    add_int(&sub, "heartbeatIntervalMillis", (int32_t)c->heartbeat_interval);
    add_int(&sub, "heartbeatTimeoutSecs", (int32_t)(c->heartbeat_timeout / 1000));
    add_int(&sub, "electionTimeoutMillis", (int32_t)c->election_timeout);
    add_int(&sub, "catchUpTimeoutMillis", (int32_t)c->catchup_timeout);
    add_int(&sub, "catchUpTakeoverDelayMillis",
            (int32_t)doc_int(&in, "catchUpTakeoverDelayMillis", 30000));
    add_sub_or_empty(&sub, "getLastErrorModes", given ? &in : NULL);
    if (doc_sub(&in, "getLastErrorDefaults", &defaults)) {
        add_doc(&sub, "getLastErrorDefaults", &defaults);
    } else {
        bson_append_document_begin(&sub, "getLastErrorDefaults", -1, &defaults);
        add_int(&defaults, "w", 1);
        add_int(&defaults, "wtimeout", 0);
        bson_append_document_end(&sub, &defaults);
    }
    if (doc_find(&in, "replicaSetId", &it) && BSON_ITER_HOLDS_OID(&it)) {
        bson_append_iter(&sub, "replicaSetId", -1, &it);
    } else if (initiate) {
        bson_oid_init(&oid, NULL);
        bson_append_oid(&sub, "replicaSetId", -1, &oid);
    }
    bson_append_document_end(c->doc, &sub);
}

static int parse_members(const bson_t *doc, struct config *c, char *why, size_t size)
{
    bson_t members, one, out = BSON_INITIALIZER, arr = BSON_INITIALIZER;
    bson_iter_t it;
    uint32_t i = 0;
    int code = 0;

    if (!doc_sub(doc, "members", &members)) {
        put(why, size, "Missing expected field \"members\"");
        return BAD_CONFIG;
    }
    bson_iter_init(&it, &members);
    while (code == 0 && bson_iter_next(&it)) {
        if (c->n == MAX_MEMBERS || !iter_sub(&it, &one)) {
            put(why, size, "Expected type of members.%s to be Object", bson_iter_key(&it));
            code = BAD_CONFIG;
            break;
        }
        bson_reinit(&out);
        code = parse_member(&one, &c->m[c->n++], &out, why, size);
        push_doc(&arr, &i, &out);
    }
    add_arr(c->doc, "members", &arr);
    bson_destroy(&arr);
    bson_destroy(&out);
    return code;
}

int config_parse(const bson_t *doc, bool initiate, struct config *ret_config, char *why,
                 size_t size)
{
    static const char *const names[] = {"_id",
                                        "version",
                                        "term",
                                        "configsvr",
                                        "protocolVersion",
                                        "members",
                                        "settings",
                                        "writeConcernMajorityJournalDefault"};
    struct config c = {0};
    bson_iter_t it;
    int code = 0;

    bson_iter_init(&it, doc);
    while (bson_iter_next(&it)) {
        if (!known(names, COUNT_OF(names), bson_iter_key(&it))) {
            put(why, size, "Unexpected field %s in replica set configuration", bson_iter_key(&it));
            return BAD_CONFIG;
        }
    }
    if (doc_str(doc, "_id", NULL) == NULL) {
        put(why, size, "Missing expected field \"_id\"");
        return BAD_CONFIG;
    }
    if (!initiate && !doc_has(doc, "version")) {
        put(why, size, "Missing expected field \"version\"");
        return BAD_CONFIG;
    }
    if (!initiate && doc_int(doc, "protocolVersion", version_at_least(5, 0)) != 1) {
        put(why, size,
            "Support for replication protocol version 0 was removed in MongoDB 4.0. Downgrade to "
            "MongoDB "
            "version 3.6 and upgrade your protocol version to 1 before upgrading your MongoDB "
            "version");
        return BAD_CONFIG;
    }
    put(c.name, sizeof c.name, "%s", doc_str(doc, "_id", ""));
    c.version = doc_int(doc, "version", 1);
    c.term = version_at_least(4, 4) ? doc_int(doc, "term", initiate ? 0 : -1) : -1;
    c.doc = bson_new();
    add_str(c.doc, "_id", c.name);
    add_int(c.doc, "version", (int32_t)c.version);
    if (version_at_least(4, 4) && (c.term >= 0 || !version_at_least(5, 0)))
        add_long(c.doc, "term", c.term);
    if (version_at_least(5, 0)) /* the order changed there */
        code = parse_members(doc, &c, why, size);
    add_long(c.doc, "protocolVersion", 1);
    add_bool(c.doc, "writeConcernMajorityJournalDefault",
             doc_bool(doc, "writeConcernMajorityJournalDefault", true));
    if (!version_at_least(5, 0))
        code = parse_members(doc, &c, why, size);
    if (code == 0)
        parse_settings(doc, initiate, &c);
    if (code != 0)
        config_done(&c);
    else
        *ret_config = c;
    return code;
}

void config_done(struct config *c)
{
    if (c->doc != NULL)
        bson_destroy(c->doc);
    c->doc = NULL;
}

static bool is_local_name(const char *host)
{
    return strncmp(host, "localhost:", 10) == 0 || strncmp(host, "127.", 4) == 0 || host[0] == '/';
}

static int validate_member(const struct member *m, char *why, size_t size)
{
    if (m->id < 0 || m->id > 255)
        put(why, size, "_id field value of %d is out of range.", m->id);
    else if (m->priority_written < 0 || m->priority_written > 1000)
        put(why, size, "priority field value of %g is out of range", m->priority_written);
    else if (m->votes_written != 0 && m->votes_written != 1)
        put(why, size, "votes field value is %d but must be 0 or 1", m->votes_written);
    else if (m->arbiter && m->votes_written == 0)
        put(why, size, "Arbiter must vote (cannot have 0 votes)");
    else if (m->arbiter && m->priority_written > 0)
        put(why, size, "Arbiter must have priority 0 or 1");
    else if (m->delay > 0 && m->priority_written > 0)
        put(why, size, "priority must be 0 when slaveDelay is used");
    else if (m->hidden && m->priority_written > 0)
        put(why, size, "priority must be 0 when hidden=true");
    else if (!m->build_indexes && m->priority_written > 0)
        put(why, size, "priority must be 0 when buildIndexes=false");
    else if (m->votes_written == 0 && m->priority_written > 0)
        put(why, size, "priority must be 0 when non-voting (votes:0)");
    else
        return 0;
    return 2;
}

int config_validate(const struct config *c, char *why, size_t size)
{
    int local = 0, electable = 0, voters = 0;

    if (c->version < 1 && !version_at_least(5, 0)) {
        put(why, size, "version field value of %lld is out of range", (long long)c->version);
        return 2;
    }
    if (c->n == 0) {
        put(why, size,
            "Replica set configuration contains 0 members, but must have at least 1 and no more "
            "than  50");
        return 2;
    }
    for (int i = 0; i < c->n; i++) {
        if (validate_member(&c->m[i], why, size) != 0)
            return 2;
        local += is_local_name(c->m[i].host);
        electable += !c->m[i].arbiter && c->m[i].priority_written > 0;
        voters += c->m[i].votes_written > 0;
        for (int k = 0; k < i; k++) {
            if (c->m[k].id == c->m[i].id) {
                put(why, size,
                    "Found two member configurations with same _id field, members.%d._id == "
                    "members.%d._id == MemberId(%d)",
                    k, i, c->m[i].id);
                return 2;
            }
            if (strcasecmp(c->m[k].host, c->m[i].host) == 0) {
                put(why, size,
                    "Found two member configurations with same host field, members.%d.host == "
                    "members.%d.host == %s",
                    k, i, c->m[i].host);
                return 2;
            }
        }
    }
    if (local != 0 && local != c->n)
        put(why, size,
            "Either all host names in a replica set configuration must be localhost references, or "
            "none must "
            "be; found %d out of %d",
            local, c->n);
    else if (voters < 1 || voters > 7)
        put(why, size,
            "Replica set configuration contains %d voting members, but must be at least 1 and no "
            "more than 7",
            voters);
    else if (electable == 0)
        put(why, size,
            "Replica set configuration must contain at least one non-arbiter member with priority "
            "> 0");
    else
        return 0;
    return 2;
}

bool config_newer(const struct config *a, const struct config *b)
{
    if (a->term >= 0 && b->term >= 0 && a->term != b->term)
        return a->term > b->term;
    return a->version > b->version;
}

int config_compare(const struct config *old, const struct config *new, bool force, char *why,
                   size_t size)
{
    if (version_at_least(4, 4) && config_newer_only(old, new, why, size) != 0)
        return INCOMPATIBLE;
    if (new->version <= old->version) {
        put(why, size,
            "New replica set configuration version must be greater than old, but %lld is not "
            "greater than %lld "
            "for replica set %s",
            (long long)new->version, (long long)old->version, new->name);
        return INCOMPATIBLE;
    }
    if (config_keeps_default(old, new, why, size) != 0)
        return INCOMPATIBLE;
    for (int i = 0; i < new->n; i++) {
        for (int k = 0; k < old->n; k++) {
            const struct member *n = &new->m[i], *o = &old->m[k];
            bool same_id = n->id == o->id, same_host = strcasecmp(n->host, o->host) == 0;

            if (same_host && !same_id)
                put(why, size,
                    "New and old configurations both have members with host of %s but in the new "
                    "configuration "
                    "the _id field is %d and in the old configuration it is %d for replica set %s",
                    n->host, n->id, o->id, new->name);
            else if (same_id && n->build_indexes != o->build_indexes)
                put(why, size,
                    "New and old configurations differ in the setting of the buildIndexes field "
                    "for member %s; "
                    "to make this change, remove then re-add the member",
                    n->host);
            else if (same_id && n->arbiter != o->arbiter)
                put(why, size,
                    "New and old configurations differ in the setting of the arbiterOnly field for "
                    "member %s; "
                    "to make this change, remove then re-add the member",
                    n->host);
            else
                continue;
            return INCOMPATIBLE;
        }
    }
    return version_at_least(4, 4) ? config_safe_change(old, new, force, why, size) : 0;
}

int config_voters(const struct config *c)
{
    int n = 0;

    for (int i = 0; i < c->n; i++)
        n += c->m[i].votes > 0;
    return n;
}

int config_majority(const struct config *c)
{
    return config_voters(c) / 2 + 1;
}

int config_data_voters(const struct config *c)
{
    int n = 0;

    for (int i = 0; i < c->n; i++)
        n += c->m[i].votes > 0 && !c->m[i].arbiter;
    return n;
}

int config_write_majority(const struct config *c)
{
    int data = config_data_voters(c);

    return config_majority(c) < data ? config_majority(c) : data;
}

static bool is_own_address(struct in_addr ip)
{
    char *list = xstrdup(options.bind_ip), *save = NULL;
    struct ifaddrs *all = NULL;
    bool found = false, any = false;

    for (char *w = strtok_r(list, ", ", &save); w != NULL && !found;
         w = strtok_r(NULL, ", ", &save)) {
        struct addrinfo hints = {.ai_family = AF_INET}, *res = NULL;

        any = any || strcmp(w, "0.0.0.0") == 0 || strcmp(w, "*") == 0 || strcmp(w, "::") == 0;
        if (getaddrinfo(w, NULL, &hints, &res) != 0)
            continue;
        for (struct addrinfo *a = res; a != NULL; a = a->ai_next)
            found =
                found || ((struct sockaddr_in *)(void *)a->ai_addr)->sin_addr.s_addr == ip.s_addr;
        freeaddrinfo(res);
    }
    free(list);
    if (!found && any && getifaddrs(&all) == 0) {
        for (struct ifaddrs *i = all; i != NULL; i = i->ifa_next)
            found = found ||
                    (i->ifa_addr != NULL && i->ifa_addr->sa_family == AF_INET &&
                     ((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr.s_addr == ip.s_addr);
        freeifaddrs(all);
    }
    return found;
}

static bool resolves_to_self(const char *member_host)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *res = NULL;
    char host[256], port[16];
    bool found = false;

    host_split(member_host, host, sizeof host, port, sizeof port);
    if (strtol(port, NULL, 10) != options.port || getaddrinfo(host, port, &hints, &res) != 0)
        return false;
    for (struct addrinfo *a = res; a != NULL; a = a->ai_next)
        found = found || is_own_address(((struct sockaddr_in *)(void *)a->ai_addr)->sin_addr);
    freeaddrinfo(res);
    return found;
}

static bool answers_as_self(const char *host)
{
    bson_t command = BSON_INITIALIZER, reply;
    struct failure failure;
    struct peer peer;
    bson_iter_t it;
    bool same = false;

    peer_init(&peer, host);
    add_int(&command, "_isSelf", 1);
    add_str(&command, "$db", "admin");
    if (peer_call(&peer, &command, 5000, &reply, &failure) == 0) {
        same = doc_find(&reply, "id", &it) && BSON_ITER_HOLDS_OID(&it) &&
               bson_oid_compare(bson_iter_oid(&it), &process_id) == 0;
        bson_destroy(&reply);
    }
    bson_destroy(&command);
    peer_close(&peer);
    return same;
}

int config_find_self(const struct config *c)
{
    for (int i = 0; i < c->n; i++)
        if (resolves_to_self(c->m[i].host))
            return i;
    for (int i = 0; i < c->n; i++)
        if (answers_as_self(c->m[i].host))
            return i;
    return -1;
}
