/* Walk the transition system of effect over next: every sslMode pair, every shape of set, and
 * from every state on the way also the states that a crash of one member, a restart of ours
 * that did not come up, or another election would leave. At every state: no law is broken,
 * the plan ends, and it ends in what the specs want. */
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/next.h"
#include "reconciler/permit.h"
#include "tests/model/model.h"

struct set {
    uint64_t *slots;
    size_t capacity;
    size_t count;
};

static bool set_add(struct set *set, uint64_t key);

static void set_grow(struct set *set)
{
    struct set bigger = {.capacity = set->capacity ? set->capacity * 2 : 1024};
    bigger.slots = calloc(bigger.capacity, sizeof *bigger.slots);
    if (!bigger.slots)
        abort();
    for (size_t i = 0; i < set->capacity; i++)
        if (set->slots[i])
            set_add(&bigger, set->slots[i]);
    free(set->slots);
    *set = bigger;
}

/* True when the key is new. */
static bool set_add(struct set *set, uint64_t key)
{
    if (2 * (set->count + 1) > set->capacity)
        set_grow(set);
    key |= 1; /* 0 marks an empty slot */
    size_t i = (size_t)(key * 0x9E3779B97F4A7C15ULL) & (set->capacity - 1);
    while (set->slots[i]) {
        if (set->slots[i] == key)
            return false;
        i = (i + 1) & (set->capacity - 1);
    }
    set->slots[i] = key;
    set->count++;
    return true;
}

static uint64_t key_of(const struct model_case *c, const struct ek_state *state)
{
    char hex[65];
    char head[17];
    (void)ek_state_digest(&c->spec, state, &c->policy, hex);
    memcpy(head, hex, 16);
    head[16] = 0;
    return strtoull(head, NULL, 16);
}

void model_report(const struct model_case *c, struct model_totals *totals, const char *what,
                  const char *detail)
{
    totals->broken++;
    if (totals->broken <= 20)
        printf("  %s: %s: %s\n", model_describe(c), what, detail);
    if (totals->stop_at_first)
        exit(1);
}

static bool as_wanted(const struct model_case *c, const struct ek_state *state)
{
    char host[280];
    for (size_t i = 0; i < state->member_count; i++) {
        const struct ek_member_observed *member = &state->members[i];
        if (member->mode_running != c->to || member->mode_configured != c->to)
            return false;
        if (!ek_wanted_host(&c->spec, state->domain_label, i, host, sizeof host) ||
            strcmp(host, member->host) != 0)
            return false;
        if (c->to > EK_SSL_DISABLED && memcmp(member->certificate_running.sha256,
                                              member->certificate_installed.sha256, 32) != 0)
            return false;
    }
    return ek_state_primary(state) >= 0 && state->own_user == EK_YES;
}

static void elect(struct ek_state *state, size_t m)
{
    int primary = ek_state_primary(state);
    if (primary >= 0) {
        state->members[primary].state = EK_MEMBER_SECONDARY;
        state->members[primary].writable = EK_NO;
    }
    state->members[m].state = EK_MEMBER_PRIMARY;
    state->members[m].writable = EK_YES;
}

/* The first that could take over; -1: nobody. */
static int heir(const struct ek_state *state, size_t but)
{
    for (size_t i = 0; i < state->member_count; i++)
        if (i != but && state->members[i].state == EK_MEMBER_SECONDARY &&
            state->members[i].priority > 0)
            return (int)i;
    return -1;
}

static bool crash_and_come_back(struct ek_state *state, size_t m)
{
    struct ek_member_observed *member = &state->members[m];
    if (member->process != EK_YES)
        return false;
    int other = heir(state, m);
    if (member->state == EK_MEMBER_PRIMARY && other >= 0)
        elect(state, (size_t)other);
    bool tls = member->mode_configured > EK_SSL_DISABLED;
    member->mode_running = member->mode_configured;
    member->options_running = member->options_configured;
    member->certificate_running =
        tls ? member->certificate_installed : (struct ek_certificate_state){.present = EK_NO};
    member->trust_running =
        tls ? member->trust_installed : (struct ek_trust_state){.present = EK_NO};
    return true;
}

static bool stay_down_by_our_restart(struct ek_state *state, size_t m)
{
    struct ek_member_observed *member = &state->members[m];
    if (member->process != EK_YES ||
        (member->state == EK_MEMBER_PRIMARY && state->member_count > 1))
        return false;
    member->process = EK_NO;
    member->reachable = EK_NO;
    member->restart_begun = EK_YES;
    member->state = EK_MEMBER_DOWN;
    member->writable = EK_NO;
    member->mode_running = EK_SSL_UNKNOWN;
    member->options_running = (struct ek_options_state){.known = EK_UNKNOWN};
    member->certificate_running = (struct ek_certificate_state){.present = EK_UNKNOWN};
    member->trust_running = (struct ek_trust_state){.present = EK_UNKNOWN};
    return true;
}

static bool elect_another(struct ek_state *state, size_t m)
{
    const struct ek_member_observed *member = &state->members[m];
    if (ek_state_primary(state) < 0 || member->arbiter || member->priority <= 0 ||
        member->state != EK_MEMBER_SECONDARY)
        return false;
    elect(state, m);
    return true;
}

/* Somebody wrote the file anew, so nobody can tell what the running process trusts. */
static bool touch_trust(struct ek_state *state, size_t m)
{
    struct ek_member_observed *member = &state->members[m];
    if (member->process != EK_YES || member->mode_running == EK_SSL_DISABLED)
        return false;
    member->trust_running = (struct ek_trust_state){.present = EK_YES};
    return true;
}

static bool replace_certificate(struct ek_state *state, size_t m)
{
    struct ek_certificate_state *certificate = &state->members[m].certificate_installed;
    if (certificate->present != EK_YES)
        return false;
    memset(certificate->sha256, 0x50 + (int)m, sizeof certificate->sha256);
    return true;
}

/* What can happen to a fleet between two of our steps. */
static bool (*const disturbances_known[])(struct ek_state *state, size_t m) = {
    crash_and_come_back, stay_down_by_our_restart, elect_another, touch_trust, replace_certificate};

/* The effect is seen where it is, and not before. */
static void check_seen(const struct model_case *c, const struct ek_state *before,
                       const struct ek_state *after, const struct ek_step *step,
                       struct model_totals *totals)
{
    char why[256];
    static struct ek_state observed;
    if (ek_step_seen(&c->spec, after, before, step, &c->policy, why, sizeof why))
        model_report(c, totals, "seen before it was done", ek_step_row(step->kind)->verb);
    ek_state_copy(&observed, after);
    if (step->member >= 0)
        observed.members[step->member].pid++;
    if (!ek_step_seen(&c->spec, after, &observed, step, &c->policy, why, sizeof why))
        model_report(c, totals, "done and not seen", why);
}

enum { STEPS_MAX = 300 };

static bool among(const uint64_t *keys, int count, uint64_t key)
{
    for (int i = 0; i < count; i++)
        if (keys[i] == key)
            return true;
    return false;
}

static void walk(const struct model_case *c, const struct ek_state *from, int disturbances,
                 struct set *seen, struct model_totals *totals)
{
    struct ek_state state;
    uint64_t keys[STEPS_MAX];
    ek_state_copy(&state, from);
    for (int steps = 0;; steps++) {
        struct ek_verdict verdict;
        struct ek_broken_law law;
        keys[steps] = key_of(c, &state) ^ ((uint64_t)disturbances << 60);
        if (!set_add(seen, keys[steps])) {
            if (among(keys, steps, keys[steps]))
                model_report(c, totals, "endless", "the plan comes back to a state it was in");
            return; /* from here on it was walked before */
        }
        totals->states++;
        model_failures(c, &state, totals);
        model_consent(c, &state, totals);
        for (size_t m = 0; disturbances > 0 && m < state.member_count; m++)
            for (size_t how = 0; how < sizeof disturbances_known / sizeof *disturbances_known;
                 how++) {
                struct ek_state other;
                ek_state_copy(&other, &state);
                if (disturbances_known[how](&other, m))
                    walk(c, &other, disturbances - 1, seen, totals);
            }
        ek_next(&c->spec, &state, &c->policy, &verdict);
        if (verdict.kind == EK_VERDICT_BLOCKED) {
            model_report(c, totals, verdict.blocked.id, verdict.blocked.sentence);
            return;
        }
        if (verdict.kind == EK_VERDICT_DONE) {
            if (!as_wanted(c, &state))
                model_report(c, totals, "done", "but the state is not what the specs want");
            return;
        }
        if (ek_permit(&c->spec, &state, &verdict.step, &c->policy, &law) > 0) {
            model_report(c, totals, law.id, law.sentence);
            return;
        }
        if (steps == STEPS_MAX - 1) {
            model_report(c, totals, "endless", ek_step_row(verdict.step.kind)->verb);
            return;
        }
        static struct ek_state before;
        ek_state_copy(&before, &state);
        ek_effect(&c->spec, &state, &verdict.step, &c->policy);
        check_seen(c, &before, &state, &verdict.step, totals);
        totals->transitions++;
    }
}

static void walk_case(struct model_case *c, int disturbances, struct model_totals *totals)
{
    struct set seen = {0};
    totals->cases++;
    walk(c, &c->state, disturbances, &seen, totals);
    free(seen.slots);
}

/* A member that is not the primary; while nothing else happens, its certificate is replaced. */
static void walk_lapsed(size_t shape, enum ek_ssl_mode from, enum ek_ssl_mode to,
                        struct model_totals *totals)
{
    static struct model_case c;
    size_t m = 1;
    do {
        model_case_init(&c, shape, from, to, true, false);
        if (c.spec.member_count < 2)
            return;
        model_case_lapse(&c, m);
        walk_case(&c, 0, totals);
    } while (++m < c.spec.member_count);
}

static void walk_shape(size_t shape, enum ek_ssl_mode to, size_t members_max, int mishaps,
                       struct model_totals *totals)
{
    static struct model_case c;
    model_case_init_bare(&c, shape, to);
    if (c.spec.member_count > members_max)
        return;
    walk_case(&c, c.spec.member_count > 3 ? 1 : mishaps, totals);
    for (int from = EK_SSL_DISABLED; from <= (int)EK_SSL_REQUIRE; from++)
        for (int variant = 0; variant < 3; variant++) {
            model_case_init(&c, shape, (enum ek_ssl_mode)from, to, variant > 0, variant > 1);
            walk_case(&c, c.spec.member_count > 3 ? 1 : mishaps, totals);
        }
    for (int from = EK_SSL_ALLOW; from <= (int)EK_SSL_REQUIRE; from++)
        walk_lapsed(shape, (enum ek_ssl_mode)from, to, totals);
}

void model_walk(size_t members_max, int mishaps, struct model_totals *totals)
{
    for (size_t shape = 0; shape < model_shape_count(); shape++)
        for (int to = EK_SSL_DISABLED; to <= (int)EK_SSL_REQUIRE; to++)
            walk_shape(shape, (enum ek_ssl_mode)to, members_max, mishaps, totals);
}
