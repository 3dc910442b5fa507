/* The few bits of a small fleet, and the state that they stand for. */
#include "tests/model/small.h"

#include <string.h>

long small_weigh(struct small_cost cost)
{
    return (long)cost.restarts * 1000000 + (long)cost.elections * 1000 + cost.steps;
}

struct small_cost small_cost_of(const struct ek_step *step)
{
    const struct ek_step_row *row = ek_step_row(step->kind);
    return (struct small_cost){row->restarts, row->elections, 1};
}

size_t small_key(const struct small_space *s, const struct small *at)
{
    size_t key = (size_t)at->primary * 2 + at->renamed;
    for (int i = 0; i < s->count; i++)
        key = key * 16 + (size_t)(at->running[i] - 1) * 4 + (size_t)(at->configured[i] - 1);
    return s->renewing ? key << s->count | at->stale : key;
}

size_t small_key_count(const struct small_space *s)
{
    size_t count = (size_t)s->count * 2;
    for (int i = 0; i < s->count; i++)
        count *= 16;
    return s->renewing ? count << s->count : count;
}

static struct ek_options_state options_of(const struct ek_member_observed *member,
                                          enum ek_ssl_mode mode)
{
    return mode > EK_SSL_DISABLED ? member->options_wanted
                                  : (struct ek_options_state){.known = EK_YES};
}

static void restore_member(struct small_space *s, const struct small *at, int i)
{
    struct ek_member_observed *member = &s->state.members[i];
    *member = s->base.members[i];
    member->mode_running = (enum ek_ssl_mode)at->running[i];
    member->mode_configured = (enum ek_ssl_mode)at->configured[i];
    member->options_running = options_of(member, member->mode_running);
    member->options_configured = options_of(member, member->mode_configured);
    if (member->mode_running > EK_SSL_DISABLED) {
        if (!(at->stale >> i & 1)) /* else it serves what the base has */
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

void small_restore(struct small_space *s, const struct small *at)
{
    ek_state_copy(&s->state, &s->base);
    for (int i = 0; i < s->count; i++)
        restore_member(s, at, i);
}

/* The server hands over to the member of the highest priority; the laws would allow others,
 * the server does not. */
static bool is_handed_to(const struct small_space *s, int primary, int heir)
{
    for (int i = 0; i < s->count; i++)
        if (i != primary && s->base.members[i].priority > s->base.members[heir].priority)
            return false;
    return true;
}

struct expansion {
    const struct small_space *space;
    const struct small *at;
    small_edge *edge;
    void *context;
};

static void expand_modes(const struct expansion *e, int i)
{
    const struct small_space *s = e->space;
    struct ek_step step = {.member = i, .other = -1};
    memcpy(step.label, s->base.domain_label, sizeof step.label);
    for (int mode = EK_SSL_DISABLED; mode <= (int)EK_SSL_REQUIRE; mode++) {
        step.mode = (enum ek_ssl_mode)mode;
        struct small to = *e->at;
        to.configured[i] = (uint8_t)mode;
        step.kind = EK_STEP_WRITE_CONFIGURATION;
        e->edge(e->context, &step, &to);
        to = *e->at;
        to.running[i] = (uint8_t)mode;
        step.kind = EK_STEP_SET_SSL_MODE;
        if (!s->base.members[i].arbiter)
            e->edge(e->context, &step, &to);
    }
    struct small restarted = *e->at;
    restarted.running[i] = restarted.configured[i];
    restarted.stale &= (uint8_t) ~(1U << i);
    step.kind = EK_STEP_RESTART;
    step.mode = (enum ek_ssl_mode)restarted.configured[i];
    e->edge(e->context, &step, &restarted);
}

static void expand_primary(const struct expansion *e, int i)
{
    if (e->at->primary == i || !is_handed_to(e->space, e->at->primary, i))
        return;
    struct small led = *e->at;
    led.primary = (uint8_t)i;
    struct ek_step down = {.kind = EK_STEP_STEP_DOWN, .member = e->at->primary, .other = i};
    e->edge(e->context, &down, &led);
}

void small_expand(const struct small_space *s, const struct small *at, small_edge *edge,
                  void *context)
{
    struct expansion e = {.space = s, .at = at, .edge = edge, .context = context};
    for (int i = 0; i < s->count; i++) {
        expand_modes(&e, i);
        expand_primary(&e, i);
    }
    if (at->renamed)
        return;
    struct small renamed = *at;
    renamed.renamed = 1;
    struct ek_step step = {.kind = EK_STEP_RECONFIGURE,
                           .member = -1,
                           .other = -1,
                           .config_version = s->base.config_version};
    memcpy(step.label, s->base.domain_label, sizeof step.label);
    edge(context, &step, &renamed);
}

static bool leads_as_wanted(const struct small_space *s, int primary)
{
    for (int i = 0; i < s->count; i++)
        if (s->base.members[i].priority > s->base.members[primary].priority)
            return false;
    return true;
}

bool small_is_goal(const struct small_space *s, const struct small *at)
{
    for (int i = 0; i < s->count; i++)
        if (at->running[i] != s->c->to || at->configured[i] != s->c->to)
            return false;
    if (at->stale && s->c->to > EK_SSL_DISABLED)
        return false;
    return at->renamed && leads_as_wanted(s, at->primary);
}

static const struct {
    const char *shape;
    enum ek_ssl_mode from, to;
    int more_steps;
} listed[] = {
    /* One write of a file more, no restart, no election: the least would leave the files of the
     * data-bearing members behind until the arbiter is back. */
    {"PSA", EK_SSL_DISABLED, EK_SSL_REQUIRE, 1},
};

/* From elsewhere than a settled fleet a file may be written once or twice more, no restart and no
 * election: a file that is a rung ahead already would do as it is, if its member were not the one
 * that is restarted last, and a file that a crash would take back is not left so until then. */
enum { MORE_WRITES_FROM_A_MIX = 2 };

bool small_is_listed(const struct model_case *c, bool from_a_mix, long least, long ours)
{
    if (from_a_mix)
        return ours - least <= MORE_WRITES_FROM_A_MIX;
    for (size_t i = 0; i < sizeof listed / sizeof *listed; i++)
        if (strcmp(listed[i].shape, c->shape) == 0 && listed[i].from == c->from &&
            listed[i].to == c->to && ours - least == listed[i].more_steps)
            return true;
    return false;
}
