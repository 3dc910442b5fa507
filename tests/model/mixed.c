/* Mixed starting points: every lawful combination of running and configured modes, names and
 * primary, however it came about. For each: the plan ends where the specs want, by the least that
 * the laws allow; and where the planner says that there is no safe way, there is none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reconciler/kernel/next.h"
#include "reconciler/laws/permit.h"
#include "reconciler/laws/transport/talk.h"
#include "tests/model/model.h"
#include "tests/model/small.h"

enum { STEPS_MAX = 120 };

struct edge {
    size_t to;
    long cost;
    size_t next; /* the next edge out of the same place + 1, 0: none */
};

struct place {
    struct small at;
    long least; /* from here to a goal, -1: no way */
    size_t first;
};

struct map {
    struct small_space space;
    size_t *index; /* by key: place + 1, 0: not lawful */
    struct place *places;
    size_t place_count;
    struct edge *edges;
    size_t edge_count;
    size_t edge_capacity;
    size_t at; /* the place whose edges are being drawn */
};

static void *grown(void *memory, size_t size)
{
    void *more = realloc(memory, size);
    if (!more)
        abort();
    return more;
}

/* Everybody reaches everybody, as they would with allowSSL everywhere. */
static bool is_lawful(const struct map *map)
{
    static struct ek_state *allowing;
    model_copy(&allowing, map->space.state);
    for (size_t i = 0; i < allowing->member_count; i++)
        ek_member_transport(allowing, i)->mode_running =
            ek_member_transport(allowing, i)->mode_configured = EK_SSL_ALLOW;
    for (size_t i = 0; i < allowing->member_count; i++)
        for (size_t j = 0; j < allowing->member_count; j++)
            if (i != j && ek_law_talk_breaks(allowing, map->space.state, i, j))
                return false;
    return true;
}

static void add_places(struct map *map, const struct small *modes)
{
    small_restore(&map->space, modes);
    if (!is_lawful(map))
        return;
    for (int primary = 0; primary < map->space.count; primary++) {
        const struct ek_member *member = ek_member(map->space.base, primary);
        if (member->arbiter || member->priority <= 0)
            continue;
        struct place place = {.at = *modes, .least = -1};
        place.at.primary = (uint8_t)primary;
        map->places = grown(map->places, (map->place_count + 1) * sizeof place);
        map->places[map->place_count] = place;
        map->index[small_key(&map->space, &place.at)] = ++map->place_count;
    }
}

static void find_places(struct map *map, const struct model_case *c)
{
    size_t combinations = 1;
    for (int i = 0; i < map->space.count; i++)
        combinations *= 16;
    /* The two names are the same where nothing is to be renamed. */
    for (uint8_t renamed = 0; renamed < 2; renamed++) {
        ek_set(map->space.base)->config_version = ek_set(c->state)->config_version;
        for (size_t n = 0; n < combinations; n++) {
            struct small at = {.renamed = renamed};
            size_t rest = n;
            for (int i = 0; i < map->space.count; i++, rest /= 16) {
                at.running[i] = (uint8_t)(rest % 4 + 1);
                at.configured[i] = (uint8_t)(rest / 4 % 4 + 1);
            }
            add_places(map, &at);
        }
    }
}

static void draw(void *context, const struct ek_step *step, const struct small *to)
{
    struct map *map = context;
    const struct model_case *c = map->space.c;
    size_t target = map->index[small_key(&map->space, to)];
    if (!target || target - 1 == map->at ||
        ek_permit(EK_SITUATION(&c->spec, map->space.state, &c->policy), step, NULL) > 0)
        return;
    if (map->edge_count == map->edge_capacity) {
        map->edge_capacity = map->edge_capacity ? 2 * map->edge_capacity : 4096;
        map->edges = grown(map->edges, map->edge_capacity * sizeof *map->edges);
    }
    struct place *from = &map->places[map->at];
    map->edges[map->edge_count] = (struct edge){
        .to = target - 1, .cost = small_weigh(small_cost_of(step)), .next = from->first};
    from->first = ++map->edge_count;
}

static void draw_edges(struct map *map)
{
    for (map->at = 0; map->at < map->place_count; map->at++) {
        small_restore(&map->space, &map->places[map->at].at);
        small_expand(&map->space, &map->places[map->at].at, draw, map);
    }
}

/* Bellman and Ford's: over all edges until nothing gets any less. */
static void find_least(struct map *map)
{
    for (size_t i = 0; i < map->place_count; i++)
        if (small_is_goal(&map->space, &map->places[i].at))
            map->places[i].least = 0;
    for (bool less = true; less;) {
        less = false;
        for (size_t i = 0; i < map->place_count; i++)
            for (size_t e = map->places[i].first; e; e = map->edges[e - 1].next) {
                long rest = map->places[map->edges[e - 1].to].least;
                long cost = rest + map->edges[e - 1].cost;
                if (rest < 0 || (map->places[i].least >= 0 && map->places[i].least <= cost))
                    continue;
                map->places[i].least = cost;
                less = true;
            }
    }
}

static const char *describe(const struct map *map, const struct small *at)
{
    static char text[256];
    int used = snprintf(text, sizeof text, "%s -> %s%s, primary %s:", map->space.c->shape,
                        ek_ssl_mode_name(map->space.c->to), at->renamed ? "" : ", other names",
                        ek_member(map->space.base, at->primary)->name);
    for (int i = 0; i < map->space.count; i++)
        used += snprintf(text + used, sizeof text - (size_t)used, " %s/%s",
                         ek_ssl_mode_name((enum ek_ssl_mode)at->running[i]),
                         ek_ssl_mode_name((enum ek_ssl_mode)at->configured[i]));
    return text;
}

static void complain(const struct map *map, const struct place *place, struct model_totals *totals,
                     const char *what)
{
    if (++totals->broken <= 20)
        printf("  %s: %s\n", describe(map, &place->at), what);
}

static bool is_as_wanted(const struct map *map, const struct ek_state *state)
{
    char host[280];
    for (size_t i = 0; i < state->member_count; i++) {
        const struct ek_member *member = ek_member(state, i);
        const struct ek_member_transport *transport = ek_member_transport(state, i);
        const struct ek_member_certificates *certificates = ek_member_certificates(state, i);
        ek_wanted_host(&map->space.c->spec, ek_transport(state)->domain_label, i, host,
                       sizeof host);
        if (transport->mode_running > EK_SSL_DISABLED &&
            memcmp(certificates->certificate_running.sha256,
                   certificates->certificate_installed.sha256, 32) != 0)
            return false;
        if (transport->mode_running != map->space.c->to ||
            transport->mode_configured != map->space.c->to || strcmp(member->host, host) != 0)
            return false;
    }
    return true;
}

/* The planner's way from here, held against the least. */
static void follow(struct map *map, const struct place *place, struct model_totals *totals)
{
    const struct model_case *c = map->space.c;
    static struct ek_state *state;
    struct small_cost cost = {0};
    char what[512];
    small_restore(&map->space, &place->at);
    model_copy(&state, map->space.state);
    for (;;) {
        struct ek_verdict verdict;
        struct ek_broken_law law;
        totals->states++;
        ek_next(EK_SITUATION(&c->spec, state, &c->policy), &verdict);
        if (verdict.kind == EK_VERDICT_BLOCKED) {
            if (strcmp(verdict.blocked.id, "EK-0117") == 0 && place->least < 0)
                return; /* rightly */
            snprintf(what, sizeof what, "%s %s (the least is %ld)", verdict.blocked.id,
                     verdict.blocked.sentence, place->least);
            complain(map, place, totals, what);
            return;
        }
        if (verdict.kind == EK_VERDICT_DONE)
            break;
        if (ek_permit(EK_SITUATION(&c->spec, state, &c->policy), &verdict.step, &law) > 0 ||
            cost.steps > STEPS_MAX) {
            complain(map, place, totals, cost.steps > STEPS_MAX ? "no end" : law.sentence);
            return;
        }
        struct small_cost more = small_cost_of(&verdict.step);
        cost.restarts += more.restarts;
        cost.elections += more.elections;
        cost.steps++;
        totals->transitions++;
        ek_effect(EK_SITUATION(&c->spec, state, &c->policy), &verdict.step, &state, NULL);
    }
    if (!is_as_wanted(map, state)) {
        complain(map, place, totals, "done, but not what the specs want");
        return;
    }
    long ours = small_weigh(cost);
    if (ours == place->least || c->certificates_due)
        return; /* the search knows nothing of restarts for a certificate's sake */
    if (small_is_listed(c, true, place->least, ours)) {
        totals->listed++;
        return;
    }
    snprintf(what, sizeof what, "%d restarts, %d elections, %d steps; the least is %ld, %ld, %ld",
             cost.restarts, cost.elections, cost.steps, place->least / 1000000,
             place->least / 1000 % 1000, place->least % 1000);
    complain(map, place, totals, what);
}

static void check(const struct model_case *c, struct model_totals *totals)
{
    struct map map = {.space = {.c = c, .count = (int)c->spec.member_count}};
    model_copy(&map.space.base, c->state);
    map.index = calloc(small_key_count(&map.space), sizeof *map.index);
    if (!map.index)
        abort();
    find_places(&map, c);
    draw_edges(&map);
    find_least(&map);
    for (size_t i = 0; i < map.place_count; i++)
        follow(&map, &map.places[i], totals);
    totals->cases += map.place_count;
    small_space_done(&map.space);
    free(map.index);
    free(map.places);
    free(map.edges);
}

void model_mixed(size_t members_max, struct model_totals *totals)
{
    static struct model_case c;
    for (size_t shape = 0; shape < model_shape_count(); shape++)
        for (int to = EK_SSL_DISABLED; to <= (int)EK_SSL_REQUIRE; to++) {
            /* Made of a fleet that is not where it should be: the names differ. */
            enum ek_ssl_mode from = to == (int)EK_SSL_DISABLED ? EK_SSL_ALLOW : EK_SSL_DISABLED;
            for (int due = 0; due < 2; due++) {
                model_case_init(&c, shape, from, (enum ek_ssl_mode)to,
                                MODEL_DOMAIN_KNOWN | (due ? MODEL_CERTIFICATES_DUE : 0));
                if (c.spec.member_count <= members_max)
                    check(&c, totals);
            }
        }
}
