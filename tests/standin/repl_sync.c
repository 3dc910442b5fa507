/* Pulling the log: a member asks its source for what follows its last entry, writes it to disk, and
 * asks again; that next question tells the source how far it has got. */
#include "data.h"
#include "log.h"
#include "peer.h"
#include "repl.h"

#include <stdlib.h>
#include <string.h>

#define BATCH_BYTES ((size_t)4 * 1024 * 1024)
#define WAIT_MS 1000
#define COMMON_CHUNK 500

/* Whom to pull from, -1 nobody. */
static int choose_source(void)
{
    struct optime last = log_last();
    int best = -1;

    if (node.self < 0 || node.config.m[node.self].arbiter)
        return -1;
    if (node.state == S_PRIMARY) {
        if (node.writable || optime_cmp(node.catchup_target, last) <= 0)
            return -1;
    } else if (node.primary >= 0 && node.primary != node.self) {
        return node.primary;
    }
    for (int i = 0; i < node.config.n; i++) {
        const struct view *v = &node.view[i];

        if (i == node.self || !v->up || node.config.m[i].arbiter ||
            optime_cmp(v->applied, last) <= 0)
            continue;
        if (best < 0 || optime_cmp(v->applied, node.view[best].applied) > 0)
            best = i;
    }
    return best;
}

/* Appends what follows our last entry; false when something doesn't fit. */
static bool take_entries(const bson_t *reply)
{
    bson_t arr, one;
    bson_iter_t it;

    if (!doc_sub(reply, "entries", &arr))
        return false;
    bson_iter_init(&it, &arr);
    while (bson_iter_next(&it)) {
        uint32_t secs = 0, inc = 0;
        bson_iter_t ts;
        struct optime at;

        if (!iter_sub(&it, &one) || !doc_find(&one, "ts", &ts) || !BSON_ITER_HOLDS_TIMESTAMP(&ts))
            return false;
        bson_iter_timestamp(&ts, &secs, &inc);
        at = (struct optime){secs, inc, doc_int(&one, "t", -1)};
        if (log_count() > 0 && optime_cmp(at, log_last()) <= 0)
            return false;
        repl_append(bson_copy(&one));
    }
    return true;
}

/* With our entries newest first, the source says which is the newest that it has too. */
static int64_t find_common(struct peer *peer)
{
    size_t upto = log_count();
    struct failure failure;

    while (upto > 0) {
        size_t from = upto > COMMON_CHUNK ? upto - COMMON_CHUNK : 0;
        bson_t command = BSON_INITIALIZER, arr, reply;
        char key[16];
        const char *k;
        int64_t found = -1;

        add_int(&command, "_standinCommon", 1);
        bson_append_array_begin(&command, "mine", -1, &arr);
        for (size_t i = upto; i-- > from;) {
            bson_uint32_to_string((uint32_t)(upto - 1 - i), &k, key, sizeof key);
            add_optime(&arr, k, log_at(i)->at);
        }
        bson_append_array_end(&command, &arr);
        add_str(&command, "$db", "admin");
        node_unlock();
        if (peer_call(peer, &command, 10000, &reply, &failure) != 0) {
            bson_destroy(&command);
            node_lock();
            return -2;
        }
        node_lock();
        bson_destroy(&command);
        found = doc_int(&reply, "common", -1);
        bson_destroy(&reply);
        if (found >= 0 && upto - (size_t)found <= log_count() && (size_t)found < upto)
            return (int64_t)(upto - 1 - (size_t)found);
        upto = from;
    }
    return -1;
}

/* Drops what the new primary doesn't have. */
static void roll_back(struct peer *peer)
{
    struct optime before = log_last();
    int64_t common;
    size_t keep;

    repl_set_state(S_ROLLBACK);
    common = find_common(peer);
    if (common == -2 || optime_cmp(before, log_last()) != 0) {
        repl_set_state(S_SECONDARY);
        return;
    }
    keep = (size_t)(common + 1);
    if (keep < log_count() && optime_cmp(log_at(keep)->at, node.commit) <= 0) {
        log_line('F', "ROLLBACK",
                 "RollbackImpl: the common point is behind the majority commit point");
        log_line('F', "-", "Fatal Assertion 51121 at src/mongo/db/repl/rollback_impl.cpp");
        _Exit(14);
    }
    log_line('I', "ROLLBACK", "Rollback: dropping %zu entries that the sync source does not have",
             log_count() - keep);
    log_truncate(keep);
    data_rebuild();
    node.rbid++;
    repl_save_meta();
    repl_set_state(S_SECONDARY);
}

static void after_pull(const bson_t *reply, struct peer *peer, int source)
{
    bool from_primary = doc_bool(reply, "primary", false);
    int64_t term = doc_int(reply, "term", -1);

    repl_saw_term(term);
    if (term < node.term && node.state != S_STARTUP2 && node.state != S_PRIMARY)
        return;
    if (!doc_bool(reply, "matched", false)) {
        node.catchup_given_up = node.state == S_PRIMARY;
        if (from_primary && node.state != S_PRIMARY && doc_bool(reply, "writable", false))
            roll_back(peer);
        else /* one that is still catching up may yet want what it doesn't have */
            node_wait(mono_ms() + 50);
        return;
    }
    if (node.state == S_PRIMARY && node.writable)
        return;
    if (!take_entries(reply))
        return;
    if (node.initial_sync && optime_is_null(node.initial_target))
        node.initial_target = doc_optime(reply, "last");
    repl_learn_commit(doc_optime(reply, "commit"));
    if (from_primary && source == node.primary) {
        node.view[source].alive = mono_ms();
        repl_reset_election_timer();
    }
    node_changed();
}

static bool pull_once(struct peer *peer, int source)
{
    bson_t command = BSON_INITIALIZER, reply;
    struct failure failure;
    uint32_t generation = node.generation;
    bool ok;

    add_int(&command, "_standinPull", 1);
    add_optime(&command, "after", log_last());
    add_optime(&command, "commit", node.commit);
    add_long(&command, "term", node.term);
    add_int(&command, "from", node.config.m[node.self].id);
    add_long(&command, "waitMS", WAIT_MS);
    add_str(&command, "$db", "admin");
    node_unlock();
    ok = peer_call(peer, &command, WAIT_MS + 10000, &reply, &failure) == 0;
    node_lock();
    bson_destroy(&command);
    while (node.lock_count > 0 && !node.stopping)
        node_wait(mono_ms() + 1000);
    if (!ok)
        return false;
    ok = doc_num(&reply, "ok", 0) == 1.0;
    if (ok && node.generation == generation && node.self >= 0)
        after_pull(&reply, peer, source);
    bson_destroy(&reply);
    return ok;
}

/* What the real one's two threads say when they no longer need their source. */
static void tell_of_the_end(const char *source, bool ending)
{
    struct optime last = log_last();

    if (ending)
        log_line('W', "REPL",
                 "Fetcher stopped querying remote oplog with error: InterruptedAtShutdown: error "
                 "in fetcher batch callback :: caused by :: interrupted at shutdown");
    else
        log_line('W', "REPL",
                 "Fetcher stopped querying remote oplog with error: InvalidSyncSource: sync source "
                 "%s (config version: %lld; last applied optime: { ts: Timestamp(%u, %u), t: %lld "
                 "}; sync source index: -1; primary index: -1) is no longer valid",
                 source, (long long)node.config.version, last.secs, last.inc, (long long)last.term);
    log_context("SyncSourceFeedback");
    if (ending)
        log_line('I', "REPL",
                 "SyncSourceFeedback error sending update to %s: CallbackCanceled: Reporter no "
                 "longer valid",
                 source);
    else
        log_line('I', "REPL",
                 "SyncSourceFeedback error sending update to %s: InvalidSyncSource: Sync source "
                 "was cleared. Was %s",
                 source, source);
    log_context("rsBackgroundSync");
}

void sync_end(void)
{
    char before[40];

    if (node.sync_source < 0 || node.state == S_PRIMARY)
        return;
    put(before, sizeof before, "%s", log_context_name());
    tell_of_the_end(node.config.m[node.sync_source].host, true);
    log_context(before);
}

void *sync_thread(void *arg)
{
    struct peer peer;

    (void)arg;
    log_context("rsBackgroundSync");
    peer_init(&peer, "");
    node_lock();
    for (;;) {
        int source = choose_source();

        if (source < 0) {
            node.sync_source = -1;
            if (peer.open && node.state == S_PRIMARY) {
                tell_of_the_end(peer.host, false);
                peer_close(&peer);
            }
            node_wait(mono_ms() + 100);
            continue;
        }
        if (strcmp(peer.host, node.config.m[source].host) != 0) {
            peer_close(&peer);
            peer_init(&peer, node.config.m[source].host);
            log_line('I', "REPL", "sync source candidate: %s", peer.host);
        }
        if (log_count() == 0)
            node.initial_sync = true;
        while (optime_cmp(log_durable(), log_last()) < 0)
            node_wait(mono_ms() + 1000);
        if (pull_once(&peer, source))
            node.sync_source = source;
        else {
            node.sync_source = -1;
            node_wait(mono_ms() + 100);
        }
    }
    return NULL;
}

static void common_answer(const bson_t *mine, bson_t *reply)
{
    bson_iter_t it;
    bson_t holder;
    int64_t i = 0;

    bson_iter_init(&it, mine);
    while (bson_iter_next(&it)) {
        if (iter_sub(&it, &holder) &&
            log_index(doc_optime(mine, bson_iter_key(&it))) < log_count()) {
            add_long(reply, "common", i);
            return;
        }
        i++;
    }
    add_long(reply, "common", -1);
}

static void add_entries(bson_t *reply, size_t from)
{
    bson_t arr;
    char key[16];
    const char *k;
    uint32_t n = 0;
    size_t bytes = 0;

    bson_append_array_begin(reply, "entries", -1, &arr);
    for (size_t i = from; i < log_count() && bytes < BATCH_BYTES; i++) {
        bson_uint32_to_string(n++, &k, key, sizeof key);
        add_doc(&arr, k, log_at(i)->doc);
        bytes += log_at(i)->doc->len;
    }
    bson_append_array_end(reply, &arr);
}

/* The question says how far the other has got: durable there, and a prefix of our log. */
static void note_position(int32_t from, struct optime after)
{
    for (int i = 0; i < node.config.n; i++) {
        struct view *v = &node.view[i];

        if (node.config.m[i].id != from || i == node.self)
            continue;
        v->alive = mono_ms();
        if (optime_cmp(after, v->pulled) > 0) {
            v->pulled = after;
            if (optime_cmp(after, v->applied) > 0)
                v->applied = v->durable = after;
            repl_advance_commit();
            node_changed();
        }
    }
}

void pull_answer(const bson_t *request, bson_t *reply)
{
    struct optime after = doc_optime(request, "after"), commit = doc_optime(request, "commit");
    int64_t until = mono_ms() + doc_int(request, "waitMS", 0), term = doc_int(request, "term", -1);
    uint32_t generation = node.generation;
    size_t from = 0;
    bson_t mine;
    bool matched = true;

    if (doc_sub(request, "mine", &mine)) {
        common_answer(&mine, reply);
        return;
    }
    repl_saw_term(term);
    if (!optime_is_null(after)) {
        from = log_index(after);
        matched = from < log_count();
        from++;
    }
    if (matched && node.state == S_PRIMARY && term == node.term)
        note_position((int32_t)doc_int(request, "from", -1), after);
    while (matched && from == log_count() && optime_cmp(node.commit, commit) <= 0 &&
           !node.stopping && node.generation == generation && term == node.term && node_wait(until))
        ;
    if (matched && from > 0) { /* the log may have been cut meanwhile */
        from = log_index(after);
        matched = from < log_count();
        from++;
    }
    add_long(reply, "term", node.term);
    add_bool(reply, "primary", node.state == S_PRIMARY);
    add_bool(reply, "writable", node.writable);
    add_bool(reply, "matched", matched);
    add_optime(reply, "commit", node.commit);
    add_optime(reply, "last", log_last());
    if (matched)
        add_entries(reply, from);
}
