/* Walk the transition system of effect over next: every sslMode pair, every shape of set, and
 * from every state on the way also the states that a crash of one member, a restart of ours
 * that did not come up, or another election would leave. At every state: no law is broken,
 * the plan ends, and it ends in what the specs want. */
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/kernel/facts.h"
#include "reconciler/kernel/next.h"
#include "reconciler/laws/permit.h"
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
    (void)ek_state_digest_whole(EK_SITUATION(&c->spec, state, &c->policy), hex, NULL);
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
        const struct ek_member *member = ek_member(state, i);
        const struct ek_member_transport *transport = ek_member_transport(state, i);
        const struct ek_member_certificates *certificates = ek_member_certificates(state, i);
        if (transport->mode_running != c->to || transport->mode_configured != c->to)
            return false;
        if (!ek_wanted_host(&c->spec, ek_transport(state)->domain_label, i, host, sizeof host) ||
            strcmp(host, member->host) != 0)
            return false;
        if (c->to > EK_SSL_DISABLED && memcmp(certificates->certificate_running.sha256,
                                              certificates->certificate_installed.sha256, 32) != 0)
            return false;
    }
    for (size_t i = 0; i < state->member_count; i++) {
        const struct ek_member_certificates *certificates = ek_member_certificates(state, i);
        if (certificates->old_files == EK_YES && certificates->old_files_configured == EK_NO &&
            certificates->old_files_running == EK_NO)
            return false; /* secrets that lie about */
    }
    return ek_state_primary(state) >= 0 && ek_access(state)->own_user == EK_YES;
}

static void elect(struct ek_state *state, size_t m)
{
    int primary = ek_state_primary(state);
    if (primary >= 0) {
        ek_member(state, primary)->state = EK_MEMBER_SECONDARY;
        ek_member(state, primary)->writable = EK_NO;
    }
    ek_member(state, m)->state = EK_MEMBER_PRIMARY;
    ek_member(state, m)->writable = EK_YES;
}

/* The first that could take over; -1: nobody. */
static int heir(const struct ek_state *state, size_t but)
{
    for (size_t i = 0; i < state->member_count; i++)
        if (i != but && ek_member(state, i)->state == EK_MEMBER_SECONDARY &&
            ek_member(state, i)->priority > 0)
            return (int)i;
    return -1;
}

static bool crash_and_come_back(struct ek_state *state, size_t m)
{
    struct ek_member *member = ek_member(state, m);
    struct ek_member_transport *transport = ek_member_transport(state, m);
    struct ek_member_certificates *certificates = ek_member_certificates(state, m);
    if (member->process != EK_YES)
        return false;
    int other = heir(state, m);
    if (member->state == EK_MEMBER_PRIMARY && other >= 0)
        elect(state, (size_t)other);
    bool tls = transport->mode_configured > EK_SSL_DISABLED;
    transport->mode_running = transport->mode_configured;
    transport->options_running = transport->options_configured;
    certificates->certificate_running =
        tls ? certificates->certificate_installed : (struct ek_certificate_state){.present = EK_NO};
    certificates->trust_running =
        tls ? certificates->trust_installed : (struct ek_trust_state){.present = EK_NO};
    certificates->old_files_running = certificates->old_files_configured;
    return true;
}

static bool stay_down_by_our_restart(struct ek_state *state, size_t m)
{
    struct ek_member *member = ek_member(state, m);
    struct ek_member_transport *transport = ek_member_transport(state, m);
    struct ek_member_certificates *certificates = ek_member_certificates(state, m);
    if (member->process != EK_YES ||
        (member->state == EK_MEMBER_PRIMARY && state->member_count > 1))
        return false;
    member->process = EK_NO;
    member->reachable = EK_NO;
    member->restart_begun = EK_YES;
    member->state = EK_MEMBER_DOWN;
    member->writable = EK_NO;
    transport->mode_running = EK_SSL_UNKNOWN;
    transport->options_running = (struct ek_options_state){.known = EK_UNKNOWN};
    certificates->certificate_running = (struct ek_certificate_state){.present = EK_UNKNOWN};
    certificates->trust_running = (struct ek_trust_state){.present = EK_UNKNOWN};
    if (certificates->old_files_running == EK_YES) /* there is no process */
        certificates->old_files_running = EK_NO;
    return true;
}

static bool elect_another(struct ek_state *state, size_t m)
{
    const struct ek_member *member = ek_member(state, m);
    if (ek_state_primary(state) < 0 || member->arbiter || member->priority <= 0 ||
        member->state != EK_MEMBER_SECONDARY)
        return false;
    elect(state, m);
    return true;
}

/* Somebody wrote the file anew, so nobody can tell what the running process trusts. */
static bool touch_trust(struct ek_state *state, size_t m)
{
    struct ek_member *member = ek_member(state, m);
    struct ek_member_transport *transport = ek_member_transport(state, m);
    struct ek_member_certificates *certificates = ek_member_certificates(state, m);
    if (member->process != EK_YES || transport->mode_running == EK_SSL_DISABLED)
        return false;
    certificates->trust_running = (struct ek_trust_state){.present = EK_YES};
    return true;
}

static bool replace_certificate(struct ek_state *state, size_t m)
{
    struct ek_certificate_state *certificate =
        &ek_member_certificates(state, m)->certificate_installed;
    if (certificate->present != EK_YES)
        return false;
    memset(certificate->sha256, 0x50 + (int)m, sizeof certificate->sha256);
    return true;
}

/* The key that is installed opens for nobody any more. */
static bool lose_password(struct ek_state *state, size_t m)
{
    struct ek_member_certificates *certificates = ek_member_certificates(state, m);
    if (certificates->key_password != EK_YES)
        return false;
    certificates->key_password = EK_NO;
    return true;
}

/* What can happen to a fleet between two of our steps. */
static bool (*const disturbances_known[])(struct ek_state *state, size_t m) = {
    crash_and_come_back, stay_down_by_our_restart, elect_another,
    touch_trust,         replace_certificate,      lose_password};

/* The effect is seen where it is, and not before. */
static void check_seen(const struct model_case *c, const struct ek_state *before,
                       const struct ek_state *after, const struct ek_step *step,
                       struct model_totals *totals)
{
    char why[EK_SENTENCE_SIZE];
    static struct ek_state *observed;
    if (ek_step_seen(EK_SITUATION(&c->spec, before, &c->policy), after, step, why))
        model_report(c, totals, "seen before it was done", step->kind->verb);
    model_copy(&observed, after);
    if (step->member >= 0)
        ek_member(observed, step->member)->pid++;
    if (!ek_step_seen(EK_SITUATION(&c->spec, observed, &c->policy), after, step, why))
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
    struct ek_state *state = NULL;
    uint64_t keys[STEPS_MAX];
    model_copy(&state, from);
    for (int steps = 0;; steps++) {
        struct ek_verdict verdict;
        struct ek_broken_law law;
        keys[steps] = key_of(c, state) ^ ((uint64_t)disturbances << 60);
        if (!set_add(seen, keys[steps])) {
            if (among(keys, steps, keys[steps]))
                model_report(c, totals, "endless", "the plan comes back to a state it was in");
            break; /* from here on it was walked before */
        }
        totals->states++;
        model_failures(c, state, totals);
        model_consent(c, state, totals);
        for (size_t m = 0; disturbances > 0 && m < state->member_count; m++)
            for (size_t how = 0; how < sizeof disturbances_known / sizeof *disturbances_known;
                 how++) {
                struct ek_state *other = NULL;
                model_copy(&other, state);
                if (disturbances_known[how](other, m))
                    walk(c, other, disturbances - 1, seen, totals);
                free(other);
            }
        ek_next(EK_SITUATION(&c->spec, state, &c->policy), &verdict);
        if (verdict.kind == EK_VERDICT_BLOCKED) {
            model_report(c, totals, verdict.blocked.id, verdict.blocked.sentence);
            break;
        }
        if (verdict.kind == EK_VERDICT_DONE) {
            if (!as_wanted(c, state))
                model_report(c, totals, "done", "but the state is not what the specs want");
            break;
        }
        if (ek_permit(EK_SITUATION(&c->spec, state, &c->policy), &verdict.step, &law) > 0) {
            model_report(c, totals, law.id, law.sentence);
            break;
        }
        if (steps == STEPS_MAX - 1) {
            model_report(c, totals, "endless", verdict.step.kind->verb);
            break;
        }
        static struct ek_state *before;
        model_copy(&before, state);
        ek_effect(EK_SITUATION(&c->spec, state, &c->policy), &verdict.step, &state, NULL);
        check_seen(c, before, state, &verdict.step, totals);
        totals->transitions++;
    }
    free(state);
}

static void walk_case(struct model_case *c, int disturbances, struct model_totals *totals)
{
    struct set seen = {0};
    totals->cases++;
    walk(c, c->state, disturbances, &seen, totals);
    free(seen.slots);
}

/* A member that is not the primary; while nothing else happens, its certificate is replaced. */
static void walk_lapsed(size_t shape, enum ek_ssl_mode from, enum ek_ssl_mode to,
                        struct model_totals *totals)
{
    static struct model_case c;
    size_t m = 1;
    do {
        model_case_init(&c, shape, from, to, MODEL_DOMAIN_KNOWN);
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
            model_case_init(&c, shape, (enum ek_ssl_mode)from, to,
                            (variant > 0 ? MODEL_DOMAIN_KNOWN : 0) |
                                (variant > 1 ? MODEL_CERTIFICATES_DUE : 0));
            walk_case(&c, c.spec.member_count > 3 ? 1 : mishaps, totals);
        }
    for (int from = EK_SSL_DISABLED; from <= (int)EK_SSL_REQUIRE; from++) {
        model_case_init(&c, shape, (enum ek_ssl_mode)from, to, MODEL_DOMAIN_KNOWN);
        model_case_age(&c);
        walk_case(&c, c.spec.member_count > 3 ? 0 : mishaps, totals);
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
