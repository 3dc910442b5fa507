/* The few bits of a small fleet, and the state that they stand for. */
#include "tests/model/small.h"

#include <stdlib.h>
#include <string.h>

#include "tests/model/steps.h"

long small_weigh(struct small_cost cost)
{
    return (long)cost.restarts * 1000000 + (long)cost.elections * 1000 + cost.steps;
}

struct small_cost small_cost_of(const struct ek_step *step)
{
    const struct ek_step_kind *row = step->kind;
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

static struct ek_options_state options_of(const struct ek_member_transport *transport,
                                          enum ek_ssl_mode mode)
{
    return mode > EK_SSL_DISABLED ? transport->options_wanted
                                  : (struct ek_options_state){.known = EK_YES};
}

static void restore_transport(struct small_space *s, const struct small *at, int i)
{
    struct ek_member_transport *transport = ek_member_transport(s->state, i);
    struct ek_member_certificates *certificates = ek_member_certificates(s->state, i);
    transport->mode_running = (enum ek_ssl_mode)at->running[i];
    transport->mode_configured = (enum ek_ssl_mode)at->configured[i];
    transport->options_running = options_of(transport, transport->mode_running);
    transport->options_configured = options_of(transport, transport->mode_configured);
    if (transport->mode_running > EK_SSL_DISABLED) {
        if (!(at->stale >> i & 1)) /* else it serves what the base has */
            certificates->certificate_running = certificates->certificate_installed;
        certificates->trust_running = certificates->trust_installed;
    } else {
        certificates->certificate_running = (struct ek_certificate_state){.present = EK_NO};
        certificates->trust_running = (struct ek_trust_state){.present = EK_NO};
    }
}

static void restore_member(struct small_space *s, const struct small *at, int i)
{
    struct ek_member *member = ek_member(s->state, i);
    restore_transport(s, at, i);
    if (at->renamed)
        ek_wanted_host(&s->c->spec, ek_transport(s->base)->domain_label, (size_t)i, member->host,
                       sizeof member->host);
    if (!member->arbiter) {
        member->state = at->primary == i ? EK_MEMBER_PRIMARY : EK_MEMBER_SECONDARY;
        member->writable = at->primary == i ? EK_YES : EK_NO;
    }
}

void small_restore(struct small_space *s, const struct small *at)
{
    model_copy(&s->state, s->base);
    for (int i = 0; i < s->count; i++)
        restore_member(s, at, i);
}

void small_space_done(struct small_space *space)
{
    free(space->base);
    free(space->state);
    space->base = space->state = NULL;
}

/* The server hands over to the member of the highest priority; the laws would allow others,
 * the server does not. */
static bool is_handed_to(const struct small_space *s, int primary, int heir)
{
    for (int i = 0; i < s->count; i++)
        if (i != primary && ek_member(s->base, i)->priority > ek_member(s->base, heir)->priority)
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
    for (int mode = EK_SSL_DISABLED; mode <= (int)EK_SSL_REQUIRE; mode++) {
        struct small to = *e->at;
        struct ek_step step = model_step(&ek_step_write_configuration, i, (enum ek_ssl_mode)mode);
        to.configured[i] = (uint8_t)mode;
        e->edge(e->context, &step, &to);
        to = *e->at;
        to.running[i] = (uint8_t)mode;
        step = model_step(&ek_step_set_ssl_mode, i, (enum ek_ssl_mode)mode);
        if (!ek_member(s->base, i)->arbiter)
            e->edge(e->context, &step, &to);
    }
    struct small restarted = *e->at;
    restarted.running[i] = restarted.configured[i];
    restarted.stale &= (uint8_t) ~(1U << i);
    struct ek_step step =
        model_step(&ek_step_restart, i, (enum ek_ssl_mode)restarted.configured[i]);
    e->edge(e->context, &step, &restarted);
}

static void expand_primary(const struct expansion *e, int i)
{
    if (e->at->primary == i || !is_handed_to(e->space, e->at->primary, i))
        return;
    struct small led = *e->at;
    led.primary = (uint8_t)i;
    struct ek_step down = {.kind = &ek_step_step_down, .member = e->at->primary, .other = i};
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
    struct ek_step step = model_step(&ek_step_reconfigure, -1, EK_SSL_UNKNOWN);
    model_set_version(&step, ek_set(s->base)->config_version);
    model_set_label(&step, ek_transport(s->base)->domain_label);
    edge(context, &step, &renamed);
}

static bool leads_as_wanted(const struct small_space *s, int primary)
{
    for (int i = 0; i < s->count; i++)
        if (ek_member(s->base, i)->priority > ek_member(s->base, primary)->priority)
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
    const char *shape; /* NULL: any */
    enum ek_ssl_mode from, to;
    bool certificates_due;
    int more_steps;
} listed[] = {
    /* One write of a file more, no restart, no election: the least would leave the files of the
     * data-bearing members behind until the arbiter is back. */
    {"PSA", EK_SSL_DISABLED, EK_SSL_REQUIRE, false, 1},
    {"PSA", EK_SSL_DISABLED, EK_SSL_REQUIRE, true, 1},
    /* The member that is restarted last comes up in preferSSL, where its clients are known, and is
     * raised once more: the least would raise it before, for a restart that it needs anyway. */
    {NULL, EK_SSL_ALLOW, EK_SSL_REQUIRE, true, 1},
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
        if ((!listed[i].shape || strcmp(listed[i].shape, c->shape) == 0) &&
            listed[i].from == c->from && listed[i].to == c->to &&
            listed[i].certificates_due == c->certificates_due &&
            ours - least == listed[i].more_steps)
            return true;
    return false;
}
