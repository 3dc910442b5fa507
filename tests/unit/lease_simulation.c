/* Leases and fences in a world of three processes and one store, tick by tick: processes freeze,
 * die and come back, messages are late or lost, networks part, clocks run at different speeds, a
 * backup of the store is put back. What is held: no two acts at once, no act of an earlier token
 * after one of a later, and nobody believes in a lease while another does. The rules are those of
 * reconciler/lease/decide.c; each mutant leaves one of them out, and must be caught. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/host/fence_mark.h"
#include "reconciler/lease/decide.h"

enum { PROCESSES = 3, MEMBERS = 2, MESSAGES = 48, TTL = 100, TICKS = 1500, ROUNDS = 10000 };

enum mutant {
    SOUND,
    NO_FENCE,        /* acts ask no host */
    NO_TOKEN,        /* a new holder keeps the old token, and hosts don't tell holders apart */
    NO_CLAIM,        /* the first act does not wait for acts in progress elsewhere */
    NO_MARGIN,       /* a holder believes as long as a challenger waits */
    FROM_THE_REPLY,  /* a holder counts from when the renewal was confirmed */
    FROM_THE_ASKING, /* a challenger counts from before he saw the record */
    WALL_CLOCK,      /* times are taken from a clock that is set */
    BLIND_SWAP,      /* the store replaces whatever is there */
};

static const char *const mutant_names[] = {"sound",           "no fence",   "no token",
                                           "no claim",        "no margin",  "from the reply",
                                           "from the asking", "wall clock", "blind swap"};

enum stage { IDLE, ASKED, TAKING, CLAIMING, RESTING, LOCKING, CHECKED, ACTING };

struct message {
    bool used, get, answered, lost_back;
    int process, incarnation;
    bool renewal;
    int64_t arrives, returns, sent_local;
    struct ek_lease_record expected, wanted, seen;
    bool done;
};

struct process {
    int incarnation;
    bool alive;
    int64_t until_tick; /* frozen or dead until then */
    bool cut_off;
    int64_t cut_until;
    int rate; /* of its clock, in thousandths */
    int64_t offset, wall_offset;
    int takes;
    char id[24]; /* of the lease that it has or asks for: process.incarnation.take */
    /* the worker */
    enum stage stage;
    int64_t wake, asked_local;
    struct ek_lease_watch watch;
    struct message *waits;
    int acts_left, member, next_lock;
    /* the lease */
    bool holding, lost;
    struct ek_lease_record record;
    int64_t until;
    int64_t next_renewal, renewal_sent;
    struct message *renewing;
    bool reread;
};

struct world {
    enum mutant mutant;
    uint64_t random;
    int64_t tick;
    struct process processes[PROCESSES];
    struct message messages[MESSAGES];
    struct ek_lease_record record, backup;
    int lock_owner[MEMBERS]; /* -1: nobody */
    struct ek_fence_mark mark[MEMBERS];
    int acting; /* -1: nobody */
    int64_t highest_acted;
    bool restored;
    bool overlapped, believed_twice;
};

struct tally {
    long acts, takeovers, refusals, waits, losses, restores, deaths, raises;
};
static struct tally tally;

static uint32_t dice(struct world *w, uint32_t sides)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return (uint32_t)((w->random >> 11) % sides);
}

static int64_t local_time(const struct world *w, const struct process *p)
{
    int64_t now = p->offset + w->tick * p->rate / 1000;
    return w->mutant == WALL_CLOCK ? now + p->wall_offset : now;
}

/* ---- the store and the way to it ---- */

static struct message *send(struct world *w, struct process *p, bool renewal)
{
    struct message *m = NULL;
    for (size_t i = 0; i < MESSAGES && !m; i++)
        if (!w->messages[i].used)
            m = &w->messages[i];
    if (!m)
        return NULL;
    *m = (struct message){.used = true,
                          .process = (int)(p - w->processes),
                          .incarnation = p->incarnation,
                          .renewal = renewal,
                          .sent_local = local_time(w, p)};
    int64_t there = dice(w, 50) == 0 ? dice(w, 2 * TTL) : dice(w, 3);
    int64_t back = dice(w, 50) == 0 ? dice(w, TTL) : dice(w, 3);
    m->arrives = w->tick + there;
    m->returns = m->arrives + back;
    if (p->cut_off)
        m->arrives = INT64_MAX;
    m->lost_back = dice(w, 40) == 0;
    return m;
}

static void at_the_store(struct world *w, struct message *m)
{
    m->answered = true;
    m->arrives = INT64_MAX;
    m->seen = w->record;
    if (m->get)
        return;
    m->done = w->mutant == BLIND_SWAP || ek_lease_same(&w->record, &m->expected);
    if (m->done)
        w->record = m->wanted;
}

static void deliver(struct world *w)
{
    for (size_t i = 0; i < MESSAGES; i++) {
        struct message *m = &w->messages[i];
        if (!m->used)
            continue;
        const struct process *p = &w->processes[m->process];
        if (m->arrives <= w->tick)
            at_the_store(w, m);
        bool nobody_waits = p->incarnation != m->incarnation || (p->waits != m && p->renewing != m);
        if (nobody_waits && (m->answered || m->arrives == INT64_MAX))
            m->used = false;
    }
}

/* Whether the answer is there; NULL after a while: lost or late. */
enum answer { NOT_YET, HERE, GIVEN_UP };

static enum answer answer(const struct world *w, const struct process *p, const struct message *m)
{
    if (m->answered && !m->lost_back && !p->cut_off && m->returns <= w->tick)
        return HERE;
    return local_time(w, p) - m->sent_local > TTL / 4 || local_time(w, p) < m->sent_local ? GIVEN_UP
                                                                                          : NOT_YET;
}

/* ---- the lease ---- */

static bool believes(const struct world *w, const struct process *p)
{
    return p->alive && p->holding && !p->lost && local_time(w, p) < p->until;
}

static int64_t until_of(const struct world *w, const struct process *p, const struct message *m)
{
    int64_t from = w->mutant == FROM_THE_REPLY ? local_time(w, p) : m->sent_local;
    return w->mutant == NO_MARGIN ? from + TTL : ek_lease_until(from, TTL);
}

static void lose(struct world *w, struct process *p)
{
    for (size_t i = 0; i < MEMBERS; i++)
        if (w->lock_owner[i] == (int)(p - w->processes))
            w->lock_owner[i] = -1;
    p->holding = false;
    p->renewing = NULL;
    p->waits = NULL;
    p->stage = IDLE;
    p->wake = w->tick + 1 + dice(w, TTL);
    p->watch = (struct ek_lease_watch){0};
}

static void renew(struct world *w, struct process *p)
{
    if (!p->renewing) {
        if (local_time(w, p) < p->next_renewal && p->next_renewal - local_time(w, p) < TTL)
            return;
        p->renewing = send(w, p, true);
        if (!p->renewing)
            return;
        p->renewing->get = p->reread;
        p->renewing->expected = p->record;
        ek_lease_renewed(&p->record, &p->renewing->wanted);
        return;
    }
    struct message *m = p->renewing;
    enum answer a = answer(w, p, m);
    if (a == NOT_YET)
        return;
    p->renewing = NULL;
    p->next_renewal = local_time(w, p) + (a == HERE ? TTL / 3 : TTL / 15);
    if (a == GIVEN_UP) {
        p->reread = true; /* it may have been done */
        p->next_renewal = local_time(w, p);
    } else if (m->get) {
        p->reread = false;
        p->next_renewal = local_time(w, p);
        if (strcmp(m->seen.holder, p->record.holder) == 0)
            p->record = m->seen;
        else
            p->lost = true;
    } else if (m->done) {
        p->record = m->wanted;
        p->until = until_of(w, p, m);
    } else {
        p->reread = true;
        p->next_renewal = local_time(w, p);
    }
    m->used = m->arrives != INT64_MAX && a == GIVEN_UP; /* still on its way */
}

static bool is_gone(const struct world *w, const struct ek_lease_record *record)
{
    if (!record->holder[0])
        return false;
    const char *dot = strchr(record->holder, '.');
    const struct process *p = &w->processes[strtol(record->holder, NULL, 10)];
    return !p->alive || p->incarnation != (int)strtol(dot + 1, NULL, 10);
}

static void ask(struct world *w, struct process *p)
{
    if (w->tick < p->wake)
        return;
    p->waits = send(w, p, false);
    if (!p->waits)
        return;
    p->waits->get = true;
    p->stage = ASKED;
}

static void decide(struct world *w, struct process *p)
{
    struct message *m = p->waits;
    enum answer a = answer(w, p, m);
    if (a == NOT_YET)
        return;
    p->waits = NULL;
    p->stage = IDLE;
    p->wake = w->tick + 1 + dice(w, 6);
    if (a == GIVEN_UP)
        return;
    m->used = false;
    ek_lease_watch_saw(&p->watch, &m->seen,
                       w->mutant == FROM_THE_ASKING ? m->sent_local : local_time(w, p));
    bool same_machine = p != &w->processes[PROCESSES - 1]; /* the last one is on another */
    if (!ek_lease_watch_free(&p->watch, same_machine && is_gone(w, &m->seen), TTL,
                             local_time(w, p)))
        return;
    struct message *swap = send(w, p, false);
    if (!swap)
        return;
    swap->expected = p->watch.record;
    snprintf(p->id, sizeof p->id, "%d.%d.%d", (int)(p - w->processes), p->incarnation, ++p->takes);
    ek_lease_taken(&p->watch.record, p->id, &swap->wanted);
    if (w->mutant == NO_TOKEN)
        swap->wanted.token = 1;
    p->waits = swap;
    p->stage = TAKING;
}

static void take(struct world *w, struct process *p)
{
    struct message *m = p->waits;
    enum answer a = answer(w, p, m);
    if (a == NOT_YET)
        return;
    p->waits = NULL;
    if (a == HERE && m->done) {
        m->used = false;
        tally.takeovers += m->expected.holder[0] != 0;
        p->holding = true;
        p->lost = p->reread = false;
        p->record = m->wanted;
        p->until = until_of(w, p, m);
        p->next_renewal = local_time(w, p) + TTL / 3;
        p->acts_left = 1 + (int)dice(w, 6);
        p->stage = w->mutant == NO_FENCE || w->mutant == NO_CLAIM ? RESTING : CLAIMING;
        p->next_lock = 0;
        p->wake = w->tick + dice(w, 4);
        return;
    }
    if (a == HERE)
        m->used = false;
    p->stage = IDLE;
    p->wake = w->tick + 1;
}

/* ---- fences ---- */

static bool passes(const struct world *w, const struct ek_fence_mark *seen,
                   const struct ek_fence_mark *mine)
{
    return w->mutant == NO_TOKEN ? seen->token <= mine->token : ek_fence_passes(seen, mine);
}

/* The host's part: 1 locked and ours, 0 wait, -1 refused. */
static int fence(struct world *w, struct process *p, int member)
{
    struct ek_fence_mark mine = {.token = p->record.token};
    if (w->lock_owner[member] >= 0) {
        tally.waits++;
        return 0;
    }
    snprintf(mine.id, sizeof mine.id, "%s", p->id);
    if (!passes(w, &w->mark[member], &mine))
        return -1;
    w->mark[member] = mine;
    w->lock_owner[member] = (int)(p - w->processes);
    return 1;
}

/* A higher token while the lease seems ours: the store was put back. Raise ours, by a swap. */
static void raise_token(struct world *w, struct process *p, int64_t other)
{
    struct ek_lease_record raised;
    if (!ek_lease_same(&w->record, &p->record)) { /* as the store would answer, at once */
        tally.refusals++;
        lose(w, p);
        return;
    }
    tally.raises++;
    ek_lease_raised(&p->record, other, &raised);
    w->record = p->record = raised;
    p->reread = false;
    if (p->renewing)
        p->renewing->used = p->renewing->arrives != INT64_MAX;
    p->renewing = NULL;
    p->next_lock = 0;
}

static void claim(struct world *w, struct process *p)
{
    int got = fence(w, p, p->next_lock);
    if (got < 0) {
        raise_token(w, p, w->mark[p->next_lock].token);
        return;
    }
    if (got == 0)
        return;
    w->lock_owner[p->next_lock] = -1;
    if (++p->next_lock == MEMBERS)
        p->stage = RESTING;
}

static void lock(struct world *w, struct process *p)
{
    if (w->mutant != NO_FENCE) {
        int got = fence(w, p, p->next_lock);
        if (got < 0) {
            tally.refusals++;
            lose(w, p);
        }
        if (got <= 0)
            return;
        bool all = p->member == MEMBERS;
        if (all && ++p->next_lock < MEMBERS)
            return;
    }
    if (!believes(w, p)) {
        tally.losses++;
        lose(w, p);
        return;
    }
    p->stage = CHECKED; /* and may be frozen here */
}

static void begin_act(struct world *w, struct process *p)
{
    if (w->acting >= 0 || p->record.token < w->highest_acted)
        w->overlapped = true;
    w->highest_acted = p->record.token;
    w->acting = (int)(p - w->processes);
    p->stage = ACTING;
    p->wake = w->tick + 1 + dice(w, TTL / 2);
    tally.acts++;
}

static void end_act(struct world *w, struct process *p)
{
    if (w->tick < p->wake)
        return;
    if (w->acting == (int)(p - w->processes))
        w->acting = -1;
    for (size_t i = 0; i < MEMBERS; i++)
        if (w->lock_owner[i] == (int)(p - w->processes))
            w->lock_owner[i] = -1;
    p->stage = RESTING;
    p->wake = w->tick + dice(w, TTL / 5);
}

static void rest(struct world *w, struct process *p)
{
    if (w->tick < p->wake)
        return;
    if (p->lost || p->acts_left-- == 0) {
        struct message *m = p->lost ? NULL : send(w, p, false);
        if (m) {
            m->expected = p->record;
            ek_lease_released(&p->record, &m->wanted);
        }
        lose(w, p);
        return;
    }
    p->member = (int)dice(w, MEMBERS + 1); /* MEMBERS: an act on all */
    p->next_lock = p->member == MEMBERS ? 0 : p->member;
    p->stage = LOCKING;
}

/* ---- what befalls them ---- */

static void start_process(struct world *w, struct process *p)
{
    int64_t wall = p->wall_offset;
    *p = (struct process){.alive = true,
                          .incarnation = p->incarnation + 1,
                          .rate = 950 + (int)dice(w, 101),
                          .offset = dice(w, 100000),
                          .wall_offset = wall,
                          .wake = w->tick + dice(w, TTL)};
}

static void die(struct world *w, struct process *p)
{
    tally.deaths++;
    if (w->acting == (int)(p - w->processes))
        w->acting = -1;
    lose(w, p);
    p->alive = false;
    p->until_tick = w->tick + dice(w, TTL);
}

static void befall(struct world *w, struct process *p)
{
    if (dice(w, 150) == 0)
        p->until_tick = w->tick + 1 + dice(w, 3 * TTL); /* frozen */
    if (p->stage == CHECKED && dice(w, 4) == 0)
        p->until_tick = w->tick + 1 + dice(w, 3 * TTL); /* in the worst of moments */
    if (dice(w, 600) == 0)
        die(w, p);
    if (dice(w, 300) == 0) {
        p->cut_off = true;
        p->cut_until = w->tick + dice(w, 2 * TTL);
    }
    if (p->cut_off && w->tick >= p->cut_until)
        p->cut_off = false;
    if (dice(w, 300) == 0)
        p->wall_offset += (int64_t)dice(w, 4 * TTL) - (int64_t)2 * TTL;
}

static void put_backup_back(struct world *w)
{
    if (dice(w, 400) == 0)
        w->backup = w->record;
    if (w->restored || w->backup.token == 0 || dice(w, 1000) != 0)
        return;
    w->record = w->backup;
    w->restored = true;
    tally.restores++;
}

static void step(struct world *w, struct process *p)
{
    static void (*const stages[])(struct world *, struct process *) = {
        [IDLE] = ask,     [ASKED] = decide, [TAKING] = take,       [CLAIMING] = claim,
        [RESTING] = rest, [LOCKING] = lock, [CHECKED] = begin_act, [ACTING] = end_act};
    if (w->tick < p->until_tick)
        return;
    if (!p->alive)
        start_process(w, p);
    befall(w, p);
    if (!p->alive || w->tick < p->until_tick)
        return;
    if (p->holding && !p->lost)
        renew(w, p);
    stages[p->stage](w, p);
}

/* A round; true: all held. */
static bool round_of(enum mutant mutant, uint64_t seed, bool with_restore)
{
    static struct world w;
    memset(&w, 0, sizeof w);
    w.mutant = mutant;
    w.random = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    w.acting = -1;
    for (size_t i = 0; i < MEMBERS; i++)
        w.lock_owner[i] = -1;
    for (size_t i = 0; i < PROCESSES; i++)
        start_process(&w, &w.processes[i]);
    for (w.tick = 0; w.tick < TICKS; w.tick++) {
        int believers = 0;
        deliver(&w);
        for (size_t i = 0; i < PROCESSES; i++)
            step(&w, &w.processes[i]);
        if (with_restore)
            put_backup_back(&w);
        for (size_t i = 0; i < PROCESSES; i++)
            believers += believes(&w, &w.processes[i]);
        w.believed_twice |= believers > 1;
        if (w.overlapped || (w.believed_twice && !w.restored))
            return false;
    }
    return true;
}

/* ---- tests ---- */

static void test_nobody_acts_beside_another(void **state)
{
    (void)state;
    tally = (struct tally){0};
    for (uint64_t seed = 1; seed <= ROUNDS; seed++)
        if (!round_of(SOUND, seed, seed % 4 == 0))
            fail_msg("seed %llu", (unsigned long long)seed);
    print_message("%d rounds: %ld acts, %ld leases followed after others, %ld acts refused by "
                  "fences, %ld waits for acts in progress, %ld leases lost, %ld deaths, %ld "
                  "backups put back, %ld tokens raised\n",
                  ROUNDS, tally.acts, tally.takeovers, tally.refusals, tally.waits, tally.losses,
                  tally.deaths, tally.restores, tally.raises);
    /* Everything that is defended against did happen. */
    assert_true(tally.acts > ROUNDS);
    assert_true(tally.takeovers > ROUNDS / 2);
    assert_true(tally.refusals > ROUNDS / 100);
    assert_true(tally.waits > ROUNDS / 10);
    assert_true(tally.losses > ROUNDS / 100);
    assert_true(tally.restores > ROUNDS / 100);
    assert_true(tally.raises > ROUNDS / 1000);
}

static void test_what_is_left_out_is_missed(void **state)
{
    (void)state;
    for (enum mutant mutant = NO_FENCE; mutant <= BLIND_SWAP; mutant++) {
        uint64_t seed = 1;
        while (seed <= ROUNDS && round_of(mutant, seed, seed % 4 == 0))
            seed++;
        print_message("%s: caught in round %llu\n", mutant_names[mutant], (unsigned long long)seed);
        if (seed > ROUNDS)
            fail_msg("\"%s\" is not missed in %d rounds", mutant_names[mutant], ROUNDS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_acts_beside_another),
        cmocka_unit_test(test_what_is_left_out_is_missed),
    };
    return cmocka_run_group_tests_name("lease_simulation", tests, NULL, NULL);
}
