/* Asking for votes, giving them, and handing the role over. */
#include "crash.h"
#include "log.h"
#include "peer.h"
#include "repl.h"
#include "version.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct ballot {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bson_t *request;
    int users; /* threads that still hold it */
    int asked, answered, granted;
    int64_t term, timeout;
    struct optime best; /* the newest position any voter has */
    bool arbiter_veto;
};
struct vote_job {
    struct ballot *ballot;
    char host[HOST_SIZE];
};

static void ballot_release(struct ballot *b)
{
    bool last;

    pthread_mutex_lock(&b->lock);
    last = --b->users == 0;
    pthread_mutex_unlock(&b->lock);
    if (!last)
        return;
    pthread_mutex_destroy(&b->lock);
    pthread_cond_destroy(&b->changed);
    bson_destroy(b->request);
    free(b);
}

static void *vote_thread(void *arg)
{
    struct vote_job *job = arg;
    struct ballot *b = job->ballot;
    struct peer peer;
    struct failure failure;
    bson_t reply;
    bool got;

    log_context("replexec-1");
    peer_init(&peer, job->host);
    got = peer_call(&peer, b->request, b->timeout, &reply, &failure) == 0;
    pthread_mutex_lock(&b->lock);
    b->answered++;
    if (!got) {
        log_line('I', "ELECTION",
                 "VoteRequester(term %lld) failed to receive response from %s: HostUnreachable: %s",
                 (long long)b->term, job->host, failure.text);
    } else {
        bool yes = doc_num(&reply, "ok", 0) == 1.0 && doc_bool(&reply, "voteGranted", false);
        struct optime theirs = doc_optime(&reply, "lastApplied");

        b->granted += yes;
        if (optime_cmp(theirs, b->best) > 0)
            b->best = theirs;
        if (doc_int(&reply, "term", -1) > b->term)
            b->term = doc_int(&reply, "term", -1);
        log_line('I', "ELECTION", "VoteRequester(term %lld) received a %s vote from %s%s%s",
                 (long long)b->term, yes ? "yes" : "no", job->host, yes ? "" : " with reason ",
                 yes ? "" : doc_str(&reply, "reason", doc_str(&reply, "errmsg", "")));
        bson_destroy(&reply);
    }
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
    peer_close(&peer);
    ballot_release(b);
    free(job);
    return NULL;
}

/* Asks everybody (with the node's lock held on entry and on return, not between). True when a
 * majority says yes. */
static bool ask(int64_t term, bool dry_run, struct optime *ret_best, int64_t *ret_term)
{
    const struct config *c = &node.config;
    struct ballot *b = xalloc(sizeof *b);
    int need = config_majority(c), mine = c->m[node.self].votes > 0;
    pthread_condattr_t attr;
    bool won;

    pthread_mutex_init(&b->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&b->changed, &attr);
    b->term = term;
    b->best = OPTIME_NULL;
    b->timeout = c->election_timeout < 5000 ? c->election_timeout : 5000;
    b->users = 1;
    b->request = bson_new();
    add_int(b->request, "replSetRequestVotes", 1);
    add_str(b->request, "setName", c->name);
    add_bool(b->request, "dryRun", dry_run);
    add_long(b->request, "term", term);
    add_long(b->request, "candidateIndex", node.self);
    add_int(b->request, "candidateId", c->m[node.self].id);
    add_long(b->request, "configVersion", c->version);
    add_long(b->request, "configTerm", c->term);
    add_optime(b->request, "lastCommittedOp", log_last());
    add_str(b->request, "$db", "admin");
    pthread_mutex_lock(&b->lock); /* until all are started: they count users and answers too */
    for (int i = 0; i < c->n; i++) {
        struct vote_job *job;

        if (i == node.self || c->m[i].votes == 0)
            continue;
        job = xalloc(sizeof *job);
        job->ballot = b;
        put(job->host, sizeof job->host, "%s", c->m[i].host);
        b->users++;
        b->asked++;
        spawn(vote_thread, job);
    }
    node_unlock();
    int64_t until = mono_ms() + b->timeout + 500;
    struct timespec t = {until / 1000, (until % 1000) * 1000000};
    while (b->granted + mine < need && b->answered < b->asked &&
           pthread_cond_timedwait(&b->changed, &b->lock, &t) == 0)
        ;
    won = b->granted + mine >= need;
    *ret_best = b->best;
    *ret_term = b->term;
    pthread_mutex_unlock(&b->lock);
    ballot_release(b);
    node_lock();
    return won;
}

struct campaign {
    enum election_reason reason;
    bool dry_run;
};

static void run_election(const struct campaign *e)
{
    int64_t term = node.term, seen;
    uint32_t generation = node.generation;
    struct optime best;
    char why[200];

    if (e->dry_run) {
        log_line('I', "ELECTION",
                 "conducting a dry run election to see if we could be elected. current term: %lld",
                 (long long)term);
        if (!ask(term, true, &best, &seen)) {
            log_line('I', "ELECTION", "not running for primary, we received insufficient votes");
            repl_saw_term(seen);
            return;
        }
    }
    if (node.term != term || node.generation != generation || !repl_electable(why, sizeof why))
        return;
    term = node.term = node.vote_term = term + 1;
    node.vote_for = node.config.m[node.self].id;
    repl_save_meta();
    log_line('I', "ELECTION", "%srunning for election in term %lld",
             e->dry_run ? "dry election run succeeded, " : "", (long long)term);
    if (!ask(term, false, &best, &seen)) {
        log_line('I', "ELECTION", "not becoming primary, we received insufficient votes");
        repl_saw_term(seen);
        return;
    }
    if (node.term != term || node.generation != generation || node.state != S_SECONDARY)
        return;
    node.catchup_target = best;
    repl_become_primary(e->reason);
}

static void *election_thread(void *arg)
{
    struct campaign *e = arg;

    log_context("replexec-0");
    node_lock();
    node.metrics.called[e->reason]++;
    run_election(e);
    node.election_running = false;
    if (node.state != S_PRIMARY) {
        repl_reset_election_timer();
        if (mono_ms() < node.fresh_until)
            node.election_deadline = mono_ms() + 100;
    }
    node_changed();
    node_unlock();
    free(e);
    return NULL;
}

void election_start(enum election_reason reason, bool dry_run)
{
    struct campaign *e;

    if (node.election_running)
        return;
    node.election_running = true;
    e = xalloc(sizeof *e);
    *e = (struct campaign){reason, dry_run};
    spawn(election_thread, e);
}

/* What a candidate asks for. */
struct candidacy {
    bool dry_run;
    int64_t term;
    int32_t candidate;
};

static bool refuses(const bson_t *request, const struct candidacy *b, char *why, size_t size)
{
    struct optime theirs = doc_optime(request, "lastCommittedOp");
    const struct config *c = &node.config,
                        candidates = {.version = doc_int(request, "configVersion", -1),
                                      .term = doc_int(request, "configTerm", -1)};

    if (c->doc == NULL || node.self < 0)
        put(why, size, "not a member of the replica set");
    else if (strcmp(doc_str(request, "setName", ""), c->name) != 0)
        put(why, size, "candidate's set name (%s) differs from mine (%s)",
            doc_str(request, "setName", ""), c->name);
    else if (version_at_least(4, 4) && config_newer(c, &candidates))
        put(why, size,
            "candidate's config with {version: %lld, term: %lld} is older than mine with "
            "{version: %lld, term: %lld}",
            (long long)candidates.version, (long long)candidates.term, (long long)c->version,
            (long long)c->term);
    else if (!version_at_least(4, 4) && candidates.version != c->version)
        put(why, size, "candidate's config version (%lld) differs from mine (%lld)",
            (long long)candidates.version, (long long)c->version);
    else if (b->term < node.term)
        put(why, size, "candidate's term (%lld) is lower than mine (%lld)", (long long)b->term,
            (long long)node.term);
    else if (optime_cmp(theirs, log_last()) < 0 && !broken_on_purpose("stale"))
        put(why, size,
            "candidate's data is staler than mine. candidate's last applied OpTime: { ts: "
            "Timestamp(%u, %u), t: "
            "%lld }, my last applied OpTime: { ts: Timestamp(%u, %u), t: %lld }",
            theirs.secs, theirs.inc, (long long)theirs.term, log_last().secs, log_last().inc,
            (long long)log_last().term);
    else if (!b->dry_run && node.vote_term == b->term && node.vote_for != b->candidate)
        put(why, size, "already voted for another candidate (%d) this term (%lld)", node.vote_for,
            (long long)b->term);
    else if (c->m[node.self].arbiter && node.primary >= 0 && node.view[node.primary].up &&
             c->m[node.primary].id != b->candidate)
        put(why, size, "can see a healthy primary (%s) of equal or greater priority",
            c->m[node.primary].host);
    else
        return false;
    return true;
}

void vote_answer(const bson_t *request, bson_t *reply)
{
    struct candidacy b = {.dry_run = doc_bool(request, "dryRun", false),
                          .term = doc_int(request, "term", -1),
                          .candidate = (int32_t)doc_int(request, "candidateId", -1)};
    char why[400] = "";
    bool granted;

    if (!b.dry_run)
        repl_saw_term(b.term);
    granted = !refuses(request, &b, why, sizeof why);
    if (granted && !b.dry_run) {
        node.vote_term = b.term;
        node.vote_for = b.candidate;
        node.metrics.participant = node.metrics.voted = true;
        node.metrics.candidate = false;
        node.metrics.vote_date = wall_ms();
        node.metrics.vote_candidate = b.candidate;
        node.metrics.vote_term = b.term;
        node.metrics.vote_applied = log_last();
        repl_save_meta();
        repl_reset_election_timer();
    }
    crash_point(true);
    add_long(reply, "term", node.term);
    add_bool(reply, "voteGranted", granted);
    add_str(reply, "reason", why);
    add_optime(reply, "lastApplied", log_last());
}

/* The member to hand over to: electable, caught up, highest priority, first among equals. -1: none.
 */
static int successor(struct optime last)
{
    int best = -1;

    for (int i = 0; i < node.config.n; i++) {
        const struct member *m = &node.config.m[i];
        const struct view *v = &node.view[i];
        struct optime has = optime_cmp(v->applied, v->pulled) > 0 ? v->applied : v->pulled;

        if (i == node.self || m->arbiter || m->priority <= 0 || !v->up || v->state != S_SECONDARY ||
            optime_cmp(has, last) < 0)
            continue;
        if (best < 0 || m->priority > node.config.m[best].priority)
            best = i;
    }
    return best;
}

static bool majority_has(struct optime last)
{
    int n = 1;

    for (int i = 0; i < node.config.n; i++) {
        const struct view *v = &node.view[i];

        if (i != node.self && node.config.m[i].votes > 0 && !node.config.m[i].arbiter &&
            (optime_cmp(v->applied, last) >= 0 || optime_cmp(v->pulled, last) >= 0))
            n++;
    }
    return n >= config_majority(&node.config);
}

static void *handoff_thread(void *arg)
{
    char *host = arg;
    struct peer peer;
    struct failure failure;
    bson_t command = BSON_INITIALIZER, reply;

    log_context("replexec-2");
    log_line('I', "ELECTION", "Handing off election to %s", host);
    peer_init(&peer, host);
    add_int(&command, "replSetStepUp", 1);
    add_bool(&command, "skipDryRun", true);
    add_str(&command, "$db", "admin");
    if (peer_call(&peer, &command, 5000, &reply, &failure) == 0)
        bson_destroy(&reply);
    peer_close(&peer);
    bson_destroy(&command);
    free(host);
    node_lock();
    node.handing_off = false;
    node_changed();
    node_unlock();
    return NULL;
}

static void as_of_now(char *to, size_t size)
{
    int64_t ms = wall_ms();
    time_t secs = (time_t)(ms / 1000);
    struct tm tm;
    char stamp[32], zone[8];

    localtime_r(&secs, &tm);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
    strftime(zone, sizeof zone, "%z", &tm);
    put(to, size, "%s.%03d%s", stamp, (int)(ms % 1000), zone);
}

/* Waits with writes refused; 0 when this member may go, else the code. */
static int wait_for_successor(int64_t until, int64_t stay_down_until, bool force, char *why,
                              size_t size)
{
    uint32_t leadership = node.leadership;
    char stamp[48];

    for (;;) {
        int64_t now = mono_ms();

        if (node.leadership != leadership) {
            put(why, size,
                "While waiting for secondaries to catch up before stepping down, this node decided "
                "to step "
                "down for other reasons");
            return 189;
        }
        if (now >= stay_down_until) {
            put(why, size,
                "By the time we were ready to step down, we were already past the time we were "
                "supposed to "
                "step down until");
            return 262;
        }
        if (majority_has(log_last()) && successor(log_last()) >= 0)
            return 0;
        if (now >= until && force)
            return 0;
        if (now >= until) {
            as_of_now(stamp, sizeof stamp);
            put(why, size,
                "No electable secondaries caught up as of %s. Please use the replSetStepDown "
                "command with the "
                "argument {force: true} to force node to step down.",
                stamp);
            return 262;
        }
        node_wait(until < stay_down_until ? until : stay_down_until);
    }
}

int step_down(int64_t seconds, int64_t catch_up_ms, bool force, char *why, size_t size)
{
    int64_t now = mono_ms();
    int code, to;

    node_lock();
    if (node.state != S_PRIMARY || node.stepping_down) {
        code = node.state == S_PRIMARY ? 117 : 10107;
        put(why, size, "%s",
            code == 117 ? "This node is already in the process of stepping down"
                        : "not primary so can't step down");
        node_unlock();
        return code;
    }
    node.stepping_down = true;
    node.kick++;
    node_changed();
    code = wait_for_successor(now + catch_up_ms, now + seconds * 1000, force, why, size);
    if (code == 0) {
        to = successor(log_last());
        node.unelectable_until = now + seconds * 1000;
        repl_step_down("replSetStepDown");
        node.handing_off = to >= 0 && !force;
        if (node.handing_off)
            spawn(handoff_thread, xstrdup(node.config.m[to].host));
    } else {
        node.stepping_down = false;
        node_changed();
    }
    node_unlock();
    return code;
}
