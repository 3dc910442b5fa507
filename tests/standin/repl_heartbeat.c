/* Heartbeats: one thread per other member; asking, answering, and passing configurations on. */
#include "log.h"
#include "options.h"
#include "peer.h"
#include "repl.h"

#include <stdlib.h>
#include <string.h>

struct beat {
    uint32_t generation;
    int index;
    char host[HOST_SIZE];
};

void heartbeat_request(bson_t *to, const struct config *c, int self, bool check_empty)
{
    add_str(to, "replSetHeartbeat", c->name);
    add_long(to, "configVersion", c->version);
    add_long(to, "configTerm", c->term);
    add_int(to, "hbv", 1);
    if (check_empty)
        add_bool(to, "checkEmpty", true);
    add_str(to, "from", self >= 0 ? c->m[self].host : "");
    add_int(to, "fromId", self >= 0 ? c->m[self].id : -1);
    add_long(to, "term", node.term);
    add_int(to, "state", (int32_t)repl_state_told());
    add_str(to, "$db", "admin");
}

static void schedule_takeover(int64_t now)
{
    const struct config *c = &node.config;
    int rank = 0;

    if (node.primary < 0 || node.primary == node.self || node.takeover_at != 0 || node.self < 0)
        return;
    if (c->m[node.primary].priority >= c->m[node.self].priority)
        return;
    for (int i = 0; i < c->n; i++)
        rank += c->m[i].priority > c->m[node.self].priority;
    node.takeover_at = now + (rank + 1) * c->election_timeout +
                       random_below((uint32_t)(c->election_timeout * 15 / 100) + 1);
    log_line('I', "REPL", "Scheduling priority takeover at %lld ms from now",
             (long long)(node.takeover_at - now));
}

static void note_state(struct view *v, int index, enum member_state s)
{
    if (v->state != s)
        log_line('I', "REPL", "Member %s is now in state %s", node.config.m[index].host,
                 s == S_DOWN ? "DOWN" : state_name(s));
    v->state = s;
}

struct install {
    struct config config;
};

static void *install_thread(void *arg)
{
    struct install *job = arg;
    int self;

    log_context("replexec-0");
    self = config_find_self(&job->config);
    node_lock();
    if (node.config.doc == NULL || config_newer(&job->config, &node.config))
        repl_install(&job->config, self);
    else
        config_done(&job->config);
    node_unlock();
    free(job);
    return NULL;
}

/* A heartbeat brought a newer configuration. */
static void consider_config(const bson_t *reply)
{
    struct install *job;
    bson_t doc;
    char why[300];

    if (!doc_sub(reply, "config", &doc))
        return;
    job = xalloc(sizeof *job);
    if (config_parse(&doc, false, &job->config, why, sizeof why) == 0 &&
        strcmp(job->config.name, options.repl_set) == 0 &&
        (node.config.doc == NULL || config_newer(&job->config, &node.config))) {
        spawn(install_thread, job);
    } else {
        config_done(&job->config);
        free(job);
    }
}

static void took(int index, const bson_t *reply, int64_t ping)
{
    struct view *v = &node.view[index];
    int64_t now = mono_ms(), term = doc_int(reply, "term", -1);
    enum member_state s = (enum member_state)doc_int(reply, "state", S_UNKNOWN);
    bson_iter_t it;

    if (!v->up)
        v->up_since = wall_ms();
    v->up = v->heard = true;
    v->auth_failed = false;
    v->alive = now;
    v->ping = ping;
    v->last_heartbeat = wall_ms();
    v->config_version = doc_int(reply, "v", -2);
    v->config_term = doc_int(reply, "configTerm", -1);
    v->applied = doc_optime(reply, "opTime");
    v->durable = doc_optime(reply, "durableOpTime");
    put(v->message, sizeof v->message, "%s", doc_str(reply, "hbmsg", ""));
    put(v->sync_host, sizeof v->sync_host, "%s", doc_str(reply, "syncingTo", ""));
    v->election_secs = 0;
    if (doc_find(reply, "electionTime", &it) && BSON_ITER_HOLDS_TIMESTAMP(&it))
        bson_iter_timestamp(&it, &v->election_secs, &v->election_inc);
    note_state(v, index, s);
    repl_saw_term(term);
    if (s == S_PRIMARY && term == node.term && node.state != S_PRIMARY) {
        repl_set_primary(index);
        repl_reset_election_timer();
        schedule_takeover(now);
    } else if (node.primary == index && s != S_PRIMARY) {
        repl_set_primary(-1);
    }
    consider_config(reply);
    node_changed();
}

static void missed(int index, const char *text, bool auth)
{
    struct view *v = &node.view[index];

    v->up = false;
    v->auth_failed = auth;
    v->last_heartbeat = wall_ms();
    put(v->message, sizeof v->message, "%s", auth ? "" : text);
    note_state(v, index, S_DOWN);
    if (node.primary == index)
        repl_set_primary(-1);
    node_changed();
}

static const char *code_name_of(int code)
{
    return code == 6 ? "HostUnreachable" : "NetworkInterfaceExceededTimeLimit";
}

/* One round with up to two retries. */
static void beat_once(struct peer *peer, const struct beat *b, const bson_t *request,
                      int64_t timeout)
{
    struct failure failure;
    bson_t reply;
    int64_t began = mono_ms();
    bool got = false;

    for (int attempt = 0; attempt < 3 && !got && (attempt == 0 || mono_ms() - began < timeout);
         attempt++)
        got = peer_call(peer, request, timeout, &reply, &failure) == 0;
    node_lock();
    if (node.generation != b->generation) {
        /* the answer belongs to an older configuration */
    } else if (!got) {
        if (failure.code != 18)
            log_line('I', "REPL_HB",
                     "Heartbeat to %s failed after 2 retries, response status: %s: %s", b->host,
                     code_name_of(failure.code), failure.text);
        missed(b->index, failure.text, failure.code == 18);
    } else if (doc_num(&reply, "ok", 0) < 1) {
        int64_t code = doc_int(&reply, "code", 0);

        missed(b->index, doc_str(&reply, "errmsg", ""), code == 13 || code == 18);
    } else {
        took(b->index, &reply, mono_ms() - began);
    }
    node_unlock();
    if (got)
        bson_destroy(&reply);
}

static void *heartbeat_thread(void *arg)
{
    struct beat *b = arg;
    struct peer peer;
    bson_t request = BSON_INITIALIZER;
    char name[32];

    put(name, sizeof name, "replexec-%d", b->index);
    log_context(name);
    peer_init(&peer, b->host);
    node_lock();
    while (node.generation == b->generation) {
        int64_t next = mono_ms() + node.config.heartbeat_interval,
                timeout = node.config.heartbeat_timeout;
        uint32_t kick = node.kick;

        bson_reinit(&request);
        heartbeat_request(&request, &node.config, node.self, false);
        node_unlock();
        beat_once(&peer, b, &request, timeout);
        node_lock();
        while (node.generation == b->generation && node.kick == kick && node_wait(next))
            ;
    }
    node_unlock();
    peer_close(&peer);
    bson_destroy(&request);
    free(b);
    return NULL;
}

void heartbeat_threads_start(void)
{
    if (node.self < 0)
        return;
    for (int i = 0; i < node.config.n; i++) {
        struct beat *b;

        if (i == node.self)
            continue;
        b = xalloc(sizeof *b);
        b->generation = node.generation;
        b->index = i;
        put(b->host, sizeof b->host, "%s", node.config.m[i].host);
        spawn(heartbeat_thread, b);
    }
}

static void *fetch_thread(void *arg)
{
    char *host = arg;
    struct peer peer;
    struct failure failure;
    bson_t request = BSON_INITIALIZER, reply;

    log_context("replexec-1");
    peer_init(&peer, host);
    node_lock();
    add_str(&request, "replSetHeartbeat", options.repl_set);
    add_long(&request, "configVersion", node.config.doc == NULL ? -2 : node.config.version);
    add_long(&request, "configTerm", node.config.doc == NULL ? -1 : node.config.term);
    add_str(&request, "from", "");
    add_int(&request, "fromId", -1);
    add_long(&request, "term", node.term);
    add_str(&request, "$db", "admin");
    node_unlock();
    if (peer_call(&peer, &request, 5000, &reply, &failure) == 0) {
        node_lock();
        consider_config(&reply);
        node_unlock();
        bson_destroy(&reply);
    }
    peer_close(&peer);
    bson_destroy(&request);
    free(host);
    return NULL;
}

void config_fetch(const char *host)
{
    static int64_t last;

    if (*host == '\0' || mono_ms() - last < 50)
        return;
    last = mono_ms();
    spawn(fetch_thread, xstrdup(host));
}

void heartbeat_answer(const bson_t *request, bson_t *reply)
{
    int64_t version = doc_int(request, "configVersion", -2);
    int32_t from = (int32_t)doc_int(request, "fromId", -1);
    int64_t mine = node.config.doc == NULL ? -2 : node.config.version;
    const struct config theirs = {.version = version, .term = doc_int(request, "configTerm", -1)},
                        ours = {.version = mine, .term = mine < 0 ? -1 : node.config.term};

    repl_saw_term(doc_int(request, "term", -1));
    for (int i = 0; i < node.config.n; i++) {
        if (node.config.m[i].id != from || i == node.self)
            continue;
        node.view[i].last_received = wall_ms();
        if (node.view[i].config_version != version || node.view[i].config_term != theirs.term) {
            node.view[i].config_version = version;
            node.view[i].config_term = theirs.term;
            node_changed();
        }
        /* news: ask at once, so that this member knows its primary; but its own question is what
         * counts */
        if ((node.view[i].up || !node.view[i].heard) &&
            doc_int(request, "state", -1) != (int64_t)node.view[i].state) {
            node.kick++;
            node_changed();
        }
    }
    if (config_newer(&theirs, &ours) && !doc_bool(request, "checkEmpty", false))
        config_fetch(doc_str(request, "from", ""));
    if (node.state == S_PRIMARY)
        bson_append_timestamp(reply, "electionTime", -1, node.election_secs, node.election_inc);
    add_int(reply, "state", (int32_t)repl_state_told());
    add_int(reply, "v", (int32_t)mine);
    add_long(reply, "configTerm", ours.term);
    add_str(reply, "hbmsg", "");
    add_str(reply, "set", options.repl_set);
    add_long(reply, "term", node.term);
    if (node.primary >= 0)
        add_long(reply, "primaryId", node.config.m[node.primary].id);
    if (node.sync_source >= 0)
        add_str(reply, "syncingTo", node.config.m[node.sync_source].host);
    add_optime(reply, "durableOpTime", log_durable());
    add_optime(reply, "opTime", log_last());
    if (node.config.doc != NULL && config_newer(&ours, &theirs))
        add_doc(reply, "config", node.config.doc);
}

int quorum_check(const struct config *c, int self, bool initiate, char *why, size_t size)
{
    int voters_up = c->m[self].votes > 0, electable = c->m[self].priority > 0, code = 0;
    bson_string_t *up = bson_string_new(c->m[self].host), *down = bson_string_new(NULL);
    bson_t request = BSON_INITIALIZER;

    node_lock();
    heartbeat_request(&request, c, self, initiate);
    node_unlock();
    for (int i = 0; i < c->n && code == 0; i++) {
        struct peer peer;
        struct failure failure;
        bson_t reply;

        if (i == self)
            continue;
        peer_init(&peer, c->m[i].host);
        if (peer_call(&peer, &request, 5000, &reply, &failure) != 0 ||
            doc_num(&reply, "ok", 0) < 1) {
            bool answered = failure.text[0] == '\0';

            bson_string_append_printf(down, "%s%s failed with %s", down->len == 0 ? "" : ", ",
                                      c->m[i].host,
                                      answered ? doc_str(&reply, "errmsg", "") : failure.text);
            if (answered)
                bson_destroy(&reply);
        } else {
            int64_t theirs = doc_int(&reply, "v", -2);

            if (theirs >= c->version && theirs > 0) {
                put(why, size,
                    "Our config version of %lld is no larger than the version on %s, which is %lld",
                    (long long)c->version, c->m[i].host, (long long)theirs);
                code = 103;
            } else if (strcmp(doc_str(&reply, "set", c->name), c->name) != 0) {
                put(why, size,
                    "Our set name of %s does not match name of %s reported by remote node", c->name,
                    doc_str(&reply, "set", ""));
                code = 103;
            }
            voters_up += c->m[i].votes > 0;
            electable += !c->m[i].arbiter && c->m[i].priority > 0;
            if (c->m[i].votes > 0)
                bson_string_append_printf(up, ", %s", c->m[i].host);
            bson_destroy(&reply);
        }
        peer_close(&peer);
    }
    if (code == 0 && initiate && down->len > 0) {
        put(why, size,
            "replSetInitiate quorum check failed because not all proposed set members responded "
            "affirmatively: %s",
            down->str);
        code = 74;
    } else if (code == 0 && !initiate && voters_up < config_majority(c)) {
        put(why, size,
            "Quorum check failed because not enough voting nodes responded; required %d but only "
            "the "
            "following %d voting nodes responded: %s; the following nodes did not respond "
            "affirmatively: %s",
            config_majority(c), voters_up, up->str, down->str);
        code = 74;
    } else if (code == 0 && electable == 0) {
        put(why, size,
            "Quorum check failed because no electable nodes responded; at least one required for "
            "config");
        code = 74;
    }
    bson_string_free(up, true);
    bson_string_free(down, true);
    bson_destroy(&request);
    return code;
}
