/* The least that the laws allow: a search over all permitted steps, the planner's or not,
 * cheapest first by (restarts, elections, steps). It begins where nothing but the modes, the
 * names in the configuration and the primary is left to change. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/kernel/next.h"
#include "reconciler/laws/permit.h"
#include "tests/model/model.h"
#include "tests/model/small.h"

struct node {
    struct small at;
    long cost;
};

struct search {
    struct small_space space;
    const struct node *from; /* being expanded */
    long *best;              /* by key; 0: not reached; cost + 1 otherwise */
    struct node *heap;
    size_t heap_count;
    size_t heap_capacity;
    size_t expanded;
};

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

static void reach(void *context, const struct ek_step *step, const struct small *to)
{
    struct search *s = context;
    struct node node = {.at = *to, .cost = s->from->cost + small_weigh(small_cost_of(step))};
    long *best = &s->best[small_key(&s->space, to)];
    if (*best && *best <= node.cost + 1)
        return;
    const struct model_case *c = s->space.c;
    if (ek_permit(EK_SITUATION(&c->spec, s->space.state, &c->policy), step, NULL) > 0)
        return;
    *best = node.cost + 1;
    heap_push(s, node);
}

static long least(struct search *s, const struct small *start)
{
    long found = -1;
    heap_push(s, (struct node){.at = *start, .cost = 0});
    s->best[small_key(&s->space, start)] = 1;
    while (s->heap_count > 0 && found < 0) {
        struct node node = heap_pop(s);
        if (s->best[small_key(&s->space, &node.at)] != node.cost + 1)
            continue;
        if (small_is_goal(&s->space, &node.at))
            found = node.cost;
        else {
            s->expanded++;
            s->from = &node;
            small_restore(&s->space, &node.at);
            small_expand(&s->space, &node.at, reach, s);
        }
    }
    return found;
}

static bool is_preparation(const struct ek_step_kind *kind)
{
    return kind == &ek_step_create_authority || kind == &ek_step_bind_name ||
           kind == &ek_step_install_trust || kind == &ek_step_issue_certificate ||
           kind == &ek_step_create_user;
}

/* The planner's own way; preparation is carried out and not counted. */
static struct small_cost planned(struct search *s, struct small *ret_start)
{
    struct small_cost cost = {0};
    struct ek_verdict verdict;
    bool started = false;
    static struct ek_state *state;
    model_copy(&state, s->space.c->state);
    for (;;) {
        ek_next(EK_SITUATION(&s->space.c->spec, state, &s->space.c->policy), &verdict);
        if (!started && (verdict.kind != EK_VERDICT_STEP || !is_preparation(verdict.step.kind))) {
            started = true;
            model_copy(&s->space.base, state);
        }
        if (verdict.kind != EK_VERDICT_STEP)
            break;
        if (started) {
            cost.restarts += verdict.step.kind->restarts;
            cost.elections += verdict.step.kind->elections;
            cost.steps++;
        }
        ek_effect(EK_SITUATION(&s->space.c->spec, state, &s->space.c->policy), &verdict.step,
                  &state, NULL);
    }
    char host[280];
    *ret_start = (struct small){.renamed = 1};
    ret_start->primary = (uint8_t)ek_state_primary(s->space.base);
    for (int i = 0; i < s->space.count; i++) {
        ret_start->running[i] = (uint8_t)ek_member_transport(s->space.base, i)->mode_running;
        ret_start->configured[i] = (uint8_t)ek_member_transport(s->space.base, i)->mode_configured;
        const struct ek_member_transport *transport = ek_member_transport(s->space.base, i);
        const struct ek_member_certificates *certificates =
            ek_member_certificates(s->space.base, i);
        if (transport->mode_running > EK_SSL_DISABLED &&
            memcmp(certificates->certificate_running.sha256,
                   certificates->certificate_installed.sha256, 32) != 0)
            ret_start->stale |= (uint8_t)(1U << i);
        ek_wanted_host(&s->space.c->spec, ek_transport(s->space.base)->domain_label, (size_t)i,
                       host, sizeof host);
        if (strcmp(host, ek_member(s->space.base, i)->host) != 0)
            ret_start->renamed = 0;
    }
    return cost;
}

static void compare(const struct model_case *c, struct model_totals *totals)
{
    static struct search s;
    struct small start;
    memset(&s, 0, sizeof s);
    s.space.c = c;
    s.space.count = (int)c->spec.member_count;
    struct small_cost ours = planned(&s, &start);
    s.space.renewing = start.stale != 0;
    s.best = calloc(small_key_count(&s.space), sizeof *s.best);
    if (!s.best)
        abort();
    long bound = least(&s, &start);
    totals->cases++;
    totals->states += s.expanded;
    if (bound != small_weigh(ours) && !small_is_listed(c, false, bound, small_weigh(ours))) {
        totals->broken++;
        printf("  %s: %d restarts, %d elections, %d steps; the least is %ld, %ld, %ld\n",
               model_describe(c), ours.restarts, ours.elections, ours.steps, bound / 1000000,
               bound / 1000 % 1000, bound % 1000);
    }
    small_space_done(&s.space);
    free(s.best);
    free(s.heap);
}

/* Without an SSL domain of old, with one, and with certificates that are due. With a bit more for
 * each member the search of five takes minutes: it ends at four. */
static void compare_variants(size_t shape, enum ek_ssl_mode from, enum ek_ssl_mode to,
                             size_t members_max, struct model_totals *totals)
{
    enum { RENEWING_MAX = 4 };
    static struct model_case c;
    for (int variant = 0; variant < 3; variant++) {
        bool due = variant == 2;
        if (variant == 1 && from > EK_SSL_DISABLED)
            continue; /* there always is one */
        model_case_init(&c, shape, from, to,
                        (variant > 0 ? MODEL_DOMAIN_KNOWN : 0) |
                            (due ? MODEL_CERTIFICATES_DUE : 0));
        if (c.spec.member_count <= members_max && (!due || c.spec.member_count <= RENEWING_MAX))
            compare(&c, totals);
    }
    for (size_t m = 1; from > EK_SSL_DISABLED && m < c.spec.member_count; m++) {
        model_case_init(&c, shape, from, to, MODEL_DOMAIN_KNOWN);
        model_case_lapse(&c, m);
        if (c.spec.member_count <= members_max && c.spec.member_count < RENEWING_MAX)
            compare(&c, totals);
    }
}

void model_minimal(size_t members_max, struct model_totals *totals)
{
    for (size_t shape = 0; shape < model_shape_count(); shape++)
        for (int from = EK_SSL_DISABLED; from <= (int)EK_SSL_REQUIRE; from++)
            for (int to = EK_SSL_DISABLED; to <= (int)EK_SSL_REQUIRE; to++)
                compare_variants(shape, (enum ek_ssl_mode)from, (enum ek_ssl_mode)to, members_max,
                                 totals);
}
