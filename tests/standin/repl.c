/* Roles and their changes, writing to the log, and waiting until a write is safe. */
#include "repl.h"
#include "crash.h"
#include "data.h"
#include "log.h"
#include "options.h"
#include "version.h"

#include <stdlib.h>
#include <string.h>

struct node node;

const char *state_name(enum member_state s)
{
    static const char *const names[] = {"STARTUP", "PRIMARY",  "SECONDARY", "RECOVERING",
                                        "FATAL",   "STARTUP2", "UNKNOWN",   "ARBITER",
                                        "DOWN",    "ROLLBACK", "REMOVED"};

    return names[s];
}

enum member_state repl_state_told(void)
{
    bool refused = false;

    if (node.state != S_SECONDARY)
        return node.state;
    for (int i = 0; i < node.config.n; i++) {
        if (i == node.self)
            continue;
        if (node.view[i].up)
            return node.state;
        refused = refused || node.view[i].auth_failed;
    }
    return refused ? S_RECOVERING : node.state;
}

void node_init(void)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&node.lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&node.changed, &attr);
    node.started = wall_ms();
    node.self = node.primary = node.sync_source = -1;
    node.commit = node.initial_target = OPTIME_NULL;
    node.rbid = 1;
    node.vote_for = -1;
}

void node_lock(void)
{
    pthread_mutex_lock(&node.lock);
}

void node_unlock(void)
{
    pthread_mutex_unlock(&node.lock);
}

void node_changed(void)
{
    pthread_cond_broadcast(&node.changed);
}

bool node_wait(int64_t until)
{
    struct timespec t = {until / 1000, (until % 1000) * 1000000};

    return pthread_cond_timedwait(&node.changed, &node.lock, &t) == 0 || mono_ms() < until;
}

bool repl_active(void)
{
    return options.repl_set != NULL;
}

int64_t repl_pace(int64_t least, uint32_t spread)
{
    const char *fast = getenv("STANDIN_FAST");

    return fast != NULL && strcmp(fast, "1") == 0 ? 0 : least + random_below(spread);
}

void repl_save_meta(void)
{
    bson_t meta = BSON_INITIALIZER;

    if (!broken_on_purpose("terms"))
        add_long(&meta, "term", node.term);
    if (!broken_on_purpose("votes")) {
        add_long(&meta, "voteTerm", node.vote_term);
        add_int(&meta, "voteFor", node.vote_for);
    }
    add_int(&meta, "rbid", node.rbid);
    if (node.config.doc != NULL)
        add_doc(&meta, "config", node.config.doc);
    meta_save(&meta);
    bson_destroy(&meta);
}

void repl_set_state(enum member_state s)
{
    if (node.state == s)
        return;
    log_line('I', "REPL", "transition to %s from %s", state_name(s), state_name(node.state));
    node.state = s;
    if (s == S_SECONDARY)
        node.secondary_since = mono_ms();
    node_changed();
}

void repl_reset_election_timer(void)
{
    int64_t t = node.config.election_timeout;

    node.election_deadline = mono_ms() + t + random_below((uint32_t)(t * 15 / 100) + 1);
}

bool repl_electable(char *why, size_t size)
{
    const struct member *m = node.self < 0 ? NULL : &node.config.m[node.self];

    if (m == NULL)
        put(why, size, "not a member of a valid replica set config");
    else if (m->arbiter)
        put(why, size, "member is an arbiter");
    else if (m->priority <= 0)
        put(why, size, "member has zero priority");
    else if (node.state != S_SECONDARY)
        put(why, size, "member is not currently a secondary");
    else if (mono_ms() < node.unelectable_until)
        put(why, size, "I am still waiting for stepdown period to end");
    else if (log_count() == 0)
        put(why, size, "member has no committed optime");
    else
        return true;
    return false;
}

void repl_set_primary(int index)
{
    if (node.primary == index)
        return;
    node.primary = index;
    if (index >= 0 && index != node.self)
        log_line('I', "REPL", "Member %s is now in state PRIMARY", node.config.m[index].host);
    node.takeover_at = 0;
    node_changed();
}

void repl_step_down(const char *reason)
{
    if (node.state != S_PRIMARY)
        return;
    log_line('I', "REPL", "Stepping down from primary: %s", reason);
    node.writable = node.stepping_down = false;
    node.leadership++;
    node.keys_refuse_until = 0;
    node.primary = -1;
    repl_set_state(S_SECONDARY);
    repl_reset_election_timer();
    node.kick++;
    node_changed();
}

void repl_saw_term(int64_t term)
{
    if (term <= node.term)
        return;
    node.term = term;
    if (node.state == S_PRIMARY) {
        node.metrics.higher_term++;
        repl_step_down("a higher term was seen");
    } else {
        node.primary = -1;
    }
    repl_save_meta();
    node_changed();
}

void repl_become_primary(enum election_reason reason)
{
    int64_t now = wall_ms();

    log_line('I', "ELECTION", "election succeeded, assuming primary role in term %lld",
             (long long)node.term);
    for (int i = 0; i < node.config.n; i++)
        node.view[i].pulled = OPTIME_NULL;
    node.metrics.candidate = true;
    node.metrics.participant = false;
    node.metrics.reason = reason;
    node.metrics.successful[reason]++;
    node.metrics.date = now;
    node.metrics.term = node.term;
    node.metrics.committed_then = node.commit;
    node.metrics.seen_then = log_last();
    node.metrics.votes_needed = config_majority(&node.config);
    node.metrics.majority_noted = false;
    node.metrics.new_term_date = node.metrics.majority_date = 0;
    repl_set_state(S_PRIMARY);
    node.writable = node.stepping_down = false;
    node.leadership++;
    node.primary = node.self;
    node.election_secs = (uint32_t)(now / 1000);
    node.election_inc = 1;
    node.takeover_at = 0;
    node.catchup_deadline =
        node.config.catchup_timeout < 0 ? 0 : mono_ms() + node.config.catchup_timeout;
    node.drained_at = mono_ms() < node.fresh_until ? 0 : mono_ms() + repl_pace(550, 350);
    node.elected_at = mono_ms();
    node.catchup_given_up = false;
    for (int i = 0; i < node.config.n; i++)
        node.view[i].alive = node.elected_at;
    if (!node.keys_loaded && node.restarted && data_find("admin.system.keys") != NULL)
        node.keys_refuse_until = mono_ms() + 3000;
    node.kick++;
    node_changed();
}

bool repl_accepts_writes(void)
{
    return node.state == S_PRIMARY && node.writable && !node.stepping_down;
}

struct optime repl_next_time(void)
{
    struct optime last = log_last(),
                  t = {(uint32_t)(wall_ms() / 1000), 1, repl_active() ? node.term : -1};

    if (t.secs <= last.secs) {
        t.secs = last.secs;
        t.inc = last.inc + 1;
    }
    return t;
}

bson_t *repl_entry(const char *op, const char *ns)
{
    struct optime t = repl_next_time();
    bson_t *entry = bson_new();

    bson_append_timestamp(entry, "ts", -1, t.secs, t.inc);
    add_long(entry, "t", t.term);
    add_int(entry, "v", 2);
    add_str(entry, "op", op);
    add_str(entry, "ns", ns);
    add_date(entry, "wall", wall_ms());
    return entry;
}

struct optime repl_append(bson_t *entry)
{
    log_append(entry);
    data_apply(log_count() - 1, entry);
    return log_last();
}

static int newest_first(const void *a, const void *b)
{
    return optime_cmp(*(const struct optime *)b, *(const struct optime *)a);
}

void repl_advance_commit(void)
{
    struct optime at[MAX_MEMBERS], candidate;
    size_t n = 0;

    if (!repl_active()) {
        node.commit = log_durable();
        return;
    }
    if (node.state != S_PRIMARY)
        return;
    for (int i = 0; i < node.config.n; i++)
        if (node.config.m[i].votes > 0 && !node.config.m[i].arbiter)
            at[n++] = i == node.self ? log_durable() : node.view[i].pulled;
    qsort(at, n, sizeof *at, newest_first);
    if ((size_t)config_write_majority(&node.config) > n)
        return;
    candidate = at[config_write_majority(&node.config) - 1];
    if (candidate.term != node.term || optime_cmp(candidate, node.commit) <= 0)
        return;
    node.commit = candidate;
    if (!node.metrics.majority_noted) {
        node.metrics.majority_noted = true;
        node.metrics.majority_date = wall_ms();
    }
    node_changed();
}

void repl_learn_commit(struct optime commit)
{
    struct optime last = log_last();

    if (optime_cmp(commit, last) > 0)
        commit = last;
    if (optime_cmp(commit, node.commit) > 0) {
        node.commit = commit;
        node_changed();
    }
}

/* Keeps what is known of members that stay. */
static void carry_views(const struct config *old, const struct config *new)
{
    struct view views[MAX_MEMBERS];
    int primary = -1;

    for (int i = 0; i < new->n; i++) {
        views[i] = (struct view){.state = S_UNKNOWN,
                                 .applied = OPTIME_NULL,
                                 .durable = OPTIME_NULL,
                                 .pulled = OPTIME_NULL,
                                 .sync_source = -1,
                                 .alive = mono_ms()};
        for (int k = 0; k < old->n; k++) {
            if (old->m[k].id != new->m[i].id)
                continue;
            if (strcmp(old->m[k].host, new->m[i].host) == 0 || node.state == S_PRIMARY)
                views[i] = node.view[k];
            views[i].sync_host[0] = '\0';
            if (node.primary == k)
                primary = i;
        }
    }
    memcpy(node.view, views, sizeof views);
    node.primary = primary;
}

void repl_install(struct config *c, int self)
{
    struct config old = node.config;
    char *text = bson_text(c->doc);

    carry_views(&old, c);
    node.config = *c;
    config_done(&old);
    node.self = self;
    node.floor = node.commit;
    node.generation++;
    node.sync_source = -1;
    log_attach(c->doc);
    log_line('I', "REPL", "New replica set config in use: %s", text);
    free(text);
    repl_save_meta();
    if (self < 0) {
        log_line('I', "REPL", "This node is not a member of the config");
        repl_step_down("removed from the configuration");
        repl_set_state(S_REMOVED);
    } else {
        log_line('I', "REPL", "This node is %s in the config", c->m[self].host);
        if (node.state == S_PRIMARY && c->m[self].priority <= 0)
            repl_step_down("no longer electable");
        if (c->m[self].arbiter)
            repl_set_state(S_ARBITER);
        else if (node.state == S_STARTUP || node.state == S_REMOVED || node.state == S_ARBITER)
            repl_set_state(S_STARTUP2);
    }
    if (node.state != S_PRIMARY)
        repl_reset_election_timer();
    heartbeat_threads_start();
    node_changed();
}

void repl_stamp_config(void)
{
    struct config c;
    bson_t doc = BSON_INITIALIZER;
    char why[300];

    if (!version_at_least(4, 4) || node.config.term < 0 || node.config.term == node.term)
        return;
    bson_copy_to_excluding_noinit(node.config.doc, &doc, "term", NULL);
    add_long(&doc, "term", node.term);
    if (config_parse(&doc, false, &c, why, sizeof why) == 0)
        repl_install(&c, node.self);
    bson_destroy(&doc);
}

/* The configuration that was in use when the process ended. */
static void *rejoin(void *arg)
{
    struct config *c = arg;
    int self;

    log_context("replexec-0");
    sleep_ms(repl_pace(950, 200)); /* facts: SECONDARY 1.26 to 1.38 s after its start */
    self = config_find_self(c);
    node_lock();
    node.rejoining = false;
    if (node.config.doc == NULL)
        repl_install(c, self);
    else
        config_done(c);
    node_unlock();
    free(c);
    return NULL;
}

static struct config *remembered;

void repl_load(void)
{
    bson_t meta, doc;
    struct config *c = xalloc(sizeof *c);
    char why[300];
    bool found = false;

    data_rebuild();
    if (!repl_active()) {
        node.state = S_PRIMARY;
        node.writable = true;
    } else if (meta_load(&meta)) {
        node.term = doc_int(&meta, "term", 0);
        node.vote_term = doc_int(&meta, "voteTerm", 0);
        node.vote_for = (int32_t)doc_int(&meta, "voteFor", -1);
        node.rbid = (int32_t)doc_int(&meta, "rbid", 1);
        found =
            doc_sub(&meta, "config", &doc) && config_parse(&doc, false, c, why, sizeof why) == 0;
        bson_destroy(&meta);
    }
    node.restarted = node.rejoining = found;
    if (found)
        remembered = c;
    else
        free(c);
}

void repl_start(void)
{
    if (remembered != NULL)
        spawn(rejoin, remembered);
    else if (repl_active())
        log_line('I', "REPL", "Did not find local initialized voted for document at startup.");
    if (repl_active())
        spawn(sync_thread, NULL);
    spawn(tick_thread, NULL);
}
