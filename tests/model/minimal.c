/* The least that the laws allow: a search over all permitted steps, the planner's or not,
 * cheapest first by (restarts, elections, steps). It begins where nothing but the modes, the
 * names in the configuration and the primary is left to change. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/next.h"
#include "reconciler/permit.h"
#include "tests/model/model.h"

enum { SMALL_MAX = 5 };

/* All that the search changes of a state, in few bits. */
struct small {
    uint8_t running[SMALL_MAX];
    uint8_t configured[SMALL_MAX];
    uint8_t primary;
    uint8_t renamed;
};

struct cost {
    int restarts;
    int elections;
    int steps;
};

struct node {
    struct small at;
    long cost;
};

struct search {
    const struct model_case *c;
    struct ek_state base;
    struct ek_state state; /* scratch: the node at hand as a state */
    int count;
    long *best; /* by key; 0: not reached; cost + 1 otherwise */
    struct node *heap;
    size_t heap_count;
    size_t heap_capacity;
    size_t expanded;
};

static long weigh(struct cost cost)
{
    return (long)cost.restarts * 1000000 + (long)cost.elections * 1000 + cost.steps;
}

static size_t key_of(const struct search *s, const struct small *at)
{
    size_t key = (size_t)at->primary * 2 + at->renamed;
    for (int i = 0; i < s->count; i++)
        key = key * 16 + (size_t)(at->running[i] - 1) * 4 + (size_t)(at->configured[i] - 1);
    return key;
}

static size_t key_count(const struct search *s)
{
    size_t count = (size_t)s->count * 2;
    for (int i = 0; i < s->count; i++)
        count *= 16;
    return count;
}

static void heap_push(struct search *s, struct node node)
{
    if (s->heap_count == s->heap_capacity) {
        s->heap_capacity = s->heap_capacity ? 2 * s->heap_capacity : 1024;
        s->heap = realloc(s->heap, s->heap_capacity * sizeof *s->heap);
        if (!s->heap)
            abort();
    }
    size_t i = s->heap_count++;
    for (; i > 0 && s->heap[(i - 1) / 2].cost > node.cost; i = (i - 1) / 2)
        s->heap[i] = s->heap[(i - 1) / 2];
    s->heap[i] = node;
}

static struct node heap_pop(struct search *s)
{
    struct node top = s->heap[0];
    struct node last = s->heap[--s->heap_count];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= s->heap_count)
            break;
        if (child + 1 < s->heap_count && s->heap[child + 1].cost < s->heap[child].cost)
            child++;
        if (s->heap[child].cost >= last.cost)
            break;
        s->heap[i] = s->heap[child];
        i = child;
    }
    s->heap[i] = last;
    return top;
}

static void restore_member(struct search *s, const struct small *at, int i)
{
    struct ek_member_observed *member = &s->state.members[i];
    *member = s->base.members[i];
    member->mode_running = (enum ek_ssl_mode)at->running[i];
    member->mode_configured = (enum ek_ssl_mode)at->configured[i];
    if (member->mode_running > EK_SSL_DISABLED) {
        member->certificate_running = member->certificate_installed;
        member->trust_running = member->trust_installed;
    } else {
        member->certificate_running = (struct ek_certificate_state){.present = EK_NO};
        member->trust_running = (struct ek_trust_state){.present = EK_NO};
    }
    if (at->renamed)
        ek_wanted_host(&s->c->spec, s->base.domain_label, (size_t)i, member->host,
                       sizeof member->host);
    if (!member->arbiter) {
        member->state = at->primary == i ? EK_MEMBER_PRIMARY : EK_MEMBER_SECONDARY;
        member->writable = at->primary == i ? EK_YES : EK_NO;
    }
}

static void restore(struct search *s, const struct small *at)
{
    ek_state_copy(&s->state, &s->base);
    for (int i = 0; i < s->count; i++)
        restore_member(s, at, i);
}

static void reach(struct search *s, const struct node *from, const struct ek_step *step,
                  const struct small *to)
{
    const struct ek_step_row *row = ek_step_row(step->kind);
    struct cost cost = {row->restarts, row->elections, 1};
    struct node node = {.at = *to, .cost = from->cost + weigh(cost)};
    long *best = &s->best[key_of(s, to)];
    if (*best && *best <= node.cost + 1)
        return;
    if (ek_permit(&s->c->spec, &s->state, step, &s->c->policy, NULL) > 0)
        return;
    *best = node.cost + 1;
    heap_push(s, node);
}

/* The server hands over to the member of the highest priority; the laws would allow others,
 * the server does not. */
static bool is_handed_to(const struct search *s, int primary, int heir)
{
    for (int i = 0; i < s->count; i++)
        if (i != primary && s->base.members[i].priority > s->base.members[heir].priority)
            return false;
    return true;
}

static void expand_member(struct search *s, const struct node *node, int i)
{
    struct ek_step step = {.member = i, .other = -1};
    memcpy(step.label, s->base.domain_label, sizeof step.label);
    for (int mode = EK_SSL_DISABLED; mode <= (int)EK_SSL_REQUIRE; mode++) {
        step.mode = (enum ek_ssl_mode)mode;
        struct small to = node->at;
        to.configured[i] = (uint8_t)mode;
        step.kind = EK_STEP_WRITE_CONFIGURATION;
        reach(s, node, &step, &to);
        to = node->at;
        to.running[i] = (uint8_t)mode;
        step.kind = EK_STEP_SET_SSL_MODE;
        if (!s->base.members[i].arbiter)
            reach(s, node, &step, &to);
    }
    struct small restarted = node->at;
    restarted.running[i] = restarted.configured[i];
    step.kind = EK_STEP_RESTART;
    step.mode = (enum ek_ssl_mode)restarted.configured[i];
    reach(s, node, &step, &restarted);
    if (node->at.primary == i || !is_handed_to(s, node->at.primary, i))
        return;
    struct small led = node->at;
    led.primary = (uint8_t)i;
    struct ek_step down = {.kind = EK_STEP_STEP_DOWN, .member = node->at.primary, .other = i};
    reach(s, node, &down, &led);
}

static void expand(struct search *s, const struct node *node)
{
    s->expanded++;
    restore(s, &node->at);
    for (int i = 0; i < s->count; i++)
        expand_member(s, node, i);
    if (node->at.renamed)
        return;
    struct small renamed = node->at;
    renamed.renamed = 1;
    struct ek_step step = {.kind = EK_STEP_RECONFIGURE,
                           .member = -1,
                           .other = -1,
                           .config_version = s->base.config_version};
    memcpy(step.label, s->base.domain_label, sizeof step.label);
    reach(s, node, &step, &renamed);
}

static bool leads_as_wanted(const struct search *s, int primary)
{
    for (int i = 0; i < s->count; i++)
        if (s->base.members[i].priority > s->base.members[primary].priority)
            return false;
    return true;
}

static bool is_goal(const struct search *s, const struct small *at)
{
    for (int i = 0; i < s->count; i++)
        if (at->running[i] != s->c->to || at->configured[i] != s->c->to)
            return false;
    return at->renamed && leads_as_wanted(s, at->primary);
}

static long least(struct search *s, const struct small *start)
{
    long found = -1;
    heap_push(s, (struct node){.at = *start, .cost = 0});
    s->best[key_of(s, start)] = 1;
    while (s->heap_count > 0 && found < 0) {
        struct node node = heap_pop(s);
        if (s->best[key_of(s, &node.at)] != node.cost + 1)
            continue;
        if (is_goal(s, &node.at))
            found = node.cost;
        else
            expand(s, &node);
    }
    return found;
}

static bool is_preparation(enum ek_step_kind kind)
{
    return kind == EK_STEP_CREATE_AUTHORITY || kind == EK_STEP_BIND_NAME ||
           kind == EK_STEP_INSTALL_TRUST || kind == EK_STEP_ISSUE_CERTIFICATE ||
           kind == EK_STEP_CREATE_USER;
}

/* The planner's own way; preparation is carried out and not counted. */
static struct cost planned(struct search *s, struct small *ret_start)
{
    struct cost cost = {0};
    struct ek_verdict verdict;
    bool started = false;
    static struct ek_state state;
    ek_state_copy(&state, &s->c->state);
    for (;;) {
        ek_next(&s->c->spec, &state, &s->c->policy, &verdict);
        if (!started && (verdict.kind != EK_VERDICT_STEP || !is_preparation(verdict.step.kind))) {
            started = true;
            ek_state_copy(&s->base, &state);
        }
        if (verdict.kind != EK_VERDICT_STEP)
            break;
        if (started) {
            cost.restarts += ek_step_row(verdict.step.kind)->restarts;
            cost.elections += ek_step_row(verdict.step.kind)->elections;
            cost.steps++;
        }
        ek_effect(&s->c->spec, &state, &verdict.step, &s->c->policy);
    }
    char host[280];
    *ret_start = (struct small){.renamed = 1};
    ret_start->primary = (uint8_t)ek_state_primary(&s->base);
    for (int i = 0; i < s->count; i++) {
        ret_start->running[i] = (uint8_t)s->base.members[i].mode_running;
        ret_start->configured[i] = (uint8_t)s->base.members[i].mode_configured;
        ek_wanted_host(&s->c->spec, s->base.domain_label, (size_t)i, host, sizeof host);
        if (strcmp(host, s->base.members[i].host) != 0)
            ret_start->renamed = 0;
    }
    return cost;
}

/* Plans that are above the least, and why they stay. */
static const struct {
    const char *shape;
    enum ek_ssl_mode from, to;
    int more_steps;
} listed[] = {
    /* One write of a file more, no restart, no election: the least would leave the files of the
     * data-bearing members behind until the arbiter is back. */
    {"PSA", EK_SSL_DISABLED, EK_SSL_REQUIRE, 1},
};

static bool is_listed(const struct model_case *c, long bound, long ours)
{
    for (size_t i = 0; i < sizeof listed / sizeof *listed; i++)
        if (strcmp(listed[i].shape, c->shape) == 0 && listed[i].from == c->from &&
            listed[i].to == c->to && ours - bound == listed[i].more_steps)
            return true;
    return false;
}

static void compare(const struct model_case *c, struct model_totals *totals)
{
    static struct search s;
    struct small start;
    memset(&s, 0, sizeof s);
    s.c = c;
    s.count = (int)c->spec.member_count;
    struct cost ours = planned(&s, &start);
    s.best = calloc(key_count(&s), sizeof *s.best);
    if (!s.best)
        abort();
    long bound = least(&s, &start);
    totals->cases++;
    totals->states += s.expanded;
    if (bound != weigh(ours) && !is_listed(c, bound, weigh(ours))) {
        totals->broken++;
        printf("  %s: %d restarts, %d elections, %d steps; the least is %ld, %ld, %ld\n",
               model_describe(c), ours.restarts, ours.elections, ours.steps, bound / 1000000,
               bound / 1000 % 1000, bound % 1000);
    }
    free(s.best);
    free(s.heap);
}

void model_minimal(struct model_totals *totals)
{
    static struct model_case c;
    for (size_t shape = 0; shape < model_shape_count(); shape++)
        for (int from = EK_SSL_DISABLED; from <= (int)EK_SSL_REQUIRE; from++)
            for (int to = EK_SSL_DISABLED; to <= (int)EK_SSL_REQUIRE; to++) {
                model_case_init(&c, shape, (enum ek_ssl_mode)from, (enum ek_ssl_mode)to, false,
                                false);
                if (c.spec.member_count <= 3)
                    compare(&c, totals);
            }
}
