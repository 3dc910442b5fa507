/* What happens because time passes: elections, losing the majority, finishing a catch-up, no-op
 * writes. */
#include "crash.h"
#include "log.h"
#include "repl.h"
#include "version.h"

#include <string.h>

#define TICK_MS 50
#define NOOP_MS 10000

static void note_entry(const char *message)
{
    bson_t *entry = repl_entry("n", ""), o;

    bson_append_document_begin(entry, "o", -1, &o);
    add_str(&o, "msg", message);
    bson_append_document_end(entry, &o);
    repl_append(entry);
}

#define HEAR_MS 1000

/* The newest position that anybody tells of after the election; false while somebody who is up
 * hasn't told yet, for a second at most. */
static bool know_target(int64_t now)
{
    bool known = true;

    for (int i = 0; i < node.config.n; i++) {
        const struct view *v = &node.view[i];

        if (i == node.self || !v->up)
            continue;
        known = known && v->alive > node.elected_at;
        if (optime_cmp(v->applied, node.catchup_target) > 0)
            node.catchup_target = v->applied;
    }
    return known || now > node.elected_at + HEAR_MS;
}

/* The new primary has everything that it can get: it may write. */
static void finish_catch_up(int64_t now)
{
    bool reachable = false;

    if (now < node.drained_at || !know_target(now))
        return;
    if (!node.catchup_given_up && optime_cmp(node.catchup_target, log_last()) > 0) {
        for (int i = 0; i < node.config.n; i++)
            reachable = reachable || (i != node.self && node.view[i].up &&
                                      optime_cmp(node.view[i].applied, log_last()) > 0);
        if (reachable && (node.catchup_deadline == 0 || now < node.catchup_deadline))
            return;
        node.metrics.catchups_done++;
    }
    log_line('I', "REPL",
             "Caught up to the latest optime known via heartbeats after becoming primary.");
    node.writable = true;
    note_entry("new primary");
    repl_stamp_config();
    node.metrics.new_term_date = wall_ms();
    log_line('I', "REPL", "transition to primary complete; database writes are now permitted");
    node_changed();
}

static void watch_majority(int64_t now)
{
    int alive = 0;

    for (int i = 0; i < node.config.n; i++)
        if (node.config.m[i].votes > 0)
            alive += i == node.self || now - node.view[i].alive < node.config.election_timeout;
    if (alive < config_majority(&node.config)) {
        log_line('I', "REPL", "can't see a majority of the set, relinquishing primary");
        repl_step_down("can't see a majority of the set");
    }
}

static void be_primary(int64_t now)
{
    static int64_t next_noop;

    if (!node.writable)
        finish_catch_up(now);
    if (node.writable) {
        struct optime last = log_last();

        repl_advance_commit();
        if (next_noop == 0 || (int64_t)last.secs * 1000 + NOOP_MS > wall_ms())
            next_noop = now + NOOP_MS;
        if (now >= next_noop && !node.stepping_down && node.lock_count == 0) {
            note_entry("periodic noop");
            next_noop = now + NOOP_MS;
        }
    }
    watch_majority(now);
    if (node.state == S_PRIMARY && node.writable && version_at_least(5, 0))
        config_admit_newly_added();
}

static bool fresh_enough_for_takeover(void)
{
    struct optime last = log_last();

    return node.primary >= 0 && node.view[node.primary].applied.secs <= last.secs + 2 &&
           node.config.m[node.primary].priority < node.config.m[node.self].priority;
}

static void be_secondary(int64_t now)
{
    char why[200];

    if (node.election_running || !repl_electable(why, sizeof why)) {
        if (now >= node.election_deadline)
            repl_reset_election_timer();
        return;
    }
    if (node.unelectable_until != 0 && now >= node.unelectable_until) {
        node.unelectable_until = 0;
        if (config_voters(&node.config) == 1)
            node.election_deadline = now;
    }
    if (node.takeover_at != 0 && now >= node.takeover_at) {
        node.takeover_at = 0;
        if (fresh_enough_for_takeover()) {
            log_line('I', "ELECTION", "Starting an election for a priority takeover");
            election_start(WHY_PRIORITY, true);
        }
    } else if (now >= node.election_deadline) {
        log_line('I', "ELECTION",
                 "Starting an election, since we've seen no PRIMARY in the past %lldms",
                 (long long)node.config.election_timeout);
        election_start(WHY_TIMEOUT, true);
    }
}

/* A member with data is a secondary; an empty one first copies somebody's log. */
static void be_starting(void)
{
    if (log_count() == 0)
        return;
    if (node.initial_sync) {
        if (optime_is_null(node.initial_target) || optime_cmp(log_last(), node.initial_target) < 0)
            return;
        node.initial_sync = false;
        log_line('I', "INITSYNC", "initial sync done");
    }
    repl_set_state(S_RECOVERING);
    repl_set_state(S_SECONDARY);
    repl_reset_election_timer();
    if (config_voters(&node.config) == 1 && node.config.n == 1)
        node.election_deadline = mono_ms();
    if (mono_ms() < node.fresh_until)
        node.election_deadline = mono_ms() + 50;
    node.kick++;
}

void *tick_thread(void *arg)
{
    (void)arg;
    log_context("replexec-0");
    node_lock();
    while (!node.stopping) {
        int64_t now = mono_ms();

        if (!repl_active())
            repl_advance_commit();
        else if (node.state == S_PRIMARY)
            be_primary(now);
        else if (node.state == S_SECONDARY)
            be_secondary(now);
        else if (node.state == S_STARTUP2)
            be_starting();
        keys_tick(now);
        crash_point(true);
        node_unlock();
        sleep_ms(TICK_MS);
        node_lock();
    }
    node_unlock();
    return NULL;
}
